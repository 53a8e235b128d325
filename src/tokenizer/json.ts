/** Reading of JSON that somebody else wrote: a value of the wrong type reads as undefined. */
import { isObject, type JsonRecord } from '../core/index.ts';

export function asObject(value: unknown): JsonRecord | undefined {
  return isObject(value) ? value : undefined;
}

export function asArray(value: unknown): readonly unknown[] | undefined {
  return Array.isArray(value) ? value : undefined;
}

export function asString(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

export function asBoolean(value: unknown): boolean | undefined {
  return typeof value === 'boolean' ? value : undefined;
}

/** A token id: an integer that is not negative; GGUF readers give 64-bit fields as bigint. */
export function asId(value: unknown): number | undefined {
  const number = typeof value === 'bigint' ? Number(value) : value;
  return typeof number === 'number' && Number.isSafeInteger(number) && number >= 0 ? number : undefined;
}

/** One id or a list of them, as generation_config.json writes eos_token_id. */
export function asIds(value: unknown): readonly number[] {
  return (asArray(value) ?? [value]).map(asId).filter((id) => id !== undefined);
}
