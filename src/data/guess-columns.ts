import { has, type JsonRecord } from '../core/index.ts';
import type { ColumnNames } from './sources/source.ts';

/** Words in the names of columns that hold a field, as people name them. */
const WORDS: Readonly<Record<'prompt' | 'chosen' | 'rejected', readonly string[]>> = {
  prompt: ['prompt', 'question', 'query', 'instruction', 'input', 'ask', 'user', 'request', 'message', 'context'],
  chosen: [
    'chosen',
    'good',
    'better',
    'best',
    'preferred',
    'winner',
    'winning',
    'win',
    'accepted',
    'accept',
    'positive',
    'pos',
    'selected',
    'correct',
    'liked',
    'w',
    'up',
    'improved',
    'edited',
    'right',
  ],
  rejected: [
    'rejected',
    'reject',
    'bad',
    'worse',
    'worst',
    'dispreferred',
    'loser',
    'losing',
    'lose',
    'lost',
    'negative',
    'neg',
    'unselected',
    'incorrect',
    'disliked',
    'l',
    'down',
    'original',
    'wrong',
    'discarded',
  ],
};

/**
 * What the columns of a record seem to be, where two answers can be told from their names, and a prompt from its name or its length: `{ prompt: 'question', chosen: 'good', rejected: 'bad' }`.
 * Undefined where a field has no column, or several that are as likely.
 */
export function guessColumns(record: JsonRecord): ColumnNames | undefined {
  const texts = Object.keys(record).filter((name) => typeof record[name] === 'string' || Array.isArray(record[name]));
  const found: Record<string, string> = {};
  for (const [field, words] of Object.entries(WORDS)) {
    const own = texts.filter((name) => partsOf(name).some((part) => words.includes(part)));
    const [column, other] = has(record, field) ? [field] : own;
    if (other !== undefined || (column === undefined && field !== 'prompt')) return undefined;
    if (column !== undefined) found[field] = column;
  }
  const prompt = found['prompt'] ?? longestText(record, Object.values(found));
  const { chosen, rejected } = found;
  const columns = [prompt, chosen, rejected];
  return prompt === undefined || new Set(columns).size < columns.length
    ? undefined
    : { prompt, chosen: chosen!, rejected: rejected! };
}

/** The column, besides those that are known, with the longest text of several words. */
function longestText(record: JsonRecord, known: readonly string[]): string | undefined {
  const lengths = Object.entries(record).flatMap(([name, text]) =>
    typeof text === 'string' && text.trim().includes(' ') && !known.includes(name)
      ? [{ name, length: text.length }]
      : [],
  );
  return lengths.toSorted((a, b) => b.length - a.length)[0]?.name;
}

/** `betterAnswer`, `better_answer` and `Better answer` are better and answer. */
function partsOf(name: string): string[] {
  return name
    .replaceAll(/([a-z])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z]+/);
}
