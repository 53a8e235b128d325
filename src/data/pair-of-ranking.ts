import { badInput } from '../core/index.ts';
import type { PairRow, RankingRow } from './row.ts';

/**
 * The pair that a row of two answers decides: by its votes when there are any (all for the same answer), else by rank, else by
 * score. Undefined for a tie, votes that differ, answers without any of these, and rows of more than two answers, whose
 * pairs are a choice (preftune data build).
 */
export function pairOfRanking(row: RankingRow): PairRow | undefined {
  const { answers, votes: _votes, ...rest } = row;
  const better = verdictOf(row);
  if (better === undefined) return undefined;
  const [chosen, rejected] = [answers[better]!, answers[1 - better]!];
  const annotator = row.votes?.length === 1 ? row.votes[0]!.annotator : undefined;
  const meta = {
    ...row.meta,
    ...(annotator !== undefined && { annotator }),
    ...(chosen.model !== undefined && { chosenModel: chosen.model }),
    ...(rejected.model !== undefined && { rejectedModel: rejected.model }),
    ...(chosen.score !== undefined && { chosenScore: chosen.score }),
    ...(rejected.score !== undefined && { rejectedScore: rejected.score }),
  };
  return {
    ...rest,
    chosen: chosen.content,
    rejected: rejected.content,
    ...(Object.keys(meta).length > 0 && { meta }),
  };
}

/** The path of the problem that an undecided row is. */
export const UNDECIDED = 'answers';

/** As pairOfRanking, or bad-input that says why there is none. */
export function decidedPair(row: RankingRow): PairRow {
  const pair = pairOfRanking(row);
  if (pair !== undefined) return pair;
  throw badInput({ path: UNDECIDED, message: whyUndecided(row) });
}

/** Why a row of answers is no pair, as a message. */
export function whyUndecided({ answers, votes = [] }: RankingRow): string {
  const found =
    answers.length > 2
      ? `${answers.length} answers`
      : votes.length > 0
        ? `the votes ${votes.map(({ choice }) => (typeof choice === 'number' ? `answer ${choice + 1}` : choice)).join(', ')}`
        : 'two answers without order';
  return `a pair needs two answers of which one is better, got ${found}; build pairs by a rule (preftune data build), or skip the row (--lenient)`;
}

/** Which of two answers is better, as pairOfRanking has it; undefined where there is no pair. */
export function verdictOf({ answers, votes = [] }: RankingRow): 0 | 1 | undefined {
  const [first, second] = answers;
  if (answers.length !== 2) return undefined;
  if (votes.length > 0) {
    const choice = votes[0]!.choice;
    const isUnanimous = votes.every((vote) => vote.choice === choice);
    return isUnanimous && (choice === 0 || choice === 1) ? choice : undefined;
  }
  const lead = difference(second!.rank, first!.rank) || difference(first!.score, second!.score);
  return lead === 0 ? undefined : lead > 0 ? 0 : 1;
}

/** a - b, and 0 when one is missing. */
function difference(a: number | undefined, b: number | undefined): number {
  return a === undefined || b === undefined ? 0 : a - b;
}
