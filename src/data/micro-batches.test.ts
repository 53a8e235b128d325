import fc from 'fast-check';
import { expect, test } from 'vitest';
import { planMicroBatches } from './micro-batches.ts';

test('longest first, cut by the budget and by padding', () => {
  // 100 alone exceeds nothing but 100 x 2 = 200 > 150; then 60 + 50 = 120 slots; 50 x 3 of 60 would be 180; 9 would be
  // 51 of 60 x 2 padding.
  expect(planMicroBatches([50, 100, 60, 9, 50], { maxTokens: 150 })).toEqual([[1], [2, 0], [4], [3]]);
  expect(planMicroBatches([50, 100, 60, 9, 50], { maxTokens: 1000, maxPadding: 0.9 })).toEqual([[1, 2, 0, 4, 3]]);
});

test('a row that takes two sequences counts twice', () => {
  expect(planMicroBatches([10, 10, 10], { maxTokens: 30, sequenceCounts: [1, 2, 1] })).toEqual([[0, 1], [2]]);
});

test('a row longer than the budget stands alone', () => {
  expect(planMicroBatches([500, 500, 3], { maxTokens: 8 })).toEqual([[0], [1], [2]]);
  expect(planMicroBatches([], { maxTokens: 8 })).toEqual([]);
});

test('every row once, within budget and padding', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 300 }), { maxLength: 40 }),
      fc.integer({ min: 1, max: 900 }),
      fc.double({ min: 0, max: 0.9, noNaN: true }),
      (lengths, maxTokens, maxPadding) => {
        const groups = planMicroBatches(lengths, { maxTokens, maxPadding });
        expect(groups.flat().toSorted((a, b) => a - b)).toEqual(lengths.map((_, index) => index));
        for (const group of groups) {
          const slots = group.length * Math.max(...group.map((index) => lengths[index]!));
          const tokens = group.reduce((sum, index) => sum + lengths[index]!, 0);
          if (group.length > 1) {
            expect(slots).toBeLessThanOrEqual(maxTokens);
            expect(slots - tokens).toBeLessThanOrEqual(maxPadding * slots + 1e-9);
          }
        }
      },
    ),
  );
});

test('bad options are refused', () => {
  expect(() => planMicroBatches([1], { maxTokens: 0 })).toThrow(
    'planMicroBatches: maxTokens must be at least 1, got 0',
  );
  expect(() => planMicroBatches([1], { maxTokens: 5, maxPadding: 1 })).toThrow(
    'planMicroBatches: maxPadding must be in [0, 1), got 1',
  );
});
