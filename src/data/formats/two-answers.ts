import { finiteNumber, has, type JsonRecord } from '../../core/index.ts';
import { createFieldReader, type FieldReader } from '../fields.ts';
import { refused, rowOfKind, rowUnless, type DataFormat } from '../format.ts';
import { numberOf } from '../row-meta.ts';
import type { RankedAnswer, Vote } from '../row.ts';
import { answerFields, choiceOf, promptField, votesOf } from './answer-fields.ts';
import { readEarlier } from './earlier-turns.ts';
import { transcriptTurns } from './hh-rlhf.ts';
import { assistantTurn, onlyText, recordOf, rowExtras, turnList, userTurn } from './record-parts.ts';

/** The position of the better answer. */
const POSITION = 'better_response_id';
/** Fields that name the better answer, the likeliest first: its position, its name, or a word for a tie. */
const VERDICTS = [POSITION, 'preference', 'preferred', 'winner', 'label', 'choice', 'better'] as const;
/** A number whose sign says it: below 0 the first answer is better, 0 is a tie. */
const SIGNED = 'overall_preference';

/**
 * A prompt, two answers in fields of their own, and which of them is better: by position or name, by a signed preference, or by a score each.
 * Source: huggingface.co/datasets/PKU-Alignment/PKU-SafeRLHF (response_0, response_1, better_response_id); nvidia/HelpSteer3 (context, response1, response2,
 * overall_preference); openai/webgpt_comparisons (answer_0, answer_1, score_0, score_1).
 */
export const TWO_ANSWERS: DataFormat = {
  name: 'two-answers',
  kind: 'ranking',
  content: 'turns',
  description:
    'prompt, question or context; two answers such as response_0 and response_1; better_response_id, preference, winner, overall_preference, or score_0 and score_1',
  detect(record) {
    const names = answerFields(record);
    const isOther = Object.keys(record).some((name) => name.endsWith('.responses')) || has(record, 'chosen');
    if (names.length !== 2 || isOther || askedField(record) === undefined) return 0;
    return verdictField(record) !== undefined || scoreFields(record, names) !== undefined ? 1 : 0.1;
  },
  parse(record, { id, origin }) {
    const fields = createFieldReader(record);
    const names = answerFields(record);
    if (names.length !== 2) fields.wrong('response_0', 'a text, and so must response_1', undefined);
    const prompt = [...readEarlier(fields), ...readQuestion(fields, record)];
    const scores = scoreFields(record, names)?.map((name) => fields.optionalNumber(name));
    const answers = names.map((name, index): RankedAnswer => {
      const score = scores?.[index];
      return { content: [assistantTurn(fields.text(name))], ...(score !== undefined && { score }) };
    });
    const votes = readVerdict(fields, record, names);
    const row = { id, origin, prompt, answers, ...(votes.length > 0 && { votes }), ...rowExtras(fields) };
    return rowUnless(fields.problems, { kind: 'ranking', row });
  },
  write(row) {
    const ranking = rowOfKind(row, 'ranking');
    const { prompt, answers, votes: _votes, ...rest } = ranking;
    const texts = answers.map(({ content }) => onlyText(content, 'assistant'));
    const scored = answers.every(({ score }) => score !== undefined);
    // Scores say it already.
    const votes = scored ? (ranking.votes ?? []) : votesOf(ranking);
    if (texts.length !== 2 || texts.includes(undefined)) return refused('has two answers of one turn of text');
    if (votes.length > 1) return refused('has one verdict');
    return recordOf(
      rest,
      {
        prompt: onlyText(prompt, 'user') ?? turnList(prompt),
        response_0: texts[0],
        response_1: texts[1],
        ...(votes.length > 0 && {
          preference: typeof votes[0]!.choice === 'number' ? `response_${votes[0]!.choice}` : votes[0]!.choice,
        }),
        ...(scored && { score_0: answers[0]!.score, score_1: answers[1]!.score }),
      },
      {
        reserved: [
          ...VERDICTS,
          SIGNED,
          'context',
          'question',
          'instruction',
          'system',
          'system_prompt',
          'system_message',
          'history',
        ],
      },
    );
  },
};

function askedField(record: JsonRecord): string | undefined {
  return promptField(record) ?? (has(record, 'context') ? 'context' : undefined);
}

/** A text, a conversation, or WebGPT's object around a text. */
function readQuestion(fields: FieldReader, record: JsonRecord) {
  const name = askedField(record) ?? 'prompt';
  const value = record[name];
  const nested = value !== null && typeof value === 'object' && 'full_text' in value ? value.full_text : undefined;
  if (typeof nested === 'string') {
    fields.value(name);
    return [userTurn(nested)];
  }
  const content = fields.content(name);
  return typeof content === 'string' ? (transcriptTurns(content) ?? [userTurn(content)]) : content;
}

function verdictField(record: JsonRecord): string | undefined {
  if (finiteNumber(record[SIGNED]) !== undefined) return SIGNED;
  return VERDICTS.find((name) => has(record, name));
}

/** score_0 and score_1, by what follows the stem of each answer's name. */
function scoreFields(record: JsonRecord, names: readonly string[]): readonly string[] | undefined {
  const scores = names.map((name) => {
    const ending = /(?:[a-z]|\d+)$/i.exec(name)![0];
    return [`score_${ending}`, `score${ending}`].find((score) => numberOf(record[score]) !== undefined);
  });
  return scores.includes(undefined) ? undefined : (scores as readonly string[]);
}

function readVerdict(fields: FieldReader, record: JsonRecord, names: readonly string[]): Vote[] {
  const name = verdictField(record);
  if (name === undefined) return [];
  const value = fields.value(name);
  const isPosition = name === POSITION;
  const choice =
    name === SIGNED ? signOf(finiteNumber(value)!) : isPosition ? positionOf(value) : choiceOf(value, names);
  if (choice !== undefined) return [{ choice }];
  fields.wrong(name, isPosition ? '0 or 1' : `one of ${names.join(', ')}, tie, both-bad`, value);
  return [];
}

function signOf(value: number): Vote['choice'] {
  return value === 0 ? 'tie' : value < 0 ? 0 : 1;
}

function positionOf(value: unknown): Vote['choice'] | undefined {
  const position = numberOf(value);
  return position === 0 || position === 1 ? position : undefined;
}
