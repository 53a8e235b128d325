import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applyMerges, createMergeTable, type Merge } from './merge.ts';

/** The definition, word for word: join the leftmost pair of the lowest rank until there is none. */
function slowMerges(symbols: readonly number[], merges: readonly Merge[]): number[] {
  const ids = symbols.slice();
  for (;;) {
    let best: { readonly at: number; readonly merge: Merge } | undefined;
    for (let at = 0; at + 1 < ids.length; at++) {
      const merge = merges.find(({ left, right }) => left === ids[at] && right === ids[at + 1]);
      if (merge !== undefined && (best === undefined || merge.rank < best.merge.rank)) best = { at, merge };
    }
    if (best === undefined) return ids;
    ids.splice(best.at, 2, best.merge.result);
  }
}

describe('applyMerges', () => {
  // a 0, b 1, ab 2, aba 3, bb 4.
  const merges: readonly Merge[] = [
    { left: 0, right: 1, rank: 0, result: 2 },
    { left: 2, right: 0, rank: 1, result: 3 },
    { left: 1, right: 1, rank: 2, result: 4 },
  ];
  const table = createMergeTable(merges, 5);

  it('joins by rank, not by position: b b a b is b, b, ab first, and bb only then', () => {
    expect(applyMerges([1, 1, 0, 1], table)).toEqual([4, 2]);
  });

  it('joins the leftmost of equals: b b b is bb, b', () => {
    expect(applyMerges([1, 1, 1], table)).toEqual([4, 1]);
  });

  it('an entry that has become stale does nothing: a b a b is ab ab, and no aba', () => {
    expect(applyMerges([0, 1, 0, 1], table)).toEqual([2, 2]);
    expect(applyMerges([0, 1, 0], table)).toEqual([3]);
  });

  it('negative symbols join nothing and stay', () => {
    expect(applyMerges([0, -1, 1, -7], table)).toEqual([0, -1, 1, -7]);
    expect(applyMerges([], table)).toEqual([]);
    expect(applyMerges([-3], table)).toEqual([-3]);
  });

  it('is the definition, for random tables (equal ranks included) and inputs', () => {
    const id = fc.integer({ min: 0, max: 5 });
    const merge = fc.record({ left: id, right: id, rank: fc.integer({ min: 0, max: 3 }), result: id });
    const random = fc.uniqueArray(merge, { selector: ({ left, right }) => left * 6 + right, maxLength: 12 });
    fc.assert(
      fc.property(random, fc.array(id, { maxLength: 30 }), (list, symbols) => {
        expect(applyMerges(symbols, createMergeTable(list, 6))).toEqual(slowMerges(symbols, list));
      }),
      { numRuns: 500, seed: 1 },
    );
  });
});
