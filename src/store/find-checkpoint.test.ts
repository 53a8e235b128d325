import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { JsonObject } from '../core/index.ts';
import { makeTemporaryFolder, removeFolder, thrownBy } from '../files/testing/support.ts';
import { bestEvaluation, gainOf } from './best-metric.ts';
import { removeCheckpointsAfter, writeCheckpoint } from './checkpoints.ts';
import { bestOfRun, findCheckpoint } from './find-checkpoint.ts';
import { createRunFolder } from './run-folder.ts';

let home: string;
let run: string;
beforeEach(() => {
  home = makeTemporaryFolder();
  run = join(home, 'run');
});
afterEach(() => removeFolder(home));

function makeRun(specification: JsonObject, evaluations: readonly (readonly [number, JsonObject])[]): void {
  createRunFolder(run, { specification, versions: {}, reference: null, data: null }).dispose();
  const lines = evaluations.map(([step, values]) => `${JSON.stringify({ step, ...values })}\n`);
  writeFileSync(join(run, 'metrics.jsonl'), lines.join(''));
}

const save = (step: number) =>
  writeCheckpoint(run, step, { files: { 'state.json': (path) => writeFileSync(path, '{}') } });
const path = (step: number): string => join(run, 'checkpoints', `step-${step}`);

test('the best of evaluations: the direction of the metric, the earliest of equals, never the start, never what is not finite', () => {
  const records = [
    { step: 0, eval_loss: 0.1, 'eval_rewards/accuracies': 1, 'eval_rewards/margins': 9 },
    { step: 1, loss: 0.01 },
    { step: 2, eval_loss: 0.6, 'eval_rewards/accuracies': 0.5, 'eval_rewards/margins': -2 },
    { step: 4, eval_loss: 0.4, 'eval_rewards/accuracies': 0.75, 'eval_rewards/margins': -1 },
    { step: 6, eval_loss: 0.4, 'eval_rewards/accuracies': 0.75, 'eval_rewards/margins': null },
    { step: 8, eval_loss: null, 'eval_rewards/accuracies': 0.8, 'eval_rewards/margins': 3 },
  ];
  expect(bestEvaluation(records, 'loss')).toEqual({ step: 4, metric: 'loss', value: 0.4 });
  expect(bestEvaluation(records, 'accuracy')).toEqual({ step: 8, metric: 'accuracy', value: 0.8 });
  expect(bestEvaluation(records, 'accuracy', 7)).toEqual({ step: 4, metric: 'accuracy', value: 0.75 });
  expect(bestEvaluation(records, 'margin', 4)).toEqual({ step: 4, metric: 'margin', value: -1 });
  expect(bestEvaluation(records.slice(0, 2), 'loss')).toBeUndefined();
  expect([gainOf('loss', 0.25, 0.5), gainOf('accuracy', 0.25, 0.5), gainOf('margin', -0.5, -1)]).toEqual([
    0.25, -0.25, 0.5,
  ]);
});

test('best, last and a step of a run', async () => {
  makeRun({ bestMetric: 'accuracy' }, [
    [0, { eval_loss: 0.7, 'eval_rewards/accuracies': 0.5 }],
    [10, { eval_loss: 0.5, 'eval_rewards/accuracies': 0.7 }],
    [20, { eval_loss: 0.4, 'eval_rewards/accuracies': 0.9 }],
    [30, { eval_loss: 0.3, 'eval_rewards/accuracies': 0.8 }],
    [40, { eval_loss: 0.2, 'eval_rewards/accuracies': 1 }],
  ]);
  for (const step of [20, 30]) await save(step);
  // Step 40 was measured, and the run was killed before its checkpoint.
  expect(findCheckpoint(run, 'best')).toEqual({
    step: 20,
    path: path(20),
    best: { step: 20, metric: 'accuracy', value: 0.9 },
  });
  expect(findCheckpoint(run, 'last')).toEqual({ step: 30, path: path(30) });
  expect(findCheckpoint(run, 20)).toEqual({ step: 20, path: path(20) });
  expect((await thrownBy(() => findCheckpoint(run, 10))).message).toBe(
    `${run}: the run must have a checkpoint step-10, it has step-20, step-30`,
  );
  await save(40);
  expect(findCheckpoint(run, 'best').step).toBe(40);
});

test('a run of an earlier version is judged by its loss', async () => {
  makeRun({}, [
    [1, { eval_loss: 0.5, 'eval_rewards/accuracies': 1 }],
    [2, { eval_loss: 0.4, 'eval_rewards/accuracies': 0.9 }],
  ]);
  for (const step of [1, 2]) await save(step);
  expect(findCheckpoint(run, 'best').best).toEqual({ step: 2, metric: 'loss', value: 0.4 });
});

test('what a run lacks is said with what it has', async () => {
  makeRun({}, [[1, { loss: 0.5 }]]);
  const messageOf = async (choice: 'best' | 'last'): Promise<string> =>
    (await thrownBy(() => findCheckpoint(run, choice))).message;
  const nothing = `${run}: the run must have evaluated held-out rows after its first step to have a best checkpoint, it has not`;
  expect(await messageOf('last')).toBe(`${run}: the run must have a checkpoint, it has none`);
  expect(await messageOf('best')).toBe(nothing);
  await save(1);
  expect(await messageOf('best')).toBe(`${nothing}; name ${run}@last, or train with --held-out or --held-out-fraction`);
  rmSync(join(run, 'metrics.jsonl'));
  expect(bestOfRun(run)).toBeUndefined();
  writeFileSync(join(run, 'metrics.jsonl'), '{"step":1,"eval_loss":0.25}\n{"step":2,"eval_loss":0.5}\n');
  await save(2);
  removeCheckpointsAfter(run, 0);
  await save(2);
  expect(await messageOf('best')).toBe(
    `${run}: the run must have its best checkpoint, step-1 (held-out loss 0.25), it has step-2`,
  );
  expect((await thrownBy(() => findCheckpoint(home, 'best'))).message).toContain('must hold a run, got no run.json');
});
