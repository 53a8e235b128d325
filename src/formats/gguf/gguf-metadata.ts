/** The key-value part of a GGUF header. */
import type { GgufCursor } from './gguf-cursor.ts';

export type GgufScalar = number | bigint | boolean | string;
/** 64-bit integers are numbers where that is exact. Arrays are plain arrays, whatever their element type. */
export type GgufValue = GgufScalar | readonly GgufValue[];

export const MAX_METADATA_ENTRIES = 65_536;
/** The format's own limit. */
export const MAX_KEY_BYTES = 65_535;
export const MAX_STRING_BYTES = 1 << 26;
/** Elements of one array. The largest known vocabulary has 262,144 tokens and 600,000 merges. */
export const MAX_ARRAY_LENGTH = 1 << 24;
/** Elements of all arrays together. */
export const MAX_ARRAY_ELEMENTS = 1 << 25;
const MAX_ARRAY_DEPTH = 4;
/** Elements that one need() makes available. */
const BATCH = 4096;

const STRING = 8;
const ARRAY = 9;

interface ScalarType {
  readonly bytes: number;
  readonly take: (cursor: GgufCursor) => GgufScalar;
}

/** By the type ids of the format. */
const SCALARS: Readonly<Record<number, ScalarType>> = {
  0: { bytes: 1, take: (cursor) => cursor.takeUint8() },
  1: { bytes: 1, take: (cursor) => cursor.takeInt8() },
  2: { bytes: 2, take: (cursor) => cursor.takeUint16() },
  3: { bytes: 2, take: (cursor) => cursor.takeInt16() },
  4: { bytes: 4, take: (cursor) => cursor.takeUint32() },
  5: { bytes: 4, take: (cursor) => cursor.takeInt32() },
  6: { bytes: 4, take: (cursor) => cursor.takeFloat32() },
  7: { bytes: 1, take: (cursor) => cursor.takeUint8() !== 0 },
  10: { bytes: 8, take: (cursor) => cursor.takeUint64() },
  11: { bytes: 8, take: (cursor) => cursor.takeInt64() },
  12: { bytes: 8, take: (cursor) => cursor.takeFloat64() },
};

/** Reads `count` entries. Throws bad-input with the byte offset at the first thing that cannot be. */
export async function readGgufMetadata(cursor: GgufCursor, count: number): Promise<Map<string, GgufValue>> {
  const metadata = new Map<string, GgufValue>();
  const budget = { elements: MAX_ARRAY_ELEMENTS };
  for (let index = 0; index < count; index++) {
    const what = `metadata key ${index + 1} of ${count}`;
    const key = await readGgufString(cursor, what, MAX_KEY_BYTES);
    if (key.length === 0) throw cursor.fail(`${what} must have a name, got an empty one; the file is damaged`);
    if (metadata.has(key)) throw cursor.fail(`metadata keys must be unique, got ${JSON.stringify(key)} twice`);
    await cursor.need(4, key);
    const type = cursor.takeUint32();
    metadata.set(key, await readValue(cursor, key, { type, depth: 0, budget }));
  }
  return metadata;
}

/** A length of eight bytes, then that many bytes of UTF-8. */
export async function readGgufString(cursor: GgufCursor, what: string, maxBytes: number): Promise<string> {
  const wait = cursor.need(8, what);
  if (wait !== undefined) await wait;
  const length = cursor.takeUint64();
  if (length > maxBytes)
    throw cursor.fail(`${what} must have at most ${maxBytes} bytes, got ${length}; the file is damaged`);
  const waitForText = cursor.need(Number(length), what);
  if (waitForText !== undefined) await waitForText;
  return cursor.takeText(Number(length), what);
}

interface ValueContext {
  readonly type: number;
  readonly depth: number;
  /** What is left of MAX_ARRAY_ELEMENTS. */
  readonly budget: { elements: number };
}

async function readValue(cursor: GgufCursor, key: string, context: ValueContext): Promise<GgufValue> {
  if (context.type === STRING) return readGgufString(cursor, key, MAX_STRING_BYTES);
  if (context.type === ARRAY) return readArray(cursor, key, context);
  const scalar = SCALARS[context.type];
  if (scalar === undefined)
    throw cursor.fail(`${key}: a value's type must be 0 to 12, got ${context.type}; the file is damaged`);
  await cursor.need(scalar.bytes, key);
  return scalar.take(cursor);
}

async function readArray(cursor: GgufCursor, key: string, context: ValueContext): Promise<GgufValue[]> {
  await cursor.need(12, key);
  const type = cursor.takeUint32();
  const length = Number(cursor.takeUint64());
  const limit = Math.min(MAX_ARRAY_LENGTH, context.budget.elements);
  if (length > limit)
    throw cursor.fail(`${key}: an array must have at most ${limit} elements, got ${length}; the file is damaged`);
  if (context.depth >= MAX_ARRAY_DEPTH) throw cursor.fail(`${key}: arrays must nest at most ${MAX_ARRAY_DEPTH} deep`);
  context.budget.elements -= length;
  const scalar = SCALARS[type];
  // A lying count is refused before anything is allocated for it.
  const least = length * (scalar?.bytes ?? (type === STRING ? 8 : 12));
  if (least > cursor.remaining()) {
    throw cursor.fail(
      `${key}: ${length} elements need at least ${least} bytes, got ${cursor.remaining()}; the file is damaged`,
    );
  }
  const values: GgufValue[] = [];
  if (scalar !== undefined) {
    while (values.length < length) {
      const batch = Math.min(BATCH, length - values.length);
      await cursor.need(batch * scalar.bytes, key);
      for (let i = 0; i < batch; i++) values.push(scalar.take(cursor));
    }
    return values;
  }
  const inner = { type, depth: context.depth + 1, budget: context.budget };
  while (values.length < length) values.push(await readValue(cursor, key, inner));
  return values;
}
