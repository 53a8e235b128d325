import type { RankedAnswer, RankingRow, Vote } from '../data/index.ts';
import { contentKey } from '../judge/index.ts';

/**
 * Ratings gathered by prompt: rows of the same prompt become one, an answer that several people rated has the mean of its scores.
 * In order of first sight; ranks of different rows do not compare, so rows with ranks alone stay as they are.
 */
export function gatherRatings(rows: readonly RankingRow[]): RankingRow[] {
  const gathered = new Map<string, RankingRow[]>();
  for (const [i, row] of rows.entries()) {
    const isRanked = row.answers.every(({ score, ratings }) => score === undefined && ratings === undefined);
    const key = isRanked ? `row ${i}` : contentKey(row.prompt);
    gathered.set(key, [...(gathered.get(key) ?? []), row]);
  }
  return [...gathered.values()].map((group) =>
    group.length === 1 && !hasRepeats(group[0]!) ? group[0]! : { ...group[0]!, answers: mergeAnswers(group) },
  );
}

function hasRepeats({ answers }: RankingRow): boolean {
  return new Set(answers.map(({ content }) => contentKey(content))).size < answers.length;
}

function mergeAnswers(rows: readonly RankingRow[]): RankedAnswer[] {
  const answers = new Map<string, RankedAnswer[]>();
  for (const answer of rows.flatMap((row) => row.answers)) {
    const key = contentKey(answer.content);
    answers.set(key, [...(answers.get(key) ?? []), answer]);
  }
  return [...answers.values()].map((same) => {
    const [first] = same as [RankedAnswer];
    const score = mean(same.map((answer) => answer.score));
    const aspects = [...new Set(same.flatMap(({ ratings }) => Object.keys(ratings ?? {})))];
    const ratings = Object.fromEntries(
      aspects.map((aspect) => [aspect, mean(same.map((answer) => answer.ratings?.[aspect]))!]),
    );
    return { ...first, ...(score !== undefined && { score }), ...(aspects.length > 0 && { ratings }) };
  });
}

function mean(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : known.reduce((sum, value) => sum + value, 0) / known.length;
}

/** Votes gathered: rows with the same prompt and the same answers, in whatever order, become one with all their votes. */
export function gatherVotes(rows: readonly RankingRow[]): RankingRow[] {
  const gathered = new Map<string, { readonly row: RankingRow; readonly keys: string[]; readonly votes: Vote[] }>();
  for (const row of rows) {
    const keys = row.answers.map(({ content }) => contentKey(content));
    const key = JSON.stringify([contentKey(row.prompt), keys.toSorted()]);
    const known = gathered.get(key) ?? { row, keys, votes: [] };
    gathered.set(key, known);
    for (const vote of row.votes ?? []) {
      const { choice } = vote;
      known.votes.push(typeof choice === 'number' ? { ...vote, choice: known.keys.indexOf(keys[choice]!) } : vote);
    }
  }
  return [...gathered.values()].map(({ row, votes }) => ({ ...row, votes }));
}
