import type { GemmaFormat } from '../format.ts';
import { createCursor, fail, skipBlank, take, takeIf, takeWord, type Cursor } from './cursor.ts';
import { argumentsTextOf } from './json-text.ts';
import { MAX_DEPTH, readNumber } from './python-literal.ts';
import type { ReadContext, Section } from './section.ts';

const NAME = /[\w.-]+/y;
const KEY = /[^:{}[\],\s<][^:{}[\],]*/y;
const WORD = /[A-Za-z]+/y;

/** A call as Gemma writes it: keys stand as they are, texts between quotes of several characters. */
export function readGemmaCall(format: GemmaFormat, text: string, { tools, isEnd }: ReadContext): Section {
  const cursor = createCursor(text, format.open.length);
  skipBlank(cursor);
  const call = readCall(cursor, format, tools);
  if (call !== undefined) {
    skipBlank(cursor);
    if (takeIf(cursor, format.close) || isEnd || cursor.failure === undefined)
      return { end: cursor.failure === 'more' ? text.length : cursor.at, calls: [call] };
  }
  return cursor.failure === 'more' && !isEnd ? 'more' : 'bad';
}

function readCall(cursor: Cursor, format: GemmaFormat, tools: ReadContext['tools']) {
  if (!take(cursor, 'call:')) return undefined;
  const name = takeWord(cursor, NAME);
  if (name === undefined) return undefined;
  if (!tools.has(name)) return fail(cursor, true);
  if (cursor.text[cursor.at] !== '{') return fail(cursor);
  const value = readValue(cursor, format, 0);
  const argumentsText = cursor.failure === undefined ? argumentsTextOf(value) : undefined;
  return argumentsText === undefined ? undefined : { name, argumentsText };
}

function readValue(cursor: Cursor, format: GemmaFormat, depth: number): unknown {
  skipBlank(cursor);
  const character = cursor.text[cursor.at];
  if (character === undefined || depth > MAX_DEPTH) return fail(cursor, character !== undefined);
  if (character === '{') return readFields(cursor, format, depth);
  if (character === '[') return readItems(cursor, format, depth);
  if (takeIf(cursor, format.quote)) return readText(cursor, format.quote);
  if (cursor.failure !== undefined) return undefined;
  if (/[\d.+-]/.test(character)) return readNumber(cursor);
  const word = takeWord(cursor, WORD);
  if (word === undefined) return undefined;
  if (word === 'true' || word === 'True') return true;
  if (word === 'false' || word === 'False') return false;
  return word === 'null' || word === 'None' ? null : fail(cursor, true);
}

function readText(cursor: Cursor, quote: string): string | undefined {
  const end = cursor.text.indexOf(quote, cursor.at);
  if (end === -1) {
    cursor.failure ??= 'more';
    return undefined;
  }
  const value = cursor.text.slice(cursor.at, end);
  cursor.at = end + quote.length;
  return value;
}

function readItems(cursor: Cursor, format: GemmaFormat, depth: number): unknown {
  cursor.at++;
  const items: unknown[] = [];
  for (;;) {
    skipBlank(cursor);
    if (takeIf(cursor, ']')) return items;
    items.push(readValue(cursor, format, depth + 1));
    skipBlank(cursor);
    if (cursor.failure !== undefined) return undefined;
    if (takeIf(cursor, ']')) return items;
    if (!take(cursor, ',')) return undefined;
  }
}

function readFields(cursor: Cursor, format: GemmaFormat, depth: number): unknown {
  cursor.at++;
  const fields: [string, unknown][] = [];
  for (;;) {
    skipBlank(cursor);
    if (takeIf(cursor, '}')) return Object.fromEntries(fields);
    if (cursor.failure !== undefined) return undefined;
    const key = takeIf(cursor, format.quote) ? readText(cursor, format.quote) : takeWord(cursor, KEY);
    if (key === undefined || cursor.failure !== undefined) return undefined;
    if (!take(cursor, ':')) return undefined;
    fields.push([key, readValue(cursor, format, depth + 1)]);
    skipBlank(cursor);
    if (cursor.failure !== undefined) return undefined;
    if (takeIf(cursor, '}')) return Object.fromEntries(fields);
    if (!take(cursor, ',')) return undefined;
  }
}
