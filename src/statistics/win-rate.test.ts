import { describe, expect, test } from 'vitest';
import { createRandom } from '../core/index.ts';
import { bradleyTerry, bradleyTerryIntervals, expectedScore } from './bradley-terry.ts';
import { holm } from './holm.ts';
import { lengthControlledWinRate } from './length-control.ts';
import { minimumDetectableEffect, sampleSize } from './power.ts';
import { winRate, type WinRate } from './win-rate.ts';
import { anyOfK, bestOfK, coinTossAnyOfK, expectedBest } from './win-rate-at-k.ts';

function covers({ interval }: Pick<WinRate, 'interval'>): number {
  return Number(interval!.low <= 0.5 && interval!.high >= 0.5);
}

function at(k: number): { k: number; seed: number } {
  return { k, seed: 1 };
}

describe('win rate', () => {
  test('by hand: two prompts of two, one of one', () => {
    // rate 3/5; sums less 3/5 of counts: 2 - 1.2, 0.5 - 1.2, 0.5 - 0.6; squares .64 + .49 + .01 = 1.14; sqrt(1.5 * 1.14) / 5.
    const result = winRate([1, 1, 0, 0.5, 0.5], { clusters: ['x', 'x', 'y', 'y', 'z'] })!;
    expect(result).toMatchObject({ count: 5, clusters: 3, wins: 2, losses: 1, ties: 2, rate: 0.6 });
    expect(result.standardError).toBeCloseTo(Math.sqrt(1.71) / 5, 14);
    expect(result.effectiveCount).toBeCloseTo(0.24 / (1.71 / 25), 12);
    // One prompt won, one lost, one tied.
    expect(result.signTest).toEqual({ wins: 1, losses: 1, ties: 1, p: 1 });
  });

  test('copies of an answer add nothing to what is known', () => {
    const scores = [1, 0, 1, 1, 0, 0.5, 1, 1];
    const copies = winRate([...scores, ...scores, ...scores], {
      clusters: [0, 1, 2].flatMap(() => scores.map((_, i) => i)),
    })!;
    const alone = winRate(scores)!;
    expect(copies.interval!.low).toBeCloseTo(alone.interval!.low, 12);
    expect(copies.interval!.high).toBeCloseTo(alone.interval!.high, 12);
    expect(copies.signTest).toEqual(alone.signTest);
  });

  test('nothing varies: an interval still, as wide as so few prompts deserve', () => {
    const won = winRate(Array.from({ length: 10 }, () => 1))!;
    expect(won.interval!.high).toBe(1);
    // 1 / (1 + t^2 / n) with t = 2.2622 of 9 degrees of freedom.
    expect(won.interval!.low).toBeCloseTo(1 / (1 + 2.2621571628 ** 2 / 10), 8);
    const tied = winRate([0.5, 0.5, 0.5, 0.5])!;
    expect([tied.standardError, tied.signTest, tied.interval!.low + tied.interval!.high]).toEqual([0, null, 1]);
    expect(winRate([])).toBeNull();
    expect(winRate([1])).toMatchObject({ rate: 1, standardError: null, interval: null });
  });

  test('swapping the sides mirrors everything', () => {
    const scores = [1, 0.5, 1, 0, 1, 1, 0.25];
    const clusters = [1, 1, 2, 2, 3, 4, 5];
    const [one, other] = [
      winRate(scores, { clusters })!,
      winRate(
        scores.map((s) => 1 - s),
        { clusters },
      )!,
    ];
    expect(one.rate + other.rate).toBeCloseTo(1, 14);
    expect(one.interval!.low + other.interval!.high).toBeCloseTo(1, 14);
    expect(one.signTest!.p).toBe(other.signTest!.p);
  });

  test('holds its level where answers of a prompt agree, which the interval of single comparisons does not', () => {
    const random = createRandom(3);
    const clusters = Array.from({ length: 120 }, (_, i) => Math.floor(i / 4));
    let [held, naive] = [0, 0];
    for (let trial = 0; trial < 300; trial++) {
      // The prompt decides three answers of four: one correlation of 1/2 and more.
      const byPrompt = Array.from({ length: 30 }, () => random.nextInt(2));
      const scores = clusters.map((prompt) => (random.nextFloat() < 0.75 ? byPrompt[prompt]! : random.nextInt(2)));
      held += covers(winRate(scores, { clusters })!);
      naive += covers(winRate(scores)!);
    }
    expect(held / 300).toBeGreaterThan(0.92);
    expect(naive / 300).toBeLessThan(0.88);
  });

  test('the bootstrap comes near, and what is wrong is said', () => {
    const scores = Array.from({ length: 200 }, (_, i) => Number(i % 5 < 3));
    const [robust, resampled] = [winRate(scores)!, winRate(scores, { method: 'bootstrap', seed: 4 })!];
    expect(resampled.interval!.low).toBeCloseTo(robust.interval!.low, 1);
    expect(() => winRate([1.5])).toThrow('winRate: scores must be in [0, 1], got 1.5 at 0');
    expect(() => winRate([1], { clusters: [] })).toThrow(
      'winRate: clusters must have a key for each of 1 scores, got 0',
    );
  });
});

describe('Bradley-Terry', () => {
  test('two models: the log odds; three wins to one is 190.8 points', () => {
    const games = [1, 1, 1, 0].map((score) => ({ a: 0, b: 1, score }));
    const [first, second] = bradleyTerry(2, games)!;
    expect(first! - second!).toBeCloseTo(400 * Math.log10(3), 9);
    expect(first! + second!).toBeCloseTo(2000, 9);
    expect(expectedScore(first!, second!)).toBeCloseTo(0.75, 12);
    expect(bradleyTerry(2, games, { anchor: { model: 1, rating: 1114 } })![1]).toBeCloseTo(1114, 12);
  });

  test('at the maximum every model wins as much as its rating expects', () => {
    const random = createRandom(8);
    const games = Array.from({ length: 90 }, (_, i) => ({
      a: i % 3,
      b: (i + 1) % 3,
      score: [0, 0.5, 1][random.nextInt(3)]!,
    }));
    const ratings = bradleyTerry(3, games)!;
    for (const model of [0, 1, 2]) {
      const own = games.filter(({ a, b }) => a === model || b === model);
      const surplus = own.reduce((sum, { a, b, score }) => {
        const expected = expectedScore(ratings[a]!, ratings[b]!);
        return sum + (a === model ? score - expected : expected - score);
      }, 0);
      expect(surplus).toBeCloseTo(0, 9);
    }
  });

  test('no maximum, no rating; a ridge gives one', () => {
    const games = [
      { a: 0, b: 1, score: 1 },
      { a: 1, b: 0, score: 1 },
      { a: 2, b: 0, score: 0 },
      { a: 2, b: 1, score: 0 },
    ];
    expect(bradleyTerry(3, games)).toBeNull();
    expect(bradleyTerry(4, games.slice(0, 2))).toBeNull();
    const ridged = bradleyTerry(3, games, { ridge: 0.5 })!;
    expect(ridged[0]).toBeCloseTo(ridged[1]!, 9);
    expect(ridged[2]).toBeLessThan(ridged[0]! - 200);
    expect(() => bradleyTerry(2, [{ a: 0, b: 0, score: 1 }])).toThrow(
      'bradleyTerry: a game must be of two of 2 models, got 0 and 0 in game 0',
    );
  });

  test('intervals over prompts: copies of a prompt change nothing, ranks need intervals apart', () => {
    const games = Array.from({ length: 240 }, (_, i) => {
      const [a, b] = [
        [0, 1],
        [0, 2],
        [1, 2],
      ][i % 3]! as [number, number];
      // 0 beats 2 nine times of ten, and 1 as often as not.
      return { a, b, score: b === 2 ? Number(i % 10 !== 0) : Number(i % 2 === 0), cluster: i };
    });
    const once = bradleyTerryIntervals(3, games, { seed: 1 })!;
    const twice = bradleyTerryIntervals(3, [...games, ...games], { seed: 1 })!;
    expect(once.map(({ rank }) => rank)).toEqual([1, 1, 3]);
    expect(once.map(({ games: count }) => count)).toEqual([160, 160, 160]);
    once.forEach(({ interval }, model) => {
      expect(twice[model]!.interval!.low).toBeCloseTo(interval!.low, 6);
      expect(twice[model]!.interval!.high).toBeCloseTo(interval!.high, 6);
    });
  });
});

describe('win rates at K', () => {
  const prompts = [{ scores: [1, 0, 0.5, 0], picks: [3, 2, 1, 0] }];

  test('K = 1 is the win rate, K = n the best of all', () => {
    expect(bestOfK(prompts, at(1))!.rate).toBeCloseTo(0.375, 14);
    expect(anyOfK(prompts, at(1))!.rate).toBeCloseTo(0.375, 14);
    expect(bestOfK(prompts, at(4))!.rate).toBe(1);
    expect(anyOfK(prompts, at(4))!.rate).toBe(1);
    expect(bestOfK(prompts, at(5))).toBeNull();
  });

  test('K = 2 of 4, all six pairs by hand', () => {
    // Best by pick: 1 in three pairs, then 0 (twice), 0.5: 3.5 / 6. Any: 1 in three, 0.5 with either 0 (twice), 0: 4 / 6.
    expect(bestOfK(prompts, at(2))!.rate).toBeCloseTo(3.5 / 6, 14);
    expect(anyOfK(prompts, at(2))!.rate).toBeCloseTo(4 / 6, 14);
    // Equal picks: any sample is as likely.
    expect(expectedBest([1, 0, 0, 0], [7, 7, 7, 7], 3)).toBeCloseTo(0.25, 14);
  });

  test("pass@k's estimator where there are no ties", () => {
    const scores = [1, 1, 0, 0, 0, 0, 0];
    // 1 - C(5, 3) / C(7, 3)
    expect(anyOfK([{ scores }], at(3))!.rate).toBeCloseTo(1 - 10 / 35, 14);
  });

  test('a model against itself reaches the null that stands beside it', () => {
    const random = createRandom(5);
    const played = Array.from({ length: 4000 }, () => {
      const baseline = random.nextFloat();
      const picks = Array.from({ length: 4 }, () => random.nextFloat());
      return { picks, scores: picks.map((quality) => Number(quality > baseline)) };
    });
    const best = bestOfK(played, { k: 4, seed: 1, resamples: 300 })!;
    expect(best.selfPlay).toBe(0.8);
    expect(best.interval!.low).toBeLessThan(0.8);
    expect(best.interval!.high).toBeGreaterThan(0.8);
    const coins = played.map(() => ({ scores: [0, 1, 2, 3].map(() => random.nextInt(2)) }));
    expect(anyOfK(coins, { k: 4, seed: 1, resamples: 300 })!.rate).toBeCloseTo(coinTossAnyOfK(4), 2);
  });

  test('what is wrong is said', () => {
    expect(() => bestOfK([{ scores: [1] }], at(1))).toThrow(
      'bestOfK: every sample must have the number its scorer gives, got 0 for 1 samples of prompt 0',
    );
    expect(() => anyOfK(prompts, at(0))).toThrow('anyOfK: k must be a whole number from 1 on, got 0');
  });
});

describe('length control', () => {
  test('wins that follow length alone are taken away; equal lengths change nothing', () => {
    const random = createRandom(2);
    const rows = { scores: [] as number[], lengths: [] as number[], baselineLengths: [] as number[] };
    for (let i = 0; i < 400; i++) {
      const [own, other] = [200 + random.nextInt(400), 100 + random.nextInt(400)];
      rows.lengths.push(own);
      rows.baselineLengths.push(other);
      rows.scores.push(Number(random.nextFloat() < 1 / (1 + Math.exp(-2 * Math.tanh((own - other) / 160)))));
    }
    const { rate, rawRate, interval, coefficients } = lengthControlledWinRate(rows, { seed: 1, resamples: 100 })!;
    expect(rawRate).toBeGreaterThan(0.6);
    expect(interval!.low).toBeLessThan(0.5);
    expect(interval!.high).toBeGreaterThan(0.5);
    expect(Math.abs(rate - 0.5)).toBeLessThan(0.06);
    expect(coefficients.length).toBeLessThan(-1);
    const even = { scores: [1, 1, 1, 0, 1, 1, 1, 0, 1, 1, 1, 0], lengths: Array.from({ length: 12 }, () => 9) };
    const same = lengthControlledWinRate({ ...even, baselineLengths: even.lengths })!;
    // The penalty keeps it a little below.
    expect(same.rate).toBeGreaterThan(0.7);
    expect(same.rate).toBeLessThanOrEqual(0.75);
    expect(same.coefficients.length).toBe(0);
  });

  test('too few rows, and what is wrong is said', () => {
    expect(lengthControlledWinRate({ scores: [1], lengths: [1], baselineLengths: [1] })).toBeNull();
    expect(() => lengthControlledWinRate({ scores: [1], lengths: [], baselineLengths: [1] })).toThrow(
      'lengthControlledWinRate: lengths must have a number for each of 1 scores, got 0',
    );
  });
});

describe('sample sizes and corrections', () => {
  test('by hand: 60 % without ties', () => {
    // ((1.959964 / 2 + 0.841621 sqrt(0.24)) / 0.1)^2 = 193.85.
    expect(sampleSize(0.6)).toBe(194);
    expect(sampleSize(0.4)).toBe(194);
    expect(sampleSize(0.6, { designEffect: 2 })).toBe(388);
    expect(sampleSize(0.5)).toBe(Infinity);
    expect(sampleSize(1, { power: 0.5 })).toBe(4);
    expect(minimumDetectableEffect(194)).toBeCloseTo(0.1, 3);
    expect(minimumDetectableEffect(1)).toBeNull();
    expect(() => sampleSize(0.9, { tieShare: 0.5 })).toThrow(
      'sampleSize: rate must be within 0.25 of one half with a share 0.5 of ties, got 0.9',
    );
    expect(() => sampleSize(0.6, { alpha: 5, power: 80 })).toThrow(
      'sampleSize: alpha must be in (0, 1), got 5; 0.05 is usual\nsampleSize: power must be in (0, 1), got 80; 0.8 is usual',
    );
  });

  test('as many comparisons as it says do show the effect as often as it says', () => {
    const random = createRandom(6);
    const count = sampleSize(0.6, { tieShare: 0.2 });
    let shown = 0;
    for (let trial = 0; trial < 400; trial++) {
      // 50 wins, 20 ties, 30 losses of a hundred.
      const scores = Array.from({ length: count }, () => {
        const drawn = random.nextFloat();
        return drawn < 0.5 ? 1 : drawn < 0.7 ? 0.5 : 0;
      });
      if (winRate(scores)!.interval!.low > 0.5) shown++;
    }
    expect(shown / 400).toBeGreaterThan(0.75);
    expect(shown / 400).toBeLessThan(0.86);
  });

  test('Holm by hand', () => {
    expect(holm([0.04, 0.01, 0.03])).toEqual([0.06, 0.03, 0.06]);
    expect(() => holm([2])).toThrow('holm: p-values must be in [0, 1], got 2');
  });
});
