import { expect, test } from 'vitest';
import type { ServeError } from '../serve-error.ts';
import { createAllowance } from './allowance.ts';

function refusal(work: () => void): ServeError | undefined {
  try {
    work();
    return undefined;
  } catch (thrown) {
    return thrown as ServeError;
  }
}

test('requests of a minute come at once and then as the minute goes on, for each caller', () => {
  let now = 0;
  const allowance = createAllowance({ requestsPerMinute: 6, now: () => now });
  for (let request = 0; request < 6; request++) allowance.take('a');
  const refused = refusal(() => allowance.take('a'));
  // One of six a minute: ten seconds.
  expect([refused?.status, refused?.retryAfterSeconds]).toEqual([429, 10]);
  allowance.take('b');
  now = 9_999;
  expect(refusal(() => allowance.take('a'))?.status).toBe(429);
  now = 10_000;
  expect(refusal(() => allowance.take('a'))).toBeUndefined();
  now = 600_000;
  for (let request = 0; request < 6; request++) allowance.take('a');
  expect(refusal(() => allowance.take('a'))?.status).toBe(429);
});

test('tokens are counted behind the answer, and what went beyond is waited for', () => {
  let now = 0;
  const allowance = createAllowance({ tokensPerMinute: 600, now: () => now });
  allowance.take('a');
  allowance.spend('a', 1200);
  // 601 tokens are missing, ten come in a second.
  expect(refusal(() => allowance.take('a'))?.retryAfterSeconds).toBeCloseTo(60.1, 10);
  now = 60_100;
  expect(refusal(() => allowance.take('a'))).toBeUndefined();
});

test('without limits nobody is refused', () => {
  const allowance = createAllowance({});
  allowance.spend('a', 1e9);
  expect(refusal(() => allowance.take('a'))).toBeUndefined();
});
