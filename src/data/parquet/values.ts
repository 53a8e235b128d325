import { exactNumber, JsonNumber, parseExactJson } from '../../core/index.ts';
import { validUtf8Length } from '../records/record-parser.ts';
import { put } from '../records/put.ts';

/** A text whose bytes are not UTF-8. */
export class InvalidText {
  readonly byte: number;
  constructor(byte: number) {
    this.byte = byte;
  }
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** How values that JSON lacks become values that it has; given to the decoder of columns. */
export const PARSERS = {
  stringFromBytes(bytes: Uint8Array | undefined): unknown {
    if (bytes === undefined) return undefined;
    try {
      return decoder.decode(bytes);
    } catch {
      return new InvalidText(bytes[validUtf8Length(bytes)] ?? 0);
    }
  },
  jsonFromBytes(bytes: Uint8Array | undefined): unknown {
    const text = PARSERS.stringFromBytes(bytes);
    try {
      return typeof text === 'string' ? parseExactJson(text) : text;
    } catch {
      return text;
    }
  },
};

/** What is wrong with a value, and where in its row. */
export interface ValueProblem {
  readonly path: string;
  readonly byte: number;
}

/** A row's value as JSON would hold it, how long its texts are, and the texts that are none. */
export interface JsonConversion {
  readonly value: unknown;
  readonly characters: number;
  readonly problems: readonly ValueProblem[];
}

/**
 * A decoded row as JSON would hold it: whole numbers of 64 bits as numbers while a double holds them exactly, else as a
 * JsonNumber; dates and times as ISO 8601 text; bytes that nobody called text as text where they are UTF-8, else as {"base64": ...}, which no reader
 * takes for an answer; what is not finite, and what is absent, as null.
 */
export function toJson(decoded: unknown): JsonConversion {
  const problems: ValueProblem[] = [];
  let characters = 0;
  const convert = (value: unknown, path: string): unknown => {
    switch (typeof value) {
      case 'string':
        characters += value.length;
        return value;
      case 'number':
        return Number.isFinite(value) ? value : null;
      case 'bigint':
        return exactNumber(String(value));
      case 'boolean':
        return value;
      case 'object':
        return value === null ? null : convertObject(value, path);
      default:
        return null;
    }
  };
  const convertObject = (value: object, path: string): unknown => {
    if (value instanceof InvalidText) {
      problems.push({ path, byte: value.byte });
      return null;
    }
    if (value instanceof JsonNumber) return value;
    if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
    if (value instanceof Uint8Array) {
      characters += value.length;
      const text = PARSERS.stringFromBytes(value);
      return typeof text === 'string' ? text : { base64: base64(value) };
    }
    const at = (key: string): string => (path === '' ? key : `${path}.${key}`);
    if (Array.isArray(value)) return value.map((item, index) => convert(item, at(String(index))));
    if (ArrayBuffer.isView(value))
      return Array.from(value as unknown as ArrayLike<unknown>, (item) => convert(item, path));
    const record: Record<string, unknown> = {};
    for (const [key, item] of Object.entries(value)) put(record, key, convert(item, at(key)));
    return record;
  };
  const value = convert(decoded, '');
  return { value, characters, problems };
}

function base64(bytes: Uint8Array): string {
  let text = '';
  // Pieces: a call takes only so many arguments.
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(text);
}
