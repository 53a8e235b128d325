import type { Rows } from '../../data/index.ts';
import type { MicroBatch } from '../../policy/index.ts';
import type { Stage } from '../../specification/index.ts';
import type { SavedState } from './part.ts';
import type { Metrics } from './metrics.ts';

/** Rows that can be computed with, by number in [0, rows.count). */
export interface BatchRows {
  readonly rows: Rows;
  /** The micro-batch of some rows, with every input of the graphs but lossScale, dropoutSeed and those that parts of a step give. */
  readonly batch: (rows: readonly number[]) => MicroBatch;
}

/** The rows of one optimizer step, which need not exist before it or after it. */
export interface StepRows extends BatchRows {
  /** 1 / what the loss of the step is a mean over: rows, or scored tokens. */
  readonly lossScale: number;
  /** What making the rows says of the step, such as the mean reward of drawn answers; it joins the step's metrics. */
  readonly metrics?: Metrics;
}

/**
 * Where the rows of each step come from. `at` is asked once for each step, in order, when every step before it is done: it may draw answers with the
 * policy as it is now, ask a reward for them, and wait. A source over data is a pure function of the step, so that a resumed run sees the
 * same; what else decides its next rows is its state, which checkpoints hold under `sourceState`.
 */
export interface StepSource extends SavedState {
  /** Optimizer steps of the whole run. */
  readonly totalSteps: number;
  /** Parts of the run, each with an optimizer state and a schedule of its own: one, where nothing else was planned. */
  readonly stages: readonly Stage[];
  /** Steps of one pass over the data: the unit of `epoch` in metrics. */
  readonly stepsPerEpoch: number;
  /** Tokens of its packed rows, by which programs and their memory are planned. */
  readonly lengths: { readonly mean: number; readonly longest: number };
  /** The rows of a step, counted from 0. */
  at(step: number): Promise<StepRows>;
  dispose?(): Promise<void>;
}
