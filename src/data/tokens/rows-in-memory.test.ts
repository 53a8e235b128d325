import { expect, test } from 'vitest';
import type { TokenizedPair, TokenizedRanking, TokenizedUnpaired } from '../row.ts';
import { rowSetOf } from './rows-in-memory.ts';

const ids = (...values: number[]): Int32Array<ArrayBuffer> => Int32Array.from(values);

const pairs: TokenizedPair[] = [
  { id: 'a', prompt: ids(1, 2), chosen: ids(3), rejected: ids(4, 5) },
  { id: 'b', prompt: ids(1, 2), chosen: ids(3, 6), rejected: ids(7), rejectedPrompt: ids(1, 8) },
];

test('pairs in memory have the sizes of packed pairs, and the columns that they come with', () => {
  const set = rowSetOf(pairs, { margins: [0.5, NaN] });
  expect([set.count, [...set.lengths], [...set.sequenceCounts]]).toEqual([2, [5, 7], [1, 2]]);
  expect([[...set.margins], [...set.weights]]).toEqual([
    [0.5, NaN],
    [NaN, NaN],
  ]);
  expect(set.row(1)).toBe(pairs[1]);
  expect(set.promptHashes[0]).toBe(set.promptHashes[1]);
  expect(() => set.row(2)).toThrow('row set: index must be in [0, 2), got 2');
});

test('lists and single answers too', () => {
  const prompt = ids(1, 2, 3);
  const list: TokenizedRanking = {
    id: 'l',
    prompt,
    answers: [ids(4), ids(5, 6), ids(7)].map((each) => ({ prompt, ids: each })),
  };
  expect([[...rowSetOf([list]).lengths], [...rowSetOf([list]).sequenceCounts]]).toEqual([[7], [1]]);
  const answer: TokenizedUnpaired = { id: 'u', prompt, completion: ids(4, 5), label: 1 };
  expect([[...rowSetOf([answer]).lengths], [...rowSetOf([answer]).sequenceCounts]]).toEqual([[5], [1]]);
});

test('the fingerprint changes with every id, token and label, and with the order', () => {
  const label = (value: 0 | 1): TokenizedUnpaired => ({ id: 'u', prompt: ids(1), completion: ids(2), label: value });
  const prints = [
    rowSetOf(pairs),
    rowSetOf(pairs.toReversed()),
    rowSetOf([{ ...pairs[0]!, id: 'c' }, pairs[1]!]),
    rowSetOf([{ ...pairs[0]!, prompt: ids(1), chosen: ids(2, 3) }, pairs[1]!]),
    rowSetOf([label(0)]),
    rowSetOf([label(1)]),
  ].map(({ fingerprint }) => fingerprint);
  expect(new Set(prints).size).toBe(prints.length);
  expect(rowSetOf([...pairs]).fingerprint).toBe(prints[0]);
});
