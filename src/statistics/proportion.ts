import { badInput } from '../core/index.ts';
import { normalQuantile } from './normal.ts';

/** A confidence interval. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/**
 * The Wilson score interval of a proportion: center (p + z^2 / 2n) / (1 + z^2 / n), half-width z sqrt(p (1 - p) / n + z^2 / 4n^2) /
 * (1 + z^2 / n). It stays inside [0, 1] and holds its level for small n, where p +- z sqrt(p (1 - p) / n) does not: 10 of 10 would
 * give [1, 1]. Null for no trials.
 *
 * `successes` may be a half-integer (ties as one half). Throws bad-input unless 0 <= successes <= trials and level in (0, 1).
 * Source: Wilson (1927); scipy's binomtest(...).proportion_ci(method='wilson').
 */
export function wilsonInterval(successes: number, trials: number, level = 0.95): Interval | null {
  requireCounts('wilsonInterval', successes, trials);
  requireLevel('wilsonInterval', level);
  if (trials === 0) return null;
  const z = normalQuantile(0.5 + level / 2);
  const p = successes / trials;
  const denominator = 1 + (z * z) / trials;
  const center = (p + (z * z) / (2 * trials)) / denominator;
  const half = (z * Math.sqrt((p * (1 - p)) / trials + (z * z) / (4 * trials * trials))) / denominator;
  return {
    low: successes === 0 ? 0 : Math.max(0, center - half),
    high: successes === trials ? 1 : Math.min(1, center + half),
  };
}

/**
 * The two-sided p-value of the sign test, min(1, 2 P(X <= min(wins, losses))) with X binomial(wins + losses, 1/2): how likely a split
 * at least so uneven is when neither side is better. Ties are left out by the caller. Null when nothing was decided.
 *
 * Exact for any count: the tail is summed from its largest term, whose logarithm is exact to about 1e-10, until terms no longer count.
 * Throws bad-input for counts that are not whole or negative. Source: Dixon and Mood (1946); scipy's binomtest(wins, n).pvalue.
 */
export function signTest(wins: number, losses: number): number | null {
  for (const count of [wins, losses]) {
    if (!(Number.isInteger(count) && count >= 0))
      throw badInput(`signTest: wins and losses must be whole numbers from 0 on, got ${wins} and ${losses}`);
  }
  const trials = wins + losses;
  if (trials === 0) return null;
  const fewer = Math.min(wins, losses);
  if (wins === losses) return 1;
  let term = 1;
  let sum = 1;
  for (let k = fewer; k > 0 && term > 1e-18 * sum; k--) {
    term *= k / (trials - k + 1);
    sum += term;
  }
  const logLargest = logChoose(trials, fewer) - trials * Math.LN2;
  return Math.min(1, 2 * sum * Math.exp(logLargest));
}

/** ln(n choose k). */
function logChoose(n: number, k: number): number {
  if (k <= 200) {
    let sum = 0;
    for (let i = 1; i <= k; i++) sum += Math.log((n - k + i) / i);
    return sum;
  }
  return logFactorial(n) - logFactorial(k) - logFactorial(n - k);
}

/** ln n!, by Stirling's series; exact to rounding for n > 200. */
function logFactorial(n: number): number {
  return (n + 0.5) * Math.log(n) - n + 0.5 * Math.log(2 * Math.PI) + 1 / (12 * n) - 1 / (360 * n ** 3);
}

export function requireLevel(where: string, level: number): void {
  if (!(level > 0 && level < 1)) throw badInput(`${where}: level must be in (0, 1), got ${level}; 0.95 is usual`);
}

function requireCounts(where: string, successes: number, trials: number): void {
  if (!(successes >= 0 && successes <= trials && Number.isFinite(trials)))
    throw badInput(`${where}: successes must be in [0, trials], got ${successes} of ${trials}`);
}
