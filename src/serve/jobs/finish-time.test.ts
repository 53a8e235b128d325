import { expect, test } from 'vitest';
import { createFinishTime } from './finish-time.ts';

test('nothing is said before three steps were measured beside the first', () => {
  let now = 1_000_000;
  const finish = createFinishTime(() => now);
  // 60 s of preparation stand in no step.
  for (const [step, time] of [
    [41, 1_060_000],
    [42, 1_061_000],
    [43, 1_062_000],
  ] as const) {
    now = time;
    finish.stepped(step, 100);
    expect(finish.at).toBeUndefined();
  }
  now = 1_063_000;
  finish.stepped(44, 100);
  // 56 steps of a second: done at 1119 s.
  expect(finish.at).toBe(1_119_000);
});

test('it is rounded up, to no more than a twentieth of what is left', () => {
  let now = 0;
  const finish = createFinishTime(() => now);
  for (let step = 1; step <= 4; step++, now += 7000) finish.stepped(step, 1004);
  // 1000 steps of 7 s behind 21 s are 7021 s; a twentieth of them is 350 s, so whole 5 minutes are told.
  expect(finish.at).toBe(7_200_000);
  now = 7_014_000;
  finish.stepped(1004, 1004);
  expect(finish.at).toBe(7_014_000);
});
