import { expect, test } from 'vitest';
import { cohenKappaInterval, fleissKappaInterval, krippendorffAlphaInterval } from './agreement.ts';
import { cohenKappa, fleissKappa } from './kappa.ts';
import { krippendorffAlpha } from './krippendorff.ts';

/** Alternating labels of which a share of `flip` tenths is turned round. */
function labels(count: number, flip: number): number[] {
  return Array.from({ length: count }, (_, i) => ((i * 7) % 10 < flip ? 1 - (i % 2) : i % 2));
}

test('Cohen by hand', () => {
  // 20 yes-yes, 5 yes-no, 10 no-yes, 15 no-no: observed .7, by chance .5 * .6 + .5 * .4 = .5, kappa .4.
  const first = [...Array(25).fill(1), ...Array(25).fill(0)] as number[];
  const second = [...Array(20).fill(1), ...Array(5).fill(0), ...Array(10).fill(1), ...Array(15).fill(0)] as number[];
  expect(cohenKappa(first, second)).toBeCloseTo(0.4, 14);
  // With two categories every weight is the same.
  expect(cohenKappa(first, second, { weights: 'quadratic' })).toBeCloseTo(0.4, 14);
  expect(cohenKappa([0, 1], [1, 0])).toBe(-1);
});

test('Fleiss by hand', () => {
  // Items 3:0 and 1:2. P = (1 + 1/3) / 2 = 2/3; p = 4/6, 2/6, Pe = 5/9; kappa = (2/3 - 5/9) / (4/9) = 1/4.
  const counts = [
    [3, 0],
    [1, 2],
  ];
  expect(fleissKappa(counts)).toBeCloseTo(0.25, 14);
});

test('Krippendorff by hand', () => {
  // Two raters: [0,0] [0,1] [1,1] [1,1]. o01 = o10 = 1, n0 = 3, n1 = 5, n = 8. alpha = 1 - 7 * 1 / 15.
  const units = [[0, 0], [0, 1], [1, 1], [1, 1], [1], []];
  expect(krippendorffAlpha(units, 'nominal')).toBeCloseTo(1 - 7 / 15, 14);
  expect(krippendorffAlpha(units, 'interval')).toBeCloseTo(1 - 7 / 15, 14);
});

test('what is not defined is null, not 0 or NaN', () => {
  expect([
    cohenKappa([], []),
    cohenKappa([1, 1], [1, 1]),
    fleissKappa([]),
    fleissKappa([[1, 0]]),
    fleissKappa([
      [3, 0],
      [3, 0],
    ]),
    krippendorffAlpha([], 'nominal'),
    krippendorffAlpha([[1], [0]], 'ordinal'),
    krippendorffAlpha(
      [
        [1, 1],
        [1, 1],
      ],
      'interval',
    ),
  ]).toEqual(Array(8).fill(null));
  const options = { seed: 1 };
  expect(cohenKappaInterval([1, 1], [1, 1], options)).toEqual({ estimate: null, interval: null, undefinedShare: 0 });
  expect(krippendorffAlphaInterval([[1]], { ...options, measurement: 'nominal' }).estimate).toBe(null);
});

test('raters that differ in number, labels that are not there', () => {
  expect(() => cohenKappa([1], [1, 2])).toThrow(
    'cohenKappa: both raters must have labelled the same items, got 1 and 2',
  );
  expect(() => cohenKappa([1], [3], { categories: [1, 2] })).toThrow('cohenKappa: labels must be among 1, 2, got 3');
  expect(() =>
    fleissKappa([
      [2, 0],
      [2, 1],
    ]),
  ).toThrow(
    'fleissKappa: all items must have 2 ratings as the first has, got 3 for item 1; use krippendorffAlpha where numbers differ',
  );
  expect(() => krippendorffAlpha([[1, NaN]], 'nominal')).toThrow(
    'krippendorffAlpha: values must be finite, got NaN; leave missing ratings out',
  );
});

test('intervals hold the estimate, narrow with more items, and are the same for the same seed', () => {
  const widths = [50, 5000].map((count) => {
    const result = cohenKappaInterval(labels(count, 0), labels(count, 2), { seed: 5, resamples: 200 });
    expect(result.estimate).toBeCloseTo(0.6, 10);
    expect(result.interval!.low).toBeLessThan(0.6);
    expect(result.interval!.high).toBeGreaterThan(0.6);
    expect(result).toEqual(cohenKappaInterval(labels(count, 0), labels(count, 2), { seed: 5, resamples: 200 }));
    return result.interval!.high - result.interval!.low;
  });
  // The standard error falls with the square root: a tenth for a hundred times the items.
  expect(widths[1]! / widths[0]!).toBeGreaterThan(0.07);
  expect(widths[1]! / widths[0]!).toBeLessThan(0.14);
  const units = labels(60, 0).map((label, i) => [label, labels(60, 3)[i]!]);
  const counts = units.map((unit) => [0, 1].map((value) => unit.filter((label) => label === value).length));
  const alpha = krippendorffAlphaInterval(units, { seed: 2, measurement: 'nominal' });
  const fleiss = fleissKappaInterval(counts, { seed: 2 });
  // Alpha is Fleiss' kappa with a correction for small samples, alpha = 1 - (1 - kappa) (n - 1) / n over n ratings.
  expect(alpha.estimate).toBeCloseTo(1 - ((1 - fleiss.estimate!) * 119) / 120, 12);
});
