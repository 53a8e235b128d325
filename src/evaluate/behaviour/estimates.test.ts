import { describe, expect, test } from 'vitest';
import { meanEstimate, ratioEstimate, shareEstimate, isClear } from './estimates.ts';

describe('ratioEstimate', () => {
  test('by hand: three clusters of unequal size', () => {
    // Sums: a (3, 2), b (5, 1), c (4, 3). r = 12 / 6 = 2; residuals 3 - 4, 5 - 2, 4 - 6: squares 1 + 9 + 4 = 14.
    const estimate = ratioEstimate([1, 2, 5, 4], [1, 1, 1, 3], ['a', 'a', 'b', 'c'])!;
    expect(estimate.value).toBe(2);
    expect(estimate.clusters).toBe(3);
    expect(estimate.standardError).toBeCloseTo(Math.sqrt((3 / 2) * 14) / 6, 14);
    expect(estimate.interval!.high).toBeCloseTo(2 + 1.959963984540054 * estimate.standardError!, 12);
  });

  test('without clusters a mean has the usual standard error', () => {
    const { value, standardError } = meanEstimate([1, 2, 3, 4])!;
    expect([value, standardError]).toEqual([2.5, expect.closeTo(Math.sqrt(5 / 3 / 4), 14)]);
  });

  test('twice the same rows in the same clusters say no more', () => {
    const once = meanEstimate([1, 5, 2], ['a', 'b', 'c'])!;
    const twice = meanEstimate([1, 5, 2, 1, 5, 2], ['a', 'b', 'c', 'a', 'b', 'c'])!;
    expect(twice).toEqual(once);
  });

  test('nothing, one cluster, no denominator, other lengths', () => {
    expect(meanEstimate([])).toBeNull();
    expect(ratioEstimate([1], [0])).toBeNull();
    expect(meanEstimate([1, 3], ['a', 'a'])).toEqual({ value: 2, standardError: null, interval: null, clusters: 1 });
    expect(() => ratioEstimate([1], [1, 2])).toThrow('must have one length, got 1, 2 and 1');
  });
});

test('a share near 1 of few trials keeps an interval', () => {
  const { value, interval } = shareEstimate(4, 4)!;
  expect(value).toBe(1);
  expect(interval!.low).toBeCloseTo(0.5101, 4);
  expect(shareEstimate(0, 0)).toBeNull();
});

test('a difference is clear when 0 is outside of its interval', () => {
  expect(isClear(meanEstimate([1, 1.1, 0.9]))).toBe(true);
  expect(isClear(meanEstimate([1, -1, 0.5]))).toBe(false);
  expect(isClear(null)).toBe(false);
});
