import type { Message } from '../../tokenizer/index.ts';
import { createFieldReader, type FieldReader } from '../fields.ts';
import { has, type JsonRecord } from '../../core/index.ts';
import { refused, rowOfKind, rowUnless, type DataFormat } from '../format.ts';
import type { Content } from '../row.ts';
import { assistantTurn, onlyText, recordOf, rowExtras, turnList, userTurn } from './record-parts.ts';

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
  detect: (record) => (isAlpaca(record, 'output') && !hasAny(record, 'chosen', 'kto_tag', 'label') ? 1 : 0),
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
  description: 'instruction, input, chosen, rejected',
  detect: (record) => (isAlpaca(record, 'chosen', 'rejected') ? (has(record, 'prompt') ? 0.5 : 1) : 0),
  parse(record, { id, origin }) {
    const fields = createFieldReader(record);
    const prompt = readPrompt(fields);
    const [chosen, rejected] = ['chosen', 'rejected'].map((name) => [assistantTurn(fields.text(name))]);
    const row = { id, origin, prompt, chosen: chosen!, rejected: rejected!, ...rowExtras(fields) };
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
    const label = fields.label(has(record, 'kto_tag') ? 'kto_tag' : 'label');
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

function hasAny(record: JsonRecord, ...names: readonly string[]): boolean {
  return names.some((name) => has(record, name));
}

function isAlpaca(record: JsonRecord, ...answers: readonly string[]): boolean {
  return has(record, 'instruction') && answers.every((name) => has(record, name));
}

function readPrompt(fields: FieldReader): Message[] {
  const system = fields.optionalText('system') ?? '';
  const history = fields.value('history');
  const exchanges = Array.isArray(history) ? (history as readonly unknown[]) : [];
  if (history !== undefined && !Array.isArray(history)) fields.wrong('history', 'a list of [user, assistant]', history);
  const earlier = exchanges.flatMap((exchange, index): Message[] => {
    const [asked, answered] = Array.isArray(exchange) ? (exchange as readonly unknown[]) : [];
    if (typeof asked === 'string' && typeof answered === 'string') return [userTurn(asked), assistantTurn(answered)];
    fields.wrong(`history.${index}`, 'two texts, [user, assistant]', exchange);
    return [];
  });
  const [instruction, input] = [fields.text('instruction'), fields.optionalText('input') ?? ''];
  const asked = [instruction, input].filter((text) => text !== '').join('\n');
  return [...(system === '' ? [] : [{ role: 'system', content: system }]), ...earlier, userTurn(asked)];
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
