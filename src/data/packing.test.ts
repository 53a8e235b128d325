import fc from 'fast-check';
import { expect, test } from 'vitest';
import { packCompletions, packedLength, packPairs, type PackedBatch } from './packing.ts';
import type { TokenizedPair } from './row.ts';

const ids = (...values: number[]) => Int32Array.from(values);

test('a pair and a pair with differing prompts, by hand', () => {
  const batch = packPairs([
    { id: 'a', prompt: ids(10, 11), chosen: ids(20, 21), rejected: ids(30) },
    { id: 'b', prompt: ids(12), chosen: ids(22), rejected: ids(31, 32), rejectedPrompt: ids(13, 14) },
  ]);
  expect({ ...batch, tokens: [...batch.tokens] }).toEqual({
    rowIds: ['a', 'b'],
    // row 0: 10 11 | 20 21 | 30; row 1: 12 | 22; row 2: 13 14 | 31 32
    tokens: [10, 11, 20, 21, 30, 12, 22, 13, 14, 31, 32],
    positions: ids(0, 1, 2, 3, 2, 0, 1, 0, 1, 2, 3),
    gatherIndex: ids(0, 1, 2, 3, 4, 5, 6, -1, -1, -1, 7, 8, 9, 10, -1),
    scatterIndex: ids(0, 1, 2, 3, 4, 5, 6, 10, 11, 12, 13),
    segments: ids(0, 0, 1, 1, 2, 0, 1, -1, -1, -1, 0, 0, 2, 2, -1),
    slotPositions: ids(0, 1, 2, 3, 2, 0, 1, 0, 0, 0, 0, 1, 2, 3, 0),
    // 11 predicts 20 and 30; 20 predicts 21; 12 predicts 22; 14 predicts 31; 31 predicts 32.
    lossRows: ids(1, 2, 5, 8, 9),
    predict: ids(0, 1, 0, 2, 3, 4),
    targets: ids(20, 21, 30, 22, 31, 32),
    owners: ids(0, 0, 1, 2, 3, 3),
    rows: 3,
    S: 5,
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
  expect([batch.segments, batch.lossRows, batch.predict, batch.targets, batch.owners]).toEqual([
    ids(1, 1, 1, 0, 0, 1),
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

/** The slots of `batch` that slot i sees, by the rule of PackedBatch. */
function visible(batch: PackedBatch, slot: number): number[] {
  const rowStart = Math.floor(slot / batch.S) * batch.S;
  const seen: number[] = [];
  for (let other = rowStart; other <= slot; other++) {
    const segment = batch.segments[other]!;
    if (segment === 0 || segment === batch.segments[slot]) seen.push(other);
  }
  return seen;
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
            const slot = batch.scatterIndex[batch.lossRows[batch.predict[c]!]!]!;
            const seen = visible(batch, slot);
            const seenTokens = seen.map((other) => batch.tokens[batch.gatherIndex[other]!]);
            expect(seenTokens).toEqual(sequence.slice(0, firstScored + k));
            expect(seen.map((other) => batch.slotPositions[other])).toEqual(seen.map((_, position) => position));
          });
        });
      });
    }),
  );
});

test('gather and scatter are inverse, loss rows ascend and are all used', () => {
  fc.assert(
    fc.property(pairs, (list) => {
      const batch = packPairs(list);
      batch.scatterIndex.forEach((slot, t) => expect(batch.gatherIndex[slot]).toBe(t));
      expect(batch.gatherIndex.filter((t) => t >= 0).length).toBe(batch.T);
      batch.gatherIndex.forEach((t, slot) => {
        expect(batch.segments[slot] === -1).toBe(t === -1);
        if (t >= 0) expect(batch.slotPositions[slot]).toBe(batch.positions[t]);
      });
      expect([...batch.lossRows]).toEqual([...new Set(batch.lossRows)].toSorted((a, b) => a - b));
      expect(new Set(batch.predict)).toEqual(new Set(batch.lossRows.keys()));
    }),
  );
});
