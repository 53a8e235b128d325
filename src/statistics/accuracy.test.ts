import { expect, test } from 'vitest';
import { accuracyClaim, accuracyInterval, accuracyText } from './accuracy.ts';

test('an accuracy of all of ten pairs may be one of 72 %', () => {
  // Wilson at p = 1: low = 1 / (1 + z^2 / n), z = 1.959964.
  expect(accuracyInterval(1, 10)!.low).toBeCloseTo(1 / (1 + 1.959964 ** 2 / 10), 6);
  expect(accuracyText(1, 10)).toBe('95 %: 72-100 %, 10 pairs');
  expect(accuracyText(1, 1)).toBe('95 %: 21-100 %, 1 pair');
  expect(accuracyText(0.5, 0)).toBe(undefined);
  expect(accuracyText(NaN, 4)).toBe(undefined);
});

test('what may be said: nothing of three pairs in order, that it is above a coin of ten', () => {
  expect([3, 4, 10].map((count) => accuracyClaim(1, count))).toEqual(['open', 'above', 'above']);
  expect(accuracyClaim(0.6, 50)).toBe('open');
  expect(accuracyClaim(0.6, 120)).toBe('above');
  expect(accuracyClaim(0, 10)).toBe('below');
});
