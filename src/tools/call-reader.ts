import { openersOf, type ToolFormat } from './format.ts';
import { heldBack, splitSpace } from './hold.ts';
import { mayBeBare, readCalls } from './read/read-calls.ts';
import { createSource, pushText, type CallEvent, type Reading, type Source } from './read/source.ts';
import { markerAt, skipSpace } from './read/space.ts';
import type { CallText, ToolDefinition } from './tool.ts';

/** A piece of an answer: text, or what is new of a call. */
export type Part = { readonly kind: 'text'; readonly text: string } | CallEvent;

/** Finds calls in a text that comes in pieces. */
export interface CallReader {
  push(text: string): readonly Part[];
  /** What was held back; what is no call is text. */
  end(): readonly Part[];
}

/**
 * Parts, put together, are the same in whatever pieces the text comes. A call is told of as it comes: by its name once its arguments have begun, then by pieces of them; it is not taken back
 * where it is cut or breaks later. White space between text and calls goes; all other text stays as it is, the marks of what is no call of a known tool too.
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
  /** The calls that are being read, and the text that they are read from. */
  let section: { readonly source: Source; readonly reading: Reading<boolean> } | undefined;

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
    if (section === undefined) {
      const source = { ...createSource(), text: buffer, mark: 0 };
      section = { source, reading: readCalls(format!, source, byName) };
      buffer = '';
    }
    const { source, reading } = section;
    source.isOver = isEnd;
    const parts: Part[] = [];
    for (;;) {
      const next = reading.next();
      if (next.done !== true && next.value !== undefined) addPart(parts, next.value);
      else if (next.done !== true) return parts.length > 0 ? parts : undefined;
      else {
        const mark = opener!;
        [section, opener] = [undefined, undefined];
        hasCalls ||= next.value;
        buffer = source.text.slice(next.value ? source.at : source.mark! + mark.length);
        return next.value ? parts : textParts(mark);
      }
    }
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
    for (let found = step(isEnd); found !== undefined; found = step(isEnd)) for (const part of found) parts.push(part);
    return parts;
  };

  return {
    push(text) {
      if (section === undefined) buffer += text;
      else pushText(section.source, text);
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

/** Pieces of the same arguments are one. */
function addPart(parts: Part[], part: CallEvent): void {
  const last = parts.at(-1);
  if (part.kind !== 'arguments' || last?.kind !== 'arguments') parts.push(part);
  else parts[parts.length - 1] = { kind: 'arguments', text: last.text + part.text };
}

/** The calls of a text that is whole, and whether it holds nothing else and all of them are whole. */
export function readWholeCalls(
  format: ToolFormat,
  tools: readonly ToolDefinition[],
  text: string,
): { readonly calls: readonly CallText[]; readonly isAll: boolean } {
  const reader = createCallReader(format, tools);
  const calls: { name: string; argumentsText: string }[] = [];
  let isAll = true;
  for (const part of [...reader.push(text), ...reader.end()]) {
    if (part.kind === 'call') calls.push({ name: part.name, argumentsText: '' });
    else if (part.kind === 'arguments') calls.at(-1)!.argumentsText += part.text;
    else isAll &&= part.kind === 'end' && part.isWhole;
  }
  return { calls, isAll };
}
