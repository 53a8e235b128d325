import { expect, test } from 'vitest';
import { unpairedMicroBatch, rankingMicroBatch } from './batches.ts';

const ids = (...values: number[]) => Int32Array.from(values);
const list = (tensor: { readonly data: ArrayLike<number> } | undefined): number[] => Array.from(tensor!.data);

test('mismatched answers come last, in the second column, and not into the backward pass', () => {
  const rows = [
    { id: 'a', prompt: ids(1), completion: ids(2, 3), label: 1 as const },
    { id: 'b', prompt: ids(4), completion: ids(5), label: 0 as const },
  ].map((row, i, all) => ({ ...row, mismatched: { ...row, completion: all[1 - i]!.completion } }));
  const { inputs, backward, counts, tokens } = unpairedMicroBatch(rows);
  expect(list(inputs['tokens'])).toEqual([1, 2, 3, 4, 5, 1, 5, 4, 2, 3]);
  expect(list(inputs['owners'])).toEqual([0, 0, 2, 1, 3, 3]);
  expect([list(inputs['labels']), [...counts], inputs['counts']!.shape, tokens]).toEqual([
    [1, 0],
    [2, 1, 1, 2],
    [2, 2],
    10,
  ]);
  // What dropout draws depends on a token's place: the first ones are the same in both passes.
  for (const name of ['tokens', 'positions', 'branches', 'parents'])
    expect(list(backward![name])).toEqual(list(inputs[name]).slice(0, 5));
  expect([list(backward!['owners']), list(backward!['counts'])]).toEqual([
    [0, 0, 2],
    [2, 0, 1, 0],
  ]);
});

test('unpaired answers without them have one column, and lists say which answers are there', () => {
  const single = unpairedMicroBatch([{ id: 'a', prompt: ids(1), completion: ids(2, 3), label: 1 }]);
  expect([single.backward, single.inputs['counts']!.shape]).toEqual([undefined, [1, 1]]);
  const prompt = ids(9);
  const two = { id: 'l', prompt, answers: [ids(1), ids(2, 3)].map((answer) => ({ prompt, ids: answer })) };
  const three = { id: 'm', prompt, answers: [ids(4), ids(5), ids(6)].map((answer) => ({ prompt, ids: answer })) };
  const lists = rankingMicroBatch([two, three], 3);
  expect([list(lists.inputs['present']), [...lists.counts]]).toEqual([
    [1, 1, 0, 1, 1, 1],
    [1, 2, 0, 1, 1, 1],
  ]);
});
