import { finiteNumber, type JsonRecord } from '../../core/index.ts';
import type { RankingRow, Vote } from '../row.ts';
import { verdictOf } from '../pair-of-ranking.ts';

/** Fields that annotation projects keep the question in, the likeliest first. */
export const PROMPT_FIELDS = ['prompt', 'instruction', 'question', 'query', 'input', 'chat', 'text'] as const;

const ANSWER = /^(answer|response|completion|generation|output|candidate)[-_ ]?([a-z]|\d+)$/i;

/** The fields that hold the answers, told by their names: answer1 and answer2, response_a and response_b, ... At least two, else none. */
export function answerFields(record: JsonRecord): readonly string[] {
  const families = new Map<string, string[]>();
  for (const name of Object.keys(record)) {
    const stem = ANSWER.exec(name)?.[1]?.toLowerCase();
    if (stem !== undefined) families.set(stem, [...(families.get(stem) ?? []), name]);
  }
  const largest = [...families.values()].toSorted((a, b) => b.length - a.length)[0] ?? [];
  return largest.length < 2 ? [] : largest.toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true }));
}

export function promptField(record: JsonRecord): string | undefined {
  return PROMPT_FIELDS.find((name) => Object.hasOwn(record, name));
}

const TIES = new Set(['tie', 'equal', 'same', 'draw', 'both', 'both good', 'both-good', 'both_good']);
const BAD = new Set(['both-bad', 'both bad', 'both_bad', 'bothbad', 'tie (bothbad)', 'neither', 'none']);

/** What a label says about the answers in `names`: a field's name, or what follows its stem (a, b, 1, 2), or a tie. */
export function choiceOf(value: unknown, names: readonly string[]): Vote['choice'] | undefined {
  const given = typeof value === 'string' ? value : finiteNumber(value);
  if (given === undefined) return undefined;
  const label = String(given).trim().toLowerCase();
  const index = names.findIndex(
    (name) => name.toLowerCase() === label || ANSWER.exec(name)?.[2]?.toLowerCase() === label,
  );
  if (index >= 0) return index;
  return TIES.has(label) ? 'tie' : BAD.has(label) ? 'both-bad' : undefined;
}

/** The votes of a row; of one that is ranked otherwise, its verdict as the vote of the row's annotator. */
export function votesOf(row: RankingRow): readonly Vote[] {
  const { votes = [], meta } = row;
  const verdict = votes.length > 0 ? undefined : verdictOf(row);
  if (verdict === undefined) return votes;
  return [{ choice: verdict, ...(meta?.annotator !== undefined && { annotator: meta.annotator }) }];
}
