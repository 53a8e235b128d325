import type { DataRow } from '../data/index.ts';
import { createColumn, type NameIndex } from './row-table.ts';

/** Judgements by named people or judges: of which answer is better, or of one answer. One entry each. */
export interface Ratings {
  readonly count: number;
  /** A hash of what was judged; the same for the same two answers in either order. */
  readonly item: Float64Array;
  readonly annotator: Uint32Array;
  /**
   * How much better the answer of the larger hash is: +1 or -1, times the margin where the row has one; 0 is a tie. Of an unpaired answer:
   * 1 good, 0 bad. Of votes among more than two answers: the index of the answer (nominal), -1 for a tie.
   */
  readonly value: Float64Array;
  /** Which of two shown answers was taken: 0 the first, 1 the second, 2 neither or not known. */
  readonly side: Uint8Array;
  /** Whether the longer of the two was taken: 1 yes, 0 no, 2 equal or not known. */
  readonly longer: Uint8Array;
  readonly row: Uint32Array;
  /** Whether any value has a strength: only then weighted coefficients say more. */
  readonly isGraded: boolean;
}

export interface RatedRow {
  readonly row: number;
  readonly prompt: number;
  readonly first: number;
  readonly second: number;
  /** Of rows with votes: hashes of the answers in the order in which they were shown. */
  readonly shown: readonly number[];
  readonly annotators: NameIndex;
}

/** Collects the ratings of rows. */
export function createRatings() {
  const item = createColumn((n) => new Float64Array(n));
  const value = createColumn((n) => new Float64Array(n));
  const annotator = createColumn((n) => new Uint32Array(n));
  const row = createColumn((n) => new Uint32Array(n));
  const side = createColumn((n) => new Uint8Array(n));
  const longer = createColumn((n) => new Uint8Array(n));
  let isGraded = false;
  let count = 0;
  const add = (of: RatedRow, rating: { who: number; value: number; side: number; longer: number }): void => {
    item.push(mixKeys(of.prompt, Math.min(of.first, of.second), Math.max(of.first, of.second)));
    annotator.push(rating.who);
    value.push(rating.value);
    side.push(rating.side);
    longer.push(rating.longer);
    row.push(of.row);
    count++;
  };
  return {
    addRow(event: DataRow, of: RatedRow): void {
      if (event.kind === 'ranking') {
        const { votes = [], answers } = event.row;
        for (const vote of votes) {
          const who = of.annotators.of(vote.annotator);
          if (who === 0) continue;
          const choice = typeof vote.choice === 'number' ? vote.choice : -1;
          const lengths = answers.map(({ content }) => sizeOf(content));
          const isLonger = choice < 0 || answers.length !== 2 || lengths[0] === lengths[1];
          add(of, {
            who,
            value: answers.length !== 2 ? choice : choice < 0 ? 0 : of.shown[choice]! > of.shown[1 - choice]! ? 1 : -1,
            side: choice < 0 || answers.length !== 2 ? 2 : choice,
            longer: isLonger ? 2 : Number(lengths[choice]! > lengths[1 - choice]!),
          });
        }
        return;
      }
      const who = of.annotators.of(event.row.meta?.annotator);
      if (who === 0 || event.kind === 'completion') return;
      if (event.kind === 'unpaired') {
        add(of, { who, value: Number(event.row.label), side: 2, longer: 2 });
        return;
      }
      const { meta, chosen, rejected } = event.row;
      const strength = meta?.margin ?? 1;
      if (strength !== 1) isGraded = true;
      const lead = sizeOf(chosen) - sizeOf(rejected);
      add(of, {
        who,
        value: of.first > of.second ? strength : -strength,
        side: 2,
        longer: lead === 0 ? 2 : Number(lead > 0),
      });
    },
    finish: (): Ratings => ({
      count,
      item: item.finish(),
      annotator: annotator.finish(),
      value: value.finish(),
      side: side.finish(),
      longer: longer.finish(),
      row: row.finish(),
      isGraded,
    }),
  };
}

function sizeOf(content: string | readonly { readonly content: string }[]): number {
  return typeof content === 'string' ? content.length : content.reduce((sum, turn) => sum + turn.content.length, 0);
}

/** A 53-bit hash of hashes. */
export function mixKeys(...keys: readonly number[]): number {
  let high = 0x9e3779b9;
  let low = 0x85ebca6b;
  for (const key of keys) {
    high = Math.imul(high ^ Math.floor(key / 2 ** 32), 0xc2b2ae35);
    high ^= high >>> 15;
    low = Math.imul(low ^ (key >>> 0) ^ high, 0x85ebca77);
    low ^= low >>> 13;
    high = (high + low) | 0;
  }
  return (high >>> 0) * 2 ** 21 + (low >>> 11);
}
