import { findBrokenText, parseExactJson } from '../../core/index.ts';
import type { DataLimits } from '../limits.ts';
import { excerptAt, findJsonError, isDeeperThan } from './json-error.ts';
import type { ProblemReason, RecordProblem } from '../problems.ts';
import type { RowOrigin } from '../row.ts';

/** Where a record's text starts in its file. */
export interface TextPlace {
  /** 1-based. */
  readonly line: number;
  /** 1-based, in characters (code points). */
  readonly column: number;
}

/** One record of a file: its value, or why there is none. */
export type RecordEvent =
  | {
      readonly kind: 'record';
      readonly value: unknown;
      readonly origin: RowOrigin;
      readonly place: TextPlace;
      /** How it stood in the file, where that was JSON: what is copied from it loses nothing. */
      readonly text?: string;
    }
  | { readonly kind: 'problem'; readonly problem: RecordProblem };

/** Turns one record into its value. */
export interface RecordParser {
  parse(bytes: Uint8Array, origin: RowOrigin, place: TextPlace): RecordEvent;
  /** As parse, of bytes that were decoded. */
  parseText(text: string, origin: RowOrigin, place: TextPlace): RecordEvent;
}

/** A parser for records of one file: UTF-8, JSON, depth; every problem with line and column. */
export function createRecordParser(file: string, limits: DataLimits): RecordParser {
  // A byte order mark inside the file is a character like any other; only the reader drops the one at the start.
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const problemAt = (
    place: TextPlace,
    found: { reason: ProblemReason; before: string; message: string },
  ): RecordEvent => {
    const { reason, before, message } = found;
    return { kind: 'problem', problem: { reason, file, ...advance(place, before), message } };
  };
  const parseText: RecordParser['parseText'] = (given, origin, place) => {
    // Files that were joined have their marks at the beginning of lines.
    const text = given.startsWith(BYTE_ORDER_MARK) ? given.slice(BYTE_ORDER_MARK.length) : given;
    let value: unknown;
    try {
      value = parseExactJson(text);
    } catch {
      const withNulls = withoutNaN(text);
      if (withNulls !== undefined && findJsonError(withNulls) === undefined) return parseText(withNulls, origin, place);
      const error = findJsonError(text) ?? { offset: 0, expected: 'JSON' };
      const message = `JSON must have ${error.expected} here, got ${excerptAt(text, error.offset)}`;
      return problemAt(place, { reason: 'invalid-json', before: text.slice(0, error.offset), message });
    }
    if (!isDeeperThan(text, limits.maxDepth)) {
      // Only an escape can hold half a character: the bytes are UTF-8.
      const broken = SURROGATE_ESCAPE.test(text) ? findBrokenText(value) : undefined;
      if (broken === undefined) return { kind: 'record', value, origin, place, text };
      const { path, offset } = broken;
      const message = `${path} must be whole text, got half of a surrogate pair (half an emoji) at character ${offset + 1}; write it again, or take it away`;
      return { kind: 'problem', problem: { reason: 'broken-text', file, ...place, path, message } };
    }
    const message = `a record must nest at most ${limits.maxDepth} lists and objects, got more`;
    return problemAt(place, { reason: 'nested-too-deep', before: '', message });
  };
  return {
    parseText,
    parse(bytes, origin, place) {
      let text: string;
      try {
        text = decoder.decode(bytes);
      } catch {
        const valid = validUtf8Length(bytes);
        const before = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(0, valid));
        const found = `0x${(bytes[valid] ?? 0).toString(16).padStart(2, '0')}`;
        const message = `text must be UTF-8, got the byte ${found}; convert the file to UTF-8`;
        return problemAt(place, { reason: 'invalid-utf8', before, message });
      }
      return parseText(text, origin, place);
    },
  };
}

const SURROGATE_ESCAPE = /\\u[dD][89a-fA-F]/;

const BYTE_ORDER_MARK = '\uFEFF';

/** A string, which is kept, or a number that Python writes and JSON does not know. */
const STRING_OR_NAN = /"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity)\b/g;

/** The text with null for NaN and Infinity, as datasets reads them; undefined where there are none. */
function withoutNaN(text: string): string | undefined {
  if (!text.includes('NaN') && !text.includes('Infinity')) return undefined;
  const replaced = text.replaceAll(STRING_OR_NAN, (found) => (found.startsWith('"') ? found : 'null'));
  return replaced === text ? undefined : replaced;
}

function advance(place: TextPlace, before: string): TextPlace {
  let { line, column } = place;
  for (const character of before) {
    if (character === '\n') {
      line++;
      column = 1;
    } else {
      column++;
    }
  }
  return { line, column };
}

/** How many bytes from the start are whole, valid UTF-8 sequences (Unicode 15, table 3-7). */
export function validUtf8Length(bytes: Uint8Array): number {
  let i = 0;
  while (i < bytes.length) {
    const lead = bytes[i]!;
    const length = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
    if (length === 0 || i + length > bytes.length) return i;
    for (let k = 1; k < length; k++) {
      const byte = bytes[i + k]!;
      // The second byte is narrower after E0 (overlong), ED (surrogates), F0 (overlong) and F4 (beyond U+10FFFF).
      const low = k === 1 && lead === 0xe0 ? 0xa0 : k === 1 && lead === 0xf0 ? 0x90 : 0x80;
      const high = k === 1 && lead === 0xed ? 0x9f : k === 1 && lead === 0xf4 ? 0x8f : 0xbf;
      if (byte < low || byte > high) return i;
    }
    i += length;
  }
  return i;
}
