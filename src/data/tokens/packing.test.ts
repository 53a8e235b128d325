import fc from 'fast-check';
import { expect, test } from 'vitest';
import { packCompletions, packedLength, packPairs, type PackedBatch } from './packing.ts';
import type { TokenizedPair } from '../row.ts';

const ids = (...values: number[]) => Int32Array.from(values);

test('a pair and a pair with differing prompts, by hand', () => {
  const batch = packPairs([
    { id: 'a', prompt: ids(10, 11), chosen: ids(20, 21), rejected: ids(30) },
    { id: 'b', prompt: ids(12), chosen: ids(22), rejected: ids(31, 32), rejectedPrompt: ids(13, 14) },
  ]);
  expect({ ...batch, tokens: [...batch.tokens] }).toEqual({
    rowIds: ['a', 'b'],
    // 10 11 | 20 21 | 30, then 12 | 22, then 13 14 | 31 32
    tokens: [10, 11, 20, 21, 30, 12, 22, 13, 14, 31, 32],
    positions: ids(0, 1, 2, 3, 2, 0, 1, 0, 1, 2, 3),
    branches: ids(0, 0, 1, 1, 2, 3, 4, 5, 5, 6, 6),
    parents: ids(0, 0, 0, 0, 0, 3, 3, 5, 5, 5, 5),
    // 11 predicts 20 and 30; 20 predicts 21; 12 predicts 22; 14 predicts 31; 31 predicts 32.
    lossRows: ids(1, 2, 5, 8, 9),
    predict: ids(0, 1, 0, 2, 3, 4),
    targets: ids(20, 21, 30, 22, 31, 32),
    owners: ids(0, 0, 1, 2, 3, 3),
    T: 11,
    U: 5,
    C: 6,
  });
});

test('completions: an empty prompt leaves the first token unscored; scorePrompt scores all but the first', () => {
  const rows = [
    { id: 'x', prompt: ids(), completion: ids(5, 6, 7) },
    { id: 'y', prompt: ids(1, 2), completion: ids(3) },
  ];
  const batch = packCompletions(rows);
  expect([batch.branches, batch.lossRows, batch.predict, batch.targets, batch.owners]).toEqual([
    ids(1, 1, 1, 2, 2, 3),
    ids(0, 1, 4),
    ids(0, 1, 2),
    ids(6, 7, 3),
    ids(0, 0, 1),
  ]);
  const all = packCompletions(rows, { scorePrompt: true });
  expect([all.lossRows, all.targets, all.owners]).toEqual([ids(0, 1, 3, 4), ids(6, 7, 2, 3), ids(0, 0, 1, 1)]);
});

test('an empty side and an empty batch are refused', () => {
  expect(() => packPairs([{ id: '7', prompt: ids(1), chosen: ids(2), rejected: ids() }])).toThrow(
    'packPairs: rejected of row 7 must hold at least one token, got none; drop the row',
  );
  expect(() => packPairs([])).toThrow('packPairs: a batch must hold at least one row, got none');
});

const tokenIds = (minLength: number) =>
  fc.array(fc.integer({ min: 0, max: 99 }), { minLength, maxLength: 6 }).map((list) => Int32Array.from(list));
const pairs = fc
  .array(
    fc.record(
      { prompt: tokenIds(0), chosen: tokenIds(1), rejected: tokenIds(1), rejectedPrompt: tokenIds(0) },
      { requiredKeys: ['prompt', 'chosen', 'rejected'] },
    ),
    { minLength: 1, maxLength: 5 },
  )
  .map((list) => list.map((pair, index): TokenizedPair => ({ id: String(index), ...pair })));

/** The tokens of `batch` that token t sees, by the rule of PackedBatch. */
function visible(batch: PackedBatch, t: number): number[] {
  const own = [batch.branches[t], batch.parents[t]];
  return Array.from({ length: t + 1 }, (_, other) => other).filter((other) => own.includes(batch.branches[other]));
}

test('every side can be read back, with the causal visibility and the positions of its own sequence', () => {
  fc.assert(
    fc.property(pairs, (list) => {
      const batch = packPairs(list);
      expect(batch.T).toBe(list.reduce((sum, pair) => sum + packedLength(pair), 0));
      list.forEach((pair, index) => {
        const sides = [
          [...pair.prompt, ...pair.chosen],
          [...(pair.rejectedPrompt ?? pair.prompt), ...pair.rejected],
        ];
        const promptLengths = [pair.prompt.length, (pair.rejectedPrompt ?? pair.prompt).length];
        sides.forEach((sequence, side) => {
          const scored = [...batch.owners.keys()].filter((c) => batch.owners[c] === 2 * index + side);
          const firstScored = Math.max(promptLengths[side]!, 1);
          expect(scored.map((c) => batch.targets[c])).toEqual(sequence.slice(firstScored));
          scored.forEach((c, k) => {
            const seen = visible(batch, batch.lossRows[batch.predict[c]!]!);
            expect(seen.map((other) => batch.tokens[other])).toEqual(sequence.slice(0, firstScored + k));
            expect(seen.map((other) => batch.positions[other])).toEqual(seen.map((_, position) => position));
          });
        });
      });
    }),
  );
});

test('loss rows ascend and are all used', () => {
  fc.assert(
    fc.property(pairs, (list) => {
      const batch = packPairs(list);
      expect([...batch.lossRows]).toEqual([...new Set(batch.lossRows)].toSorted((a, b) => a - b));
      expect(new Set(batch.predict)).toEqual(new Set(batch.lossRows.keys()));
    }),
  );
});
