import { expect, test } from 'vitest';
import { createRandom } from '../core/index.ts';
import { outcomeOf, posteriorOf, type Counts } from './outcome.ts';

const ADAPTIVE = { overlap: { kind: 'adaptive', most: 5, confidence: 0.9, accuracy: 0.8 } } as const;

function told(counts: Counts) {
  const { isComplete, wanted, isDisputed } = outcomeOf(counts, ADAPTIVE);
  return [isComplete, wanted, isDisputed];
}

function fixed(votes: number, counts: Counts) {
  return outcomeOf(counts, { overlap: { kind: 'fixed', votes } });
}

test('the posterior by hand: r = 2 * 0.8 / 0.2 = 8', () => {
  expect(posteriorOf([0, 0, 0])).toBeCloseTo(1 / 3, 12);
  expect(posteriorOf([1, 0, 0])).toBeCloseTo(8 / 10, 12);
  expect(posteriorOf([2, 0, 0])).toBeCloseTo(64 / 66, 12);
  expect(posteriorOf([2, 1, 0])).toBeCloseTo(64 / 73, 12);
  expect(posteriorOf([1, 1, 1])).toBeCloseTo(1 / 3, 12);
  expect(posteriorOf([3, 1, 0])).toBeCloseTo(512 / 521, 12);
  expect(posteriorOf([2000, 1999, 0])).toBeCloseTo(8 / 9, 12);
});

test('adaptive: no more is asked for at once than could decide; five that are split are disputed', () => {
  expect(told([0, 0, 0])).toEqual([false, 2, false]);
  expect(told([1, 0, 0])).toEqual([false, 2, false]);
  expect(told([2, 0, 0])).toEqual([true, 2, false]);
  expect(told([1, 1, 0])).toEqual([false, 4, false]);
  expect(told([2, 1, 0])).toEqual([false, 4, false]);
  expect(told([1, 1, 1])).toEqual([false, 5, false]);
  expect(told([2, 2, 0])).toEqual([false, 5, false]);
  expect(told([3, 2, 0])).toEqual([true, 5, true]);
  expect(told([0, 1, 4])).toEqual([true, 5, false]);
});

test('fixed: one vote is no disagreement; two against one is', () => {
  expect(fixed(1, [1, 0, 0])).toMatchObject({ isComplete: true, isDisputed: false });
  expect(fixed(3, [2, 0, 0])).toMatchObject({ isComplete: false, wanted: 3 });
  expect(fixed(3, [2, 1, 0])).toMatchObject({ isComplete: true, isDisputed: true });
  expect(fixed(3, [3, 0, 0])).toMatchObject({ isComplete: true, isDisputed: false });
});

test('adaptive overlap saves votes at no less accuracy', () => {
  const random = createRandom(7, 'crowd');
  const run = (settings: Parameters<typeof outcomeOf>[1]) => {
    let [right, votes] = [0, 0];
    const items = 20_000;
    for (let i = 0; i < items; i++) {
      const counts: [number, number, number] = [0, 0, 0];
      while (!outcomeOf(counts, settings).isComplete) {
        counts[random.nextFloat() < 0.8 ? 0 : 1]++;
        votes++;
      }
      if (counts[0] > counts[1]) right++;
    }
    return { right: right / items, votes: votes / items };
  };
  // By hand, of people who are right with 0.8: three votes 0.8^3 + 3 * 0.8^2 * 0.2 = 0.896. Until two ahead, at most five: two agree with p = 0.64 + 0.04 = 0.68 and are
  // right with 0.64 / 0.68; else the same again, and then a fifth decides: 0.64 + 0.32 * (0.64 + 0.32 * 0.8) = 0.927 in 2 * 0.68 + 0.32 * (4 * 0.68 + 5 * 0.32) = 2.742.
  const three = run({ overlap: { kind: 'fixed', votes: 3 } });
  const adaptive = run(ADAPTIVE);
  expect(three.votes).toBe(3);
  expect(three.right).toBeCloseTo(0.896, 1.9);
  expect(Math.abs(adaptive.right - 0.927)).toBeLessThan(0.008);
  expect(Math.abs(adaptive.votes - 2.742)).toBeLessThan(0.03);
});
