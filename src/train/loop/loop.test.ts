import { expect, test } from 'vitest';
import { float32Tensor } from '../../core/index.ts';
import { allMicroBatches, type Rows } from '../../data/index.ts';
import { evaluateRows, firstEpochMicroBatches } from './loop.ts';
import type { BatchProgram } from '../../policy/index.ts';
import type { Task } from './task.ts';

const LENGTHS = [9, 3, 7, 1, 5, 8, 2];
const rows: Rows = { count: LENGTHS.length, idOf: String, lengthOf: (row) => LENGTHS[row]! };

test('evaluation cuts all rows at once, the first pass cuts each optimizer batch as training will', () => {
  expect(allMicroBatches(rows, 10)).toEqual([[0, 3], [5, 6], [2, 1], [4]]);
  const options = { batchSize: 3, seed: 0, order: 'sequential', lengthBuckets: false, microBatchTokens: 10 } as const;
  expect(firstEpochMicroBatches(rows, options)).toEqual([[0], [2, 1], [5, 3], [4], [6]]);
});

test('an evaluation whose signal fires ends after the micro-batch in work, without a result', async () => {
  const stop = new AbortController();
  const seen: number[] = [];
  let sum = 0;
  const task: Task = {
    train: rows,
    heldOut: rows,
    lossScale: () => 1,
    batch: (_split, group) => ({
      inputs: { rows: float32Tensor([group.length], group) },
      tokens: 1,
      counts: new Float32Array(1),
    }),
    measure: () => ({ add: (_batch, { loss }) => (sum += loss!.data[0]!), result: () => ({ loss: sum }) }),
  };
  const evaluate: BatchProgram['evaluate'] = async (inputs) => {
    const group = Array.from((inputs['rows'] as ReturnType<typeof float32Tensor>).data);
    seen.push(...group);
    if (group.includes(2)) stop.abort();
    return { loss: float32Tensor([1], [group.length]) };
  };
  const options = { split: 'heldOut', microBatchTokens: 10 } as const;
  const program = { evaluate } as BatchProgram;
  expect(await evaluateRows(task, program, { ...options, signal: stop.signal })).toBeUndefined();
  expect([seen, sum]).toEqual([[0, 3, 5, 6, 2, 1], 6]);
  sum = 0;
  expect(await evaluateRows(task, program, options)).toEqual({ loss: 7 });
});
