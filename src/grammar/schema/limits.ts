import { count, isObject, shownValue, type Problem } from '../../core/index.ts';

/** What a schema may be at most. A larger one is refused with the name of the limit. */
export interface SchemaLimits {
  /** Bytes of the schema as JSON. */
  readonly bytes: number;
  /** Values inside each other in the schema. */
  readonly depth: number;
  /** Named properties in the whole schema. */
  readonly properties: number;
  /** Values of enum in the whole schema. */
  readonly enumValues: number;
  /** Combinations of subschemas (by allOf, anyOf, $ref) that the grammar consists of. */
  readonly parts: number;
  /** Pairs of options of oneOf in the whole schema. */
  readonly oneOfPairs: number;
}

export const SCHEMA_LIMITS: SchemaLimits = {
  bytes: 64 * 1024,
  depth: 32,
  properties: 1000,
  enumValues: 1000,
  parts: 1000,
  oneOfPairs: 10_000,
};

const encoder = new TextEncoder();
/** With the flag u it matches no half of a pair. */
const LONE_SURROGATE = /\p{Surrogate}/u;

/** What of size, depth and counts is too much; none of it recurses, so any value may come. */
export function limitProblems(schema: unknown, limits: SchemaLimits): readonly Problem[] {
  const pending: { readonly value: unknown; readonly depth: number }[] = [{ value: schema, depth: 1 }];
  let bytes = 0;
  let deepest = 0;
  let broken: string | undefined;
  const lengthOf = (text: string): number => {
    if (LONE_SURROGATE.test(text)) broken ??= text;
    return encoder.encode(text).length + 2;
  };
  for (let item = pending.pop(); item !== undefined; item = pending.pop()) {
    const { value, depth } = item;
    deepest = Math.max(deepest, depth);
    if (bytes > limits.bytes || deepest > limits.depth) break;
    if (Array.isArray(value)) {
      bytes += 2 + value.length;
      for (const inner of value) pending.push({ value: inner, depth: depth + 1 });
    } else if (isObject(value)) {
      bytes += 2;
      for (const [key, inner] of Object.entries(value)) {
        bytes += lengthOf(key) + 2;
        pending.push({ value: inner, depth: depth + 1 });
      }
    } else bytes += typeof value === 'string' ? lengthOf(value) : 4;
  }
  const problems: Problem[] = [];
  if (bytes > limits.bytes)
    problems.push({
      message: `schema: it must have at most ${count(limits.bytes)} bytes, got more; split it or shorten its descriptions`,
      path: '$',
    });
  if (deepest > limits.depth)
    problems.push({
      message: `schema: its values must nest at most ${limits.depth} deep, got more; move inner ones to $defs`,
      path: '$',
    });
  if (broken !== undefined)
    problems.push({
      message: `schema: its names and texts must be valid Unicode, got a lone surrogate in ${shownValue(broken)}; write the whole character`,
      path: '$',
    });
  return problems;
}
