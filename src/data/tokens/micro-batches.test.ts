import fc from 'fast-check';
import { expect, test } from 'vitest';
import { planMicroBatches } from './micro-batches.ts';

test('longest first, each row into the first group that has room', () => {
  // 100 opens a group with 50 left over for row 0; 60 opens another, which takes row 4 (50) and then row 3 (9).
  expect(planMicroBatches([50, 100, 60, 9, 50], { maxTokens: 150 })).toEqual([
    [1, 0],
    [2, 4, 3],
  ]);
  expect(planMicroBatches([50, 100, 60, 9, 50], { maxTokens: 1000 })).toEqual([[1, 2, 0, 4, 3]]);
});

test('a row longer than the budget stands alone', () => {
  expect(planMicroBatches([500, 500, 3], { maxTokens: 8 })).toEqual([[0], [1], [2]]);
  expect(planMicroBatches([], { maxTokens: 8 })).toEqual([]);
});

test('every row once, within the budget, no more than about twice the fewest groups', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 300 }), { maxLength: 40 }),
      fc.integer({ min: 1, max: 900 }),
      (lengths, maxTokens) => {
        const groups = planMicroBatches(lengths, { maxTokens });
        expect(groups.flat().toSorted((a, b) => a - b)).toEqual(lengths.map((_, index) => index));
        for (const group of groups) {
          if (group.length > 1)
            expect(group.reduce((sum, index) => sum + lengths[index]!, 0)).toBeLessThanOrEqual(maxTokens);
        }
        const fitting = lengths.filter((length) => length <= maxTokens);
        const fewest =
          Math.ceil(fitting.reduce((sum, length) => sum + length, 0) / maxTokens) + (lengths.length - fitting.length);
        // At most one group is at most half full, so there are at most twice the fewest.
        expect(groups.length).toBeLessThanOrEqual(2 * fewest + 1);
      },
    ),
  );
});

test('a budget below one token is refused', () => {
  expect(() => planMicroBatches([1], { maxTokens: 0 })).toThrow(
    'planMicroBatches: maxTokens must be at least 1, got 0',
  );
});
