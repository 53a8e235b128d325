import { labelField, assistantTurn, onlyText, recordOf, rowExtras, turnList, userTurn } from './record-parts.ts';
import { readEarlier } from './earlier-turns.ts';
import type { Message } from '../../tokenizer/index.ts';
import { createFieldReader, type FieldReader } from '../fields.ts';
import { has, type JsonRecord } from '../../core/index.ts';
import { refused, rowOfKind, rowUnless, type DataFormat } from '../format.ts';
import type { Content } from '../row.ts';

const NO_PLACE =
  'has a system text, exchanges of one user and one assistant turn, and answers of one turn, all of text';

/** Optional parts of the prompt. */
const PROMPT_FIELDS = ['system', 'history'];

/**
 * Alpaca's instructions, with LLaMA-Factory's `system` and `history` (earlier exchanges): instruction and input are one user
 * turn, a line apart, and output is the completion.
 * Source: github.com/tatsu-lab/stanford_alpaca, README; LLaMA-Factory, data/README.md, "Alpaca format".
 */
export const ALPACA: DataFormat = {
  name: 'alpaca',
  kind: 'completion',
  content: 'turns',
  description: 'instruction, input, output',
  detect: (record) =>
    isAlpaca(record, 'output') && !isRankedOutput(record) && !hasAny(record, 'chosen', 'kto_tag', 'label') ? 1 : 0,
  parse(record, { id, origin }) {
    const fields = createFieldReader(record);
    const parts = { prompt: readPrompt(fields), completion: [assistantTurn(fields.text('output'))] };
    return rowUnless(fields.problems, { kind: 'completion', row: { id, origin, ...parts, ...rowExtras(fields) } });
  },
  write(row) {
    const { prompt, completion, ...rest } = rowOfKind(row, 'completion');
    const [asked, output] = [writePrompt(prompt), onlyText(completion, 'assistant')];
    return asked && output !== undefined
      ? recordOf(rest, { ...asked, output }, { reserved: [...PROMPT_FIELDS, 'chosen', 'kto_tag', 'label'] })
      : refused(NO_PLACE);
  },
};

/** LLaMA-Factory's preference pairs in Alpaca's form. Source: LLaMA-Factory, data/README.md, "Preference dataset". */
export const ALPACA_PREFERENCE: DataFormat = {
  name: 'alpaca-preference',
  kind: 'pair',
  content: 'turns',
  description: 'instruction, input, chosen, rejected; or output: a list of the better and the worse answer',
  detect: (record) => {
    if (isRankedOutput(record)) return 1;
    return isAlpaca(record, 'chosen', 'rejected') ? (has(record, 'prompt') ? 0.5 : 1) : 0;
  },
  parse(record, { id, origin }) {
    const fields = createFieldReader(record);
    const prompt = readPrompt(fields);
    const [chosen, rejected] = isRankedOutput(record)
      ? readRankedOutput(fields)
      : ['chosen', 'rejected'].map((name) => fields.text(name));
    const [better, worse] = [[assistantTurn(chosen ?? '')], [assistantTurn(rejected ?? '')]];
    const row = { id, origin, prompt, chosen: better, rejected: worse, ...rowExtras(fields) };
    return rowUnless(fields.problems, { kind: 'pair', row });
  },
  write(row) {
    const { prompt, chosen, rejected, ...rest } = rowOfKind(row, 'pair');
    const asked = writePrompt(prompt);
    const [better, worse] = [onlyText(chosen, 'assistant'), onlyText(rejected, 'assistant')];
    if (asked === undefined || better === undefined || worse === undefined) return refused(NO_PLACE);
    return recordOf(rest, { ...asked, chosen: better, rejected: worse }, { reserved: [...PROMPT_FIELDS, 'prompt'] });
  },
};

/** LLaMA-Factory's unpaired answers in Alpaca's form. Source: LLaMA-Factory, data/README.md, "KTO dataset". */
export const ALPACA_KTO: DataFormat = {
  name: 'alpaca-kto',
  kind: 'unpaired',
  content: 'turns',
  description: 'instruction, input, output; kto_tag: true when the output is good',
  detect: (record) => (isAlpaca(record, 'output') && hasAny(record, 'kto_tag', 'label') ? 1 : 0),
  parse(record, { id, origin }) {
    const fields = createFieldReader(record);
    const parts = { prompt: readPrompt(fields), completion: [assistantTurn(fields.text('output'))] };
    const label = fields.label(labelField(record));
    return rowUnless(fields.problems, {
      kind: 'unpaired',
      row: { id, origin, ...parts, label, ...rowExtras(fields) },
    });
  },
  write(row) {
    const { prompt, completion, label, ...rest } = rowOfKind(row, 'unpaired');
    const [asked, output] = [writePrompt(prompt), onlyText(completion, 'assistant')];
    return asked && output !== undefined
      ? recordOf(rest, { ...asked, output, kto_tag: label }, { reserved: [...PROMPT_FIELDS, 'label'] })
      : refused(NO_PLACE);
  },
};

/** As early files of LLaMA-Factory have pairs. */
function isRankedOutput(record: JsonRecord): boolean {
  return has(record, 'instruction') && Array.isArray(record['output']);
}

function readRankedOutput(fields: FieldReader): readonly string[] {
  const answers = fields.list('output');
  if (answers.length !== 2) fields.wrong('output', 'two answers, the better one first', answers);
  return answers.map((answer, index) => {
    if (typeof answer === 'string') return answer;
    fields.wrong(`output.${index}`, 'a text', answer);
    return '';
  });
}

function hasAny(record: JsonRecord, ...names: readonly string[]): boolean {
  return names.some((name) => has(record, name));
}

function isAlpaca(record: JsonRecord, ...answers: readonly string[]): boolean {
  return has(record, 'instruction') && answers.every((name) => has(record, name));
}

function readPrompt(fields: FieldReader): Message[] {
  const earlier = readEarlier(fields);
  const [instruction, input] = [fields.text('instruction'), fields.optionalText('input') ?? ''];
  const asked = [instruction, input].filter((text) => text !== '').join('\n');
  return [...earlier, userTurn(asked)];
}

/** instruction, input, system, history; undefined where a conversation has another order, or tool calls. */
function writePrompt(prompt: Content): JsonRecord | undefined {
  const turns = turnList(prompt);
  const system = turns[0]?.role === 'system' ? turns[0].content : undefined;
  const rest = system === undefined ? turns : turns.slice(1);
  const isRegular = rest.every(
    ({ role, tool_calls: calls }, index) => calls === undefined && role === (index % 2 === 0 ? 'user' : 'assistant'),
  );
  if (!isRegular || rest.length % 2 === 0) return undefined;
  const history = Array.from({ length: (rest.length - 1) / 2 }, (_, index) => [
    rest[2 * index]!.content,
    rest[2 * index + 1]!.content,
  ]);
  return {
    instruction: rest.at(-1)!.content,
    input: '',
    ...(system !== undefined && { system }),
    ...(history.length > 0 && { history }),
  };
}
