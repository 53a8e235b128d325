import { expect, test } from 'vitest';
import { createRateLimiter } from './rate-limit.ts';
import { manualClock } from '../judge/testing/manual-clock.ts';

async function entries(
  limits: Parameters<typeof createRateLimiter>[0],
  tokens: readonly number[],
): Promise<readonly number[]> {
  const clock = manualClock();
  const limiter = createRateLimiter(limits, clock);
  return Promise.all(tokens.map((count) => limiter.enter(count).then(() => clock.nowMs())));
}

test('requests are a sixtieth of a minute apart at sixty a minute', async () => {
  expect(await entries({ requestsPerMinute: 60 }, [5, 5, 5, 5])).toEqual([0, 1000, 2000, 3000]);
});

test('each request waits for the tokens of those before it', async () => {
  expect(await entries({ tokensPerMinute: 6000 }, [100, 300, 50])).toEqual([0, 1000, 4000]);
  expect(await entries({ tokensPerMinute: 6000, requestsPerMinute: 30 }, [100, 300, 50])).toEqual([0, 2000, 5000]);
  expect(await entries({}, [1e9, 1e9])).toEqual([0, 0]);
});

test('settling gives back what was not used; a pause holds everybody', async () => {
  const clock = manualClock();
  const limiter = createRateLimiter({ tokensPerMinute: 6000 }, clock);
  await limiter.enter(1000);
  limiter.settle(1000, 100);
  await limiter.enter(0);
  expect(clock.nowMs()).toBe(1000);
  limiter.pause(5000);
  limiter.pause(2000);
  await Promise.all([limiter.enter(0), limiter.enter(0)]);
  expect(clock.nowMs()).toBe(6000);
  const stop = new AbortController();
  limiter.pause(5000);
  const waiting = limiter.enter(0, stop.signal);
  stop.abort();
  await expect(waiting).rejects.toMatchObject({ code: 'cancelled' });
});
