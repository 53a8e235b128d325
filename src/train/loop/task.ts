import type { HostTensor } from '../../core/index.ts';
import type { BatchGraphs, MicroBatch } from '../../policy/index.ts';
import type { Metrics } from './metrics.ts';
import type { Open, Scalars, StepPart } from './part.ts';
import type { BatchRows, StepSource } from './source.ts';

/** Everything in which one recipe's steps differ from another's. */
export interface Task {
  readonly graphs: BatchGraphs;
  readonly source: Open<StepSource>;
  /** What is added to every step, in this order. */
  readonly parts: readonly Open<StepPart>[];
  readonly heldOut: HeldOutRows | undefined;
  /** Sums the metrics of the micro-batches of one step or one evaluation. */
  readonly measure: (scalars: Scalars) => Measure;
}

/** Rows that are only evaluated. */
export interface HeldOutRows extends BatchRows {
  /** So many rows belong together, where the objective couples the rows of an optimizer batch. */
  readonly unit?: number | undefined;
}

export interface Measure {
  readonly add: (batch: MicroBatch, outputs: Readonly<Record<string, HostTensor>>) => void;
  readonly result: () => Metrics;
  readonly compared?: (() => number) | undefined;
}
