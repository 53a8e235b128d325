import { describe, expect, test } from 'vitest';
import { createRandom } from '../core/index.ts';
import { bootstrap } from './bootstrap.ts';
import { signTest, wilsonInterval } from './proportion.ts';
import { meanOf, quantile, variance } from './summary.ts';

describe('summaries', () => {
  test('by hand, and null for nothing', () => {
    expect([meanOf([1, 2, 6]), variance([1, 2, 6]), meanOf([]), variance([1]), quantile([], 0.5)]).toEqual([
      3,
      7,
      null,
      null,
      null,
    ]);
    expect([0, 0.25, 0.5, 0.9, 1].map((share) => quantile([4, 1, 2, 3], share))).toEqual([1, 1.75, 2.5, 3.7, 4]);
    expect(() => quantile([1], 1.5)).toThrow('quantile: share must be in [0, 1], got 1.5');
  });

  test('proportions', () => {
    expect([wilsonInterval(0, 0), signTest(0, 0)]).toEqual([null, null]);
    // 9 of 10: 2 (1 + 10) / 2^10.
    expect([signTest(9, 1), signTest(1, 9), signTest(5, 5)]).toEqual(
      [22 / 1024, 22 / 1024, 1].map((p) => expect.closeTo(p, 14)),
    );
    expect(() => wilsonInterval(3, 2)).toThrow('wilsonInterval: successes must be in [0, trials], got 3 of 2');
    expect(() => wilsonInterval(1, 2, 95)).toThrow('wilsonInterval: level must be in (0, 1), got 95; 0.95 is usual');
    expect(() => signTest(1.5, 2)).toThrow('signTest: wins and losses must be whole numbers from 0 on, got 1.5 and 2');
  });
});

describe('bootstrap', () => {
  const values = Array.from({ length: 60 }, (_, i) => (i * 37) % 60);
  const average = (items: Int32Array): number => meanOf(Array.from(items, (item) => values[item]!))!;

  test('the mean: the interval is that of theory', () => {
    for (const method of ['percentile', 'bca'] as const) {
      const { estimate, interval } = bootstrap(60, average, { seed: 1, resamples: 4000, method });
      expect(estimate).toBe(29.5);
      // sd of 0..59 is 17.32; 1.96 * 17.32 / sqrt(60) = 4.38.
      expect(interval!.low).toBeCloseTo(29.5 - 4.38, 0);
      expect(interval!.high).toBeCloseTo(29.5 + 4.38, 0);
    }
  });

  test('clusters are drawn whole: ten copies of each item give the interval of one copy', () => {
    const copies = Array.from({ length: 600 }, (_, i) => values[i % 60]!);
    const clustered = bootstrap(600, (items) => meanOf(Array.from(items, (item) => copies[item]!)), {
      seed: 1,
      clusters: copies,
    });
    const alone = bootstrap(60, average, { seed: 1 });
    expect(clustered.interval!.high).toBeCloseTo(alone.interval!.high, 10);
  });

  test('covers the true value as often as it says', () => {
    const random = createRandom(9);
    let covered = 0;
    for (let trial = 0; trial < 200; trial++) {
      const sample = Array.from({ length: 40 }, () => random.nextNormal());
      const { interval } = bootstrap(40, (items) => meanOf(Array.from(items, (item) => sample[item]!)), {
        seed: trial,
        resamples: 300,
      });
      if (interval!.low <= 0 && interval!.high >= 0) covered++;
    }
    // 190 expected, standard error 3; the percentile interval is a little narrow for 40 items.
    expect(covered).toBeGreaterThan(178);
    expect(covered).toBeLessThan(198);
  });

  test('nothing to resample, and statistics that are mostly undefined', () => {
    expect(bootstrap(1, average, { seed: 1 })).toEqual({ estimate: values[0], interval: null, undefinedShare: 0 });
    let calls = 0;
    const rare = (): number | null => (calls++ % 4 === 0 ? 1 : null);
    expect(bootstrap(5, rare, { seed: 1, resamples: 100 })).toEqual({
      estimate: 1,
      interval: null,
      undefinedShare: 0.75,
    });
    expect(() => bootstrap(5, average, { seed: 1, clusters: [1] })).toThrow(
      'bootstrap: clusters must have a key for each of 5 items, got 1',
    );
    expect(() => bootstrap(5, average, { seed: 1, resamples: 0 })).toThrow(
      'bootstrap: resamples must be a whole number from 1 on, got 0',
    );
  });
});
