import { has, isObject, type JsonRecord } from '../../core/index.ts';
import { createFieldReader, numberAt, type FieldReader } from '../fields.ts';
import { refused, rowOfKind, rowUnless, type DataFormat } from '../format.ts';
import { numberOf } from '../row-meta.ts';
import type { RankedAnswer } from '../row.ts';
import { readEarlier } from './earlier-turns.ts';
import { transcriptTurns } from './hh-rlhf.ts';
import { assistantTurn, onlyText, recordOf, rowExtras, turnList, userTurn } from './record-parts.ts';

const QUESTIONS = ['prompt', 'instruction', 'question', 'query'] as const;
/** Where the answers stand: texts, or objects around one. */
const LISTS = ['generations', 'responses', 'answers', 'candidates'] as const;
const TEXTS = ['text', 'answer', 'response', 'generation', 'content'] as const;
/** A worth for each answer: higher is better, or 1 is the best. */
const SCORES = ['ratings', 'scores'] as const;
const RANKS = ['ranks', 'ranking'] as const;
const SCORE = ['score', 'rating', 'pm_score'] as const;
const MODELS = ['generation_models', 'models'] as const;

/**
 * A prompt and a list of answers with a worth each: scores in a list beside it, or in each answer, or ranks (lower is better).
 * Source: distilabel, UltraFeedback task (generations, ratings, generation_models); huggingface.co/datasets/berkeley-nest/Nectar (answers of answer and
 * rank); huggingface.co/datasets/HuggingFaceH4/stack-exchange-preferences (answers of text and pm_score).
 */
export const ANSWER_LIST: DataFormat = {
  name: 'answer-list',
  kind: 'ranking',
  content: 'turns',
  description:
    'prompt, instruction or question; generations, responses or answers: a list; ratings, scores or ranks beside it or in each',
  detect(record) {
    const list = listField(record);
    const isOther = ['chosen', 'rejected', 'completion', 'completions'].some((name) => has(record, name));
    if (list === undefined || isOther || questionField(record) === undefined) return 0;
    return hasWorth(record, list) ? 1 : 0.1;
  },
  parse(record, { id, origin }) {
    const fields = createFieldReader(record);
    const asked = questionField(record) ?? 'prompt';
    const content = fields.content(asked);
    const earlier = readEarlier(fields);
    const list = listField(record) ?? 'responses';
    const values = fields.list(list);
    const beside = {
      score: besideField(fields, SCORES, values),
      rank: besideField(fields, RANKS, values),
      model: besideField(fields, MODELS, values),
    };
    const answers = values.map((value, index): RankedAnswer => {
      const { text, rest } = partsOf(value);
      if (text === undefined) fields.wrong(`${list}.${index}`, 'a text, or an object with one', value);
      const own = createPartReader(fields, rest, `${list}.${index}`);
      const score = own.number(beside.score?.[index], SCORE);
      const rank = own.number(beside.rank?.[index], ['rank']);
      const model = own.text(beside.model?.[index], ['model']);
      const others = own.others();
      return {
        content: [assistantTurn(text ?? '')],
        ...(rank !== undefined && { rank }),
        ...(score !== undefined && { score }),
        ...(model !== undefined && { model }),
        ...(others.length > 0 && { fields: Object.fromEntries(others) }),
      };
    });
    const asking = typeof content === 'string' ? (transcriptTurns(content) ?? [userTurn(content)]) : content;
    const prompt = [...earlier, ...asking];
    return rowUnless(fields.problems, { kind: 'ranking', row: { id, origin, prompt, answers, ...rowExtras(fields) } });
  },
  write(row) {
    const { prompt, answers, votes: _votes, ...rest } = rowOfKind(row, 'ranking');
    const texts = answers.map(({ content }) => onlyText(content, 'assistant'));
    if (texts.includes(undefined)) return refused('has answers of one turn of text');
    const responses = answers.map(({ rank, score, model, fields }, index) => ({
      text: texts[index],
      ...(rank !== undefined && { rank }),
      ...(score !== undefined && { score }),
      ...(model !== undefined && { model }),
      ...fields,
    }));
    const asked = onlyText(prompt, 'user') ?? turnList(prompt);
    return recordOf(
      rest,
      { prompt: asked, responses },
      {
        reserved: [
          ...QUESTIONS,
          ...LISTS,
          ...SCORES,
          ...RANKS,
          ...MODELS,
          'system',
          'system_prompt',
          'system_message',
          'history',
        ],
      },
    );
  },
};

/**
 * Reads what stands beside an answer's text: the value of a list beside the answers, else the first of the answer's own fields that has
 * one. `others` is what was not taken, so that nothing goes without a word.
 */
function createPartReader(fields: FieldReader, rest: JsonRecord, path: string) {
  const taken = new Set<string>();
  const first = <T>(beside: T | undefined, names: readonly string[], read: (name: string) => T | undefined) => {
    if (beside !== undefined) return beside;
    for (const name of names) {
      const value = read(name);
      if (value === undefined) continue;
      taken.add(name);
      return value;
    }
    return undefined;
  };
  const number = (name: string, value: unknown): number | undefined => numberAt(fields, `${path}.${name}`, value);
  return {
    number: (beside: unknown, names: readonly string[]) =>
      first(number(names[0]!, beside), names, (name) => number(name, rest[name])),
    text: (beside: unknown, names: readonly string[]) => first(textIn(beside), names, (name) => textIn(rest[name])),
    others: () => Object.entries(rest).filter(([name, value]) => !taken.has(name) && value !== null),
  };
}

function textIn(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function questionField(record: JsonRecord): (typeof QUESTIONS)[number] | undefined {
  return QUESTIONS.find((name) => typeof record[name] === 'string' || Array.isArray(record[name]));
}

function listField(record: JsonRecord): (typeof LISTS)[number] | undefined {
  return LISTS.find((name) => Array.isArray(record[name]) && (record[name] as unknown[]).length > 0);
}

/** Whether something says which answer is better. */
function hasWorth(record: JsonRecord, list: string): boolean {
  if ([...SCORES, ...RANKS].some((name) => Array.isArray(record[name]))) return true;
  return (record[list] as readonly unknown[]).some(
    (item) => isObject(item) && [...SCORE, 'rank'].some((name) => numberOf(item[name]) !== undefined),
  );
}

/** The list beside the answers that has a value for each; a problem where it has another length. */
function besideField(
  fields: FieldReader,
  names: readonly string[],
  answers: readonly unknown[],
): readonly unknown[] | undefined {
  for (const name of names) {
    const value = fields.value(name);
    if (value === undefined) continue;
    if (Array.isArray(value) && value.length === answers.length) return value;
    fields.wrong(name, `a list of ${answers.length}, one value for each answer`, value);
    return undefined;
  }
  return undefined;
}

/** An answer's text and what else it holds. */
function partsOf(value: unknown): { readonly text: string | undefined; readonly rest: JsonRecord } {
  if (typeof value === 'string') return { text: value, rest: {} };
  if (!isObject(value)) return { text: undefined, rest: {} };
  const name = TEXTS.find((field) => typeof value[field] === 'string');
  if (name === undefined) return { text: undefined, rest: value };
  const { [name]: text, ...rest } = value;
  return { text: text as string, rest };
}
