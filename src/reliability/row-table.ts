import type { Signatures } from '../statistics/index.ts';

/** What is remembered of each row: numbers and hashes, never texts, about 160 bytes; a million rows take 160 MB. */
export interface RowTable {
  readonly count: number;
  /** Files in the order in which they were read; `place` refers to them. */
  readonly files: readonly string[];
  /** Where a row stands: file * 2^32 + line. */
  readonly place: Float64Array;
  /** 53-bit hashes of the prompt, of the chosen (or only) answer and of the rejected one (0 where there is none). */
  readonly prompt: Float64Array;
  readonly first: Float64Array;
  readonly second: Float64Array;
  /** UTF-16 units of the answers. */
  readonly firstLength: Uint32Array;
  readonly secondLength: Uint32Array;
  /** Tokens of the answers; all 0 without a tokenizer. */
  readonly firstTokens: Uint32Array;
  readonly secondTokens: Uint32Array;
  /** Bits of FLAG. */
  readonly flags: Uint32Array;
  /** Bits of the kinds in personal-data.ts. */
  readonly personal: Uint8Array;
  /** Indices into `languages`; 0 is unknown. */
  readonly promptLanguage: Uint8Array;
  readonly firstLanguage: Uint8Array;
  readonly languages: readonly string[];
  /** Indices into `sources` and `annotators`; 0 is unnamed. */
  readonly source: Uint32Array;
  readonly sources: readonly string[];
  readonly annotator: Uint32Array;
  readonly annotators: readonly string[];
  readonly promptSignatures: Signatures;
  readonly answerSignatures: Signatures;
}

/** What was seen in a row. */
export const FLAG = {
  pair: 1,
  tie: 2,
  firstTruncated: 4,
  secondTruncated: 8,
  firstMarkdown: 16,
  secondMarkdown: 32,
  firstRefusal: 64,
  secondRefusal: 128,
} as const;

export const PROMPT_HASHES = 32;
export const ANSWER_HASHES = 64;

const LINE_RANGE = 2 ** 32;

/** A place as one number. */
export function placeOf(file: number, line: number): number {
  return file * LINE_RANGE + line;
}

/** The file and the line of a place. */
export function atPlace(place: number, files: readonly string[]): { readonly file: string; readonly line: number } {
  return { file: files[Math.floor(place / LINE_RANGE)] ?? '', line: place % LINE_RANGE };
}

type Numbers = Float64Array | Float32Array | Uint32Array | Uint8Array;

/** A typed array that grows. */
export interface Column<T extends Numbers> {
  push(value: number): void;
  /** Appends `width` elements and returns them, to be filled. */
  extend(width: number): T;
  finish(): T;
}

/** A column of the array type that `make` makes; it doubles when it is full. */
export function createColumn<T extends Numbers>(make: (length: number) => T): Column<T> {
  let values = make(1024);
  let length = 0;
  const reserve = (more: number): void => {
    if (length + more <= values.length) return;
    const larger = make(Math.max(values.length * 2, length + more));
    larger.set(values.subarray(0, length));
    values = larger;
  };
  return {
    push(value) {
      reserve(1);
      values[length++] = value;
    },
    extend(width) {
      reserve(width);
      length += width;
      return values.subarray(length - width, length) as T;
    },
    finish: () => values.subarray(0, length) as T,
  };
}

/** Names as small numbers, in order of appearance; 0 is no name. */
export interface NameIndex {
  readonly names: readonly string[];
  of(name: string | undefined): number;
}

/** Beyond `limit` names every further one is `(others)`: names of people and sources are few, and a column of texts is no such thing. */
export function createNameIndex(limit = 100_000): NameIndex {
  const names = [''];
  const indices = new Map<string, number>();
  return {
    names,
    of(name) {
      if (name === undefined || name === '') return 0;
      const key = names.length < limit || indices.has(name) ? name : '(others)';
      let index = indices.get(key);
      if (index === undefined) {
        index = names.push(key) - 1;
        indices.set(key, index);
      }
      return index;
    },
  };
}

/** Calls with the items of each key that several share (ascending), groups by ascending key. */
export function forEachGroup(keys: Float64Array, visit: (items: Uint32Array) => void): void {
  const order = Uint32Array.from(keys, (_, index) => index).toSorted((a, b) => keys[a]! - keys[b]! || a - b);
  for (let start = 0; start < order.length;) {
    let end = start + 1;
    while (end < order.length && keys[order[end]!] === keys[order[start]!]) end++;
    if (end - start > 1) visit(order.subarray(start, end));
    start = end;
  }
}
