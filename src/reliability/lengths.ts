import type { RowTable } from './row-table.ts';

/** Numbers of answers by length, in characters. */
export interface LengthHistogram {
  /** Lower ends of the bins; the last bin holds everything from its end on. */
  readonly edges: readonly number[];
  readonly chosen: readonly number[];
  /** All 0 where there are no pairs. */
  readonly rejected: readonly number[];
}

const BINS = 24;

/** Both sides in the same bins of a round width, of which the last but one ends near the 98th percentile. */
export function lengthHistogram({ count, firstLength, secondLength, second }: RowTable): LengthHistogram {
  const isPair = (row: number): boolean => second[row] !== 0;
  const all = new Uint32Array(2 * count);
  all.set(firstLength);
  all.set(
    secondLength.filter((_, row) => isPair(row)),
    count,
  );
  const pairs = second.reduce((sum, key) => sum + (key === 0 ? 0 : 1), 0);
  const sorted = all.subarray(0, count + pairs).toSorted();
  const top = sorted[Math.floor(0.98 * (sorted.length - 1))] ?? 0;
  const width = roundWidth(top / (BINS - 1));
  const chosen = Array<number>(BINS).fill(0);
  const rejected = Array<number>(BINS).fill(0);
  const binOf = (length: number): number => Math.min(BINS - 1, Math.floor(length / width));
  for (let row = 0; row < count; row++) {
    chosen[binOf(firstLength[row]!)]!++;
    if (isPair(row)) rejected[binOf(secondLength[row]!)]!++;
  }
  return { edges: chosen.map((_, bin) => bin * width), chosen, rejected };
}

/** The next of 1, 2, 5, 10, 20, 50, ... */
function roundWidth(width: number): number {
  const power = 10 ** Math.max(0, Math.floor(Math.log10(Math.max(1, width))));
  return [1, 2, 5, 10].map((factor) => factor * power).find((each) => each >= width) ?? 10 * power;
}
