import { expect, test } from 'vitest';
import { allMicroBatches, type Rows } from '../../data/index.ts';
import { planStages } from '../../specification/index.ts';
import { epochSource, firstEpochMicroBatches } from './epochs.ts';

const LENGTHS = [9, 3, 7, 1, 5, 8, 2];
const rows: Rows = { count: LENGTHS.length, idOf: (row) => `row ${row}`, lengthOf: (row) => LENGTHS[row]! };
const order = { batchSize: 3, seed: 0, order: 'sequential', lengthBuckets: false } as const;

test('evaluation cuts all rows at once, the first pass cuts each optimizer batch as training will', () => {
  expect(allMicroBatches(rows, 10)).toEqual([[0, 3], [5, 6], [2, 1], [4]]);
  expect(firstEpochMicroBatches(rows, { ...order, microBatchTokens: 10 })).toEqual([[0], [2, 1], [5, 3], [4], [6]]);
});

function batch(numbers: readonly number[]) {
  return { inputs: {}, tokens: numbers.length, counts: Float32Array.from(numbers) };
}

/** A source whose batches are the numbers of their rows. */
function sourceOf(options: Partial<Parameters<typeof epochSource>[1]> & { parts?: number; epochs?: number } = {}) {
  const { parts = 1, epochs = 2, ...rest } = options;
  const stages = planStages(rows.count, { batchSize: 3, epochs, warmupRatio: 0 }, parts);
  return epochSource({ rows, batch, lossScale: (numbers) => 1 / numbers.length }, { ...order, stages, ...rest });
}

async function numbersOf(source: ReturnType<typeof sourceOf>, step: number): Promise<number[]> {
  const taken = await source.at(step);
  return [...taken.batch(Array.from({ length: taken.rows.count }, (_, row) => row)).counts];
}

test('a step has the rows of its batch under numbers of its own, with their ids, lengths and the scale of their loss', async () => {
  const source = sourceOf();
  expect([source.totalSteps, source.stepsPerEpoch, source.lengths]).toEqual([6, 3, { mean: 5, longest: 9 }]);
  const step = await source.at(4);
  expect([step.rows.count, step.rows.idOf(1), step.rows.lengthOf(2), step.lossScale]).toEqual([3, 'row 4', 8, 1 / 3]);
  expect([...step.batch([2, 0]).counts]).toEqual([5, 3]);
  // An epoch's last batch has what is left.
  expect([(await source.at(5)).rows.count, (await source.at(5)).lossScale]).toEqual([1, 1]);
});

test('rows are a function of seed and step alone, so a resumed run sees the same', async () => {
  const [one, other] = [sourceOf({ order: 'shuffled' }), sourceOf({ order: 'shuffled' })];
  const forward = [];
  for (let step = 0; step < 6; step++) forward.push(await numbersOf(one, step));
  const backward = [];
  for (let step = 5; step >= 0; step--) backward.unshift(await numbersOf(other, step));
  expect(backward).toEqual(forward);
  expect(forward.slice(0, 3).flat().toSorted()).toEqual([0, 1, 2, 3, 4, 5, 6]);
  expect(forward.slice(3).flat()).not.toEqual(forward.slice(0, 3).flat());
});

test('stages are passes over a part of the rows, one after the other', async () => {
  const source = sourceOf({ parts: 2, epochs: 1 });
  const steps = [];
  for (let step = 0; step < source.totalSteps; step++) steps.push(await numbersOf(source, step));
  expect(steps).toEqual([[0, 1, 2], [3, 4, 5], [6]]);
});
