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

/** Whether lists and objects of a JSON text stand in more than so many of each other. Looks at brackets outside texts alone, before anything is built; the text need not be whole. */
export function nestsDeeper(text: string, levels: number): boolean {
  let depth = 0;
  let isText = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (isText) {
      if (code === 92) at++;
      else if (code === 34) isText = false;
    } else if (code === 34) isText = true;
    else if (code === 91 || code === 123) {
      if (++depth > levels) return true;
    } else if (code === 93 || code === 125) depth--;
  }
  return false;
}
