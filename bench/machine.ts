import { availableParallelism, cpus, totalmem } from 'node:os';

/** `AMD EPYC 9B14, 2 cores, 23 GiB, linux x64, Node v20.20.0`: what a measurement must be read with. */
export function machine(): string {
  const { platform, arch, version } = process;
  const gibibytes = (totalmem() / 2 ** 30).toFixed(0);
  const model = cpus()[0]?.model.trim() ?? 'unknown processor';
  return `${model}, ${availableParallelism()} cores, ${gibibytes} GiB, ${platform} ${arch}, Node ${version}`;
}
