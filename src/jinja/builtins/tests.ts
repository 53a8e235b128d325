import { unsupported } from '../problem.ts';
import { isLower, isUpper } from '../python/casing.ts';
import { equals } from '../python/equality.ts';
import { contains, isIterable, sizeOf } from '../python/iterate.ts';
import { isOrdered, type OrderOperator } from '../python/order.ts';
import { toText } from '../python/print.ts';
import { remainder } from '../python/remainder.ts';
import {
  Callable,
  Dict,
  DictView,
  Float,
  Instance,
  Iterator,
  Markup,
  Undefined,
  isInteger,
  type Value,
} from '../python/values.ts';
import type { Machine } from '../machine.ts';
import { filter, type Filter } from './filter.ts';

function is(question: (value: Value) => boolean): (name: string) => Filter {
  return filter('', (_machine, value) => question(value));
}

function ordered(operator: OrderOperator): (name: string) => Filter {
  return filter('other /', (machine, value, [other]) => isOrdered(machine, operator, [value, other!]));
}

function equal(isWanted: boolean): (name: string) => Filter {
  return filter('other /', (machine, value, [other]) => equals(machine, value, other!) === isWanted);
}

/** value is other: sure of what Python has one of, and of lists and dicts; refused where CPython happens to share or not. */
function isSame(machine: Machine, value: Value, other: Value): boolean {
  if (value === null || other === null || typeof value === 'boolean' || typeof other === 'boolean')
    return value === other;
  if (typeof value === 'number' && typeof other === 'number' && value >= -5 && value <= 256) return value === other;
  if ((isShared(value) || isShared(other)) && equals(machine, value, other) && typeof value === typeof other)
    throw unsupported('the test sameas of two equal texts or numbers');
  return value === other;
}

/** Whether CPython may keep one object for two equal values of this kind. */
function isShared(value: Value): boolean {
  return typeof value === 'string' || isInteger(value) || value instanceof Float;
}

function isCallable(value: Value): boolean {
  return (
    value instanceof Callable || value instanceof Undefined || (value instanceof Instance && value.call !== undefined)
  );
}

function isNumber(value: Value): boolean {
  return isInteger(value) || typeof value === 'boolean' || value instanceof Float;
}

/** The tests of Jinja, but for `filter` and `test`, which ask the tables. */
export const PLAIN_TESTS = {
  defined: is((value) => !(value instanceof Undefined)),
  undefined: is((value) => value instanceof Undefined),
  none: is((value) => value === null),
  boolean: is((value) => typeof value === 'boolean'),
  true: is((value) => value === true),
  false: is((value) => value === false),
  integer: is(isInteger),
  float: is((value) => value instanceof Float),
  number: is(isNumber),
  string: is((value) => typeof value === 'string' || value instanceof Markup),
  mapping: is((value) => value instanceof Dict),
  sequence: is((value) => sizeOf(value) !== undefined && !(value instanceof DictView) && !(value instanceof Instance)),
  iterable: is((value) => isIterable(value) || value instanceof Iterator),
  callable: filter('/', (_machine, value) => isCallable(value)),
  escaped: is((value) => value instanceof Markup),
  lower: filter('', (machine, value) => isLower(toText(machine, value))),
  upper: filter('', (machine, value) => isUpper(toText(machine, value))),
  odd: filter('', (machine, value) => equals(machine, remainder(machine, value, 2), 1)),
  even: filter('', (machine, value) => equals(machine, remainder(machine, value, 2), 0)),
  divisibleby: filter('num', (machine, value, [number]) => equals(machine, remainder(machine, value, number!), 0)),
  sameas: filter('other', (machine, value, [other]) => isSame(machine, value, other!)),
  in: filter('seq', (machine, value, [hay]) => contains(machine, hay!, value)),
  '==': equal(true),
  eq: equal(true),
  equalto: equal(true),
  '!=': equal(false),
  ne: equal(false),
  '>': ordered('>'),
  gt: ordered('>'),
  greaterthan: ordered('>'),
  '>=': ordered('>='),
  ge: ordered('>='),
  '<': ordered('<'),
  lt: ordered('<'),
  lessthan: ordered('<'),
  '<=': ordered('<='),
  le: ordered('<='),
} satisfies Record<string, (name: string) => Filter>;
