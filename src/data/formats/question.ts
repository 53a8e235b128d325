import { has, type JsonRecord } from '../../core/index.ts';
import { createFieldReader } from '../fields.ts';
import { refused, rowOfKind, rowUnless, type DataFormat } from '../format.ts';
import { readEarlier } from './earlier-turns.ts';
import { assistantTurn, onlyText, recordOf, rowExtras, turnList, userTurn } from './record-parts.ts';

/** What a question's field is called; `prompt` only where a system text or earlier exchanges stand beside it. */
const QUESTIONS = ['question', 'query', 'input', 'prompt'] as const;
const EARLIER = ['system', 'system_prompt', 'system_message', 'history'] as const;
const ANSWERS = ['completion', 'response', 'answer', 'output'] as const;

const NO_PLACE = 'has one question, a system text, and answers of one turn, all of text';

/**
 * A question as text beside two answers as texts, with a system text and earlier exchanges in fields of their own: one conversation.
 * Source: huggingface.co/datasets/Intel/orca_dpo_pairs (system, question, chosen, rejected); Argilla's distilabel copies of it (system, input).
 */
export const QUESTION_PREFERENCE: DataFormat = {
  name: 'question-preference',
  kind: 'pair',
  content: 'turns',
  description: 'question, query or input (prompt beside a system text), chosen, rejected: texts',
  detect: (record) => (areTexts(record, 'chosen', 'rejected') ? fitOf(record) : 0),
  parse(record, { id, origin }) {
    const fields = createFieldReader(record);
    const asked = questionField(record) ?? 'question';
    const prompt = [...readEarlier(fields), userTurn(fields.text(asked))];
    const [chosen, rejected] = ['chosen', 'rejected'].map((name) => [assistantTurn(fields.text(name))]);
    const row = { id, origin, prompt, chosen: chosen!, rejected: rejected!, ...rowExtras(fields) };
    return rowUnless(fields.problems, { kind: 'pair', row });
  },
  write(row) {
    const { prompt, chosen, rejected, ...rest } = rowOfKind(row, 'pair');
    const asked = writeQuestion(turnList(prompt));
    const [better, worse] = [onlyText(chosen, 'assistant'), onlyText(rejected, 'assistant')];
    if (asked === undefined || better === undefined || worse === undefined) return refused(NO_PLACE);
    return recordOf(rest, { ...asked, chosen: better, rejected: worse }, { reserved: [...QUESTIONS, ...EARLIER] });
  },
};

/** A question as text with its answer, a system text and earlier exchanges beside it. Source: huggingface.co/datasets/Open-Orca/OpenOrca (system_prompt, question, response). */
export const QUESTION_COMPLETION: DataFormat = {
  name: 'question-completion',
  kind: 'completion',
  content: 'turns',
  description: 'question, query or input (prompt beside a system text); completion, response, answer or output: texts',
  detect: (record) => {
    const isOther = ['chosen', 'rejected', 'label', 'kto_tag', 'instruction', 'messages'].some((name) =>
      has(record, name),
    );
    // Argilla's ratings of one answer.
    const isRated = Object.keys(record).some((name) => name.endsWith('.responses'));
    const answer = answerField(record);
    return isOther || isRated || answer === undefined || !areTexts(record, answer) ? 0 : fitOf(record);
  },
  parse(record, { id, origin }) {
    const fields = createFieldReader(record);
    const asked = questionField(record) ?? 'question';
    const prompt = [...readEarlier(fields), userTurn(fields.text(asked))];
    const completion = [assistantTurn(fields.text(answerField(record) ?? 'completion'))];
    return rowUnless(fields.problems, {
      kind: 'completion',
      row: { id, origin, prompt, completion, ...rowExtras(fields) },
    });
  },
  write(row) {
    const { prompt, completion, ...rest } = rowOfKind(row, 'completion');
    const asked = writeQuestion(turnList(prompt));
    const answer = onlyText(completion, 'assistant');
    if (asked === undefined || answer === undefined) return refused(NO_PLACE);
    return recordOf(
      rest,
      { ...asked, response: answer },
      {
        reserved: [
          ...QUESTIONS,
          ...EARLIER,
          ...ANSWERS,
          'instruction',
          'label',
          'chosen',
          'rejected',
          'messages',
          'kto_tag',
        ],
      },
    );
  },
};

function areTexts(record: JsonRecord, ...names: readonly string[]): boolean {
  return names.every((name) => typeof record[name] === 'string');
}

function questionField(record: JsonRecord): (typeof QUESTIONS)[number] | undefined {
  return QUESTIONS.find((name) => typeof record[name] === 'string' && (name !== 'input' || !has(record, 'prompt')));
}

function answerField(record: JsonRecord): (typeof ANSWERS)[number] | undefined {
  return ANSWERS.find((name) => has(record, name));
}

/** 1 for a question's own field, or a prompt with something before it; less where a prompt stands alone, as TRL has it. */
function fitOf(record: JsonRecord): number {
  const asked = questionField(record);
  if (asked === undefined || has(record, 'instruction')) return 0;
  const isPreceded = EARLIER.some((name) => has(record, name) && record[name] !== '' && !isEmptyList(record[name]));
  // A text prompt beside the question says that the question is no more than a note.
  if (asked !== 'prompt' && !has(record, 'prompt')) return 1;
  return isPreceded ? 1 : 0.1;
}

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

/** system, question; undefined where the conversation has another order. */
function writeQuestion(turns: readonly { readonly role: string; readonly content: string }[]): JsonRecord | undefined {
  const system = turns[0]?.role === 'system' && turns[0].content.trim() !== '' ? turns[0].content : undefined;
  const rest = system === undefined ? turns : turns.slice(1);
  const question = rest.length === 1 ? onlyText(rest as never, 'user') : undefined;
  return question === undefined ? undefined : { ...(system !== undefined && { system }), question };
}
