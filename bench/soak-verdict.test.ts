import { expect, test } from 'vitest';
import { trendOf } from './soak-verdict.ts';

/** Sixty samples, one in half a minute; the wobble has no trend. */
function points(value: (place: number) => number): { seconds: number; value: number }[] {
  return Array.from({ length: 60 }, (_, place) => ({ seconds: place * 30, value: value(place) }));
}
const wobble = (place: number): number => [0, 3, -2, 1, -3, 2][place % 6]!;

test('the slope is that of a line, and one wild sample does not move it', () => {
  // One unit in half a minute is 120 an hour.
  expect(
    trendOf(
      points((place) => 100 + place),
      0.05,
    ),
  ).toMatchObject({ slope: 120, from: 120, to: 120, verdict: 'grows' });
  const wild = trendOf(
    points((place) => 100 + place + (place === 30 ? 1e6 : 0)),
    0.05,
  );
  expect(wild.slope).toBe(120);
});

test('flat is told by the upper end, growth by the lower, and between them nothing is told', () => {
  expect(
    trendOf(
      points((place) => 400 + wobble(place)),
      0.05,
    ).verdict,
  ).toBe('flat');
  expect(
    trendOf(
      points((place) => 400 + place + wobble(place)),
      0.05,
    ).verdict,
  ).toBe('grows');
  // 20 an hour is 5 % of 400, the limit itself.
  expect(
    trendOf(
      points((place) => 390 + place / 6 + wobble(place)),
      0.05,
    ).verdict,
  ).toBe('undecided');
  // What shrinks is flat.
  expect(
    trendOf(
      points((place) => 400 - place),
      0.05,
    ).verdict,
  ).toBe('flat');
});
