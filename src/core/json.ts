import { JsonNumber } from './json-number.ts';

/** Anything that JSON can hold. */
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: JsonValue;
}

/** An object of JSON that somebody else wrote: its values are not known yet. */
export type JsonRecord = Readonly<Record<string, unknown>>;

/** An object with fields; no list, and no number. */
export function isObject(value: unknown): value is JsonRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof JsonNumber);
}

/** Own, present and not null. */
export function has(record: JsonRecord, field: string): boolean {
  return Object.hasOwn(record, field) && record[field] !== null && record[field] !== undefined;
}
