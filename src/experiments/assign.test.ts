import { describe, expect, test } from 'vitest';
import { armAt, isHeldOut, placeOf } from './assign.ts';
import { createSteadyClock } from './steady-clock.ts';

const DAY = 86_400_000;

describe('assignment', () => {
  test('SHA-256 of key, zero byte and unit, as sha256sum has it', () => {
    // printf 'exp-1\0user-42' | sha256sum: 5b50f0149649c1bd...; user-43: 0b2928a5...
    expect(placeOf('exp-1', 'user-42')).toBeCloseTo(0x5b50f0149649c / 2 ** 52, 12);
    expect(placeOf('exp-1', 'user-43')).toBeCloseTo(0.0436, 4);
  });

  test('widening the traffic moves nobody from one arm to another', () => {
    const shares = [0.5, 0.3, 0.2];
    const steps = [0.05, 0.1, 0.4, 1];
    const places = Array.from({ length: 2000 }, (_, unit) => placeOf('ramp', `unit-${unit}`));
    for (const place of places) {
      const arms = steps.map((traffic) => armAt(place, shares, traffic));
      const first = arms.findIndex((arm) => arm !== undefined);
      expect(new Set(arms.slice(first))).toEqual(new Set([arms.at(-1)]));
    }
    const held = places.filter((_, unit) => isHeldOut('prod', `unit-${unit}`, 0.05));
    expect(held.length / places.length).toBeCloseTo(0.05, 1);
    const counts = [0, 1, 2].map((arm) => places.filter((place) => armAt(place, shares, 1) === arm).length);
    expect(counts.map((units) => Math.round(units / 200))).toEqual([5, 3, 2]);
  });
});

describe('the clock', () => {
  test('that is set, forwards or back, moves by what has passed; between processes it never goes back', () => {
    let [now, elapsed] = [1_000_000, 0];
    const clock = createSteadyClock({ now: () => now, elapsed: () => elapsed });
    const go = (wallMs: number, ms: number): number => {
      now += wallMs;
      elapsed += ms;
      return clock.read() - 1_000_000;
    };
    expect([go(500, 500), go(3 * DAY, 1000), go(2000, 2000), go(-5 * DAY, 1000)]).toEqual([500, 1500, 3500, 4500]);
    expect(createSteadyClock({ now: () => 5, elapsed: () => 0, last: 900 }).read()).toBe(900);
  });
});
