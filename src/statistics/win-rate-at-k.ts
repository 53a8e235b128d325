import { badInput } from '../core/index.ts';
import { bootstrap } from './bootstrap.ts';
import type { Interval } from './proportion.ts';

/** What is known of one prompt: several samples of the model, each compared with a sample of the baseline. */
export interface ScoredSamples {
  /** Of each sample against the baseline, in [0, 1]: 1 won, 0 lost, 1/2 a tie. */
  readonly scores: readonly number[];
  /** For best-of-K: what the scorer that picks among samples gives each. More is better. */
  readonly picks?: readonly number[] | undefined;
}

export interface WinRateAtKOptions {
  readonly k: number;
  readonly seed: number;
  readonly level?: number;
  readonly resamples?: number;
}

export interface WinRateAtK {
  readonly k: number;
  /** Prompts with at least k samples; the others are left out. */
  readonly prompts: number;
  readonly leftOut: number;
  readonly rate: number;
  /** Percentile bootstrap over prompts. */
  readonly interval: Interval | null;
  /** What a model would have against itself: see bestOfK and anyOfK. */
  readonly selfPlay: number;
}

/**
 * Best-of-K win rate: a scorer takes the best of K samples, and that one is compared with one sample of the baseline. From n >= K samples without bias: the mean over all
 * subsets of K of the score of its best, sum_i score_(i) C(i - 1, K - 1) / C(n, K), samples in the scorer's ascending order; equal picks share their places.
 * K = 1 is the plain win rate, ties one half. Null where no prompt has K samples.
 *
 * `selfPlay` is K / (K + 1): what a perfect scorer reaches for a model against itself, and no scorer can pass; one that knows nothing stays at 1/2. A rate
 * above 1/2 therefore says nothing yet. Throws bad-input for k below 1, scores outside [0, 1], or picks that are missing or do not fit.
 * Source: Beirami et al. (2024), arXiv 2401.01879, for the bound; the estimator is that of an expected maximum over subsets.
 */
export function bestOfK(prompts: readonly ScoredSamples[], options: WinRateAtKOptions): WinRateAtK | null {
  requirePrompts('bestOfK', prompts, options.k);
  for (const [i, { scores, picks }] of prompts.entries()) {
    if (picks === undefined || picks.length !== scores.length || picks.some(Number.isNaN))
      throw badInput(
        `bestOfK: every sample must have the number its scorer gives, got ${picks?.length ?? 0} for ${scores.length} samples of prompt ${i}`,
      );
  }
  return rateAtK(prompts, { ...options, selfPlay: options.k / (options.k + 1), picksOf: ({ picks }) => picks! });
}

/**
 * Any-of-K win rate: the chance that at least one of K samples beats the baseline's, and half of the chance that the best they reach is a tie. From n >= K samples of
 * which c won and t tied: 1 - C(n - c, K) / C(n, K) + [C(n - c, K) - C(n - c - t, K)] / 2 C(n, K). K = 1 is the plain win rate. Null where no prompt has K samples.
 *
 * `selfPlay` is K / (K + 1) for a judge who ranks answers (one order of quality, no ties); a judge who tosses a coin for each comparison gives 1 - 2^-K
 * (coinTossAnyOfK). Either rises with K by itself, so compare with it. Throws bad-input as bestOfK does.
 * Source: the estimator of pass@k, Chen et al. (2021), arXiv 2107.03374, equation 1; the tie's half is ours.
 */
export function anyOfK(prompts: readonly ScoredSamples[], options: WinRateAtKOptions): WinRateAtK | null {
  requirePrompts('anyOfK', prompts, options.k);
  return rateAtK(prompts, { ...options, selfPlay: options.k / (options.k + 1), picksOf: ({ scores }) => scores });
}

/** 1 - 2^-k: any-of-K of a judge who tosses coins. */
export function coinTossAnyOfK(k: number): number {
  return 1 - 2 ** -k;
}

/** The expected score of the highest pick among k of the samples drawn without replacement; any-of-K picks by the score itself. */
export function expectedBest(scores: readonly number[], picks: readonly number[], k: number): number {
  const order = picks.map((_, i) => i).toSorted((a, b) => picks[a]! - picks[b]!);
  const n = order.length;
  // C(i - 1, k - 1) / C(n, k) for place i, from the top: k / n at i = n, then times (i - k) / (i - 1) downwards.
  const chances = new Float64Array(n);
  let chance = k / n;
  for (let i = n; i >= k; i--) {
    chances[i - 1] = chance;
    chance *= (i - k) / Math.max(i - 1, 1);
  }
  let expected = 0;
  for (let start = 0; start < n;) {
    let end = start + 1;
    while (end < n && picks[order[end]!] === picks[order[start]!]) end++;
    let [score, share] = [0, 0];
    for (let i = start; i < end; i++) {
      score += scores[order[i]!]!;
      share += chances[i]!;
    }
    expected += (share * score) / (end - start);
    start = end;
  }
  return expected;
}

function rateAtK(
  prompts: readonly ScoredSamples[],
  options: WinRateAtKOptions & { selfPlay: number; picksOf: (prompt: ScoredSamples) => readonly number[] },
): WinRateAtK | null {
  const { k, selfPlay, picksOf, seed, level = 0.95, resamples = 1000 } = options;
  const usable = prompts.filter(({ scores }) => scores.length >= k);
  if (usable.length === 0) return null;
  const values = usable.map((prompt) => expectedBest(prompt.scores, picksOf(prompt), k));
  const { estimate, interval } = bootstrap(
    values.length,
    (items) => items.reduce((sum, item) => sum + values[item]!, 0) / items.length,
    { seed, level, resamples },
  );
  return { k, prompts: usable.length, leftOut: prompts.length - usable.length, rate: estimate!, interval, selfPlay };
}

function requirePrompts(where: string, prompts: readonly ScoredSamples[], k: number): void {
  if (!(Number.isInteger(k) && k >= 1)) throw badInput(`${where}: k must be a whole number from 1 on, got ${k}`);
  for (const [i, { scores }] of prompts.entries())
    for (const score of scores)
      if (!(score >= 0 && score <= 1))
        throw badInput(`${where}: scores must be in [0, 1], got ${score} of prompt ${i}`);
}
