import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { bradleyTerry } from './bradley-terry.ts';
import { holm } from './holm.ts';
import { lengthControlledWinRate, type GamedRows, type LengthRows } from './length-control.ts';
import { minimumDetectableEffect, powerOf, sampleSize } from './power.ts';
import { studentCdf, studentQuantile } from './student.ts';
import { winRate } from './win-rate.ts';

interface Fit {
  readonly rate: number;
  readonly raw: number;
  readonly weights: readonly number[];
  readonly c: number;
}
type GlmName = 'length_controlled_v1' | 'length_controlled_noreg' | 'length_controlled_minimal';

interface Recorded {
  readonly lengthControl: {
    readonly difficulties: number[];
    readonly gamed: Required<Omit<GamedRows, 'weight'>>;
    readonly folds: { readonly plain: number[]; readonly gamed: number[] };
    readonly cases: (LengthRows & { readonly results: Record<GlmName, { own: Fit; tight: Fit }> })[];
  };
  readonly bradleyTerry: {
    readonly models: number;
    readonly games: [number, number, number][];
    readonly ratings: Record<'fastchat' | 'tight' | 'mle', number[]>;
  }[];
  readonly clustered: { clusters: number[]; scores: number[]; rate: number; standardError: number }[];
  readonly power: { rate: number; tieShare: number; alpha: number; power: number; size: number }[];
  readonly holm: { values: number[]; corrected: number[] }[];
  readonly student: { cdf: [number, number, number][]; quantile: [number, number, number][] };
}

/** Recorded by fixtures/record_comparison.py from alpaca_eval, FastChat, statsmodels and scipy. */
const RECORDED = JSON.parse(readFileSync(join(import.meta.dirname, 'fixtures', 'comparison.json'), 'utf8')) as Recorded;

function furthest(ours: readonly number[], theirs: readonly number[]): number {
  expect(ours.length).toBe(theirs.length);
  return Math.max(...ours.map((value, i) => Math.abs(value - theirs[i]!)));
}

describe("alpaca_eval's length-controlled win rate", () => {
  const { difficulties, gamed, folds, cases } = RECORDED.lengthControl;
  const NAMES: readonly GlmName[] = ['length_controlled_v1', 'length_controlled_noreg', 'length_controlled_minimal'];

  test.each(NAMES)('%s', (name) => {
    for (const { results, ...rows } of cases) {
      const isMinimal = name === 'length_controlled_minimal';
      const isAnchored = name === 'length_controlled_v1';
      const ours = lengthControlledWinRate(isMinimal ? rows : { ...rows, difficulties }, {
        folds: isAnchored ? folds.gamed : folds.plain,
        ...(isAnchored ? { gamed: { ...gamed, weight: 0.1 } } : {}),
      })!;
      const { own, tight } = results[name];
      expect(ours.c / tight.c).toBeCloseTo(1, 9);
      const { length, difficulty, model } = ours.coefficients;
      const weights = difficulty === undefined ? [length, model] : [length, difficulty, model];
      expect(furthest(weights, tight.weights)).toBeLessThan(1e-5);
      expect(100 * ours.rate).toBeCloseTo(tight.rate, 4);
      // Its solver stops at a tolerance of 1e-4: a tenth of a point.
      expect(Math.abs(100 * ours.rate - own.rate)).toBeLessThan(0.1);
      expect(100 * ours.rawRate).toBeCloseTo(own.raw, 9);
    }
  });
});

test("FastChat's Bradley-Terry ratings, with scikit-learn's ridge and without", () => {
  for (const { models, games, ratings } of RECORDED.bradleyTerry) {
    const played = games.map(([a, b, score]) => ({ a, b, score }));
    const ridged = bradleyTerry(models, played, { ridge: 0.5 })!;
    // The default tolerance of its solver leaves a gradient of 1e-4: some hundredths of a point.
    expect(furthest(ridged, ratings.fastchat)).toBeLessThan(0.1);
    expect(furthest(ridged, ratings.tight)).toBeLessThan(1e-3);
    expect(furthest(bradleyTerry(models, played)!, ratings.mle)).toBeLessThan(1e-3);
  }
});

test("statsmodels' cluster-robust standard error, sample sizes and Holm", () => {
  for (const { clusters, scores, rate, standardError } of RECORDED.clustered) {
    const ours = winRate(scores, { clusters })!;
    expect(ours.rate).toBeCloseTo(rate, 12);
    expect(ours.standardError).toBeCloseTo(standardError, 12);
  }
  for (const { rate, size, ...options } of RECORDED.power) {
    expect(sampleSize(rate, options)).toBe(Math.ceil(size));
    expect(powerOf(rate, size, options)).toBeCloseTo(options.power, 10);
    expect(minimumDetectableEffect(size, options)).toBeCloseTo(rate - 0.5, 10);
  }
  for (const { values, corrected } of RECORDED.holm) expect(furthest(holm(values), corrected)).toBeLessThan(1e-14);
});

test("scipy's Student distribution", () => {
  for (const [t, freedom, p] of RECORDED.student.cdf)
    expect([t, freedom, Math.abs(studentCdf(t, freedom) / p - 1) < 1e-11]).toEqual([t, freedom, true]);
  for (const [p, freedom, t] of RECORDED.student.quantile)
    expect([p, freedom, Math.abs(studentQuantile(p, freedom) / t - 1) < 1e-10]).toEqual([p, freedom, true]);
});
