import { badUsage, runFailed, shownValue, type Problem } from '../core/index.ts';
import { graphInputs, type Graph } from '../graph/index.ts';
import { lowerGraph, type OnnxModel } from '../onnx/index.ts';
import type { Channel } from './channel.ts';
import type { TensorTable } from './device-tensor.ts';
import { checkInPlace } from './in-place.ts';
import type { CompileRequest } from './messages.ts';
import { createProgram, wrapError } from './program.ts';
import { MAX_PROGRAMS, type CompileOptions, type DeviceName, type Program } from './types.ts';

/** What a program holds in memory. */
export interface ProgramBytes {
  readonly modelBytes: number;
  readonly frozenBytes: number;
}

/** The device that a program is compiled for, as the host sees it. */
export interface CompilePlace {
  readonly device: DeviceName;
  readonly channel: Channel;
  readonly tensors: TensorTable;
  /** The program's own. */
  readonly number: number;
  /** Those that are alive; the program enters itself and leaves when it is disposed. */
  readonly programs: Map<number, ProgramBytes>;
}

/**
 * Lowers a graph and makes a session of it on the device. Throws bad-usage for options that do not fit the graph, run-failed where the device has
 * too many programs or ONNX Runtime refuses the model.
 */
export async function compileProgram(source: Graph, options: CompileOptions, place: CompilePlace): Promise<Program> {
  const { device, channel, tensors, number, programs } = place;
  checkOptions(source, device, options);
  const { label, keep = [], inPlace = {}, frozen = {}, constants = {}, chunkBytes, portable = false } = options;
  if (programs.size >= MAX_PROGRAMS) {
    throw runFailed(
      `program "${label}": at most ${MAX_PROGRAMS} programs may be alive on a device; dispose those no longer needed, or ` +
        'use symbolic dimensions so that one program serves all shapes',
    );
  }
  const model = lowerGraph(source, {
    target: portable ? 'portable' : device,
    frozen: device === 'cpu' ? Object.keys(constants) : Object.keys(frozen),
    ...(chunkBytes !== undefined && { chunkBytes }),
  });
  const kept = new Set([...keep, ...Object.keys(inPlace)]);
  try {
    await channel.send<'compile'>({ type: 'compile', ...requestOf(model, options, { place, kept }) });
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
    device,
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
}

/** What the worker is told of a lowered graph. Frozen tensors are external data of the model where it names them so, and fed at every run elsewhere. */
function requestOf(
  model: OnnxModel,
  { label, frozen = {}, constants = {}, profile = false }: CompileOptions,
  { place, kept }: { readonly place: CompilePlace; readonly kept: ReadonlySet<string> },
): CompileRequest {
  const { tensors, number } = place;
  const external = model.frozen.filter(({ name }) => name in frozen);
  const fed = model.inputs.filter(({ name }) => name in frozen);
  return {
    program: number,
    bytes: model.bytes,
    deviceOutputs: model.outputs.filter(({ name }) => kept.has(name)).map(({ onnxName }) => onnxName),
    frozen: [
      ...external.map(({ name, onnxName, location }) => ({
        onnxName,
        location,
        tensor: frozen[name]!,
        external: true,
      })),
      ...fed.map(({ name, onnxName }) => ({ onnxName, location: '', tensor: frozen[name]!, external: false })),
    ],
    constants: model.frozen
      .filter(({ name }) => name in constants)
      .map(({ name, location, isTurned }) => ({
        location,
        isTurned,
        handle: tensors.resolve(constants[name]!, `program "${label}": constant "${name}"`).handle,
      })),
    profile,
  };
}

/** Every name in keep, inPlace, frozen and constants must exist, and an update in place must be safe. */
function checkOptions(source: Graph, device: DeviceName, options: CompileOptions): void {
  const { label, keep = [], inPlace = {}, frozen = {}, constants = {} } = options;
  const problems: Problem[] = [];
  const inputs = new Set(graphInputs(source).map((node) => node.attributes.name));
  for (const name of keep) {
    if (!(name in source.outputs))
      problems.push({ path: 'keep', message: `program "${label}": keep must name outputs, got ${shownValue(name)}` });
  }
  for (const name of Object.keys(frozen)) {
    if (!inputs.has(name))
      problems.push({
        path: 'frozen',
        message: `program "${label}": frozen must name inputs, got ${shownValue(name)}`,
      });
  }
  for (const name of Object.keys(constants)) {
    if (!inputs.has(name) || name in frozen)
      problems.push({
        path: 'constants',
        message: `program "${label}": constants must name inputs that are not frozen, got ${shownValue(name)}`,
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
