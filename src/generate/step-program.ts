import type { HostTensor } from '../core/index.ts';
import { graphInputs, type Graph } from '../graph/index.ts';
import { optimise } from '../passes/index.ts';
import { isDeviceTensor, type Device, type DeviceTensor, type ProgramInputs } from '../runtime/index.ts';

/** stepGraph compiled for weights that come later: models, and adapters on one model, that are computed alike share it. */
export interface StepProgram {
  /**
   * Gives the program the weights of one model or adapter, by name. What depends on them alone, such as W + scale B A, is computed here,
   * once; device tensors stay the caller's and must live as long as the step.
   */
  bind(weights: StepWeights): Promise<BoundStep>;
  dispose(): Promise<void>;
}

export type StepWeights = ReadonlyMap<string, DeviceTensor | HostTensor>;

export interface BoundStep {
  /** Bytes of what was computed of the weights. */
  readonly derivedBytes: number;
  /** Adds to the caches in place and gives `scores` [U, V]. */
  run(inputs: ProgramInputs): Promise<HostTensor>;
  /** Computes again what depends on weights alone, after their values changed. */
  refresh(): Promise<void>;
  dispose(): Promise<void>;
}

export interface CompileStepOptions {
  /** The weights' names: inputs that stay as they are from step to step. */
  readonly weights: ReadonlySet<string>;
  /** Compact matrices, of which the session makes its own packed copy; they must live as long as the program. */
  readonly constants?: ReadonlyMap<string, DeviceTensor> | undefined;
}

/** Typical sizes, for choosing between equal expressions: a token a row is what is run most. */
const HINTS = { T: 1, B: 1, S: 1, U: 1, C: 256 };

function namesOf(source: Graph): ReadonlySet<string> {
  return new Set(graphInputs(source).map((node) => node.attributes.name));
}

function pick<T>(names: ReadonlySet<string>, from: ReadonlyMap<string, T>): Record<string, T> {
  return Object.fromEntries([...from].filter(([name]) => names.has(name)));
}

/** Compiles stepGraph(decoder) in two: what is computed once for given weights, and what every step computes. */
export async function compileStep(
  device: Device,
  source: Graph,
  { weights: names, constants = new Map() }: CompileStepOptions,
): Promise<StepProgram> {
  const { once, body } = optimise(source, { hints: HINTS, isInvariant: (name) => names.has(name) });
  const caches = Object.keys(body.outputs).filter((name) => name !== 'scores');
  const derivedNames = Object.keys(once.outputs);
  const [given, fixed] = [namesOf(once), namesOf(body)];
  const program = await device.compile(body, {
    label: 'generate',
    constants: pick(fixed, constants),
    keep: caches,
    inPlace: Object.fromEntries(caches.map((name) => [name, name])),
  });
  const prelude =
    derivedNames.length === 0
      ? undefined
      : await device.compile(once, { label: 'generate, once', keep: derivedNames }).catch(async (error: unknown) => {
          await program.dispose();
          throw error;
        });

  const bind = async (weights: StepWeights): Promise<BoundStep> => {
    const derive = async (): Promise<Record<string, DeviceTensor>> =>
      ((await prelude?.run(pick(given, weights))) ?? {}) as Record<string, DeviceTensor>;
    const own = pick(fixed, weights);
    let derived = await derive();
    return {
      derivedBytes: Object.values(derived).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
      run: async (inputs) => {
        const { scores } = await program.run({ ...own, ...derived, ...inputs }, { only: ['scores'] });
        return scores as HostTensor;
      },
      refresh: async () => {
        const old = derived;
        derived = await derive();
        await disposeAll(Object.values(old));
      },
      dispose: () => disposeAll(Object.values(derived)),
    };
  };
  return {
    bind,
    dispose: async () => {
      await program.dispose();
      await prelude?.dispose();
    },
  };
}

/** Gives tensors back, all in one turn of a device that may be busy. */
export async function disposeAll(tensors: Iterable<DeviceTensor>): Promise<void> {
  await Promise.all(Array.from(tensors, (tensor) => tensor.dispose()));
}

/** Bytes of weights that are on the device. */
export function bytesOnDevice(weights: StepWeights): number {
  return [...weights.values()].reduce((sum, tensor) => sum + (isDeviceTensor(tensor) ? tensor.sizeBytes : 0), 0);
}
