import { badInput } from '../core/index.ts';
import { bootstrap } from './bootstrap.ts';
import { requireLevel, signTest, type Interval } from './proportion.ts';
import { studentQuantile } from './student.ts';

export interface WinRateOptions {
  /** The prompt (or person) of each comparison. Those of one prompt are not independent; default: each stands alone. */
  readonly clusters?: ArrayLike<number | string> | undefined;
  /** Share of intervals that hold the true value; default 0.95. */
  readonly level?: number;
  /** robust: Wilson's interval for the clusters' effective sample size (default). bootstrap: quantiles of resampled clusters. */
  readonly method?: 'robust' | 'bootstrap';
  /** Of the bootstrap; default 0. */
  readonly seed?: number;
  readonly resamples?: number;
}

export interface WinRate {
  /** Comparisons. */
  readonly count: number;
  /** Prompts. */
  readonly clusters: number;
  readonly wins: number;
  readonly losses: number;
  readonly ties: number;
  /** Mean score in [0, 1], ties as one half. */
  readonly rate: number;
  /** Of the rate, clusters as units; null for one cluster. */
  readonly standardError: number | null;
  readonly interval: Interval | null;
  /** How many independent comparisons tell as much; null where nothing varies. */
  readonly effectiveCount: number | null;
  /** The exact sign test over clusters: those won more than lost against those lost more than won. Null where none was decided. */
  readonly signTest: {
    readonly wins: number;
    readonly losses: number;
    readonly ties: number;
    readonly p: number;
  } | null;
}

/**
 * The win rate of a model: the mean of scores in [0, 1] (1 won, 0 lost, 1/2 a tie; shares of judges or probabilities between), with an
 * interval that takes prompts, not answers, as its units. Null for no scores.
 *
 * Standard error, robust to any dependence within clusters: sqrt(G / (G - 1) sum_g (sum_{i in g} (s_i - rate))^2) / n. The interval
 * robust is Wilson's with n* = rate (1 - rate) / standardError^2 in the place of n and Student's t of G - 1 degrees of freedom in that of z: the plain
 * rate +- t x standardError would be a single point when every comparison is won. Where nothing varies (all won, all tied) n* is G.
 * Throws bad-input for scores outside [0, 1] and clusters that do not fit.
 * Source: Liang and Zeger (1986), as statsmodels' cov_type='cluster'; Korn and Graubard (1998) for n*; Wilson (1927).
 */
export function winRate(scores: ArrayLike<number>, options: WinRateOptions = {}): WinRate | null {
  const { level = 0.95, method = 'robust', clusters } = options;
  requireLevel('winRate', level);
  requireScores('winRate', scores, clusters);
  const count = scores.length;
  if (count === 0) return null;
  let [wins, losses, sum] = [0, 0, 0];
  for (let i = 0; i < count; i++) {
    const score = scores[i]!;
    sum += score;
    if (score > 0.5) wins++;
    else if (score < 0.5) losses++;
  }
  const rate = sum / count;
  const groups = groupScores(scores, clusters);
  const standardError = clusteredError(groups, rate, count);
  const shared = {
    count,
    clusters: groups.length,
    wins,
    losses,
    ties: count - wins - losses,
    rate,
    standardError,
    effectiveCount: standardError === null ? null : standardError > 0 ? (rate * (1 - rate)) / standardError ** 2 : null,
    signTest: signTestOfGroups(groups),
  };
  if (method === 'robust') return { ...shared, interval: robustInterval(shared, level) };
  const { interval } = bootstrap(
    count,
    (items) => items.reduce((total, item) => total + scores[item]!, 0) / items.length,
    {
      seed: options.seed ?? 0,
      resamples: options.resamples ?? 1000,
      level,
      ...(clusters === undefined ? {} : { clusters }),
    },
  );
  return { ...shared, interval };
}

/** Scores and how many there are, for each cluster in order of appearance. */
interface Group {
  sum: number;
  count: number;
}

export function groupScores(scores: ArrayLike<number>, clusters?: ArrayLike<number | string>): readonly Group[] {
  const groups = new Map<number | string, Group>();
  for (let i = 0; i < scores.length; i++) {
    const key = clusters === undefined ? i : clusters[i]!;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { sum: scores[i]!, count: 1 });
    else {
      group.sum += scores[i]!;
      group.count++;
    }
  }
  return [...groups.values()];
}

/** Scores must be in [0, 1], with a cluster each where there are clusters. */
export function requireScores(where: string, scores: ArrayLike<number>, clusters?: ArrayLike<unknown>): void {
  for (let i = 0; i < scores.length; i++) {
    const score = scores[i]!;
    if (!(score >= 0 && score <= 1)) throw badInput(`${where}: scores must be in [0, 1], got ${score} at ${i}`);
  }
  if (clusters !== undefined && clusters.length !== scores.length)
    throw badInput(`${where}: clusters must have a key for each of ${scores.length} scores, got ${clusters.length}`);
}

function clusteredError(groups: readonly Group[], rate: number, count: number): number | null {
  if (groups.length < 2) return null;
  // Sums of halves are exact, so that a rate without spread has an error of exactly 0 where scores are verdicts.
  const squares = groups.reduce((total, group) => total + (group.sum - rate * group.count) ** 2, 0);
  const error = Math.sqrt((groups.length / (groups.length - 1)) * squares) / count;
  return error < 1e-12 ? 0 : error;
}

function robustInterval(
  { rate, clusters, effectiveCount }: { rate: number; clusters: number; effectiveCount: number | null },
  level: number,
): Interval | null {
  if (clusters < 2) return null;
  const n = effectiveCount ?? clusters;
  const t = studentQuantile(0.5 + level / 2, clusters - 1);
  const denominator = 1 + (t * t) / n;
  const center = (rate + (t * t) / (2 * n)) / denominator;
  const half = (t * Math.sqrt((rate * (1 - rate)) / n + (t * t) / (4 * n * n))) / denominator;
  return {
    low: rate === 0 ? 0 : Math.max(0, center - half),
    high: rate === 1 ? 1 : Math.min(1, center + half),
  };
}

function signTestOfGroups(groups: readonly Group[]): WinRate['signTest'] {
  const wins = groups.filter(({ sum, count }) => sum > count / 2).length;
  const losses = groups.filter(({ sum, count }) => sum < count / 2).length;
  const p = signTest(wins, losses);
  return p === null ? null : { wins, losses, ties: groups.length - wins - losses, p };
}
