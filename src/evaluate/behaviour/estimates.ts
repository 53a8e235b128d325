import { badInput } from '../../core/index.ts';
import { normalQuantile, wilsonInterval, type Interval } from '../../statistics/index.ts';

/** A number from samples. */
export interface Estimate {
  readonly value: number;
  /** Null with fewer than two clusters. */
  readonly standardError: number | null;
  /** 95 %: value +- 1.96 standard errors; of a share, Wilson's. Null where it is not known. */
  readonly interval: Interval | null;
  /** Independent units: prompts, documents. */
  readonly clusters: number;
}

const Z95 = normalQuantile(0.975);

/**
 * sum a / sum b over all items, with a standard error that takes items of one cluster (samples of one prompt, blocks of one document) as dependent:
 * with r the ratio and A_c, B_c the sums of cluster c of n, sqrt(n / (n - 1) sum_c (A_c - r B_c)^2) / sum b. With b = 1 it is a mean; without
 * clusters each item is its own. Null where sum b is 0.
 *
 * Source: Cochran (1977), Sampling Techniques, sections 6.3 and 9A.
 */
export function ratioEstimate(
  numerators: ArrayLike<number>,
  denominators: ArrayLike<number>,
  clusters?: ArrayLike<string | number>,
): Estimate | null {
  const count = numerators.length;
  if (denominators.length !== count || (clusters !== undefined && clusters.length !== count))
    throw badInput(
      `ratioEstimate: numerators, denominators and clusters must have one length, got ${count}, ${denominators.length} and ${clusters?.length ?? count}`,
    );
  const sums = new Map<string | number, [a: number, b: number]>();
  let [totalA, totalB] = [0, 0];
  for (let i = 0; i < count; i++) {
    const key = clusters?.[i] ?? i;
    const sum = sums.get(key) ?? [0, 0];
    sum[0] += numerators[i]!;
    sum[1] += denominators[i]!;
    sums.set(key, sum);
    totalA += numerators[i]!;
    totalB += denominators[i]!;
  }
  if (totalB === 0) return null;
  const value = totalA / totalB;
  const n = sums.size;
  if (n < 2) return { value, standardError: null, interval: null, clusters: n };
  let squares = 0;
  for (const [a, b] of sums.values()) squares += (a - value * b) ** 2;
  const standardError = Math.sqrt((n / (n - 1)) * squares) / Math.abs(totalB);
  const half = Z95 * standardError;
  return { value, standardError, interval: { low: value - half, high: value + half }, clusters: n };
}

/** A share of independent trials, its interval Wilson's, which holds near 0 and 1 and for few trials. Null for none. */
export function shareEstimate(successes: number, trials: number): Estimate | null {
  if (trials === 0) return null;
  const value = successes / trials;
  const standardError = trials < 2 ? null : Math.sqrt((value * (1 - value)) / trials);
  return { value, standardError, interval: wilsonInterval(successes, trials), clusters: trials };
}

/** A number that has no spread of its own, such as a count over everything. */
export function exactValue(value: number): Estimate {
  return { value, standardError: null, interval: null, clusters: 1 };
}

/** The mean of values, clustered. Null for no values. */
export function meanEstimate(values: ArrayLike<number>, clusters?: ArrayLike<string | number>): Estimate | null {
  return ratioEstimate(values, new Float64Array(values.length).fill(1), clusters);
}

/** Whether the interval leaves 0 out. */
export function isClear(estimate: Estimate | null): boolean {
  const interval = estimate?.interval ?? undefined;
  return interval !== undefined && (interval.low > 0 || interval.high < 0);
}
