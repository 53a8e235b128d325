import { MAX_NESTING, charge, type Machine } from '../machine.ts';
import { failed, tooMuch, unsupported } from '../problem.ts';
import {
  Dict,
  DictView,
  Float,
  Markup,
  Range,
  Tuple,
  Undefined,
  isList,
  typeName,
  type Hash,
  type Value,
} from './values.ts';

/** The number that a value is to == and to dicts: booleans are 0 and 1. undefined for what is no number. */
export function numberOf(value: Value): number | bigint | undefined {
  if (typeof value === 'number' || typeof value === 'bigint') return value;
  if (typeof value === 'boolean') return value ? 1 : 0;
  return value instanceof Float ? value.value : undefined;
}

/** The text of a str or a Markup, which is one. */
export function textOf(value: Value): string | undefined {
  if (typeof value === 'string') return value;
  return value instanceof Markup ? value.text : undefined;
}

/** a == b. */
export function equals(machine: Machine, a: Value, b: Value, nesting = 0): boolean {
  if (typeof a === 'string' && typeof b === 'string') return a === b;
  if (a === null || b === null) return a === b;
  const [left, right] = [numberOf(a), numberOf(b)];
  // Loose equality of a number and a bigint is exact.
  // oxlint-disable-next-line eqeqeq
  if (left !== undefined || right !== undefined) return left !== undefined && right !== undefined && left == right;
  const text = textOf(a);
  if (text !== undefined) return text === textOf(b);
  charge(machine, 1);
  if (nesting > MAX_NESTING) throw tooMuch(`lists must nest at most ${MAX_NESTING} deep, got more`);
  const same = (x: Value, y: Value): boolean => x === y || equals(machine, x, y, nesting + 1);
  if (isList(a)) return isList(b) && a.length === b.length && a.every((item, at) => same(item, b[at]!));
  if (a instanceof Tuple)
    return (
      b instanceof Tuple && a.items.length === b.items.length && a.items.every((item, at) => same(item, b.items[at]!))
    );
  if (a instanceof Dict) {
    if (!(b instanceof Dict) || a.size !== b.size) return false;
    for (const [hash, value] of a.values) {
      const other = b.values.get(hash);
      if (other === undefined || !same(value, other)) return false;
    }
    return true;
  }
  if (a instanceof Undefined) return b instanceof Undefined;
  if (a instanceof Range)
    return (
      b instanceof Range &&
      a.length === b.length &&
      (a.length === 0 || (a.start === b.start && (a.length === 1 || a.step === b.step)))
    );
  if (a instanceof DictView && b instanceof DictView && a.kind !== 'values' && b.kind !== 'values')
    throw unsupported('comparing the keys or items of dicts as sets');
  return a === b;
}

/** What a dict finds a key by. Throws where Python does: lists and dicts are no keys. */
export function hashKey(machine: Machine, value: Value, nesting = 0): Hash {
  if (typeof value === 'string') return value.charCodeAt(0) === 0 ? `\0s${value}` : value;
  if (typeof value === 'number' || typeof value === 'bigint' || value === null) return value;
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (value instanceof Float) return hashFloat(value);
  charge(machine, 1);
  if (nesting > MAX_NESTING) throw tooMuch(`tuples must nest at most ${MAX_NESTING} deep, got more`);
  if (value instanceof Markup) return hashKey(machine, value.text);
  if (value instanceof Tuple) {
    // Objects that are their own hash cannot be a part of a text.
    const parts = value.items.map((item) => hashKey(machine, item, nesting + 1));
    if (parts.some((part) => typeof part === 'object' && part !== null))
      throw unsupported('an object within a tuple as a key');
    return `\0t${JSON.stringify(parts.map((part) => (typeof part === 'string' ? part : [typeof part, String(part)])))}`;
  }
  if (value instanceof Undefined) return '\0u';
  if (isList(value) || value instanceof Dict || value instanceof DictView)
    throw failed(`unhashable type: '${typeName(value)}'`);
  if (value instanceof Range) throw unsupported('a range as a key');
  return value;
}

function hashFloat(float: Float): Hash {
  const { value } = float;
  // nan equals nothing, itself as an object excepted.
  if (Number.isNaN(value)) return float;
  if (Number.isSafeInteger(value)) return value === 0 ? 0 : value;
  return Number.isInteger(value) ? BigInt(value) : value;
}
