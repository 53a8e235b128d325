import { isObject, parseExactJson, type JsonRecord } from '../../core/index.ts';
import type { FieldProblem } from '../problems.ts';

/** Fields that hold a conversation, a part of one, or one side's whole conversation. */
const FIELDS = ['prompt', 'chosen', 'rejected', 'completion', 'messages', 'conversations'] as const;

/** How Python and numpy print a list of turns: single quotes, no commas between the turns of numpy. */
const PYTHON_TURNS = /^\s*\[?\s*\{\s*(?:'|")(?:role|content|from|value|messages)(?:'|")\s*:/;

/** A record whose conversations are lists again, or what is wrong with one. */
export interface Decoded {
  readonly record: JsonRecord;
  readonly problems: readonly FieldProblem[];
}

/**
 * Reads conversations that were written out as JSON text, which tables and many exports hold. A field counts as written out where each of its texts in
 * the first records is one: a list of turns, one turn, or an object of messages and tools. A single answer that happens to be such JSON stays an answer. What Python's or numpy's
 * print wrote is a problem of its row, as it must never be trained as brackets and quotes.
 */
export function createDecoder(head: readonly JsonRecord[]): (record: JsonRecord) => Decoded {
  const fields = FIELDS.filter((name) => {
    const texts = head.map((record) => record[name]).filter((value) => typeof value === 'string');
    return texts.length > 0 && texts.every((text) => conversationIn(text) !== undefined);
  });
  return (record) => {
    const problems = FIELDS.flatMap((name) => pythonProblem(name, record[name]));
    if (fields.length === 0 || problems.length > 0) return { record, problems };
    const decoded: Record<string, unknown> = { ...record };
    for (const name of fields) {
      const value = record[name];
      if (typeof value !== 'string') continue;
      const found = conversationIn(value);
      if (found === undefined) {
        const message = `${name} must be JSON text of a conversation as in the first rows, got another text; write the turns as a list`;
        problems.push({ reason: 'wrong-type', path: name, message });
        continue;
      }
      decoded[name] = found.turns;
      if (found.tools !== undefined && (record['tools'] ?? undefined) === undefined) decoded['tools'] = found.tools;
    }
    return { record: decoded, problems };
  };
}

interface Conversation {
  /** A list of turns; or one turn, as ShareGPT's chosen and rejected have it. */
  readonly turns: unknown;
  readonly tools?: unknown;
}

/** The conversation that a JSON text is; undefined for any other text. */
export function conversationIn(text: string): Conversation | undefined {
  if (!/^\s*[[{]/.test(text)) return undefined;
  let value: unknown;
  try {
    value = parseExactJson(text);
  } catch {
    return undefined;
  }
  if (isTurnList(value) || isTurn(value)) return { turns: value };
  if (isObject(value) && isTurnList(value['messages']))
    return { turns: value['messages'], ...(Array.isArray(value['tools']) && { tools: value['tools'] }) };
  return undefined;
}

function isTurnList(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0 && value.every(isTurn);
}

function isTurn(value: unknown): boolean {
  return (
    isObject(value) &&
    ('role' in value || 'from' in value) &&
    ('content' in value || 'value' in value || 'tool_calls' in value)
  );
}

function pythonProblem(name: string, value: unknown): FieldProblem[] {
  if (typeof value !== 'string' || !PYTHON_TURNS.test(value) || isJson(value)) return [];
  const message = `${name} must be a text or a list of messages, got a list as Python prints it; write it as JSON (json.dumps)`;
  return [{ reason: 'wrong-type', path: name, message }];
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
