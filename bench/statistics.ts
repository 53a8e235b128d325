import { internal } from '../src/core/index.ts';

/** The middle value; of an even number of values the mean of the two in the middle. Throws internal: without any. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw internal('a median needs at least one value');
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
