import { openersOf, type ToolFormat } from './format.ts';
import { heldBack, splitSpace } from './hold.ts';
import { mayBeBare, readCalls } from './read/read-calls.ts';
import { markerAt, skipSpace } from './read/section.ts';
import type { CallText, ToolDefinition } from './tool.ts';

/** A piece of an answer: text, or a call that is whole. */
export type Part =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'call'; readonly call: CallText };

/** Finds calls in a text that comes in pieces. */
export interface CallReader {
  push(text: string): readonly Part[];
  /** What was held back; what is no whole call is text. */
  end(): readonly Part[];
}

/** Sections below it are read anew with every piece, longer ones whenever they have grown by a part: so the work stays linear. */
const SHORT_SECTION = 256;

/**
 * Parts are the same in whatever pieces the text comes. White space between text and calls goes; all other text stays as it is, the marks of what is no call of a known tool too.
 */
export function createCallReader(format: ToolFormat | undefined, tools: readonly ToolDefinition[]): CallReader {
  const byName = new Map(tools.map((tool) => [tool.function.name, tool]));
  const openers = format === undefined || byName.size === 0 ? [] : openersOf(format);
  let buffer = '';
  /** White space that belongs to the text if more of it comes. */
  let gap = '';
  let [hasText, hasCalls] = [false, false];
  /** What the buffer begins with, where it may begin with calls. */
  let opener: string | undefined;
  let nextLength = 0;

  const textParts = (text: string): Part[] => {
    const [body, space] = splitSpace(text);
    if (body === '') {
      gap += space;
      return [];
    }
    const whole = gap + body;
    const shown = hasCalls && !hasText ? whole.slice(skipSpace(whole, 0)) : whole;
    gap = space;
    hasText = true;
    return [{ kind: 'text', text: shown }];
  };
  const isFirst = (): boolean => openers.length > 0 && !hasText && !hasCalls;
  const findOpener = (isEnd: boolean): Part[] => {
    const start = skipSpace(buffer, 0);
    // A marker may begin as a bare call does: [TOOL_CALLS] and a list.
    const isMarker = openers.some((marker) => markerAt(buffer, start, marker) !== false) && !isEnd;
    if (isFirst() && !isMarker && start < buffer.length && mayBeBare(format!, buffer[start]!)) {
      const parts = textParts(buffer.slice(0, start));
      buffer = buffer.slice(start);
      opener = buffer[0]!;
      return parts;
    }
    const places = openers.map((marker) => buffer.indexOf(marker)).filter((place) => place !== -1);
    const place = places.length === 0 ? buffer.length - (isEnd ? 0 : heldBack(buffer, openers)) : Math.min(...places);
    const parts = textParts(buffer.slice(0, place));
    buffer = buffer.slice(place);
    if (places.length > 0) opener = openers.find((marker) => buffer.startsWith(marker))!;
    return parts;
  };
  const readSection = (isEnd: boolean): readonly Part[] | undefined => {
    if (!isEnd && buffer.length < nextLength) return undefined;
    const section = readCalls(format!, buffer, { tools: byName, isEnd });
    if (section === 'more' && !isEnd) {
      nextLength = buffer.length + (buffer.length < SHORT_SECTION ? 1 : buffer.length >> 6);
      return undefined;
    }
    nextLength = 0;
    const mark = opener!;
    opener = undefined;
    if (typeof section === 'string') {
      buffer = buffer.slice(mark.length);
      return textParts(mark);
    }
    buffer = buffer.slice(section.end);
    hasCalls = true;
    return section.calls.map((call) => ({ kind: 'call', call }));
  };
  /** Undefined where nothing more can be told from the text so far. */
  const step = (isEnd: boolean): readonly Part[] | undefined => {
    if (opener !== undefined) return readSection(isEnd);
    const before = buffer.length;
    const parts = findOpener(isEnd);
    return opener === undefined && buffer.length === before ? undefined : parts;
  };
  const run = (isEnd: boolean): Part[] => {
    const parts: Part[] = [];
    for (let found = step(isEnd); found !== undefined; found = step(isEnd)) parts.push(...found);
    return parts;
  };

  return {
    push(text) {
      buffer += text;
      return run(false);
    },
    end() {
      const parts = run(true);
      if (!hasCalls && gap !== '') parts.push({ kind: 'text', text: gap });
      gap = '';
      return parts;
    },
  };
}
