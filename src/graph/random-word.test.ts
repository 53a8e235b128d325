import { expect, test } from 'vitest';
import { randomUniformAt, randomWord } from './random-word.ts';

test('the same words for ever: a saved run draws what it drew', () => {
  expect([0, 1, 2, 3].map((position) => randomWord(position, 0))).toMatchInlineSnapshot(`
    [
      0,
      3144930883,
      1775659272,
      750844535,
    ]
  `);
  expect([0, 1, 2, 3].map((position) => randomWord(position, -1))).toMatchInlineSnapshot(`
    [
      3807975093,
      1079277285,
      3605000739,
      1117610652,
    ]
  `);
  expect(randomWord(2 ** 31 + 5, 123)).toBe(randomWord(2 ** 31 + 5, 123 + 2 ** 32));
});

test('the first word by hand: every step multiplies or shifts 0', () => {
  expect(randomWord(0, 0)).toBe(0);
  expect(randomUniformAt(0, 0)).toBe(0);
});

test('uniform in [0, 1), exact in float32, the moments of a uniform number', () => {
  const count = 1 << 16;
  const values = Array.from({ length: count }, (_, position) => randomUniformAt(position, 42));
  for (const value of values) expect(Math.fround(value)).toBe(value);
  expect(Math.max(...values)).toBeLessThan(1);
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / count;
  const neighbours =
    values.reduce((sum, value, i) => sum + (value - mean) * ((values[i + 1] ?? mean) - mean), 0) / count;
  // Five standard errors: sqrt(1/12/count), sqrt(1/180/count), and 1/12/sqrt(count) for the covariance of neighbours.
  expect(Math.abs(mean - 0.5)).toBeLessThan(5 * Math.sqrt(1 / 12 / count));
  expect(Math.abs(variance - 1 / 12)).toBeLessThan(5 * Math.sqrt(1 / 180 / count));
  expect(Math.abs(neighbours)).toBeLessThan(5 / 12 / Math.sqrt(count));
});

test('seeds give different streams', () => {
  const count = 4096;
  const same = Array.from({ length: count }, (_, i) => i).filter((i) => randomWord(i, 1) === randomWord(i, 2));
  expect(same).toEqual([]);
});
