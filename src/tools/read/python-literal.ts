import { exactNumber } from '../../core/index.ts';
import { fail, skipBlank, take, takeIf, takeWord, type Cursor } from './cursor.ts';

/** Deeper than any argument; a hostile text could nest deeper than the engine's own calls may. */
export const MAX_DEPTH = 64;

const WORD = /[A-Za-z]+/y;
const NUMBER = /[+-]?[\d._xXa-fA-F+-]+/y;
const WORDS: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ['True', true],
  ['False', false],
  ['None', null],
  ['true', true],
  ['false', false],
  ['null', null],
]);

/** A value as Python writes it, as the value of JSON that says the same: tuples are lists, and numbers keep their digits. The cursor says why there is none. */
export function readPythonValue(cursor: Cursor, depth = 0): unknown {
  skipBlank(cursor);
  const character = cursor.text[cursor.at];
  if (character === undefined || depth > MAX_DEPTH) return fail(cursor, character !== undefined);
  if (character === '"' || character === "'") return readString(cursor);
  if (character === '[') return readItems(cursor, ']', depth);
  if (character === '(') return readItems(cursor, ')', depth);
  if (character === '{') return readFields(cursor, depth);
  if (/[\d.+-]/.test(character)) return readNumber(cursor);
  const word = takeWord(cursor, WORD);
  if (word === undefined) return undefined;
  return WORDS.has(word) ? WORDS.get(word) : fail(cursor, true);
}

function readItems(cursor: Cursor, close: string, depth: number): unknown {
  cursor.at++;
  const items: unknown[] = [];
  for (;;) {
    skipBlank(cursor);
    if (takeIf(cursor, close)) return items;
    items.push(readPythonValue(cursor, depth + 1));
    skipBlank(cursor);
    if (cursor.failure !== undefined) return undefined;
    if (takeIf(cursor, close)) return items;
    if (!take(cursor, ',')) return undefined;
  }
}

function readFields(cursor: Cursor, depth: number): unknown {
  cursor.at++;
  const fields: [string, unknown][] = [];
  for (;;) {
    skipBlank(cursor);
    if (takeIf(cursor, '}')) return Object.fromEntries(fields);
    const key = readPythonValue(cursor, depth + 1);
    if (cursor.failure !== undefined) return undefined;
    if (typeof key !== 'string') return fail(cursor, true);
    skipBlank(cursor);
    if (!take(cursor, ':')) return undefined;
    fields.push([key, readPythonValue(cursor, depth + 1)]);
    skipBlank(cursor);
    if (cursor.failure !== undefined) return undefined;
    if (takeIf(cursor, '}')) return Object.fromEntries(fields);
    if (!take(cursor, ',')) return undefined;
  }
}

/** A number in Python's or JSON's grammar. Underscores go, whole numbers in hexadecimal are written in digits. */
export function readNumber(cursor: Cursor): unknown {
  const written = takeWord(cursor, NUMBER);
  if (written === undefined) return undefined;
  const plain = written.replaceAll('_', '').replace(/^\+/, '');
  if (/^-?0[xX][\da-fA-F]+$/.test(plain)) {
    const size = BigInt(plain.replace('-', ''));
    return exactNumber(String(plain.startsWith('-') ? -size : size));
  }
  const text = plain.replace(/^(-?)\./, '$10.').replace(/\.(?=$|[eE])/, '.0');
  return /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(text) ? exactNumber(text) : fail(cursor, true);
}

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['n', '\n'],
  ['t', '\t'],
  ['r', '\r'],
  ['b', '\b'],
  ['f', '\f'],
  ['v', '\v'],
  ['a', '\u0007'],
  ['0', '\0'],
  ['\n', ''],
]);

const DIGITS: ReadonlyMap<string, number> = new Map([
  ['x', 2],
  ['u', 4],
  ['U', 8],
]);

/** A text in single, double or triple quotes. A backslash that begins no escape stays, as in Python. */
function readString(cursor: Cursor): unknown {
  const { text } = cursor;
  const quote = text[cursor.at]!;
  const triple = quote.repeat(3);
  if (text.length - cursor.at < 3 && triple.startsWith(text.slice(cursor.at))) {
    cursor.failure ??= 'more';
    return undefined;
  }
  const end = text.startsWith(triple, cursor.at) ? triple : quote;
  let value = '';
  for (let at = cursor.at + end.length; at < text.length; at++) {
    if (text.startsWith(end, at)) {
      cursor.at = at + end.length;
      return value;
    }
    if (text[at] !== '\\') {
      value += text[at]!;
      continue;
    }
    const escape = text[++at];
    const digits = DIGITS.get(escape ?? '');
    if (digits !== undefined) {
      const code = text.slice(at + 1, at + 1 + digits);
      if (at + 1 + digits > text.length) break;
      const point = /^[\da-fA-F]+$/.test(code) ? Number.parseInt(code, 16) : Infinity;
      if (point > 0x10ffff) return fail(cursor, true);
      value += String.fromCodePoint(point);
      at += digits;
    } else if (escape !== undefined) {
      value += ESCAPES.get(escape) ?? (`\\'"`.includes(escape) ? escape : `\\${escape}`);
    }
  }
  cursor.failure ??= 'more';
  return undefined;
}
