import { badInput } from '../core/index.ts';

export interface MicroBatchOptions {
  /** The budget of slots, rows x longest row, of one micro-batch. A row longer than the budget stands alone. */
  readonly maxTokens: number;
  /** The largest share of padding among the slots of a micro-batch, in [0, 1); default 0.25. */
  readonly maxPadding?: number;
  /** How many sequences of the layout each row takes (2 where a pair's prompts differ); default 1 each. */
  readonly sequenceCounts?: ArrayLike<number>;
}

/**
 * Groups the rows of one optimizer batch, given by packed length in tokens, into micro-batches of similar length:
 * longest first, and a new group whenever the slots would exceed `maxTokens` or padding would exceed `maxPadding` of them.
 * Every row stands in exactly one group; the grouping never changes a result, only memory and speed. Equal lengths keep
 * their order, so the plan is a pure function of its arguments.
 *
 * Throws bad-input for a budget below one token or a padding share outside [0, 1).
 */
export function planMicroBatches(lengths: ArrayLike<number>, options: MicroBatchOptions): number[][] {
  const { maxTokens, maxPadding = 0.25, sequenceCounts } = options;
  if (!(maxTokens >= 1)) throw badInput(`planMicroBatches: maxTokens must be at least 1, got ${maxTokens}`);
  if (!(maxPadding >= 0 && maxPadding < 1))
    throw badInput(`planMicroBatches: maxPadding must be in [0, 1), got ${maxPadding}`);
  const order = Array.from({ length: lengths.length }, (_, index) => index).toSorted(
    (a, b) => lengths[b]! - lengths[a]! || a - b,
  );
  const groups: number[][] = [];
  let group: number[] = [];
  let longest = 0;
  let sequences = 0;
  let tokens = 0;
  for (const index of order) {
    const length = lengths[index]!;
    const count = sequenceCounts?.[index] ?? 1;
    const slots = longest * (sequences + count);
    const filled = tokens + length * count;
    if (group.length > 0 && (slots > maxTokens || slots - filled > maxPadding * slots)) {
      groups.push(group);
      group = [];
    }
    if (group.length === 0) {
      longest = length;
      sequences = 0;
      tokens = 0;
    }
    group.push(index);
    sequences += count;
    tokens += length * count;
  }
  if (group.length > 0) groups.push(group);
  return groups;
}
