import type { RowSet } from '../data/index.ts';
import type { HostTensor } from '../core/index.ts';
import type { Metrics } from './metrics.ts';
import type { MicroBatch } from './batches.ts';

/** Rows that a loop visits, by number. */
export interface Rows {
  readonly count: number;
  /** For error messages: the rows' own ids. */
  readonly idOf: (row: number) => string;
  /** Tokens of a packed row, for planning micro-batches. */
  readonly lengthOf: (row: number) => number;
}

/** Everything in which one recipe's steps differ from another's. */
export interface Task {
  readonly train: Rows;
  readonly heldOut: Rows | undefined;
  /** The batch of some rows of a split, with every input but lossScale. */
  readonly batch: (split: Split, rows: readonly number[]) => MicroBatch;
  /** 1 / what the loss of an optimizer batch is a mean over: pairs, or scored tokens. */
  readonly lossScale: (rows: readonly number[]) => number;
  /** Sums the metrics of the micro-batches of one step or one evaluation. */
  readonly measure: () => Measure;
}

export type Split = 'train' | 'heldOut';

export interface Measure {
  readonly add: (batch: MicroBatch, outputs: Readonly<Record<string, HostTensor>>) => void;
  readonly result: () => Metrics;
}

/** The rows of a tokenised set. */
export function rowsOf<T extends { readonly id: string }>(set: RowSet<T>): Rows {
  return {
    count: set.count,
    idOf: (row) => set.row(row).id,
    lengthOf: (row) => set.lengths[row]!,
  };
}
