import { availableParallelism } from 'node:os';
import { badUsage, messageOf, runFailed, type HostTensor } from '../core/index.ts';
import { graph, input, matmul } from '../graph/index.ts';
import { Channel } from './channel.ts';
import { compileProgram, type ProgramBytes } from './compile.ts';
import { createTensorTable } from './device-tensor.ts';
import type { LogLevel } from './messages.ts';
import type { Device, DeviceName, OpenDeviceOptions } from './types.ts';

/**
 * Opens a device: a worker thread with ONNX Runtime on one execution provider. Throws run-failed when the provider cannot
 * be used on this machine, and says why.
 *
 * @example
 * ```ts run
 * import { graph, input, openDevice } from 'preftune';
 * import { float32Tensor } from 'preftune/core';
 * import { mul } from 'preftune/graph';
 *
 * const x = input('x', ['T']);
 * const device = await openDevice({ device: 'cpu', threads: 2 });
 * const program = await device.compile(graph({ square: mul(x, x) }), { label: 'square' });
 * const { square } = await program.run({ x: float32Tensor([2], [3, 4]) });
 * console.log(square.shape, 'data' in square && Array.from(square.data)); // [ 2 ] [ 9, 16 ]
 * await device.dispose();
 * ```
 */
export async function openDevice({
  device = 'cpu',
  threads = availableParallelism(),
  logLevel = 'fatal',
}: OpenDeviceOptions = {}): Promise<Device> {
  if (!Number.isSafeInteger(threads) || threads < 1)
    throw badUsage({ path: 'threads', message: `threads: must be a whole number of at least 1, got ${threads}` });
  return device === 'auto' ? fastestDevice(threads, logLevel) : openProvider(device, threads, logLevel);
}

const PROVIDER_NEEDS: Readonly<Record<DeviceName, string>> = {
  cpu: 'a binary of ONNX Runtime for this platform',
  webgpu: 'a GPU with a Vulkan, Direct3D 12 or Metal driver',
  cuda: 'CUDA 12 with cuDNN 9 on Linux x64, and onnxruntime-node@1.30.0 with its files for CUDA installed beside preftune (docs/devices.md)',
};

async function openProvider(name: DeviceName, threads: number, logLevel: LogLevel): Promise<Device> {
  const channel = new Channel();
  try {
    await channel.send<'open'>({ type: 'open', device: name, threads, logLevel });
    const device = createDevice(name, threads, channel);
    if (name !== 'cpu') await probe(device, 4);
    return device;
  } catch (error) {
    await channel.close();
    throw runFailed(
      `device "${name}": must be usable on this machine, it is not: ${messageOf(error)}; it needs ${PROVIDER_NEEDS[name]}`,
      { cause: error },
    );
  }
}

/**
 * Milliseconds of a [size, size] product with its result on the host, once the program is warm; throws when the provider
 * does not work.
 */
async function probe(device: Device, size: number): Promise<number> {
  const shape = [size, size];
  const product = graph({ y: matmul(input('a', shape), input('b', shape)) });
  const program = await device.compile(product, { label: 'probe' });
  const square = (): HostTensor => ({ dtype: 'float32', shape, data: new Float32Array(size * size) });
  const inputs = { a: await device.upload(square()), b: await device.upload(square()) };
  for (let run = 0; run < 3; run++) await program.run(inputs);
  await Promise.all([inputs.a.dispose(), inputs.b.dispose(), program.dispose()]);
  return program.lastRunMs;
}

/** Opens every provider, times one product on each, keeps the fastest and closes the others. */
async function fastestDevice(threads: number, logLevel: LogLevel): Promise<Device> {
  let best: { readonly device: Device; readonly ms: number } | undefined;
  for (const name of ['cpu', 'webgpu', 'cuda'] as const) {
    const device = await openProvider(name, threads, logLevel).catch(() => undefined);
    if (device === undefined) continue;
    const ms = await probe(device, 1024);
    if (best !== undefined && best.ms <= ms) {
      await device.dispose();
      continue;
    }
    await best?.device.dispose();
    best = { device, ms };
  }
  if (best === undefined) throw runFailed('device "auto": at least the CPU must be usable, nothing is');
  return best.device;
}

function createDevice(name: DeviceName, threads: number, channel: Channel): Device {
  const tensors = createTensorTable(channel);
  const programs = new Map<number, ProgramBytes>();
  let nextProgram = 1;
  const total = (part: keyof ProgramBytes): number =>
    [...programs.values()].reduce((sum, program) => sum + program[part], 0);
  return {
    name,
    threads,
    async compile(source, options) {
      const number = nextProgram++;
      const place = { device: name, channel, tensors, number, programs };
      return compileProgram(source, options, place);
    },
    async upload(tensor, { transfer = false, category = 'uploaded' } = {}) {
      const entry = tensors.create(tensor, category);
      const moved = transfer ? [tensor.data.buffer] : [];
      await channel.send<'upload'>({ type: 'upload', handle: entry.handle, tensor }, { transfer: moved });
      return entry.tensor;
    },
    async memory() {
      const { poolBytes, loadedSessions } = await channel.send<'memory'>({ type: 'memory' });
      return {
        residentBytes: {
          ...tensors.residentBytes(),
          models: total('modelBytes'),
          frozen: total('frozenBytes'),
          pool: poolBytes,
        },
        rssBytes: process.memoryUsage.rss(),
        peakRssBytes: process.resourceUsage().maxRSS * 1024,
        compiledPrograms: programs.size,
        loadedSessions,
      };
    },
    dispose: () => channel.close(),
  };
}
