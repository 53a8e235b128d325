import { badInput } from '../../core/index.ts';
import type { Interval } from '../proportion.ts';

/** Which means a sequence can exclude: those on both sides of the data, or on one of them. */
export type SequenceSides = 'both' | 'lower' | 'upper';

export interface BettingOptions {
  /** Probability, in (0, 1), that the interval ever excludes the mean. */
  readonly alpha: number;
  /** `lower`: only a lower bound, with all of alpha; `upper`: only an upper one. Default both. */
  readonly sides?: SequenceSides;
  /** Means that are tested: they stand on the grid, so that the interval excludes one exactly when its p falls to alpha. In [0, 1]. Default none. */
  readonly nulls?: readonly number[];
  /** Means of the grid besides 0 and 1, from 2 to 100,000. They stand nearer to each other at the ends. Default 1000. */
  readonly gridSize?: number;
}

/** All that a sequence remembers, as JSON. */
export interface BettingState {
  readonly count: number;
  readonly sum: number;
  /** Sum of (x_i - mean_i)^2, where mean_i is the running mean at i. */
  readonly squares: number;
  /** Places on the grid: means up to `low` and from `high` on are excluded. */
  readonly low: number;
  readonly high: number;
  /** ln K+ and ln K- at the means of the grid between `low` and `high`, both included. */
  readonly up: readonly number[];
  readonly down: readonly number[];
  /** For each tested mean: ln K+, ln K-, and the greatest ln K so far. */
  readonly tests: readonly (readonly [number, number, number])[];
}

/** A confidence sequence for the mean of numbers in [0, 1] that come one by one. */
export interface BettingSequence {
  readonly count: number;
  /** Of the numbers as they are; NaN before the first. */
  readonly mean: number;
  /** Of the numbers as they are, at least 0; regularised as the bets are: (1/4 + sum) / (count + 1). */
  readonly variance: number;
  /** Throws bad-input unless x is in [0, 1]. */
  add(x: number): void;
  /** Means that no look so far excluded, rounded outwards to the grid. [0, 1] before the first number. */
  interval(): Interval;
  /** Whether every mean is excluded: then the numbers have no constant mean (or alpha happened). */
  isEmpty(): boolean;
  /** 1 / the greatest K so far at a tested mean, at most 1. Valid at every look. Throws bad-input for a mean that is not tested. */
  pValue(mean: number): number;
  state(): BettingState;
}

/**
 * The bet of step i (from 1 on) before it is cut: sqrt(2 ln(1 / alpha) / (i ln(1 + i) variance)), where the variance is that of the numbers before,
 * (1/4 + sum (x_j - mean_j)^2) / i. Source: Waudby-Smith and Ramdas (2024), equation 26; confseq's lambda_predmix_eb.
 */
export function predictableBet(i: number, variance: number, alpha: number): number {
  return Math.sqrt((2 * Math.log(1 / alpha)) / (i * Math.log1p(i) * variance));
}

/**
 * The hedged betting confidence sequence: for each mean m, K+(m) = prod (1 + min(bet_i, 1 / 2m) (x_i - m)) and
 * K-(m) = prod (1 - min(bet_i, 1 / 2(1 - m)) (x_i - m)) are wealth that grows only where m is not the mean. With both sides m is excluded once
 * max(K+, K-) / 2 >= 1 / alpha, with one side once its K >= 1 / alpha, and stays excluded. The chance that the mean is ever excluded is at most alpha, however often one
 * looks and whenever one stops (Ville). All is kept in logarithms, since K passes 1e308 within some thousand numbers.
 *
 * K+ falls and K- rises with m, so what is not excluded is an interval, and means beyond its ends need no more work. Bets of both sides take alpha / 2, as in
 * confseq. Resumed from its state a sequence gives the same numbers. Throws bad-input for options out of range and for a state of other options.
 *
 * Source: Waudby-Smith and Ramdas (2024), "Estimating means of bounded random variables by betting", JRSS B 86(1), theorem 3; confseq.betting.
 *
 * @example
 * ```ts run
 * import { bettingSequence } from 'preftune/statistics';
 *
 * const sequence = bettingSequence({ alpha: 0.05, nulls: [0.5] });
 * for (let unit = 0; unit < 60; unit++) sequence.add(unit % 5 === 0 ? 0 : 1);
 * const { low, high } = sequence.interval();
 * console.log(low.toFixed(2), high.toFixed(2), sequence.pValue(0.5).toFixed(4)); // 0.63 0.91 0.0003
 * ```
 */
export function bettingSequence(options: BettingOptions, from?: BettingState): BettingSequence {
  const { alpha, sides = 'both', nulls = [] } = options;
  const grid = gridOf(options);
  const isTwoSided = sides === 'both';
  const betAlpha = isTwoSided ? alpha / 2 : alpha;
  // ln K at which a mean is excluded; the half of the wealth that bets on the other side stands for the 2.
  const limit = Math.log((isTwoSided ? 2 : 1) / alpha);
  const hedge = isTwoSided ? Math.LN2 : 0;
  const bets: Bets = { up: sides !== 'upper', down: sides !== 'lower' };
  const up = new Float64Array(grid.length);
  const down = new Float64Array(grid.length);
  let [count, sum, squares] = [0, 0, 0];
  let [low, high] = [bets.up ? -1 : 0, bets.down ? grid.length : grid.length - 1];
  const tests = nulls.map(() => [0, 0, 0] as [number, number, number]);
  if (from !== undefined) {
    const last = Math.min(from.high, grid.length - 1);
    const first = Math.max(from.low, 0);
    if (from.tests.length !== nulls.length || from.up.length !== Math.max(0, last - first + 1))
      throw badInput('bettingSequence: a state must be of the same options, got one of another grid; begin anew');
    ({ count, sum, squares, low, high } = from);
    up.set(from.up, first);
    down.set(from.down, first);
    for (const [place, test] of from.tests.entries()) tests[place] = [...test];
  }

  const add = (x: number): void => {
    if (!(x >= 0 && x <= 1)) throw badInput(`bettingSequence: numbers must be in [0, 1], got ${x}`);
    const bet = predictableBet(count + 1, (0.25 + squares) / (count + 1), betAlpha);
    count++;
    sum += x;
    squares += (x - (0.5 + sum) / (count + 1)) ** 2;
    const end = Math.min(high, grid.length);
    for (let j = Math.max(0, low + 1); j < end; j++) {
      const m = grid[j]!;
      if (bets.up) up[j] = up[j]! + gain(bet, x, m);
      if (bets.down) down[j] = down[j]! + gain(bet, 1 - x, 1 - m);
    }
    if (bets.up) while (low + 1 < end && up[low + 1]! >= limit) low++;
    if (bets.down) while (high - 1 > low && high > 0 && down[high - 1]! >= limit) high--;
    for (const [place, test] of tests.entries()) {
      const m = nulls[place]!;
      if (bets.up) test[0] += gain(bet, x, m);
      if (bets.down) test[1] += gain(bet, 1 - x, 1 - m);
      test[2] = Math.max(test[2], (bets.up ? test[0] : -Infinity) - hedge, (bets.down ? test[1] : -Infinity) - hedge);
    }
  };

  return {
    get count() {
      return count;
    },
    get mean() {
      return sum / count;
    },
    get variance() {
      return (0.25 + squares) / (count + 1);
    },
    add,
    interval: () => ({ low: grid[Math.max(low, 0)]!, high: grid[Math.min(high, grid.length - 1)]! }),
    isEmpty: () => high - low <= 1 && low >= 0 && high < grid.length && bets.up && bets.down,
    pValue: (mean) => {
      const place = nulls.indexOf(mean);
      if (place === -1) throw badInput(`bettingSequence: nulls must hold the mean that is tested, got ${mean}`);
      return Math.min(1, Math.exp(-tests[place]![2]));
    },
    state: () => {
      const [first, last] = [Math.max(low, 0), Math.min(high, grid.length - 1)];
      return {
        count,
        sum,
        squares,
        low,
        high,
        up: [...up.subarray(first, last + 1)],
        down: [...down.subarray(first, last + 1)],
        tests: tests.map(([a, b, c]) => [a, b, c] as const),
      };
    },
  };
}

interface Bets {
  readonly up: boolean;
  readonly down: boolean;
}

/** ln(1 + min(bet, 1 / 2m) (x - m)); where m = 0 nothing cuts the bet. */
function gain(bet: number, x: number, m: number): number {
  return Math.log1p((bet * 2 * m > 1 ? 0.5 / m : bet) * (x - m));
}

/** sin^2 of equal steps of angle: near the ends, where variances are small, the steps are as the square. The tested means come in between. */
function gridOf({ alpha, nulls = [], gridSize = 1000 }: BettingOptions): Float64Array {
  if (!(alpha > 0 && alpha < 1)) throw badInput(`bettingSequence: alpha must be in (0, 1), got ${alpha}`);
  if (!(Number.isInteger(gridSize) && gridSize >= 2 && gridSize <= 100_000))
    throw badInput(`bettingSequence: gridSize must be a whole number from 2 to 100,000, got ${gridSize}`);
  const outside = nulls.find((mean) => !(mean >= 0 && mean <= 1));
  if (outside !== undefined) throw badInput(`bettingSequence: nulls must be in [0, 1], got ${outside}`);
  const steps = Array.from({ length: gridSize + 2 }, (_, j) => Math.sin((Math.PI / 2) * (j / (gridSize + 1))) ** 2);
  return Float64Array.from(new Set([0, 1, ...steps.slice(1, -1), ...nulls])).toSorted();
}
