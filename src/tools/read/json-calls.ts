import { PYTHON_TAG, type JsonFormat } from '../format.ts';
import type { CallText } from '../tool.ts';
import { createCursor } from './cursor.ts';
import { callOf, endOfJson, jsonOf } from './json-text.ts';
import { readPythonValue } from './python-literal.ts';
import { endOfMarker, skipSpace, type ReadContext, type Section } from './section.ts';

/** The keys with which an object begins that may be a call. */
const FIRST_KEYS = new Set(['name', 'arguments', 'parameters', 'type', 'function', 'id']);

/** Calls as JSON: objects one behind the other, or a list of them, whichever of the two the model chose. */
export function readJsonCalls(format: JsonFormat, text: string, { tools, isEnd }: ReadContext): Section {
  const opener = [format.open, PYTHON_TAG].find((marker) => marker !== '' && text.startsWith(marker)) ?? '';
  const calls: CallText[] = [];
  let [end, at] = [0, skipSpace(text, opener.length)];
  for (;;) {
    const found = valueAt(text, at, opener === '');
    if (found === 'more' && !isEnd) return 'more';
    const next = typeof found === 'string' ? undefined : callsOf(found.value, tools);
    if (typeof found === 'string' || next === undefined) break;
    calls.push(...next);
    end = found.end;
    at = skipSeparators(text, end);
    if (at === text.length && !isEnd) {
      // The closing marker may have begun, or another call may come.
      if (format.close === '' || endOfMarker(text, end, format.close, false) === end) return 'more';
    }
    if (text[at] !== '{' && text[at] !== '[') break;
  }
  if (calls.length === 0) return 'bad';
  const closed = endOfMarker(text, end, format.close, isEnd);
  return closed === 'more' ? 'more' : { end: closed, calls };
}

function valueAt(
  text: string,
  at: number,
  isBare: boolean,
): { readonly value: unknown; readonly end: number } | 'more' | 'bad' {
  if (at >= text.length) return 'more';
  if (text[at] !== '{' && text[at] !== '[') return 'bad';
  if (isBare) {
    const inner = text[at] === '[' ? text[skipSpace(text, at + 1)] : '{';
    if (inner !== undefined && inner !== '{') return 'bad';
    const key = /^\s*(?:\[\s*)?\{\s*"([^"\\]{0,80})"/.exec(text.slice(at, at + 200))?.[1];
    if (key !== undefined && !FIRST_KEYS.has(key)) return 'bad';
  }
  const end = endOfJson(text, at);
  if (end === 'more') return 'more';
  const value = end === 'bad' ? undefined : jsonOf(text.slice(at, end));
  if (value !== undefined) return { value, end: end as number };
  return isBare ? 'bad' : pythonAt(text, at);
}

/** Some templates print Python's dictionaries, and models write what they were shown. */
function pythonAt(text: string, at: number): { readonly value: unknown; readonly end: number } | 'more' | 'bad' {
  const cursor = createCursor(text, at);
  const value = readPythonValue(cursor);
  return cursor.failure ?? { value, end: cursor.at };
}

function callsOf(value: unknown, tools: ReadContext['tools']): readonly CallText[] | undefined {
  const items: readonly unknown[] = Array.isArray(value) ? value : [value];
  const calls = items.map((item) => callOf(item, tools)).filter((call) => call !== undefined);
  return calls.length === items.length && calls.length > 0 ? calls : undefined;
}

function skipSeparators(text: string, at: number): number {
  let place = skipSpace(text, at);
  while (text[place] === ';' || text[place] === ',') place = skipSpace(text, place + 1);
  return place;
}
