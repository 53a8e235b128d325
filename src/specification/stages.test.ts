import { expect, test } from 'vitest';
import { epochStepsOf, planStages, stageAt, totalStepsOf } from './stages.ts';

const options = { batchSize: 4, epochs: 2, warmupRatio: 0.1 };

test('rows are cut in their order into parts of equal size, each with steps and warm-up of its own', () => {
  // 11 rows: 3, 4 and 4, of which 2 passes in batches of 4 are 2 steps each.
  const stages = planStages(11, options, 3);
  expect(stages).toEqual([
    { start: 0, count: 3, firstStep: 0, steps: 2, warmupSteps: 1, startsAtZero: false },
    { start: 3, count: 4, firstStep: 2, steps: 2, warmupSteps: 1, startsAtZero: false },
    { start: 7, count: 4, firstStep: 4, steps: 2, warmupSteps: 1, startsAtZero: false },
  ]);
  expect([0, 1, 2, 3, 4, 5].map((step) => stages.indexOf(stageAt(stages, step)))).toEqual([0, 0, 1, 1, 2, 2]);
  expect([totalStepsOf(stages), epochStepsOf(stages, 4)]).toEqual([6, 3]);
});

test('one stage is a run: passes are rounded to steps, maxSteps ends it', () => {
  const [whole] = planStages(10, { ...options, epochs: 1.5 });
  expect(whole).toEqual({ start: 0, count: 10, firstStep: 0, steps: 5, warmupSteps: 1, startsAtZero: false });
  expect(planStages(10, { ...options, maxSteps: 3 })[0]!.steps).toBe(3);
  expect(planStages(8, { ...options, maxSteps: 3 }, 2).map(({ steps }) => steps)).toEqual([2, 1]);
});

test('a stage without rows or steps is refused', () => {
  expect(() => planStages(2, options, 3)).toThrow(
    '--stages must be at most the 2 rows of the training data, got 3; lower it',
  );
  expect(() => planStages(8, { ...options, maxSteps: 2 }, 2)).toThrow(
    '--max-steps must leave a step for each of 2 --stages, got 2, after which stage 2 would begin; raise it or lower --stages',
  );
});

function warmup(maxSteps: number, compat?: 'trl-1' | 'original'): unknown[] {
  const [stage] = planStages(100, { batchSize: 1, epochs: 1, warmupRatio: 0.1, maxSteps, compat });
  return [stage!.warmupSteps, stage!.startsAtZero];
}

test('warm-up leaves a step with the whole rate; in the modes of TRL it is that of Transformers', () => {
  expect([1, 2, 10, 11].map((steps) => warmup(steps))).toEqual([
    [0, false],
    [1, false],
    [1, false],
    [2, false],
  ]);
  expect(warmup(1, 'original')).toEqual([0, false]);
  expect(warmup(1, 'trl-1')).toEqual([1, true]);
});
