import type { NamedJsonFormat } from '../format.ts';
import type { CallText } from '../tool.ts';
import { argumentsTextOf, endOfJson, jsonOf } from './json-text.ts';
import { readJsonCalls } from './json-calls.ts';
import { endOfMarker, markerAt, skipSpace, type ReadContext, type Section } from './section.ts';

const NAME = /^[\w.-]{1,256}/;

/** Calls as a name and JSON. Mistral's older list behind the same marker is read too, and an id between name and arguments is skipped. */
export function readNamedCalls(format: NamedJsonFormat, text: string, context: ReadContext): Section {
  const { isEnd } = context;
  if (format.before !== '' && text.startsWith(format.before)) {
    const inner = text.slice(format.before.length);
    const gap = skipSpace(inner, 0);
    const found = markerAt(inner, gap, format.open);
    if (found !== true) return found === 'more' && !isEnd ? 'more' : 'bad';
    const section = readNamedCalls(format, inner.slice(gap), context);
    return typeof section === 'string' ? section : { ...section, end: section.end + format.before.length + gap };
  }
  const first = readOne(format, text, context);
  if (first === 'list') return readJsonCalls(LIST(format), text, context);
  if (typeof first === 'string') return first;
  const after = endOfMarker(text, first.end, format.after, isEnd);
  return after === 'more' ? 'more' : { end: after, calls: [first.call] };
}

const LIST = ({ open }: NamedJsonFormat) =>
  ({ kind: 'json', open, close: '', gap: '', isList: true, argumentsKey: 'arguments', hasId: true }) as const;

function readOne(
  format: NamedJsonFormat,
  text: string,
  { tools, isEnd }: ReadContext,
): { readonly call: CallText; readonly end: number } | 'more' | 'bad' | 'list' {
  const cut = isEnd ? 'bad' : 'more';
  let at = skipSpace(text, format.open.length);
  if (text[at] === '[' || text[at] === '{') return 'list';
  const name = NAME.exec(text.slice(at, at + 257))?.[0];
  if (name === undefined) return at >= text.length ? cut : 'bad';
  at += name.length;
  if (at >= text.length) return cut;
  if (!tools.has(name)) return 'bad';
  const id = /^\s*\[CALL_ID\]\s*[\w-]{0,64}/.exec(text.slice(at, at + 100))?.[0];
  if (id === undefined && markerAt(text, skipSpace(text, at), '[CALL_ID]') === 'more') return cut;
  at += id?.length ?? 0;
  const middle = format.middle.trim();
  const start = endOfMarker(text, at, middle, false);
  if (start === 'more') return cut;
  at = skipSpace(text, start);
  if (at >= text.length) return cut;
  if (text[at] !== '{') return 'bad';
  const end = endOfJson(text, at);
  if (typeof end === 'string') return end === 'more' ? cut : 'bad';
  const value = jsonOf(text.slice(at, end));
  const argumentsText = value === undefined ? undefined : argumentsTextOf(value);
  if (argumentsText === undefined) return 'bad';
  const closed = endOfMarker(text, end, format.close, isEnd);
  return closed === 'more' ? 'more' : { call: { name, argumentsText }, end: closed };
}
