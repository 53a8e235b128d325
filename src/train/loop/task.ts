import type { Rows } from '../../data/index.ts';
import type { HostTensor } from '../../core/index.ts';
import type { Metrics } from './metrics.ts';
import type { MicroBatch } from '../../policy/index.ts';
import type { CoupledObjective } from './coupled-objective.ts';
import type { MovingReference } from './reference-update.ts';

/** Everything in which one recipe's steps differ from another's. */
export interface Task {
  readonly train: Rows;
  readonly heldOut: Rows | undefined;
  /** The batch of some rows of a split, with every input but lossScale. */
  readonly batch: (split: Split, rows: readonly number[]) => MicroBatch;
  /** 1 / what the loss of an optimizer batch is a mean over: pairs, or scored tokens. */
  readonly lossScale: (rows: readonly number[]) => number;
  /** Sums the metrics of the micro-batches of one step or one evaluation, with beta where it follows a schedule. */
  readonly measure: (beta?: number) => Measure;
  /** Present where the objective couples the rows of an optimizer batch, which is then its unit in evaluation too. */
  readonly coupled?: CoupledObjective | undefined;
  /** Present where the reference moves: it completes the batches of training. Held-out rows are measured from the reference as it started. */
  readonly movingReference?: MovingReference | undefined;
  /** beta of a step (counted from 0), where it follows a schedule: the input `beta` of the graphs. */
  readonly betaAt?: ((step: number, totalSteps: number) => number) | undefined;
}

export type Split = 'train' | 'heldOut';

export interface Measure {
  readonly add: (batch: MicroBatch, outputs: Readonly<Record<string, HostTensor>>) => void;
  readonly result: () => Metrics;
}
