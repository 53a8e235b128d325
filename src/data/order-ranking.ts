import { badInput } from '../core/index.ts';
import { UNDECIDED, verdictOf, whyUndecided } from './pair-of-ranking.ts';
import type { RankedAnswer, RankingRow } from './row.ts';

/**
 * What an objective makes of answers that tie. `order`: their order counts, so one of each tie stays. `best`: only the best answer is
 * told apart from the others, so that ties below it stay, and of several best ones the first stays.
 */
export type TieRule = 'order' | 'best';

export interface OrderedAnswers {
  /** Best first, at least two. */
  readonly answers: readonly RankedAnswer[];
  /** Answers left out because they tie with one that stays, the first in the file. */
  readonly tied: number;
}

/** Smaller is better: the rank where every answer has one, else the negative score; undefined where neither is known of all. */
function placesOf(answers: readonly RankedAnswer[]): readonly number[] | undefined {
  const ranks = answers.map(({ rank }) => rank);
  if (ranks.every((rank) => rank !== undefined)) return ranks;
  const scores = answers.map(({ score }) => score);
  return scores.every((score) => score !== undefined) ? scores.map((score) => -score) : undefined;
}

/**
 * The answers of a row from best to worst: by the votes where there are two and votes, else by rank, else by score. Throws bad-input for a
 * row whose order is not known or in which all answers tie.
 */
export function orderAnswers(row: RankingRow, rule: TieRule): OrderedAnswers {
  const { answers, votes = [] } = row;
  if (answers.length === 2) {
    const better = verdictOf(row);
    if (better === undefined) throw badInput({ path: UNDECIDED, message: whyUndecided(row) });
    return { answers: [answers[better]!, answers[1 - better]!], tied: 0 };
  }
  const places = placesOf(answers);
  if (places === undefined)
    throw undecided(
      `a ranking needs a rank, or a score, of every answer, got ${answers.length} answers ${votes.length > 0 ? 'with votes alone' : 'without'}`,
    );
  const order = [...answers.keys()].toSorted((a, b) => places[a]! - places[b]! || a - b);
  const isKept = (index: number, at: number): boolean => {
    if (at === 0) return true;
    return places[index]! !== places[rule === 'order' ? order[at - 1]! : order[0]!]!;
  };
  const kept = order.filter(isKept);
  if (kept.length < 2)
    throw undecided(`a ranking needs two answers of which one is better, got ${answers.length} that all tie`);
  return { answers: kept.map((index) => answers[index]!), tied: answers.length - kept.length };
}

function undecided(what: string): Error {
  return badInput({ path: UNDECIDED, message: `${what}; give them, or skip the row (--lenient)` });
}
