import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  fixedInterval,
  meanDifference,
  relativeLift,
  asymptoticInterval,
  sequentialHalfWidth,
  sequentialPValue,
  sequentialRho,
  type ArmMoments,
} from './asymptotic.ts';
import { bettingSequence, predictableBet } from './betting.ts';
import { logCoinEvidence, logShareEvidence, sampleRatio } from './mixtures.ts';

interface Recorded {
  readonly betting: {
    readonly streams: Record<string, number[]>;
    readonly bets: number[];
    readonly wealth: { name: string; alpha: number; m: number; hedged: number[]; lower: number; upper: number }[];
    readonly bounds: { name: string; low: number; high: number }[];
  };
  readonly coin: { wins: number; losses: number; a: number; log: number }[];
  readonly ratios: { counts: number[]; shares: number[]; flat: number; spike: number; p: number }[];
  readonly asymptotic: {
    readonly cases: {
      control: ArmMoments;
      candidate: ArmMoments;
      isRelative: boolean;
      tunedFor: number;
      estimate: number;
      standardError: number;
      interval: [number, number];
      p: number;
    }[];
    readonly fixed: {
      control: ArmMoments;
      candidate: ArmMoments;
      isRelative: boolean;
      estimate: number;
      standardError: number;
    }[];
    readonly widths: { units: number; tunedFor: number; alpha: number; rho: number; two: number; one: number }[];
  };
}

/** Recorded by ../fixtures/record_sequential.py from confseq, scipy and GrowthBook's gbstats. */
const RECORDED = JSON.parse(
  readFileSync(join(import.meta.dirname, '..', 'fixtures', 'sequential.json'), 'utf8'),
) as Recorded;

const RELATIVE = 1e-9;
function close(ours: number, theirs: number, tolerance = RELATIVE): void {
  const error = Math.abs(ours - theirs) / Math.max(1e-12, Math.abs(theirs));
  expect([ours, theirs, error < tolerance]).toEqual([ours, theirs, true]);
}

describe('values of confseq', () => {
  const { streams, bets, wealth, bounds } = RECORDED.betting;

  test('bets before they are cut', () => {
    let [sum, squares] = [0, 0];
    for (const [place, x] of streams.short!.entries()) {
      close(predictableBet(place + 1, (0.25 + squares) / (place + 1), 0.05), bets[place]!);
      sum += x;
      squares += (x - (0.5 + sum) / (place + 2)) ** 2;
    }
  });

  test('wealth at means, hedged and one-sided', () => {
    for (const { name, alpha, m, hedged, lower, upper } of wealth) {
      const stream = streams[name]!;
      const looks = [0, Math.floor(stream.length / 2), stream.length - 1];
      const both = bettingSequence({ alpha, nulls: [m], gridSize: 2 });
      const [low, high] = (['lower', 'upper'] as const).map((sides) =>
        bettingSequence({ alpha, sides, nulls: [m], gridSize: 2 }),
      );
      for (const [place, x] of stream.entries()) {
        for (const sequence of [both, low!, high!]) sequence.add(x);
        if (!looks.includes(place)) continue;
        const [up, down] = both.state().tests[0]!;
        close(Math.exp(Math.max(up, down)) / 2, hedged[looks.indexOf(place)]!);
      }
      close(Math.exp(low!.state().tests[0]![0]), lower);
      close(Math.exp(high!.state().tests[0]![1]), upper);
    }
  });

  test('the running interval, to the width of a step of the grid', () => {
    for (const { name, low, high } of bounds) {
      const sequence = bettingSequence({ alpha: 0.05, gridSize: 4000 });
      for (const x of streams[name]!) sequence.add(x);
      const ours = sequence.interval();
      // Never narrower than theirs, which names the outermost mean of its grid that is kept; never wider by more than a step of each.
      expect([name, ours.low <= low + 1e-12, low - ours.low < 8e-4]).toEqual([name, true, true]);
      expect([name, ours.high >= high - 1e-12, ours.high - high < 8e-4]).toEqual([name, true, true]);
    }
  });
});

test("the coin's evidence as scipy's betaln gives it", () => {
  for (const { wins, losses, a, log } of RECORDED.coin)
    expect(Math.abs(logCoinEvidence(wins, losses, a) - log)).toBeLessThan(1e-8);
});

test("sample ratios: scipy's Dirichlet-multinomial, and the p of GrowthBook's spike and slab", () => {
  for (const { counts, shares, flat, spike, p } of RECORDED.ratios) {
    const evidence = (alpha: number[]): number => logShareEvidence(counts, shares, alpha);
    expect(Math.abs(evidence(shares.map(() => 1)) - flat)).toBeLessThan(1e-7);
    expect(Math.abs(evidence(shares.map((share) => 10_000 * share)) - spike)).toBeLessThan(1e-7);
    close(sampleRatio(counts, shares).p, p, 1e-6);
  }
});

describe("values of GrowthBook's gbstats", () => {
  test('the asymptotic sequence: relative and absolute, means and proportions', () => {
    for (const { control, candidate, isRelative, tunedFor, ...theirs } of RECORDED.asymptotic.cases) {
      const ours = asymptoticInterval(candidate, control, { alpha: 0.05, tunedFor, isRelative })!;
      // Of proportions they take p (1 - p) for the variance, without n / (n - 1).
      const tolerance = control.squares === control.sum ? 1e-3 : RELATIVE;
      close(ours.estimate, theirs.estimate);
      close(ours.standardError, theirs.standardError, tolerance);
      close(ours.low, theirs.interval[0], tolerance);
      close(ours.high, theirs.interval[1], tolerance);
      const p = sequentialPValue(ours, control.units + candidate.units, { alpha: 0.05, tunedFor });
      expect(Math.abs(p - theirs.p)).toBeLessThan(1e-9);
    }
  });

  test('contrasts of one look, and half-widths', () => {
    for (const { control, candidate, isRelative, ...theirs } of RECORDED.asymptotic.fixed) {
      const ours = (isRelative ? relativeLift : meanDifference)(candidate, control)!;
      close(ours.estimate, theirs.estimate);
      close(ours.standardError, theirs.standardError);
    }
    for (const { units, tunedFor, alpha, ...theirs } of RECORDED.asymptotic.widths) {
      const standardError = Math.sqrt(1.7 / units);
      close(sequentialRho(alpha, tunedFor), theirs.rho);
      close(sequentialHalfWidth(standardError, units, { alpha, tunedFor }), theirs.two);
      close(sequentialHalfWidth(standardError, units, { alpha, tunedFor, isOneSided: true }), theirs.one);
    }
    expect(fixedInterval({ estimate: 0.29, standardError: 0.12481 }, 0.05).low).toBeCloseTo(0.045_38, 4);
  });
});
