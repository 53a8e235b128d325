import { type JsonRecord, finiteNumber, has, isNumber, isObject, parseExactJson, nearestName } from '../core/index.ts';
import type { Message } from '../tokenizer/index.ts';
import { shown, type FieldProblem } from './problems.ts';
import { knownTurn, withParallelCalls } from './reading/turn-spellings.ts';
import { numberOf, readMeta } from './row-meta.ts';
import type { Content, RowMeta } from './row.ts';

/** The roles that chat templates know. */
export const KNOWN_ROLES: readonly string[] = ['system', 'developer', 'user', 'assistant', 'tool'];

/**
 * Reads fields of one record, keeps every problem on the way, so that a row is reported whole, and knows which fields were
 * asked for, so that the others are the row's meta.
 */
export interface FieldReader {
  readonly problems: FieldProblem[];
  /** Notes that `path` is not what it must be: `path must be <expected>, got <value>`. */
  wrong(path: string, expected: string, value: unknown): void;
  /** The field as it stands; undefined when absent. */
  value(field: string): unknown;
  /** undefined when absent; a problem when it is no text. */
  optionalText(field: string): string | undefined;
  list(field: string): readonly unknown[];
  /** true or false, 1 or 0, or their text, as CSV has them. */
  label(field: string): boolean;
  /** undefined when absent; a problem when it is neither a number nor its text. */
  optionalNumber(field: string): number | undefined;
  /** The first of the fields that is a text or a number, as text: a number with the digits that it was written with. */
  id(...fields: readonly string[]): string | undefined;
  /** What no method was asked for. */
  meta(): RowMeta | undefined;
  text(field: string): string;
  messages(field: string): readonly Message[];
  /** A text or a conversation, whichever the field holds. */
  content(field: string): Content;
  /** tools: a list, or JSON text of a list; undefined when absent. */
  tools(): readonly unknown[] | undefined;
  /** chat_template_kwargs: an object; undefined when absent. */
  templateVariables(): JsonRecord | undefined;
}

/** How formats write a yes and a no. */
const LABELS = new Map<unknown, boolean>([
  ...[true, 1, 'true', '1'].map((yes) => [yes, true] as const),
  ...[false, 0, 'false', '0'].map((no) => [no, false] as const),
]);

/** What is expected of a number that is computed with, where JSON's has no such value. */
const USABLE = 'a number that a double holds';

/** `prefix` goes in front of every path that problems name: `input.` for a record's field input. */
export function createFieldReader(record: JsonRecord, prefix = ''): FieldReader {
  return new RecordFields(record, prefix);
}

/** A class, because millions of records are read, and closures for each would be most of what is allocated. */
class RecordFields implements FieldReader {
  readonly problems: FieldProblem[] = [];
  readonly #record: JsonRecord;
  readonly #prefix: string;
  readonly #used: string[];

  constructor(record: JsonRecord, prefix: string) {
    this.#record = record;
    this.#prefix = prefix;
    // `id` is the row's own id in every format, and no meta.
    this.#used = typeof record['id'] === 'string' || isNumber(record['id']) ? ['id'] : [];
  }

  wrong(name: string, expected: string, value: unknown): void {
    const path = this.#prefix + name;
    const reason = value === undefined || value === null ? 'missing-field' : 'wrong-type';
    // A path inside a field is no name of the record.
    const hint = reason === 'missing-field' && !name.includes('.') ? this.#misspelt(name) : '';
    this.problems.push({ reason, path, message: `${path} must be ${expected}, got ${shown(value)}${hint}` });
  }

  /** The record's own field that is nearly called `name`, as a question. */
  #misspelt(name: string): string {
    const own = Object.keys(this.#record).filter((field) => field !== name && !this.#used.includes(field));
    const near = nearestName(name, own);
    return near === undefined ? '' : `; is it the field ${near}?`;
  }

  #field(name: string): unknown {
    this.#used.push(name);
    return Object.hasOwn(this.#record, name) ? this.#record[name] : undefined;
  }

  value(name: string): unknown {
    return this.#field(name) ?? undefined;
  }

  text(name: string): string {
    const value = this.#field(name);
    if (typeof value === 'string') return value;
    this.wrong(name, 'a text', value);
    return '';
  }

  optionalText(name: string): string | undefined {
    return (this.#field(name) ?? undefined) === undefined ? undefined : this.text(name);
  }

  list(name: string): readonly unknown[] {
    const value = this.#field(name);
    if (Array.isArray(value)) return value;
    this.wrong(name, 'a list', value);
    return [];
  }

  label(name: string): boolean {
    const value = this.#field(name);
    const known = LABELS.get(typeof value === 'string' ? value.toLowerCase() : (finiteNumber(value) ?? value));
    if (known === undefined) this.wrong(name, 'true or false', value);
    return known ?? false;
  }

  optionalNumber(name: string): number | undefined {
    const value = this.#field(name) ?? undefined;
    const number = numberOf(value);
    if (number === undefined && value !== undefined) this.wrong(name, isNumber(value) ? USABLE : 'a number', value);
    return number;
  }

  id(...names: readonly string[]): string | undefined {
    for (const name of names) {
      const value = Object.hasOwn(this.#record, name) ? this.#record[name] : undefined;
      if ((typeof value !== 'string' || value === '') && !isNumber(value)) continue;
      this.#used.push(name);
      return String(value);
    }
    return undefined;
  }

  meta(): RowMeta | undefined {
    return readMeta(this.#record, this.#used, (name, value) => this.wrong(name, USABLE, value));
  }

  messages(name: string): readonly Message[] {
    const value = this.#field(name);
    if (Array.isArray(value)) {
      const turns = value.map(
        (turn, index) => plainMessage(turn) ?? readMessage(turn, `${this.#prefix}${name}.${index}`, this.problems),
      );
      return withParallelCalls(turns, value);
    }
    this.wrong(name, 'a list of messages', value);
    return [];
  }

  content(name: string): Content {
    const value = this.#field(name);
    if (Array.isArray(value)) return this.messages(name);
    if (typeof value !== 'string') this.wrong(name, 'a text or a list of messages', value);
    return typeof value === 'string' ? value : '';
  }

  tools(): readonly unknown[] | undefined {
    const own = this.#field('tools');
    const given = isNone(own) ? this.#functions() : own;
    if (isNone(given)) return undefined;
    const value = typeof given === 'string' ? parsed(given) : given;
    if (!Array.isArray(value)) {
      this.wrong('tools', 'a list of JSON schemas, or its JSON text', given);
      return undefined;
    }
    // A table of texts may hold each schema as a text of its own.
    const tools = value.map((tool: unknown) => (typeof tool === 'string' ? parsed(tool) : tool));
    tools.forEach((tool, index) => {
      if (!isObject(tool)) this.wrong(`tools.${index}`, 'a JSON schema, or its JSON text', value[index]);
    });
    return tools.length > 0 ? tools : undefined;
  }

  /** OpenAI's former spelling of tools. */
  #functions(): unknown {
    const value = Object.hasOwn(this.#record, 'functions') ? this.#record['functions'] : undefined;
    const list = typeof value === 'string' ? parsed(value) : value;
    if (!Array.isArray(list) || !list.every((item) => isObject(item) && typeof item['name'] === 'string'))
      return undefined;
    this.#used.push('functions');
    return list.map((item: unknown) => ({ type: 'function', function: item }));
  }

  templateVariables(): JsonRecord | undefined {
    const given = this.#field('chat_template_kwargs');
    if (isNone(given)) return undefined;
    const value = typeof given === 'string' ? parsed(given) : given;
    if (isObject(value)) return Object.keys(value).length > 0 ? value : undefined;
    this.wrong('chat_template_kwargs', 'an object', given);
    return undefined;
  }
}

/** The number of a value inside a field, or its text's; a problem at `path` where it is a number that no double holds; undefined for anything else. */
export function numberAt(fields: FieldReader, path: string, value: unknown): number | undefined {
  const number = numberOf(value);
  if (number === undefined && isNumber(value)) fields.wrong(path, USABLE, value);
  return number;
}

/** Absent, null, or the empty text that tables have in place of nothing. */
function isNone(value: unknown): boolean {
  return value === undefined || value === null || value === '';
}

/** The turn that nearly all are, a known role and a text and nothing else; undefined for every other one. */
function plainMessage(turn: unknown): Message | undefined {
  if (!isObject(turn) || typeof turn['content'] !== 'string' || !KNOWN_ROLES.includes(turn['role'] as string))
    return undefined;
  return Object.keys(turn).length === 2 ? ({ role: turn['role'], content: turn['content'] } as Message) : undefined;
}

/**
 * A turn: role and content, other keys kept for the template, nulls dropped. Content may be a list of text parts. A tool
 * call has its function nested, and its arguments become an object when they are JSON text, as OpenAI's wire format has them.
 */
export function readMessage(given: unknown, path: string, problems: FieldProblem[]): Message {
  if (!isObject(given)) {
    problems.push({ reason: 'wrong-type', path, message: `${path} must be a message, got ${shown(given)}` });
    return { role: 'user', content: '' };
  }
  const turn = knownTurn(given);
  const { role } = turn;
  if (typeof role !== 'string' || !KNOWN_ROLES.includes(role)) {
    const shape = 'from' in turn && 'value' in turn ? '; from and value are ShareGPT, convert the file' : '';
    const known = KNOWN_ROLES.join(', ');
    const reason = typeof role === 'string' ? 'unknown-role' : has(turn, 'role') ? 'wrong-type' : 'missing-field';
    const where = `${path}.role`;
    problems.push({ reason, path: where, message: `${where} must be one of ${known}, got ${shown(role)}${shape}` });
  }
  const kept = Object.fromEntries(Object.entries(turn).filter(([, value]) => value !== null));
  const calls = turn['tool_calls'];
  const message: Record<string, unknown> = { ...kept, content: readContent(turn, path, problems) };
  if (Array.isArray(calls))
    message['tool_calls'] = calls.map((call, index) => readToolCall(call, `${path}.tool_calls.${index}`, problems));
  else if (isNone(calls)) delete message['tool_calls'];
  else {
    const where = `${path}.tool_calls`;
    problems.push({ reason: 'wrong-type', path: where, message: `${where} must be a list, got ${shown(calls)}` });
  }
  return message as unknown as Message;
}

function readContent(turn: JsonRecord, path: string, problems: FieldProblem[]): string {
  const { content } = turn;
  if (typeof content === 'string') return content;
  if ((content === null || content === undefined) && has(turn, 'tool_calls')) return '';
  if (Array.isArray(content)) {
    const texts = content.map((part) => (isObject(part) && part['type'] === 'text' ? part['text'] : undefined));
    if (texts.every((text) => typeof text === 'string')) return texts.join('');
    const at = texts.findIndex((text) => typeof text !== 'string');
    const part = content[at] as unknown;
    const what = isObject(part) && part['type'] !== 'text' ? `a part of type ${shown(part['type'])}` : shown(part);
    const where = `${path}.content.${at}`;
    const message = `${where} must be a text part, got ${what}; pictures, videos and sound are not read`;
    problems.push({ reason: 'wrong-type', path: where, message });
    return '';
  }
  const where = `${path}.content`;
  const reason = content === null || content === undefined ? 'missing-field' : 'wrong-type';
  const found = shown(content ?? undefined);
  problems.push({ reason, path: where, message: `${where} must be a text, or a list of text parts, got ${found}` });
  return '';
}

/** A call with its function nested (chat completions); name and arguments may stand in the call itself (responses). */
function readToolCall(call: unknown, path: string, problems: FieldProblem[]): unknown {
  const nested = isObject(call) && !has(call, 'function') && has(call, 'name') ? nestedCall(call) : call;
  const called = isObject(nested) ? nested['function'] : undefined;
  if (!isObject(nested) || !isObject(called) || typeof called['name'] !== 'string') {
    const message = `${path} must have a function with a name, got ${shown(call)}`;
    problems.push({ reason: 'wrong-type', path, message });
    return { function: { name: '', arguments: {} } };
  }
  const { arguments: given } = called;
  const value = typeof given === 'string' ? parsed(given) : undefined;
  return isObject(value) ? { ...nested, function: { ...called, arguments: value } } : nested;
}

function nestedCall({ name, arguments: given, call_id: id, ...rest }: JsonRecord): JsonRecord {
  return { ...rest, ...(id !== undefined && { id }), function: { name, arguments: given } };
}

function parsed(json: string): unknown {
  try {
    return parseExactJson(json);
  } catch {
    return undefined;
  }
}
