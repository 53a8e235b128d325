import type { Message } from '../../tokenizer/index.ts';
import { createFieldReader, type FieldReader } from '../fields.ts';
import { has, isObject } from '../../core/index.ts';
import { refused, rowOfKind, rowUnless, written, type DataFormat } from '../format.ts';
import { numberOf } from '../row-meta.ts';
import { onlyText, turnList } from './record-parts.ts';

/**
 * Vertex AI's pairs for Gemini: the conversation in `contents`, the answers in `completions`, of which the one with
 * the higher score is preferred. Text parts only.
 * Source: docs.cloud.google.com, Vertex AI, "Prepare preference tuning data for Gemini models".
 */
export const VERTEX_DPO: DataFormat = {
  name: 'vertex-dpo',
  kind: 'pair',
  content: 'turns',
  description: 'contents: turns of parts; completions: two answers with scores 1 and 0',
  detect: (record) =>
    Array.isArray(record['contents']) && has(record, 'completions') ? 1 : has(record, 'contents') ? 0.1 : 0,
  parse(record, { id, origin }) {
    const fields = createFieldReader(record);
    const system = fields.value('system_instruction') ?? fields.value('systemInstruction');
    const systemTurn =
      system === undefined ? [] : [{ role: 'system', content: partsText(fields, 'system_instruction', system) }];
    const turns = fields.list('contents').map((turn, index) => readTurn(fields, `contents.${index}`, turn));
    const answers = fields.list('completions').map((entry, index) => readAnswer(fields, `completions.${index}`, entry));
    if (fields.problems.length === 0 && (answers.length !== 2 || answers[0]!.score === answers[1]!.score))
      fields.wrong('completions', 'two answers of different scores', record['completions']);
    const [chosen, rejected] = answers.toSorted((a, b) => b.score - a.score).map(({ turn }) => [turn]);
    if (fields.problems.length > 0) return { kind: 'problems', problems: fields.problems };
    const meta = fields.meta();
    const row = {
      id,
      origin,
      prompt: [...systemTurn, ...turns],
      chosen: chosen!,
      rejected: rejected!,
      ...(meta && { meta }),
    };
    return rowUnless(fields.problems, { kind: 'pair', row });
  },
  write(row) {
    const { prompt, chosen, rejected, tools } = rowOfKind(row, 'pair');
    const turns = turnList(prompt);
    const system = turns[0]?.role === 'system' ? turns[0] : undefined;
    const rest = system === undefined ? turns : turns.slice(1);
    const texts = [onlyText(chosen, 'assistant'), onlyText(rejected, 'assistant')];
    if (tools !== undefined) return refused('has no place for tools here');
    if (texts.includes(undefined)) return refused('has answers of one turn of text');
    if (rest.some(({ role, tool_calls: calls }) => calls !== undefined || (role !== 'user' && role !== 'assistant')))
      return refused('has a first system turn, then user and model turns of text');
    return written({
      system_instruction: system && { parts: [{ text: system.content }] },
      contents: rest.map(({ role, content }) => ({
        role: role === 'user' ? 'user' : 'model',
        parts: [{ text: content }],
      })),
      completions: texts.map((text, index) => ({
        score: index === 0 ? 1 : 0,
        completion: { role: 'model', parts: [{ text }] },
      })),
    });
  },
};

function readTurn(fields: FieldReader, path: string, turn: unknown): Message {
  const role = isObject(turn) ? turn['role'] : undefined;
  if (role !== 'user' && role !== 'model') fields.wrong(`${path}.role`, 'user or model', role ?? undefined);
  return { role: role === 'user' ? 'user' : 'assistant', content: partsText(fields, path, turn) };
}

function readAnswer(fields: FieldReader, path: string, entry: unknown): { score: number; turn: Message } {
  const [given, completion] = isObject(entry) ? [entry['score'], entry['completion']] : [undefined, undefined];
  const score = numberOf(given);
  if (score === undefined) fields.wrong(`${path}.score`, 'a number', given);
  const turn = readTurn(fields, `${path}.completion`, completion);
  return { score: score ?? 0, turn: { ...turn, role: 'assistant' } };
}

/** The joined text of `{parts: [{text}]}`. */
function partsText(fields: FieldReader, path: string, value: unknown): string {
  const parts = isObject(value) ? value['parts'] : undefined;
  const list: readonly unknown[] = Array.isArray(parts) ? parts : [parts];
  const texts = list.map((part) => (isObject(part) ? part['text'] : undefined));
  if (texts.every((text) => typeof text === 'string')) return texts.join('');
  fields.wrong(`${path}.parts`, 'parts of text', parts);
  return '';
}
