import { badInput } from '../../core/index.ts';
import type { Rows } from './rows.ts';

export interface MicroBatchOptions {
  /** The most tokens of one micro-batch. A row longer than that stands alone. */
  readonly maxTokens: number;
}

/**
 * Groups the rows of one optimizer batch, given by packed length in tokens, into micro-batches: longest first, each row into
 * the first group that has room (first fit decreasing, at most 11/9 of the fewest groups). Every row stands in exactly one
 * group; the grouping never changes a result, only memory and speed. Equal lengths keep their order, so the plan is a pure
 * function of its arguments.
 *
 * Throws bad-input for a budget below one token.
 */
export function planMicroBatches(lengths: ArrayLike<number>, { maxTokens }: MicroBatchOptions): number[][] {
  if (!(maxTokens >= 1)) throw badInput(`planMicroBatches: maxTokens must be at least 1, got ${maxTokens}`);
  const order = Array.from({ length: lengths.length }, (_, index) => index).toSorted(
    (a, b) => lengths[b]! - lengths[a]! || a - b,
  );
  const groups: { readonly rows: number[]; tokens: number }[] = [];
  // Groups before this one are full: not even the shortest row fits.
  let firstOpen = 0;
  const shortest = order.length === 0 ? 0 : lengths[order.at(-1)!]!;
  for (const row of order) {
    const length = lengths[row]!;
    while (firstOpen < groups.length && groups[firstOpen]!.tokens + shortest > maxTokens) firstOpen += 1;
    let group = groups.slice(firstOpen).find(({ tokens }) => tokens + length <= maxTokens);
    if (group === undefined) groups.push((group = { rows: [], tokens: 0 }));
    group.rows.push(row);
    group.tokens += length;
  }
  return groups.map(({ rows }) => rows);
}

/** Cuts the rows of one optimizer batch into micro-batches of similar length. */
export function microBatches(rows: Rows, batch: readonly number[], maxTokens: number): number[][] {
  const lengths = batch.map((row) => rows.lengthOf(row));
  return planMicroBatches(lengths, { maxTokens }).map((group) => group.map((position) => batch[position]!));
}

/** Every row once, in as few micro-batches as come of one cut of all: how rows are evaluated. */
export function allMicroBatches(rows: Rows, maxTokens: number): number[][] {
  const all = Array.from({ length: rows.count }, (_, row) => row);
  return microBatches(rows, all, maxTokens);
}
