import { has, isObject, type JsonRecord } from '../../core/index.ts';
import type { Message } from '../../tokenizer/index.ts';
import { createFieldReader, readMessage, type FieldReader } from '../fields.ts';
import { rowOfKind, rowUnless, type DataFormat, type ParsedRecord } from '../format.ts';
import { shown } from '../problems.ts';
import type { PairRow } from '../row.ts';
import { extractTurnsPrompt } from '../tokens/extract-prompt.ts';
import { readSystem } from './earlier-turns.ts';
import { assistantTurn, onlyText, recordOf, rowExtras, turnList } from './record-parts.ts';

/** Where the worse answer stands: a text, a turn, a list of texts (a pair each), or a whole conversation. */
const REJECTED = ['rejected_response', 'rejected_messages', 'rejected_message', 'rejected_responses'] as const;

/**
 * Messages whose last turn is the better answer, the worse one beside them. Several worse answers are a pair each.
 * Source: ms-swift, docs, "Custom dataset", RLHF (rejected_response, rejected_messages).
 */
export const MESSAGES_PREFERENCE: DataFormat = {
  name: 'messages-preference',
  kind: 'pair',
  content: 'turns',
  description:
    'messages: a conversation that ends with the better answer; rejected_response or rejected_messages: the worse one',
  detect: (record) => (Array.isArray(record['messages']) && rejectedField(record) !== undefined ? 1 : 0),
  parse(record, { id, origin }): ParsedRecord {
    const fields = createFieldReader(record);
    const system = readSystem(fields);
    const messages = fields.messages('messages');
    const sides = rejectedSides(fields, record);
    if (fields.problems.length === 0 && messages.at(-1)?.role !== 'assistant') {
      const message = `messages must end with the better answer, an assistant turn, got ${shown(messages.at(-1)?.role)}`;
      fields.problems.push({ reason: 'turn-order', path: 'messages', message });
    }
    const extras = rowExtras(fields);
    if (fields.problems.length > 0) return { kind: 'problems', problems: fields.problems };
    const withSystem = messages[0]?.role === 'system' ? messages : [...system, ...messages];
    const rows = sides.map((side, index): PairRow => {
      const rejected =
        side.length === 1
          ? [...withSystem.slice(0, -1), ...side]
          : side[0]?.role === 'system'
            ? side
            : [...system, ...side];
      const parts = extractTurnsPrompt(withSystem, rejected);
      return { id: index === 0 ? id : `${id}/${index + 1}`, origin, ...parts, ...extras };
    });
    return rows.length === 1
      ? rowUnless([], { kind: 'pair', row: rows[0]! })
      : { kind: 'rows', rows: rows.map((row) => ({ kind: 'pair', row })) };
  },
  write(row) {
    const { prompt, chosen, rejected, ...rest } = rowOfKind(row, 'pair');
    const text = onlyText(rejected, 'assistant');
    const messages = [...turnList(prompt), ...turnList(chosen)];
    const worse =
      text !== undefined && turnList(chosen).length === 1
        ? { rejected_response: text }
        : { rejected_messages: [...turnList(prompt), ...turnList(rejected)] };
    return recordOf(
      rest,
      { messages, ...worse },
      { reserved: ['system', 'system_prompt', 'system_message', ...REJECTED] },
    );
  },
};

function rejectedField(record: JsonRecord): (typeof REJECTED)[number] | undefined {
  return REJECTED.find((name) => has(record, name) && record[name] !== '');
}

/** The worse sides, one turn or a whole conversation each. */
function rejectedSides(fields: FieldReader, record: JsonRecord): readonly (readonly Message[])[] {
  // A row may lack what the first rows have.
  const name = rejectedField(record) ?? REJECTED.find((field) => field in record) ?? 'rejected_response';
  const value = fields.value(name);
  if (typeof value === 'string') return [[assistantTurn(value)]];
  if (isObject(value)) return [[readMessage(value, name, fields.problems)]];
  if (Array.isArray(value) && value.length > 0) {
    if (value.every((item) => typeof item === 'string')) return value.map((text) => [assistantTurn(text)]);
    return [fields.messages(name)];
  }
  fields.wrong(name, 'a text, texts, or a list of messages', value);
  return [];
}
