import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { bcaInterval } from './bootstrap.ts';
import { cohenKappa, fleissKappa, type KappaWeights } from './kappa.ts';
import { krippendorffAlpha, type MeasurementLevel } from './krippendorff.ts';
import { normalCdf, normalQuantile } from './normal.ts';
import { signTest, wilsonInterval } from './proportion.ts';

interface Recorded {
  readonly cohen: { first: number[]; second: number[]; kappas: Record<KappaWeights, number> }[];
  readonly fleiss: { counts: number[][]; kappa: number }[];
  readonly alpha: { units: number[][]; alphas: Record<MeasurementLevel, number> }[];
  readonly proportions: { successes: number; trials: number; p: number; intervals: Record<string, [number, number]> }[];
  readonly bca: { estimate: number; jackknife: number[]; resampled: number[]; interval: [number, number] };
  readonly normal: { cdf: [number, number][]; quantile: [number, number][] };
}

/** Recorded by fixtures/record.py from scikit-learn, statsmodels, krippendorff and scipy. */
const RECORDED = JSON.parse(readFileSync(join(import.meta.dirname, 'fixtures', 'agreement.json'), 'utf8')) as Recorded;

function relativeError(ours: number | null, theirs: number): number {
  return Math.abs(ours! - theirs) / Math.max(Math.abs(theirs), 1e-300);
}

describe('values of the Python packages', () => {
  test('Cohen, unweighted and weighted', () => {
    for (const { first, second, kappas } of RECORDED.cohen) {
      for (const weights of ['none', 'linear', 'quadratic'] as const)
        expect(cohenKappa(first, second, { weights })).toBeCloseTo(kappas[weights], 12);
    }
  });

  test('Fleiss', () => {
    for (const { counts, kappa } of RECORDED.fleiss) expect(fleissKappa(counts)).toBeCloseTo(kappa, 12);
  });

  test('Krippendorff, with missing ratings', () => {
    for (const { units, alphas } of RECORDED.alpha) {
      for (const level of ['nominal', 'ordinal', 'interval'] as const)
        expect(krippendorffAlpha(units, level)).toBeCloseTo(alphas[level], 12);
    }
  });

  test('Wilson intervals and the exact sign test', () => {
    for (const { successes, trials, p, intervals } of RECORDED.proportions) {
      expect(relativeError(signTest(successes, trials - successes), p)).toBeLessThan(1e-9);
      for (const [level, [low, high]] of Object.entries(intervals)) {
        const ours = wilsonInterval(successes, trials, Number(level))!;
        expect([ours.low - low, ours.high - high].map((error) => Math.abs(error) < 1e-12)).toEqual([true, true]);
      }
    }
  });

  test('BCa of the same resamples', () => {
    const { estimate, jackknife, resampled, interval } = RECORDED.bca;
    const ours = bcaInterval(resampled, { estimate, jackknife, level: 0.95 });
    expect(ours.low).toBeCloseTo(interval[0], 10);
    expect(ours.high).toBeCloseTo(interval[1], 10);
  });

  test('the normal distribution, tails included', () => {
    for (const [x, theirs] of RECORDED.normal.cdf)
      expect([x, relativeError(normalCdf(x), theirs) < 1e-12]).toEqual([x, true]);
    for (const [share, theirs] of RECORDED.normal.quantile)
      expect([share, Math.abs(normalQuantile(share) - theirs) < 1e-10]).toEqual([share, true]);
  });
});
