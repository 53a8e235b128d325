import type { CallText, ToolDefinition } from '../tool.ts';

/**
 * What stands at the beginning of a text: calls up to `end`; `more` where the text may go on to be calls; `bad` where it will never be. A text that goes on
 * never changes calls or `bad`, so that it does not matter in which pieces it comes.
 */
export type Section = { readonly end: number; readonly calls: readonly CallText[] } | 'more' | 'bad';

export interface ReadContext {
  readonly tools: ReadonlyMap<string, ToolDefinition>;
  /** Nothing comes behind the text. */
  readonly isEnd: boolean;
}

const SPACE = new Set([' ', '\n', '\t', '\r']);

export function isSpace(character: string): boolean {
  return SPACE.has(character);
}

/** The place of the first character from `at` on that is no white space. */
export function skipSpace(text: string, at: number): number {
  let place = at;
  while (place < text.length && SPACE.has(text[place]!)) place++;
  return place;
}

/** Whether the marker stands at a place: `more` where the text ends within it. */
export function markerAt(text: string, at: number, marker: string): boolean | 'more' {
  if (text.startsWith(marker, at)) return true;
  return at + marker.length > text.length && marker.startsWith(text.slice(at)) ? 'more' : false;
}

/** The end of a marker that may follow white space, or `at` where it does not follow; at the end of a text a beginning of it is taken for it. */
export function endOfMarker(text: string, at: number, marker: string, isEnd: boolean): number | 'more' {
  if (marker === '') return at;
  const place = skipSpace(text, at);
  const found = markerAt(text, place, marker.trimStart());
  if (found === true) return place + marker.trimStart().length;
  if (found === false) return at;
  return isEnd ? text.length : 'more';
}
