import type { JsonObject, JsonValue } from '../core/index.ts';

/** One place at which two JSON values differ. `undefined` stands for absent. */
export interface Difference {
  /** Dotted, such as `lora.rank`; array positions are numbers. Empty when the whole values differ. */
  readonly path: string;
  readonly before: JsonValue | undefined;
  readonly after: JsonValue | undefined;
}

/** Every leaf at which `after` differs from `before`, in the order of `before` and then the new keys of `after`. */
export function compareJson(before: JsonValue | undefined, after: JsonValue | undefined, path = ''): Difference[] {
  if (isContainer(before) && isContainer(after) && Array.isArray(before) === Array.isArray(after)) {
    const left = before as JsonObject;
    const right = after as JsonObject;
    const keys = [...new Set([...Object.keys(left), ...Object.keys(right)])];
    return keys.flatMap((key) => compareJson(own(left, key), own(right, key), path === '' ? key : `${path}.${key}`));
  }
  if (before === after || (Number.isNaN(before) && Number.isNaN(after))) return [];
  return [{ path, before, after }];
}

function own(object: JsonObject, key: string): JsonValue | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

function isContainer(value: JsonValue | undefined): boolean {
  return typeof value === 'object' && value !== null;
}

/** A value as a person reads it in a message: JSON, cut at 80 characters; `nothing` when absent. */
export function showValue(value: JsonValue | undefined): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value);
  return text.length <= 80 ? text : `${text.slice(0, 77)}...`;
}

/** Leaves of a JSON value as dotted path and value; an empty array or object is a leaf. */
export function flattenJson(value: JsonValue, path = ''): [path: string, value: JsonValue][] {
  if (typeof value !== 'object' || value === null) return [[path, value]];
  const entries = Object.entries(value as JsonObject);
  const isPlainList = Array.isArray(value) && value.every((item) => typeof item !== 'object' || item === null);
  if (entries.length === 0 || isPlainList) return [[path, value]];
  return entries.flatMap(([key, item]) => flattenJson(item, path === '' ? key : `${path}.${key}`));
}
