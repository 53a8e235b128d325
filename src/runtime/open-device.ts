import { availableParallelism } from 'node:os';
import { badUsage, messageOf, runFailed, type HostTensor, type Problem } from '../core/index.ts';
import { graph, graphInputs, input, matmul, type Graph } from '../graph/index.ts';
import { lowerGraph } from '../onnx/index.ts';
import { Channel } from './channel.ts';
import { createTensorTable } from './device-tensor.ts';
import { checkInPlace } from './in-place.ts';
import type { LogLevel } from './messages.ts';
import { createProgram, wrapError } from './program.ts';
import { MAX_PROGRAMS, type CompileOptions, type Device, type DeviceName, type OpenDeviceOptions } from './types.ts';

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
  cpu: 'the onnxruntime-node binary of this platform',
  webgpu: 'a GPU with a Vulkan, Direct3D 12 or Metal driver',
  cuda: "CUDA 12 with cuDNN 9 on Linux x64, and onnxruntime-node's install script run once (npm rebuild onnxruntime-node --ignore-scripts=false)",
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

/** Every name in keep, inPlace, frozen and constants must exist, and an update in place must be safe. */
function checkOptions(source: Graph, device: DeviceName, options: CompileOptions): void {
  const { label, keep = [], inPlace = {}, frozen = {}, constants = {} } = options;
  const problems: Problem[] = [];
  const inputs = new Set(graphInputs(source).map((node) => node.attributes.name));
  for (const name of keep) {
    if (!(name in source.outputs))
      problems.push({ path: 'keep', message: `program "${label}": keep must name outputs, got "${name}"` });
  }
  for (const name of Object.keys(frozen)) {
    if (!inputs.has(name))
      problems.push({ path: 'frozen', message: `program "${label}": frozen must name inputs, got "${name}"` });
  }
  for (const name of Object.keys(constants)) {
    if (!inputs.has(name) || name in frozen)
      problems.push({
        path: 'constants',
        message: `program "${label}": constants must name inputs that are not frozen, got "${name}"`,
      });
  }
  if (device !== 'cpu' && Object.keys(constants).length > 0)
    problems.push({ path: 'constants', message: `program "${label}": constants must be left out on ${device}` });
  for (const name of Object.values(inPlace)) {
    if (name in frozen || name in constants)
      problems.push({
        path: 'inPlace',
        message: `program "${label}": input "${name}" must not be both frozen and written`,
      });
  }
  if (problems.length > 0) throw badUsage(problems);
  checkInPlace(source, inPlace);
}

function createDevice(name: DeviceName, threads: number, channel: Channel): Device {
  const tensors = createTensorTable(channel);
  const programs = new Map<number, { readonly modelBytes: number; readonly frozenBytes: number }>();
  let nextProgram = 1;

  const compile: Device['compile'] = async (source, options) => {
    checkOptions(source, name, options);
    const { label, keep = [], inPlace = {}, frozen = {}, constants = {} } = options;
    const { chunkBytes, profile = false, portable = false } = options;
    if (programs.size >= MAX_PROGRAMS) {
      throw runFailed(
        `program "${label}": at most ${MAX_PROGRAMS} programs may be alive on a device; dispose those no longer needed, or ` +
          'use symbolic dimensions so that one program serves all shapes',
      );
    }
    const external = name === 'cpu' ? Object.keys(constants) : Object.keys(frozen);
    const handleOf = (constant: string): number =>
      tensors.resolve(constants[constant]!, `program "${label}": constant "${constant}"`).handle;
    const model = lowerGraph(source, {
      target: portable ? 'portable' : name,
      frozen: external,
      ...(chunkBytes !== undefined && { chunkBytes }),
    });
    const number = nextProgram++;
    const frozenTensors = [
      ...model.frozen
        .filter((value) => value.name in frozen)
        .map((value) => ({ ...value, tensor: frozen[value.name]!, external: true })),
      ...model.inputs
        .filter((value) => value.name in frozen)
        .map((value) => ({ ...value, location: '', tensor: frozen[value.name]!, external: false })),
    ];
    const kept = new Set([...keep, ...Object.keys(inPlace)]);
    const deviceOutputs = model.outputs.filter((value) => kept.has(value.name)).map(({ onnxName }) => onnxName);
    try {
      await channel.send<'compile'>({
        type: 'compile',
        program: number,
        bytes: model.bytes,
        deviceOutputs,
        frozen: frozenTensors.map(({ onnxName, location, tensor, external: outside }) => ({
          onnxName,
          location,
          tensor,
          external: outside,
        })),
        constants: model.frozen
          .filter((value) => value.name in constants)
          .map((value) => ({
            location: value.location,
            isTurned: value.isTurned,
            handle: handleOf(value.name),
          })),
        profile,
      });
    } catch (error) {
      throw error instanceof Error && 'code' in error ? error : wrapError(label, source, error);
    }
    programs.set(number, {
      modelBytes: model.bytes.length,
      frozenBytes:
        Object.values(frozen).reduce((sum, { data }) => sum + data.byteLength, 0) +
        Object.values(constants).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    });
    return createProgram({
      device: name,
      channel,
      tensors,
      number,
      label,
      source,
      model: { ...model, inputs: model.inputs.filter((value) => !(value.name in frozen)) },
      keep: kept,
      inPlace,
      onDispose: () => programs.delete(number),
    });
  };

  return {
    name,
    threads,
    compile,
    async upload(tensor, { transfer = false, category = 'uploaded' } = {}) {
      const entry = tensors.create(tensor, category);
      const moved = transfer ? [tensor.data.buffer] : [];
      await channel.send<'upload'>({ type: 'upload', handle: entry.handle, tensor }, { transfer: moved });
      return entry.tensor;
    },
    async memory() {
      const { poolBytes, loadedSessions } = await channel.send<'memory'>({ type: 'memory' });
      const total = (field: 'modelBytes' | 'frozenBytes'): number =>
        [...programs.values()].reduce((sum, program) => sum + program[field], 0);
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
