import { readFile } from 'node:fs/promises';
import type { Graph } from '../graph/index.ts';
import type { Device, DeviceTensor, ProgramInputs } from './types.ts';

/** Time spent in one group of operators. */
export interface ProfileEntry {
  /** An ONNX operator (`MatMul`), or a node kind of the graph. */
  readonly name: string;
  /** Milliseconds a run, on average. */
  readonly ms: number;
  /** Operators executed a run. */
  readonly calls: number;
  /** Part of the time of all operators, 0 to 1. */
  readonly share: number;
}

export interface Profile {
  /** Milliseconds a run, waiting included, on average. */
  readonly runMs: number;
  /** By time, longest first. */
  readonly operators: readonly ProfileEntry[];
  readonly kinds: readonly ProfileEntry[];
  /** Operators by the provider that ran them: what falls back to the CPU on webgpu and cuda shows here. */
  readonly providers: readonly ProfileEntry[];
}

export interface ProfileOptions {
  /** Timed runs, after one that is not. Default 3. */
  readonly runs?: number;
  readonly keep?: readonly string[];
  readonly chunkBytes?: number;
}

/** One line of ONNX Runtime's trace (Chrome's trace format), as far as it is used. */
interface TraceEvent {
  readonly cat: string;
  readonly name: string;
  readonly dur: number;
  readonly args?: { readonly op_name?: string; readonly provider?: string };
}

/**
 * Runs a graph with ONNX Runtime's profiler and sums the time by operator, by node kind and by provider. Operators inside a
 * loop count for themselves, not the loop. Recording slows small operators down.
 */
export async function profileProgram(
  device: Device,
  source: Graph,
  inputs: ProgramInputs,
  { runs = 3, ...options }: ProfileOptions = {},
): Promise<Profile> {
  const program = await device.compile(source, { label: 'profile', profile: true, ...options });
  let totalMs = 0;
  for (let run = 0; run <= runs; run++) {
    const outputs = await program.run(inputs);
    if (run > 0) totalMs += program.lastRunMs;
    for (const output of Object.values(outputs)) if ('read' in output) await (output as DeviceTensor).dispose();
  }
  const path = await program.endProfile();
  const events = JSON.parse(await readFile(path, 'utf8')) as TraceEvent[];
  await program.dispose();
  return { runMs: totalMs / runs, ...summarise(events, runs + 1) };
}

/** `%12 matmul/v30_kernel_time` -> `matmul`; operators that ONNX Runtime made itself keep no name of ours. */
function kindOf(eventName: string): string {
  return /%\d+ (\w+)\//.exec(eventName)?.[1] ?? '(other)';
}

/** Averages over `runs` recorded runs. */
export function summarise(events: readonly TraceEvent[], runs: number): Omit<Profile, 'runMs'> {
  const kernels = events.filter(
    ({ cat, name, args }) =>
      cat === 'Node' && name.endsWith('_kernel_time') && args?.op_name !== 'Scan' && args?.op_name !== 'Loop',
  );
  const totalMs = kernels.reduce((sum, { dur }) => sum + dur / 1000, 0) / runs;
  const grouped = (groupOf: (event: TraceEvent) => string): ProfileEntry[] => {
    const groups = new Map<string, { ms: number; calls: number }>();
    for (const event of kernels) {
      const name = groupOf(event);
      const { ms, calls } = groups.get(name) ?? { ms: 0, calls: 0 };
      groups.set(name, { ms: ms + event.dur / 1000 / runs, calls: calls + 1 / runs });
    }
    return [...groups]
      .map(([name, { ms, calls }]) => ({ name, ms, calls, share: totalMs === 0 ? 0 : ms / totalMs }))
      .toSorted((a, b) => b.ms - a.ms);
  };
  return {
    operators: grouped(({ args }) => args?.op_name ?? '(unknown)'),
    kinds: grouped(({ name }) => kindOf(name)),
    providers: grouped(({ args }) => args?.provider ?? '(unknown)'),
  };
}

function formatEntry({ name, ms, calls, share }: ProfileEntry): string {
  const percent = (100 * share).toFixed(1).padStart(5);
  return `${ms.toFixed(1).padStart(9)} ms ${percent} % ${calls.toFixed(0).padStart(6)} x ${name}`;
}

/** A profile as lines of text: milliseconds, share, calls and name of the `most` longest operators and kinds. */
export function formatProfile({ runMs, operators, kinds }: Profile, most = 12): string {
  return [
    `${runMs.toFixed(1).padStart(9)} ms a run`,
    'operators',
    ...operators.slice(0, most).map(formatEntry),
    'node kinds',
    ...kinds.slice(0, most).map(formatEntry),
  ].join('\n');
}
