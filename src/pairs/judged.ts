import { mapConcurrently } from '../ask/index.ts';
import type { RankedAnswer, RankingRow } from '../data/index.ts';
import type { CompareOptions, Comparison, Judge, Judgement } from '../judge/index.ts';
import { createCollector, mergeBuilt, type Built } from './built.ts';
import { pairsFromRatings, type Strategy } from './ratings.ts';

/** Which answers of a prompt meet. all: every two. knockout: the winner so far against the next, one less than there are answers. */
export const MATCHES = ['all', 'knockout'] as const;
export type Matches = (typeof MATCHES)[number];

export interface JudgedOptions extends CompareOptions {
  readonly judge: Judge;
  readonly matches?: Matches;
  /** Default all: each decided match is a pair. Else as for ratings, the rating being the share of matches won, ties one half. */
  readonly strategy?: Strategy;
  /** Verdicts of less confidence are ties. Default 0. */
  readonly minConfidence?: number;
}

export interface JudgedMatch {
  readonly comparison: Comparison;
  readonly judgement: Judgement;
}

/** Pairs of one prompt, and every verdict behind them. */
export interface Judged extends Built {
  readonly matches: readonly JudgedMatch[];
}

/** The comparisons of a row when every two answers meet, in order. */
export function comparisonsOf(row: RankingRow): Comparison[] {
  return meetings(row.answers.length).map(([i, j]) => comparisonOf(row, i, j));
}

/**
 * Pairs from what a judge says of a row's answers. Matches without a verdict, ties, and verdicts of little confidence never become pairs, and are counted. Throws as
 * the judge does.
 */
export async function pairsFromJudge(row: RankingRow, options: JudgedOptions): Promise<Judged> {
  const { judge, strategy = 'all', minConfidence = 0, matches: kind = 'all' } = options;
  const played = kind === 'all' ? await playAll(row, options) : await playKnockout(row, options);
  const { pair, skip, built } = createCollector(row);
  if (row.answers.length < 2) skip('one-answer');
  for (const { i, j, judgement } of played) {
    const winner = winnerOf(judgement, minConfidence);
    if (winner === undefined) skip('no-verdict');
    else if (winner === 'unsure') skip('too-little-confidence');
    else if (winner === 'tie') skip('tie');
    else if (strategy === 'all' && judgement.kind === 'verdict') {
      const [better, worse] = winner === 'a' ? [i, j] : [j, i];
      const fields = { judge_confidence: judgement.confidence };
      pair(row.answers[better]!, row.answers[worse]!, { annotator: judge.name, fields });
    }
  }
  const direct = built();
  const matches = played.map(({ comparison, judgement }) => ({ comparison, judgement }));
  if (strategy === 'all' || row.answers.length < 2) return { ...direct, matches };
  const answers = withShares(row.answers, played, minConfidence);
  const { pairs, skipped } = pairsFromRatings({ ...row, answers }, { strategy });
  const named = pairs.map((made) => ({ ...made, meta: { ...made.meta, annotator: judge.name } }));
  return {
    ...mergeBuilt([
      { pairs: named, skipped: direct.skipped },
      { pairs: [], skipped },
    ]),
    matches,
  };
}

interface Played extends JudgedMatch {
  readonly i: number;
  readonly j: number;
}

async function play(row: RankingRow, [i, j]: readonly [number, number], options: JudgedOptions): Promise<Played> {
  const comparison = comparisonOf(row, i, j);
  return { i, j, comparison, judgement: await options.judge.compare(comparison, { signal: options.signal }) };
}

function playAll(row: RankingRow, options: JudgedOptions): Promise<Played[]> {
  const { signal } = options;
  return mapConcurrently(
    meetings(row.answers.length),
    (places, _, own) => play(row, places, { ...options, signal: own }),
    { signal },
  );
}

async function playKnockout(row: RankingRow, options: JudgedOptions): Promise<Played[]> {
  const played: Played[] = [];
  let champion = 0;
  for (let next = 1; next < row.answers.length; next++) {
    const match = await play(row, [champion, next], options);
    played.push(match);
    if (winnerOf(match.judgement, options.minConfidence ?? 0) === 'b') champion = next;
  }
  return played;
}

function winnerOf(judgement: Judgement, minConfidence: number): 'a' | 'b' | 'tie' | 'unsure' | undefined {
  if (judgement.kind === 'none') return undefined;
  const { verdict, confidence } = judgement;
  return verdict !== 'tie' && confidence < minConfidence ? 'unsure' : verdict;
}

/** Each answer's share of points in the matches that it played; none where it had no verdict. */
function withShares(
  answers: readonly RankedAnswer[],
  played: readonly Played[],
  minConfidence: number,
): RankedAnswer[] {
  const points = answers.map(() => 0);
  const counts = answers.map(() => 0);
  for (const { i, j, judgement } of played) {
    const winner = winnerOf(judgement, minConfidence);
    if (winner === undefined) continue;
    const share = winner === 'a' ? 1 : winner === 'b' ? 0 : 0.5;
    points[i]! += share;
    points[j]! += 1 - share;
    counts[i]!++;
    counts[j]!++;
  }
  return answers.map(({ score: _score, rank: _rank, ...rest }, i) =>
    counts[i]! > 0 ? { ...rest, score: points[i]! / counts[i]! } : rest,
  );
}

function meetings(count: number): (readonly [number, number])[] {
  return Array.from({ length: count }, (_, i) => i).flatMap((i) =>
    Array.from({ length: count - i - 1 }, (_, k) => [i, i + 1 + k] as const),
  );
}

function comparisonOf({ id, prompt, answers }: RankingRow, i: number, j: number): Comparison {
  const name = answers.length === 2 ? id : `${id} (${i + 1} against ${j + 1})`;
  return { id: name, prompt, a: answers[i]!.content, b: answers[j]!.content };
}
