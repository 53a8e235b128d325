import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createDistribution } from './distribution.ts';
import { createHashCounter } from './tokens/hash-counter.ts';
import { hashText } from './hash.ts';

const spreadOf = (values: readonly number[]) => {
  const distribution = createDistribution();
  for (const value of values) distribution.add(value);
  return distribution.spread();
};

test('small values are exact', () => {
  expect(spreadOf([])).toEqual({ count: 0, total: 0, mean: 0, p50: 0, p95: 0, max: 0 });
  expect(spreadOf([3])).toEqual({ count: 1, total: 3, mean: 3, p50: 3, p95: 3, max: 3 });
  const hundred = Array.from({ length: 100 }, (_, index) => index + 1);
  expect(spreadOf(hundred)).toEqual({ count: 100, total: 5050, mean: 50.5, p50: 50, p95: 95, max: 100 });
});

test('large ones are within half a per cent', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 10_000_000 }), { minLength: 1, maxLength: 60 }), (values) => {
      const sorted = values.toSorted((a, b) => a - b);
      const { p50, p95, max } = spreadOf(values);
      const near = (found: number, share: number): void => {
        const exact = sorted[Math.ceil(share * values.length) - 1]!;
        expect(Math.abs(found - exact)).toBeLessThanOrEqual(exact <= 512 ? 0 : 0.005 * exact + 1);
      };
      near(p50, 0.5);
      near(p95, 0.95);
      expect(max).toBe(sorted.at(-1));
    }),
  );
});

test('repeats and contradictions are exact while all keys fit', () => {
  const counter = createHashCounter();
  for (const text of ['a', 'b', 'a', 'c', 'a']) counter.add(hashText(text));
  counter.add(hashText('b'), 1);
  counter.add(hashText('d'), 1);
  counter.add(hashText('d'), 1);
  expect(counter.counts()).toEqual({ distinct: 4, repeats: 3, contradictions: 1, sampledShare: 1 });
});

test('beyond the limit a sample of the keys gives estimates', () => {
  const counter = createHashCounter(2 ** 12);
  for (let i = 0; i < 100_000; i++) counter.add(hashText(`key ${i % 60_000}`));
  const { distinct, repeats, contradictions, sampledShare } = counter.counts();
  expect(sampledShare).toBeLessThanOrEqual(1 / 16);
  // 60,000 distinct keys in a sample of about 1 in 16: standard deviation about 2 %.
  expect(Math.abs(distinct - 60_000)).toBeLessThan(5_000);
  expect(Math.abs(repeats - 40_000)).toBeLessThan(5_000);
  expect(contradictions).toBe(0);
});
