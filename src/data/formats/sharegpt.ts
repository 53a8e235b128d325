import { labelField, recordOf, rowExtras, turnList, type RowExtras } from './record-parts.ts';
import type { Message } from '../../tokenizer/index.ts';
import { createFieldReader, type FieldReader } from '../fields.ts';
import { has, isObject, writeExactJson, type JsonRecord } from '../../core/index.ts';
import { refused, rowOfKind, rowUnless, type DataFormat, type ParsedRecord, type WrittenRecord } from '../format.ts';
import type { Content, RowOrigin } from '../row.ts';
import { readSystem } from './earlier-turns.ts';
import { readTagged, readTaggedTurn, taggedTurn, taggedTurns } from './sharegpt-turns.ts';

const NO_PLACE = 'has system, human, gpt, observation and function_call turns, tool calls without text beside them';

/**
 * ShareGPT conversations: the last turn is gpt's. `system` and `tools` (JSON text) may stand beside.
 * Source: LLaMA-Factory, data/README.md, "ShareGPT format".
 */
export const SHAREGPT: DataFormat = {
  name: 'sharegpt',
  kind: 'completion',
  content: 'turns',
  description: "conversations: turns of from and value; gpt's are learned",
  detect: (record) => (hasAny(record, 'chosen', 'rejected', 'kto_tag', 'label') ? 0 : detectTurns(record)),
  parse(record, { id, origin }) {
    const fields = createFieldReader(record);
    const turns = conversation(fields);
    if (!endsWithAnswer(fields, turns)) return { kind: 'problems', problems: fields.problems };
    const parts = { prompt: turns.slice(0, -1), completion: turns.slice(-1), isWhole: true as const };
    return rowUnless(fields.problems, { kind: 'completion', row: { id, origin, ...parts, ...rowExtras(fields) } });
  },
  write(row) {
    const { prompt, completion, ...rest } = rowOfKind(row, 'completion');
    return writeConversation(rest, [...turnList(prompt), ...turnList(completion)], {});
  },
};

/**
 * LLaMA-Factory's preference pairs in ShareGPT's form: conversations up to the question, and two answers of one turn each.
 * Source: LLaMA-Factory, data/README.md, "Preference dataset".
 */
export const SHAREGPT_PREFERENCE: DataFormat = {
  name: 'sharegpt-preference',
  kind: 'pair',
  content: 'turns',
  description: 'conversations: turns of from and value; chosen, rejected: one such turn each',
  detect: (record) => (has(record, 'chosen') && has(record, 'rejected') ? detectTurns(record) : 0),
  parse(record, { id, origin }): ParsedRecord {
    const fields = createFieldReader(record);
    const prompt = conversation(fields);
    const [chosen, rejected] = ['chosen', 'rejected'].map((name) => [readTaggedTurn(fields, name, fields.value(name))]);
    const row = { id, origin, prompt, chosen: chosen!, rejected: rejected!, ...rowExtras(fields) };
    return rowUnless(fields.problems, { kind: 'pair', row });
  },
  write(row) {
    const { prompt, chosen, rejected, ...rest } = rowOfKind(row, 'pair');
    const [better, worse] = [chosen, rejected].map((side) => onlyTagged(side));
    if (better === undefined || worse === undefined)
      return refused('has answers of one turn, with text or a tool call');
    return writeConversation(rest, turnList(prompt), { chosen: better, rejected: worse });
  },
};

/**
 * LLaMA-Factory's unpaired answers in ShareGPT's form: kto_tag says whether the last turn is good.
 * Source: LLaMA-Factory, data/README.md, "KTO dataset".
 */
export const SHAREGPT_KTO: DataFormat = {
  name: 'sharegpt-kto',
  kind: 'unpaired',
  content: 'turns',
  description: 'conversations: turns of from and value; kto_tag: true when the last one is good',
  detect: (record) => (hasAny(record, 'kto_tag', 'label') ? detectTurns(record) : 0),
  parse(record, { id, origin }) {
    const fields = createFieldReader(record);
    const turns = conversation(fields);
    const label = fields.label(labelField(record));
    if (!endsWithAnswer(fields, turns)) return { kind: 'problems', problems: fields.problems };
    const parts = { prompt: turns.slice(0, -1), completion: turns.slice(-1), label };
    return rowUnless(fields.problems, { kind: 'unpaired', row: { id, origin, ...parts, ...rowExtras(fields) } });
  },
  write(row) {
    const { prompt, completion, label, ...rest } = rowOfKind(row, 'unpaired');
    return writeConversation(rest, [...turnList(prompt), ...turnList(completion)], { kto_tag: label });
  },
};

function hasAny(record: JsonRecord, ...names: readonly string[]): boolean {
  return names.some((name) => has(record, name));
}

function detectTurns(record: JsonRecord): number {
  const turns = record['conversations'];
  if (!Array.isArray(turns)) return has(record, 'conversations') ? 0.1 : 0;
  return turns.some((turn) => isObject(turn) && ('from' in turn || 'role' in turn)) ? 1 : 0.1;
}

/** `conversations`, opened by `system` where that stands beside it. */
function conversation(fields: FieldReader): Message[] {
  const system = readSystem(fields);
  return [...system, ...readTagged(fields, 'conversations', fields.list('conversations'))];
}

/** Whether the last turn can be trained on; a problem otherwise. */
function endsWithAnswer(fields: FieldReader, turns: readonly Message[]): boolean {
  if (fields.problems.length > 0) return false;
  if (turns.at(-1)?.role === 'assistant') return true;
  fields.problems.push({
    reason: 'turn-order',
    path: 'conversations',
    message: `conversations must end with a turn of gpt, got ${turns.at(-1)?.role ?? 'no turn'}; leave what follows the last answer out`,
  });
  return false;
}

function onlyTagged(content: Content): JsonRecord | undefined {
  const turns = turnList(content);
  return turns.length === 1 ? taggedTurn(turns[0]!) : undefined;
}

/** A first system turn stands in `system`, tools as JSON text, as LLaMA-Factory has them. */
function writeConversation(
  row: RowExtras & { readonly id: string; readonly origin: RowOrigin },
  turns: readonly Message[],
  beside: JsonRecord,
): WrittenRecord {
  const system = turns[0]?.role === 'system' && turns[0].content !== '' ? turns[0].content : undefined;
  const conversations = taggedTurns(system === undefined ? turns : turns.slice(1));
  if (conversations === undefined) return refused(NO_PLACE);
  const tools = { tools: row.tools && writeExactJson(row.tools) };
  const { tools: _tools, ...rest } = row;
  return recordOf(
    rest,
    { conversations, ...beside, system, ...tools },
    { reserved: ['system', 'chosen', 'rejected', 'kto_tag', 'label'] },
  );
}
