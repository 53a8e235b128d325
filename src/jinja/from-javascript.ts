import { JsonNumber } from '../core/index.ts';
import { MAX_NESTING } from './machine.ts';
import { tooMuch, unsupported } from './problem.ts';
import { integer, Dict, Float, type Value } from './python/values.ts';

/**
 * The value of Python that Python's json would read for a value of JSON. A number that is whole is an int, another a float;
 * a `JsonNumber` is what its digits say (1.0 is a float, 9007199254740993 exact), a bigint an int. Fields that are undefined
 * are not there. A Map keeps the order of its keys, which an object does not for keys that are digits.
 * Throws unsupported for functions and other things that JSON lacks.
 */
export function fromJavaScript(value: unknown, nesting = 0): Value {
  if (typeof value === 'string' || typeof value === 'boolean' || value === null) return value;
  if (typeof value === 'number') return ofNumber(value);
  if (typeof value === 'bigint') return integer(value);
  if (nesting > MAX_NESTING) throw tooMuch(`lists must nest at most ${MAX_NESTING} deep, got more`);
  if (Array.isArray(value)) return value.map((item) => fromJavaScript(item ?? null, nesting + 1));
  if (value instanceof JsonNumber) return ofText(value.text);
  if (typeof value !== 'object') throw unsupported(`a ${typeof value} as a variable`);
  const dict = new Dict();
  if (value instanceof Map) for (const [key, field] of value) setField(dict, String(key), field, nesting);
  else for (const [key, field] of Object.entries(value)) setField(dict, key, field, nesting);
  return dict;
}

function setField(dict: Dict, key: string, field: unknown, nesting: number): void {
  if (field === undefined) return;
  dict.set(key.charCodeAt(0) === 0 ? `\0s${key}` : key, key, fromJavaScript(field, nesting + 1));
}

function ofNumber(value: number): Value {
  if (!Number.isInteger(value)) return new Float(value);
  return Number.isSafeInteger(value) ? value + 0 : integer(BigInt(value));
}

/** Python's json refuses whole numbers with more digits (sys.get_int_max_str_digits). */
const MOST_DIGITS = 4300;

function ofText(text: string): Value {
  if (text.length > MOST_DIGITS && /^-?\d+$/.test(text) && text.replace('-', '').length > MOST_DIGITS)
    throw tooMuch(`whole numbers must have at most ${MOST_DIGITS} digits, got ${text.replace('-', '').length}`);
  return /[.eE]/.test(text) ? new Float(Number(text)) : integer(BigInt(text));
}
