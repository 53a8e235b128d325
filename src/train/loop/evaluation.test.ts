import { expect, test } from 'vitest';
import { float32Tensor } from '../../core/index.ts';
import type { Rows } from '../../data/index.ts';
import type { BatchProgram } from '../../policy/index.ts';
import { evaluateRows } from './evaluation.ts';
import type { HeldOutRows, Task } from './task.ts';

const LENGTHS = [9, 3, 7, 1, 5, 8, 2];
const rows: Rows = { count: LENGTHS.length, idOf: String, lengthOf: (row) => LENGTHS[row]! };

test('an evaluation whose signal fires ends after the micro-batch in work, without a result', async () => {
  const stop = new AbortController();
  const seen: number[] = [];
  let sum = 0;
  const heldOut: HeldOutRows = {
    rows,
    batch: (group) => ({
      inputs: { rows: float32Tensor([group.length], group) },
      tokens: 1,
      counts: new Float32Array(1),
    }),
  };
  const measure: Task['measure'] = () => ({
    add: (_batch, { loss }) => (sum += loss!.data[0]!),
    result: () => ({ loss: sum }),
  });
  const evaluate: BatchProgram['evaluate'] = async (inputs) => {
    const group = Array.from((inputs['rows'] as ReturnType<typeof float32Tensor>).data);
    seen.push(...group);
    if (group.includes(2)) stop.abort();
    return { loss: float32Tensor([1], [group.length]) };
  };
  const options = { moment: { step: 0, totalSteps: 1 }, microBatchTokens: 10 };
  const evaluation = { measure, program: { evaluate }, parts: [] };
  expect(await evaluateRows(evaluation, heldOut, { ...options, signal: stop.signal })).toBeUndefined();
  expect([seen, sum]).toEqual([[0, 3, 5, 6, 2, 1], 6]);
  sum = 0;
  expect(await evaluateRows(evaluation, heldOut, options)).toEqual({ loss: 7 });
});
