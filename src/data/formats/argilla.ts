import { createFieldReader } from '../fields.ts';
import { isNumber, isObject, type JsonRecord } from '../../core/index.ts';
import { refused, rowOfKind, rowUnless, type DataFormat } from '../format.ts';
import type { RankedAnswer, Vote } from '../row.ts';
import { answerFields, choiceOf, promptField, votesOf } from './answer-fields.ts';
import { assistantTurn, onlyText, recordOf, rowExtras, userTurn } from './record-parts.ts';

const RESPONSES = '.responses';

/**
 * Argilla's export, nested (fields, responses, metadata, suggestions) or flat (`question.responses`, `.users`, `.status`).
 * Submitted responses to the first question whose values name an answer, or rank the answers, are votes; everything else
 * is kept as meta. Written flat, as Argilla writes to datasets, with the question `preference`.
 * Source: docs.argilla.io, "Import and export", and argilla/src/argilla/records/_io/_generic.py.
 */
export const ARGILLA: DataFormat = {
  name: 'argilla',
  kind: 'ranking',
  content: 'turns',
  description: 'a prompt, answers such as response_a and response_b, and QUESTION.responses; or fields and responses',
  detect(record) {
    if (isObject(record['fields']) && isObject(record['responses'])) return 1;
    return Object.keys(record).some((name) => name.endsWith(RESPONSES))
      ? answerFields(record).length > 0
        ? 1
        : 0.1
      : 0;
  },
  parse(record, { id, origin }) {
    const flat = isObject(record['fields']) ? flattened(record) : record;
    const fields = createFieldReader(flat);
    const names = answerFields(flat);
    if (names.length < 2) fields.wrong('response_a', 'a text, and so must response_b', undefined);
    const asked = promptField(flat);
    const content = asked === undefined ? undefined : fields.content(asked);
    if (content === undefined) fields.wrong('prompt', 'a text or a list of messages', undefined);
    const answers = names.map((name): RankedAnswer => ({ content: [assistantTurn(fields.text(name))] }));
    const question = questionOf(flat, names);
    const votes = question === undefined ? [] : readVotes(flat, question, names);
    if (question !== undefined) for (const part of ['', '.users', '.status']) fields.value(question + RESPONSES + part);
    const row = {
      id,
      origin,
      prompt: typeof content === 'string' ? [userTurn(content)] : (content ?? []),
      answers,
      ...(votes.length > 0 && { votes }),
      ...rowExtras(fields),
    };
    return rowUnless(fields.problems, { kind: 'ranking', row });
  },
  write(row) {
    const ranking = rowOfKind(row, 'ranking');
    const { prompt, answers, votes: _votes, ...rest } = ranking;
    const texts = answers.map(({ content }) => onlyText(content, 'assistant'));
    if (texts.includes(undefined) || answers.length > 26) return refused('has answers of one turn of text');
    const letters = answers.map((_, index) => String.fromCharCode(97 + index));
    const votes = votesOf(ranking);
    const responses = {
      'preference.responses': votes.map(({ choice }) => (typeof choice === 'number' ? letters[choice] : choice)),
      'preference.responses.users': votes.map(({ annotator = '' }) => annotator),
      'preference.responses.status': votes.map(() => 'submitted'),
    };
    return recordOf(rest, {
      prompt: onlyText(prompt, 'user') ?? prompt,
      ...Object.fromEntries(letters.map((letter, index) => [`response_${letter}`, texts[index]])),
      ...(votes.length > 0 && responses),
    });
  },
};

/** A nested record in the flat form; other nested parts keep their place. */
function flattened(record: JsonRecord): JsonRecord {
  const { fields, responses, metadata, ...rest } = record;
  const flat: Record<string, unknown> = { ...rest };
  if (isObject(metadata)) Object.assign(flat, metadata);
  if (isObject(fields)) Object.assign(flat, fields);
  for (const [question, given] of Object.entries(isObject(responses) ? responses : {})) {
    const list = (Array.isArray(given) ? given : [given]).filter(isObject);
    flat[question + RESPONSES] = list.map(({ value }) => value);
    flat[`${question}${RESPONSES}.users`] = list.map(({ user_id: user }) => user);
    flat[`${question}${RESPONSES}.status`] = list.map(({ status }) => status ?? 'submitted');
  }
  return flat;
}

/** The first question of which a response decides between the answers. */
function questionOf(flat: JsonRecord, names: readonly string[]): string | undefined {
  return Object.entries(flat)
    .filter(([name, values]) => name.endsWith(RESPONSES) && Array.isArray(values))
    .find(([, values]) => (values as readonly unknown[]).some((value) => decisionOf(value, names) !== undefined))?.[0]
    .slice(0, -RESPONSES.length);
}

function readVotes(flat: JsonRecord, question: string, names: readonly string[]): Vote[] {
  const list = (name: string): readonly unknown[] => {
    const value = flat[question + RESPONSES + name];
    return Array.isArray(value) ? value : [];
  };
  const [users, status] = [list('.users'), list('.status')];
  return list('').flatMap((value, index): Vote[] => {
    const choice = decisionOf(value, names);
    if (choice === undefined || (status[index] ?? 'submitted') !== 'submitted') return [];
    const user = users[index];
    const isNamed = (typeof user === 'string' && user !== '') || isNumber(user);
    return [{ choice, ...(isNamed && { annotator: String(user) }) }];
  });
}

/** A label, or a ranking: names in order, or `{value, rank}`; shared first place is a tie. */
function decisionOf(value: unknown, names: readonly string[]): Vote['choice'] | undefined {
  if (!Array.isArray(value)) return choiceOf(value, names);
  const entries = (value as readonly unknown[]).map((entry, index) =>
    isObject(entry)
      ? { choice: choiceOf(entry['value'], names), rank: Number(entry['rank'] ?? index) }
      : { choice: choiceOf(entry, names), rank: index },
  );
  const best = Math.min(...entries.map(({ rank }) => rank));
  const first = entries.filter(({ rank }) => rank === best);
  return first.length > 1 ? 'tie' : first[0]?.choice;
}
