import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { learningRateAt, type ScheduleName } from './schedule.ts';

const FIXTURE = join(import.meta.dirname, '..', '..', 'test', 'fixtures', 'trajectory', 'optimizers.json');
const { schedules } = JSON.parse(readFileSync(FIXTURE, 'utf8')) as {
  schedules: {
    total_steps: number;
    cases: { name: string; warmup_steps: number; multipliers: number[] }[];
  };
};

/** Transformers' names. */
const TABLE = {
  linear: 'linear',
  cosine: 'cosine',
  constant: 'constant_with_warmup',
} as const satisfies Record<ScheduleName, string>;

for (const [name, theirs] of Object.entries(TABLE)) {
  test.each(schedules.cases.filter((recorded) => recorded.name === theirs))(
    `${name} has the rates of Transformers at every step, warm-up $warmup_steps`,
    ({ warmup_steps: warmupSteps, multipliers }) => {
      const options = {
        name: name as ScheduleName,
        learningRate: 1,
        warmupSteps,
        totalSteps: schedules.total_steps,
        startsAtZero: true,
      };
      const ours = multipliers.map((_multiplier, step) => learningRateAt(options, step));
      expect(multipliers.length).toBe(13);
      ours.forEach((rate, step) => expect(rate).toBeCloseTo(multipliers[step]!, 15));
    },
  );
}

function at(name: ScheduleName, step: number): number {
  return learningRateAt({ name, learningRate: 8, warmupSteps: 4, totalSteps: 12, startsAtZero: true }, step);
}

test('rates by hand: half of a warm-up, half of what follows, never below 0', () => {
  expect([0, 2, 4, 8, 12, 99].map((step) => at('linear', step))).toEqual([0, 4, 8, 4, 0, 0]);
  expect([0, 2, 4, 12, 99].map((step) => at('cosine', step))).toEqual([0, 4, 8, 0, 0]);
  expect(at('cosine', 8)).toBeCloseTo(4, 14);
  expect([0, 2, 4, 8, 99].map((step) => at('constant', step))).toEqual([0, 4, 8, 8, 8]);
});

test('a run that is all warm-up ends below the rate, and one step has the whole rate', () => {
  const all = { name: 'linear', learningRate: 1, warmupSteps: 4, totalSteps: 4, startsAtZero: true } as const;
  expect([0, 1, 2, 3].map((step) => learningRateAt(all, step))).toEqual([0, 0.25, 0.5, 0.75]);
  expect(learningRateAt({ ...all, warmupSteps: 0, totalSteps: 1 }, 0)).toBe(1);
});

test('without the mode of Transformers the first step of a warm-up changes the model, and the rate behind it is the same', () => {
  const ours = { name: 'linear', learningRate: 8, warmupSteps: 3, totalSteps: 11 } as const;
  expect([0, 1, 2, 3, 7, 11].map((step) => learningRateAt(ours, step))).toEqual([2, 4, 6, 8, 4, 0]);
});
