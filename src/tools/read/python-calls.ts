import { PYTHON_TAG, type PythonFormat } from '../format.ts';
import type { CallText } from '../tool.ts';
import { createCursor, fail, skipBlank, take, takeIf, takeWord, type Cursor } from './cursor.ts';
import { argumentsTextOf } from './json-text.ts';
import { readPythonValue } from './python-literal.ts';
import { endOfMarker, type ReadContext, type Section } from './section.ts';

const NAME = /[A-Za-z_][\w.-]*/y;

/** Calls as Python writes them, with arguments by name: those by place are `bad`, since only the function says what they are. */
export function readPythonCalls(format: PythonFormat, text: string, context: ReadContext): Section {
  const opener = [format.open, PYTHON_TAG].find((marker) => marker !== '' && text.startsWith(marker)) ?? '';
  const cursor = createCursor(text, opener.length);
  const calls: CallText[] = [];
  skipBlank(cursor);
  if (format.isList && !take(cursor, '[')) return ended(cursor, context);
  const close = format.isList ? ']' : format.close;
  for (;;) {
    skipBlank(cursor);
    if (takeIf(cursor, close)) break;
    if (cursor.failure !== undefined) return ended(cursor, context);
    const call = readCall(cursor, context);
    if (call !== undefined) calls.push(call);
    skipBlank(cursor);
    if (cursor.failure !== undefined) return ended(cursor, context);
    if (takeIf(cursor, close)) break;
    // The text may end within the closing marker, or go on with another call.
    if (cursor.failure !== undefined) return ended(cursor, context);
    if (format.isList) {
      if (!take(cursor, ',')) return ended(cursor, context);
    } else while (takeIf(cursor, ',') || takeIf(cursor, ';')) skipBlank(cursor);
  }
  if (calls.length === 0) return 'bad';
  const end = format.isList ? endOfMarker(text, cursor.at, format.close, context.isEnd) : cursor.at;
  return end === 'more' ? 'more' : { end, calls };
}

function ended(cursor: Cursor, { isEnd }: ReadContext): Section {
  return cursor.failure === 'more' && !isEnd ? 'more' : 'bad';
}

function readCall(cursor: Cursor, context: ReadContext): CallText | undefined {
  const name = takeWord(cursor, NAME);
  if (name === undefined) return undefined;
  skipBlank(cursor);
  if (!take(cursor, '(')) return undefined;
  // Gemma writes print(f(...)), as if the answer were run.
  if (name === 'print' && !context.tools.has(name)) {
    skipBlank(cursor);
    const inner = readCall(cursor, context);
    if (inner === undefined) return undefined;
    skipBlank(cursor);
    return take(cursor, ')') ? inner : undefined;
  }
  if (!context.tools.has(name)) return fail(cursor, true);
  const fields: [string, unknown][] = [];
  for (;;) {
    skipBlank(cursor);
    if (takeIf(cursor, ')')) break;
    if (cursor.failure !== undefined) return undefined;
    const key = takeWord(cursor, NAME);
    if (key === undefined) return undefined;
    skipBlank(cursor);
    if (!take(cursor, '=')) return undefined;
    fields.push([key, readPythonValue(cursor)]);
    skipBlank(cursor);
    if (cursor.failure !== undefined) return undefined;
    if (takeIf(cursor, ')')) break;
    if (!take(cursor, ',')) return undefined;
  }
  const argumentsText = argumentsTextOf(Object.fromEntries(fields));
  return argumentsText === undefined ? fail(cursor, true) : { name, argumentsText };
}
