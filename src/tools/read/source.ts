import type { ToolDefinition } from '../tool.ts';
import { markerAt, skipSpace } from './space.ts';

/** What is read of calls, in order: a call by its name, pieces of the JSON text of its arguments, and its end. */
export type CallEvent =
  | { readonly kind: 'call'; readonly name: string }
  | { readonly kind: 'arguments'; readonly text: string }
  /** `isWhole`: the arguments are an object; not where the answer was cut or broke within them. */
  | { readonly kind: 'end'; readonly isWhole: boolean };

/**
 * Reads from a source: gives events, and `undefined` where it needs text that has not come yet. What it decides depends on the text alone, never on
 * the pieces in which it comes. Places in the text do not outlive a wait.
 */
export type Reading<T> = Generator<CallEvent | undefined, T, void>;

/** A text that comes in pieces and is read from left to right. What was read is forgotten, from `mark` on it is kept. */
export interface Source {
  text: string;
  at: number;
  mark: number | undefined;
  /** Nothing more comes: no reading waits any longer. */
  isOver: boolean;
}

export type Tools = ReadonlyMap<string, ToolDefinition>;

export function createSource(): Source {
  return { text: '', at: 0, mark: undefined, isOver: false };
}

export function pushText(source: Source, text: string): void {
  const start = source.mark ?? source.at;
  source.text = source.text.slice(start) + text;
  source.at -= start;
  if (source.mark !== undefined) source.mark = 0;
}

/** Goes back to the mark. */
export function goBack(source: Source): void {
  source.at = source.mark ?? source.at;
}

/** A piece of the JSON text of the arguments. */
export function piece(text: string): CallEvent {
  return { kind: 'arguments', text };
}

/** What a reading gives, and the pieces of JSON text that it gave: put together, and given to nobody. */
export function* gathered<T>(reading: Reading<T>): Reading<readonly [result: T, text: string]> {
  let text = '';
  for (;;) {
    const next = reading.next();
    if (next.done === true) return [next.value, text];
    if (next.value === undefined) yield undefined;
    else if (next.value.kind === 'arguments') text += next.value.text;
  }
}

/** The character here; empty at the end of all text. */
export function* here(source: Source): Reading<string> {
  while (source.at >= source.text.length) {
    if (source.isOver) return '';
    yield undefined;
  }
  return source.text[source.at]!;
}

/** The next character that is no white space. */
export function* behindSpace(source: Source): Reading<string> {
  for (;;) {
    source.at = skipSpace(source.text, source.at);
    if (source.at < source.text.length || source.isOver) return source.text[source.at] ?? '';
    yield undefined;
  }
}

/** Whether a text stands here, which is stepped over then. */
export function* take(source: Source, expected: string): Reading<boolean> {
  for (;;) {
    const found = markerAt(source.text, source.at, expected);
    if (found === true) source.at += expected.length;
    if (found !== 'more' || source.isOver) return found === true;
    yield undefined;
  }
}

/** Steps over a marker that may follow, white space before it included; at the end of all text a beginning of it is taken for it. */
export function* takeMarker(source: Source, marker: string): Reading<void> {
  const wanted = marker.trimStart();
  if (wanted === '') return;
  for (;;) {
    const place = skipSpace(source.text, source.at);
    const found = markerAt(source.text, place, wanted);
    if (found === true) source.at = place + wanted.length;
    else if (found === 'more' && source.isOver) source.at = source.text.length;
    if (found !== 'more' || source.isOver) return;
    yield undefined;
  }
}

/** Steps over what the sticky pattern matches here, once it is sure that the match does not go on; empty where it matches nothing. */
export function* takeWord(source: Source, pattern: RegExp): Reading<string> {
  for (;;) {
    pattern.lastIndex = source.at;
    const word = pattern.exec(source.text)?.[0] ?? '';
    if (source.at + word.length < source.text.length || source.isOver) {
      source.at += word.length;
      return word;
    }
    yield undefined;
  }
}
