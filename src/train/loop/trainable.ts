import type { ResidentModel } from '../../policy/index.ts';
import { runFailed, type HostTensor } from '../../core/index.ts';
import { graph, graphInputs, input, mul } from '../../graph/index.ts';
import {
  clipFactor,
  gradientName,
  gradientNormGraph,
  OPTIMIZERS,
  stateName,
  stepScalars,
  updateGraph,
  type OptimizerName,
  type OptimizerOptions,
  type TrainedParameter,
} from '../../optim/index.ts';
import { optimise } from '../../passes/index.ts';
import type { Device, DeviceTensor, Program } from '../../runtime/index.ts';

/** A float32 scalar as a host tensor. */
export function scalarTensor(value: number): HostTensor {
  return { dtype: 'float32', shape: [], data: Float32Array.of(value) };
}

function zeros(shape: readonly number[]): HostTensor {
  return { dtype: 'float32', shape, data: new Float32Array(shape.reduce((size, dim) => size * dim, 1)) };
}

export interface TrainableOptions {
  readonly parameters: readonly TrainedParameter[];
  readonly optimizer: { readonly name: OptimizerName; readonly options: OptimizerOptions };
}

/**
 * The trained parameters with their gradients and optimizer state, all on the device and updated in place: nothing of them
 * travels in a step but the gradient's norm.
 */
export interface Trainable {
  readonly parameters: readonly TrainedParameter[];
  /** Every tensor by the name under which checkpoints hold it: those it was given, then optimizer/<state>/<parameter>. */
  readonly tensors: ReadonlyMap<string, DeviceTensor>;
  readonly gradients: ReadonlyMap<string, DeviceTensor>;
  /** sqrt of the sum of squares of all accumulated gradients. */
  gradientNorm(): Promise<number>;
  /** One optimizer step with gradients scaled by min(1, maximum / norm), then zero gradients. `step` counts from 1. */
  update(options: {
    readonly step: number;
    readonly learningRate: number;
    readonly norm: number;
    readonly maximum: number | undefined;
  }): Promise<void>;
  /** Zero optimizer state, as before the first update. */
  resetOptimizer(): Promise<void>;
  dispose(): Promise<void>;
}

function inPlace(
  outputs: Readonly<Record<string, unknown>>,
  inputOf: (output: string) => string,
): Record<string, string> {
  return Object.fromEntries(Object.keys(outputs).map((output) => [output, inputOf(output)]));
}

interface Programs {
  readonly norm: Program;
  readonly update: Program;
  readonly updateInputs: ReadonlySet<string>;
  readonly clear: Program;
}

async function compilePrograms(device: Device, { parameters, optimizer }: TrainableOptions): Promise<Programs> {
  const norm = optimise(gradientNormGraph(parameters)).body;
  const update = optimise(updateGraph(parameters, OPTIMIZERS[optimizer.name], optimizer.options)).body;
  const clear = graph(
    Object.fromEntries(
      parameters.map(({ name, shape }) => [`cleared/${name}`, mul(input(gradientName(name), shape), 0)]),
    ),
  );
  const [updateInPlace, clearInPlace] = [
    inPlace(update.outputs, (output) => output.slice('new/'.length)),
    inPlace(clear.outputs, (output) => gradientName(output.slice('cleared/'.length))),
  ];
  return {
    norm: await device.compile(norm, { label: 'gradient norm' }),
    update: await device.compile(update, {
      label: 'optimizer',
      keep: Object.keys(updateInPlace),
      inPlace: updateInPlace,
    }),
    updateInputs: new Set(graphInputs(update).map((node) => node.attributes.name)),
    clear: await device.compile(clear, {
      label: 'clear gradients',
      keep: Object.keys(clearInPlace),
      inPlace: clearInPlace,
    }),
  };
}

/**
 * `initial` holds the parameters' tensors by name, and those that stay as they are beside them; they are the Trainable's from now on and disposed
 * with it.
 */
export async function createTrainable(
  device: Device,
  initial: ReadonlyMap<string, DeviceTensor>,
  options: TrainableOptions,
): Promise<Trainable> {
  const { parameters, optimizer } = options;
  const rule = OPTIMIZERS[optimizer.name];
  const programs = await compilePrograms(device, options);
  const gradients = new Map<string, DeviceTensor>();
  const tensors = new Map(initial);
  for (const { name, shape } of parameters) {
    gradients.set(gradientName(name), await device.upload(zeros(shape), { transfer: true }));
    for (const state of rule.stateNames)
      tensors.set(stateName(state, name), await device.upload(zeros(shape), { transfer: true }));
  }
  return {
    parameters,
    tensors,
    gradients,
    gradientNorm: async () => {
      const { gradientNorm } = await programs.norm.run(Object.fromEntries(gradients));
      return (gradientNorm as HostTensor).data[0]!;
    },
    update: async ({ step, learningRate, norm, maximum }) => {
      if (!Number.isFinite(norm)) throw runFailed(`optimizer: the gradient must be finite, its norm is ${norm}`);
      const rates = stepScalars(parameters, { optimizer: rule, options: optimizer.options }, { learningRate, step });
      const scalars = Object.entries({ clip: clipFactor(norm, maximum), ...rates });
      const given = [...tensors, ...gradients, ...scalars.map(([name, value]) => [name, scalarTensor(value)] as const)];
      await programs.update.run(Object.fromEntries(given.filter(([name]) => programs.updateInputs.has(name))));
      await programs.clear.run(Object.fromEntries(gradients));
    },
    resetOptimizer: async () => {
      for (const { name } of parameters)
        for (const state of rule.stateNames) {
          const tensor = tensors.get(stateName(state, name))!;
          await tensor.write(zeros(tensor.shape));
        }
    },
    dispose: async () => {
      for (const tensor of [...tensors.values(), ...gradients.values()]) await tensor.dispose();
      for (const program of [programs.norm, programs.update, programs.clear]) await program.dispose();
    },
  };
}

/** Weights and trained tensors, by input name. */
export function residentTensors(model: ResidentModel, { tensors }: Trainable): Map<string, DeviceTensor> {
  return new Map([...model.weights, ...[...tensors].filter(([name]) => !name.startsWith('optimizer/'))]);
}
