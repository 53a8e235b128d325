import { badInput, createRandom } from '../core/index.ts';
import { itemsByCluster } from './clusters.ts';
import { normalCdf, normalQuantile } from './normal.ts';
import { requireLevel, type Interval } from './proportion.ts';
import { quantileOfSorted } from './summary.ts';

/** A statistic of some of the items, which are named by their indices, with repetition; null where it is not defined. */
export type Statistic = (items: Int32Array<ArrayBuffer>) => number | null;

export interface BootstrapOptions {
  /** Share of intervals that hold the true value; default 0.95. */
  readonly level?: number;
  /** Resamples; default 1000. */
  readonly resamples?: number;
  readonly seed: number;
  /** percentile: quantiles of the resamples (default). bca: corrected for bias and skew, at the price of one more value an item. */
  readonly method?: 'percentile' | 'bca';
  /**
   * A key for each item: whole clusters are drawn instead of items. Items of one prompt or one person are not independent, and
   * drawing them one by one gives intervals that are too narrow.
   */
  readonly clusters?: ArrayLike<number | string>;
}

export interface BootstrapResult {
  /** The statistic of all items; null where it is not defined. */
  readonly estimate: number | null;
  /** Null when the estimate is, or when fewer than half of the resamples have a value. */
  readonly interval: Interval | null;
  /** Resamples that gave no value, of all. */
  readonly undefinedShare: number;
}

/**
 * The bootstrap interval of a statistic of `count` items: items (or clusters) are drawn with replacement, seeded, so that the same
 * call gives the same interval. Throws bad-input for a level outside (0, 1), no resamples, or clusters that do not fit the items.
 *
 * Source: Efron and Tibshirani (1993), chapters 13 and 14.
 */
export function bootstrap(count: number, statistic: Statistic, options: BootstrapOptions): BootstrapResult {
  const { level = 0.95, resamples = 1000, seed, method = 'percentile', clusters } = options;
  requireLevel('bootstrap', level);
  if (!(Number.isInteger(resamples) && resamples >= 1))
    throw badInput(`bootstrap: resamples must be a whole number from 1 on, got ${resamples}`);
  if (clusters !== undefined && clusters.length !== count)
    throw badInput(`bootstrap: clusters must have a key for each of ${count} items, got ${clusters.length}`);
  const everything = Int32Array.from({ length: count }, (_, item) => item);
  const estimate = statistic(everything);
  const groups = itemsByCluster(count, clusters);
  if (estimate === null || groups.length < 2) return { estimate, interval: null, undefinedShare: 0 };
  const random = createRandom(seed, 'bootstrap');
  const values: number[] = [];
  for (let i = 0; i < resamples; i++) {
    const value = statistic(drawItems(groups, () => random.nextInt(groups.length)));
    if (value !== null) values.push(value);
  }
  const undefinedShare = 1 - values.length / resamples;
  if (values.length * 2 < resamples) return { estimate, interval: null, undefinedShare };
  const interval =
    method === 'percentile'
      ? percentileInterval(values, level)
      : bcaInterval(values, { estimate, jackknife: leaveEachOut(groups, statistic), level });
  return { estimate, interval, undefinedShare };
}

/** The quantiles (1 - level) / 2 and (1 + level) / 2 of resampled values. */
export function percentileInterval(values: ArrayLike<number>, level: number): Interval {
  return cut(values, (1 - level) / 2, (1 + level) / 2);
}

export interface BcaInputs {
  readonly estimate: number;
  /** The statistic with each item (or cluster) left out once. */
  readonly jackknife: readonly number[];
  readonly level: number;
}

/**
 * The bias-corrected and accelerated interval from resampled values: quantiles at Phi(z0 + (z0 + z) / (1 - a (z0 + z))), where z0 =
 * Phi^-1(share of values below the estimate, ties as one half) and a = sum(d^3) / (6 sum(d^2)^1.5), d the jackknife's mean less its values.
 *
 * Where every resample lies on one side of the estimate z0 is infinite, and the percentile interval is given.
 * Source: Efron (1987), equations 4.2 and 6.6; scipy.stats.bootstrap(method='BCa').
 */
export function bcaInterval(values: ArrayLike<number>, { estimate, jackknife, level }: BcaInputs): Interval {
  let below = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    below += value < estimate ? 1 : value === estimate ? 0.5 : 0;
  }
  const bias = normalQuantile(below / values.length);
  if (!Number.isFinite(bias)) return percentileInterval(values, level);
  const center = jackknife.reduce((sum, value) => sum + value, 0) / jackknife.length;
  let squares = 0;
  let cubes = 0;
  for (const value of jackknife) {
    squares += (center - value) ** 2;
    cubes += (center - value) ** 3;
  }
  const acceleration = squares > 0 ? cubes / (6 * squares ** 1.5) : 0;
  const shifted = (share: number): number => {
    const z = bias + normalQuantile(share);
    return normalCdf(bias + z / (1 - acceleration * z));
  };
  return cut(values, shifted((1 - level) / 2), shifted((1 + level) / 2));
}

function cut(values: ArrayLike<number>, low: number, high: number): Interval {
  const sorted = Float64Array.from(values).toSorted();
  return { low: quantileOfSorted(sorted, low)!, high: quantileOfSorted(sorted, high)! };
}

function drawItems(groups: readonly Int32Array[], next: (place: number) => number): Int32Array<ArrayBuffer> {
  const drawn = groups.map((_, place) => groups[next(place)]!);
  const items = new Int32Array(drawn.reduce((sum, group) => sum + group.length, 0));
  let at = 0;
  for (const group of drawn) {
    items.set(group, at);
    at += group.length;
  }
  return items;
}

function leaveEachOut(groups: readonly Int32Array[], statistic: Statistic): number[] {
  return groups.flatMap((_, left) => {
    const rest = groups.toSpliced(left, 1);
    return statistic(drawItems(rest, (place) => place)) ?? [];
  });
}
