import { badInput, badUsage, messageOf, runFailed, shownValue, type HostTensor } from '../core/index.ts';
import { evaluateShape, formatShape, printGraph, type Graph } from '../graph/index.ts';
import type { OnnxModel } from '../onnx/index.ts';
import type { Channel } from './channel.ts';
import { bindSymbols } from './check-inputs.ts';
import type { TensorTable, TensorHandle } from './device-tensor.ts';
import type { RunOutput } from './messages.ts';
import {
  isDeviceTensor,
  type DeviceName,
  type DeviceTensor,
  type Program,
  type ProgramInputs,
  type RunOptions,
} from './types.ts';

export interface ProgramParts {
  readonly device: DeviceName;
  readonly channel: Channel;
  readonly tensors: TensorTable;
  readonly number: number;
  readonly label: string;
  readonly source: Graph;
  readonly model: OnnxModel;
  readonly keep: ReadonlySet<string>;
  readonly inPlace: Readonly<Record<string, string>>;
  /** Tells the device that the program is gone. */
  readonly onDispose: () => void;
}

/** ONNX Runtime's message without the file, line and function of its own sources, which say nothing to a user. */
function withoutBuildPaths(message: string): string {
  return message
    .replaceAll(/\/onnxruntime_src\/\S+:\d+ .*? was false\. /g, '')
    .replaceAll(/\/onnxruntime_src\/\S+:\d+ .*?\) (?=\[)/g, '')
    .replaceAll(/\s+/g, ' ')
    .trim();
}

/** ONNX Runtime's message under the program's label, with the line of our own graph that the failing operator stands for. */
export function wrapError(label: string, source: Graph, thrown: unknown): Error {
  const message = withoutBuildPaths(messageOf(thrown));
  const id = /Name:'%(\d+) /.exec(message)?.[1] ?? /'%(\d+) \w+\/v\d+'/.exec(message)?.[1];
  const line = id === undefined ? undefined : printGraph(source).split('\n')[Number(id)];
  const place = line === undefined ? '' : ` (at ${line})`;
  return runFailed(`program "${label}": ONNX Runtime failed${place}: ${message}`, { cause: thrown });
}

/** ONNX Runtime's WebGPU kernels fail on tensors without elements, some by ending the process. */
function refuseEmpty(label: string, inputs: Readonly<Record<string, { readonly shape: readonly number[] }>>): void {
  const problems = Object.entries(inputs)
    .filter(([, { shape }]) => shape.includes(0))
    .map(([name, { shape }]) => ({
      path: name,
      message: `program "${label}": input "${name}" must have elements on webgpu, got ${formatShape(shape)}; use the cpu`,
    }));
  if (problems.length > 0) throw badInput(problems);
}

export function createProgram(parts: ProgramParts): Program {
  const { channel, tensors, number, label, source, model, keep, inPlace } = parts;
  const outputNames = new Set(model.outputs.map(({ name }) => name));
  let lastRunMs = 0;
  let disposed = false;

  const outputsOf = (
    inputs: Readonly<Record<string, TensorHandle | HostTensor>>,
    { only }: RunOptions,
  ): { readonly name: string; readonly output: RunOutput; readonly tensor: TensorHandle | undefined }[] => {
    const symbols = bindSymbols(label, model.inputs, inputs);
    if (parts.device === 'webgpu') refuseEmpty(label, inputs);
    const wanted = new Set(only ?? outputNames);
    const uses = new Map<unknown, number>();
    for (const value of Object.values(inputs)) uses.set(value, (uses.get(value) ?? 0) + 1);
    for (const name of wanted) {
      if (!outputNames.has(name)) {
        const known = [...outputNames].join(', ');
        throw badUsage(`program "${label}": only must name outputs (${known}), got ${shownValue(name)}`);
      }
    }
    return model.outputs
      .filter(({ name }) => wanted.has(name) || name in inPlace)
      .map(({ name, onnxName, dtype, shape }) => {
        const given = { onnxName, dtype, shape: evaluateShape(shape, symbols) };
        const memory = inPlace[name];
        if (memory === undefined) {
          const tensor = keep.has(name) ? tensors.create(given, 'kept') : undefined;
          return { name, tensor, output: { ...given, handle: tensor?.handle, inPlace: false } };
        }
        const tensor = inputs[memory]!;
        const elsewhere = uses.get(tensor)! > 1;
        if (!('handle' in tensor) || elsewhere) {
          throw badUsage(
            `program "${label}": input "${memory}" is written by output "${name}" and must be a device tensor that no ` +
              `other input is, got ${elsewhere ? 'one given twice' : 'a host tensor'}; upload it first`,
          );
        }
        return { name, tensor, output: { ...given, handle: tensor.handle, inPlace: true } };
      });
  };

  const run = async (given: ProgramInputs, options: RunOptions = {}) => {
    if (disposed) throw badUsage(`program "${label}": must not be run after dispose`);
    const inputs: Record<string, TensorHandle | HostTensor> = {};
    for (const [name, value] of Object.entries(given))
      inputs[name] = isDeviceTensor(value) ? tensors.resolve(value, `program "${label}": input "${name}"`) : value;
    const outputs = outputsOf(inputs, options);
    const sent = model.inputs.map(({ name, onnxName }) => {
      const value = inputs[name]!;
      return [onnxName, 'handle' in value ? value.handle : value] as const;
    });
    try {
      const reply = await channel.send<'run'>(
        {
          type: 'run',
          program: number,
          inputs: Object.fromEntries(sent),
          outputs: outputs.map(({ output }) => output),
        },
        { signal: options.signal },
      );
      lastRunMs = reply.elapsedMs;
      const results: Record<string, HostTensor | DeviceTensor> = {};
      for (const { name, output, tensor } of outputs) {
        if (options.only !== undefined && !options.only.includes(name)) continue;
        results[name] = tensor?.tensor ?? reply.outputs[output.onnxName]!;
      }
      return results;
    } catch (error) {
      for (const { tensor, output } of outputs) if (!output.inPlace) void tensor?.tensor.dispose();
      throw error instanceof Error && 'code' in error ? error : wrapError(label, source, error);
    }
  };

  return {
    label,
    inputs: model.inputs,
    outputs: model.outputs,
    run,
    get lastRunMs() {
      return lastRunMs;
    },
    endProfile: () => channel.send<'endProfile'>({ type: 'endProfile', program: number }),
    async dispose() {
      if (disposed) return;
      disposed = true;
      parts.onDispose();
      await channel.release({ type: 'releaseProgram', program: number });
    },
  };
}
