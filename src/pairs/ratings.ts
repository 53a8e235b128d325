import { badInput } from '../core/index.ts';
import type { RankedAnswer, RankingRow } from '../data/index.ts';
import { createCollector, type Built } from './built.ts';

/** Which answers of a prompt become pairs. */
export const STRATEGIES = ['best-worst', 'best-rest', 'all'] as const;
export type Strategy = (typeof STRATEGIES)[number];

export interface RatingPairOptions {
  /** best-worst (default): one pair a prompt. best-rest: the best against each other. all: every two that differ. */
  readonly strategy?: Strategy;
  /** How far ratings must be apart, in their own unit; ranks: places. Default 0: any difference. */
  readonly minMargin?: number;
  /** A rating by aspect, such as helpfulness, instead of the overall score. */
  readonly aspect?: string | undefined;
}

interface Rated {
  readonly answer: RankedAnswer;
  readonly value: number;
}

/**
 * Pairs from ratings (higher is better) or, where no answer has one, ranks (lower is better). The margin is the difference of the values. Equal values
 * are ties and never become pairs; answers without a value are left out and counted. Throws bad-input for a negative or non-finite `minMargin`.
 *
 * @example
 * ```ts run
 * import { pairsFromRatings } from 'preftune/pairs';
 *
 * const answers = [
 *   { content: 'Ice.', score: 2 },
 *   { content: 'A lump of ice and dust that circles the sun.', score: 5 },
 * ];
 * const row = { id: '1', origin: { file: 'ratings.jsonl', line: 1 }, prompt: 'What is a comet?', answers };
 * const { pairs, skipped } = pairsFromRatings(row);
 * console.log(pairs[0].rejected, pairs[0].meta?.margin, skipped); // Ice. 3 {}
 * ```
 */
export function pairsFromRatings(row: RankingRow, options: RatingPairOptions = {}): Built {
  const { strategy = 'best-worst', minMargin = 0, aspect } = options;
  if (!(minMargin >= 0 && minMargin < Infinity))
    throw badInput(`pairs: minMargin must be a number of at least 0, got ${minMargin}`);
  const { pair, skip, built } = createCollector(row);
  const rated = ratedAnswers(row.answers, aspect);
  skip('unrated', row.answers.length - rated.length);
  if (rated.length < 2) {
    skip('one-answer');
    return built();
  }
  const sorted = rated.toSorted((a, b) => b.value - a.value);
  for (const [better, worse] of candidates(sorted, strategy)) {
    const margin = better.value - worse.value;
    if (margin === 0) skip('tie');
    else if (margin < minMargin) skip('below-margin');
    else pair(better.answer, worse.answer, { margin });
  }
  return built();
}

function ratedAnswers(answers: readonly RankedAnswer[], aspect: string | undefined): Rated[] {
  const hasScores = answers.some(({ score }) => score !== undefined);
  return answers.flatMap((answer) => {
    const rank = hasScores || answer.rank === undefined ? undefined : -answer.rank;
    const value = aspect === undefined ? (answer.score ?? rank) : answer.ratings?.[aspect];
    return value === undefined || !Number.isFinite(value) ? [] : [{ answer, value }];
  });
}

/** Best first in each; of equal values the earlier answer stands for the best, the later one for the worst. */
function candidates(sorted: readonly Rated[], strategy: Strategy): (readonly [Rated, Rated])[] {
  const [best, ...rest] = sorted as [Rated, ...Rated[]];
  if (strategy === 'best-worst') return [[best, sorted.at(-1)!]];
  if (strategy === 'best-rest') return rest.map((worse) => [best, worse]);
  return sorted.flatMap((better, i) => sorted.slice(i + 1).map((worse) => [better, worse] as const));
}
