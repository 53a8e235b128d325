import { compileBatchProgram, hintsFor, type BatchProgram } from '../../policy/index.ts';
import type { DeviceTensor } from '../../runtime/index.ts';
import type { PolicyOnDevice, SavedState, StepPart } from './part.ts';
import type { StepSource } from './source.ts';
import type { HeldOutRows, Task } from './task.ts';
import { createTrainable, residentTensors, type Trainable, type TrainableOptions } from './trainable.ts';

/** A task where it can take steps: everything is on the device and compiled. */
export interface Training {
  readonly source: StepSource;
  readonly parts: readonly StepPart[];
  readonly heldOut: HeldOutRows | undefined;
  readonly measure: Task['measure'];
  readonly program: BatchProgram;
  readonly trainable: Trainable;
  /** Every tensor that the next step depends on, by the name under which checkpoints hold it. */
  readonly tensors: ReadonlyMap<string, DeviceTensor>;
  /** Frees what computes steps. The trained tensors stay until `dispose`. */
  release(): Promise<void>;
  dispose(): Promise<void>;
}

export interface TrainingOptions {
  /** Begins the names of compiled programs. */
  readonly label: string;
  readonly optimizer: TrainableOptions['optimizer'];
  readonly microBatchTokens: number;
  /** Bytes that values kept for the backward pass may take; default: no limit. */
  readonly keepBudgetBytes?: number;
  /** Records operator times of the training program. */
  readonly profile?: boolean;
}

/** Puts a task on the device: optimizer state and gradients, its parts and its source, then the programs. The policy's tensors are the training's from now on. */
export async function openTraining(
  on: PolicyOnDevice,
  task: Task,
  { label, optimizer, microBatchTokens, keepBudgetBytes, profile }: TrainingOptions,
): Promise<Training> {
  const { device, model, policy } = on;
  const closers: (() => Promise<void> | undefined)[] = [];
  const close = async (): Promise<void> => {
    for (const one of closers.splice(0).toReversed()) await one();
  };
  const trainable = await createTrainable(device, policy.initial, { parameters: policy.parameters, optimizer });
  try {
    const parts: StepPart[] = [];
    for (const open of task.parts) {
      const part = await open(on);
      closers.push(() => part.dispose?.());
      parts.push(part);
    }
    const source = await task.source(on);
    closers.push(() => source.dispose?.());
    const { mean, longest } = source.lengths;
    const program = await compileBatchProgram(device, task.graphs, {
      label,
      hints: hintsFor(Math.max(microBatchTokens, longest), mean),
      resident: residentTensors(model, trainable),
      gradients: trainable.gradients,
      ...(keepBudgetBytes === undefined ? {} : { keepBudgetBytes }),
      ...(profile === undefined ? {} : { profile }),
    });
    closers.push(() => program.dispose());
    return {
      source,
      parts,
      heldOut: task.heldOut,
      measure: task.measure,
      program,
      trainable,
      tensors: new Map([trainable, ...parts, source].flatMap(({ tensors }: SavedState) => [...(tensors ?? [])])),
      release: close,
      dispose: async () => {
        await close();
        await trainable.dispose();
      },
    };
  } catch (thrown) {
    await close();
    await trainable.dispose();
    throw thrown;
  }
}
