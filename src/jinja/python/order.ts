import { MAX_NESTING, charge, type Machine } from '../machine.ts';
import { failed, tooMuch, unsupported } from '../problem.ts';
import { compareText } from './code-points.ts';
import { equals, numberOf, textOf } from './equality.ts';
import { DictView, Tuple, Undefined, isList, typeName, type Value } from './values.ts';

export type OrderOperator = '<' | '<=' | '>' | '>=';

/** a < b and its like. Throws as Python's TypeError where the two have no order. */
export function isOrdered(machine: Machine, operator: OrderOperator, pair: readonly [Value, Value]): boolean {
  const order = orderOf(machine, pair, operator, 0);
  // nan has no order to anything.
  if (order === undefined) return false;
  if (operator === '<') return order < 0;
  if (operator === '<=') return order <= 0;
  return operator === '>' ? order > 0 : order >= 0;
}

/** Negative, 0 or positive; undefined for nan. */
function orderOf(
  machine: Machine,
  [a, b]: readonly [Value, Value],
  operator: OrderOperator,
  nesting: number,
): number | undefined {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  const [left, right] = [numberOf(a), numberOf(b)];
  if (left !== undefined && right !== undefined) {
    if (left < right) return -1;
    if (left > right) return 1;
    // oxlint-disable-next-line eqeqeq
    return left == right ? 0 : undefined;
  }
  const [leftText, rightText] = [textOf(a), textOf(b)];
  if (leftText !== undefined && rightText !== undefined) {
    charge(machine, 1);
    return compareText(leftText, rightText);
  }
  if (isList(a) && isList(b)) return orderOfItems(machine, [a, b], operator, nesting);
  if (a instanceof Tuple && b instanceof Tuple) return orderOfItems(machine, [a.items, b.items], operator, nesting);
  if (a instanceof Undefined) throw failed(a.message);
  if (b instanceof Undefined) throw failed(b.message);
  if (a instanceof DictView || b instanceof DictView) throw unsupported('the order of the keys or items of dicts');
  throw failed(`'${operator}' not supported between instances of '${typeName(a)}' and '${typeName(b)}'`);
}

function orderOfItems(
  machine: Machine,
  [a, b]: readonly [readonly Value[], readonly Value[]],
  operator: OrderOperator,
  nesting: number,
): number | undefined {
  if (nesting > MAX_NESTING) throw tooMuch(`lists must nest at most ${MAX_NESTING} deep, got more`);
  const shorter = Math.min(a.length, b.length);
  for (let at = 0; at < shorter; at++) {
    charge(machine, 1);
    const [left, right] = [a[at]!, b[at]!];
    if (left !== right && !equals(machine, left, right)) return orderOf(machine, [left, right], operator, nesting + 1);
  }
  return a.length - b.length;
}

/** sorted(values, key=..., reverse=...): stable, also in reverse. Throws where two keys have no order. */
export function sorted(
  machine: Machine,
  values: readonly Value[],
  { key, reverse }: { readonly key: (value: Value) => Value; readonly reverse: boolean },
): Value[] {
  const keyed = values.map((value) => ({ value, key: key(value) }));
  charge(machine, keyed.length);
  if (reverse) keyed.reverse();
  const ordered = keyed.toSorted((a, b) => {
    if (isOrdered(machine, '<', [a.key, b.key])) return -1;
    return isOrdered(machine, '<', [b.key, a.key]) ? 1 : 0;
  });
  if (reverse) ordered.reverse();
  return ordered.map(({ value }) => value);
}
