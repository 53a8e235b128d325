import { charge, made, type Machine } from '../machine.ts';
import { failed, unsupported } from '../problem.ts';
import { givenOr, toIndex } from '../python/arguments.ts';
import { arithmetic } from '../python/arithmetic.ts';
import { characters } from '../python/code-points.ts';
import { equals, hashKey, numberOf } from '../python/equality.ts';
import { iterate, length, reversed, toList } from '../python/iterate.ts';
import { isOrdered, sorted } from '../python/order.ts';
import { isTrue } from '../python/truth.ts';
import {
  Dict,
  DictView,
  Float,
  Iterator,
  Tuple,
  Undefined,
  isInteger,
  typeName,
  type Hash,
  type Next,
  type Value,
} from '../python/values.ts';
import { attributeGetter, filter, ignoringCase, refusedFilter, type Filter } from './filter.ts';

type Given = readonly (Value | undefined)[];

function flag(value: Value | undefined): boolean {
  return value !== undefined && isTrue(value);
}

/** Items that are made when somebody asks for the first, as Python's generators are. */
function lazily(start: () => Next): Iterator {
  let next: Next | undefined;
  return new Iterator(() => (next ??= start())());
}

/** The getter of an order that looks at `attribute`, and at case only when it is told to. */
function keyGetter(machine: Machine, attribute: Value | undefined, isCaseSensitive: boolean): (value: Value) => Value {
  const get = attributeGetter(machine, attribute);
  return isCaseSensitive ? get : (value) => ignoringCase(get(value));
}

function sort(machine: Machine, value: Value, [reverse, caseSensitive, attribute]: Given): Value {
  const paths = typeof attribute === 'string' ? attribute.split(',') : [attribute];
  const getters = paths.map((path) => keyGetter(machine, path, flag(caseSensitive)));
  const key = (item: Value): Value => getters.map((get) => get(item));
  return sorted(machine, toList(machine, value), { key, reverse: flag(reverse) });
}

function dictSort(machine: Machine, value: Value, [caseSensitive, by, reverse]: Given): Value {
  const place = by === undefined || by === 'key' ? 0 : by === 'value' ? 1 : undefined;
  if (place === undefined) throw failed('You can only sort by either "key" or "value"');
  if (value instanceof Undefined) throw failed(value.message);
  if (!(value instanceof Dict)) throw failed(`'${typeName(value)}' object has no attribute 'items'`);
  const key = (pair: Value): Value => {
    const part = (pair as Tuple).items[place]!;
    return flag(caseSensitive) ? part : ignoringCase(part);
  };
  return sorted(machine, new DictView('items', value).items(), { key, reverse: flag(reverse) });
}

function unique(machine: Machine, value: Value, [caseSensitive, attribute]: Given): Value {
  const key = keyGetter(machine, attribute, flag(caseSensitive));
  return lazily(() => {
    const next = iterate(machine, value);
    const seen = new Set<Hash>();
    return () => {
      for (let item = next(); item !== undefined; item = next()) {
        const hash = hashKey(machine, key(item));
        if (seen.has(hash)) continue;
        seen.add(hash);
        return item;
      }
      return undefined;
    };
  });
}

/** min and max: the first of those that are equal. */
function extreme(operator: '<' | '>'): (name: string) => Filter {
  return filter('case_sensitive? attribute?', (machine, value, [caseSensitive, attribute]) => {
    const key = keyGetter(machine, attribute, flag(caseSensitive));
    const [first, ...rest] = toList(machine, value);
    if (first === undefined) return new Undefined('No aggregated item, sequence was empty.');
    let best = { item: first, key: key(first) };
    for (const item of rest) {
      const other = key(item);
      if (isOrdered(machine, operator, [other, best.key])) best = { item, key: other };
    }
    return best.item;
  });
}

function sum(machine: Machine, value: Value, [attribute, start]: Given): Value {
  const get = attributeGetter(machine, attribute);
  if (typeof start === 'string') throw failed("sum() can't sum strings [use ''.join(seq) instead]");
  const items = toList(machine, value).map(get);
  const total = items.reduce((sofar, item) => arithmetic(machine, '+', sofar, item), givenOr(start, 0));
  if (total instanceof Float && !isSureSum([givenOr(start, 0), ...items], total.value))
    throw unsupported('a sum of floats that differs between the versions of Python');
  return total;
}

/** Python 3.12 began to carry what additions lose (Neumaier); earlier versions drop it. */
function isSureSum(items: readonly Value[], plain: number): boolean {
  let [total, lost] = [0, 0];
  for (const item of items) {
    const next = Number(numberOf(item) ?? NaN);
    const added = total + next;
    lost += Math.abs(total) >= Math.abs(next) ? total - added + next : next - added + total;
    total = added;
  }
  return Object.is(Number.isFinite(lost) ? total + lost : total, plain);
}

function groupBy(machine: Machine, value: Value, [attribute, otherwise, caseSensitive]: Given): Value {
  const get = attributeGetter(machine, attribute, otherwise ?? null);
  const key = flag(caseSensitive) ? get : (item: Value): Value => ignoringCase(get(item));
  const groups: { key: Value; items: Value[] }[] = [];
  for (const item of sorted(machine, toList(machine, value), { key, reverse: false })) {
    const last = groups.at(-1);
    const own = key(item);
    if (last !== undefined && (last.key === own || equals(machine, last.key, own))) last.items.push(item);
    else groups.push({ key: own, items: [item] });
  }
  return groups.map(
    ({ key: own, items }) => new Tuple([flag(caseSensitive) ? own : get(items[0]!), items], ['grouper', 'list']),
  );
}

function batch(machine: Machine, value: Value, [lineCount, fill]: Given): Value {
  return lazily(() => {
    const next = iterate(machine, value);
    let isDone = false;
    let kept: Value | undefined;
    return () => {
      if (isDone) return undefined;
      const row: Value[] = kept === undefined ? [] : [kept];
      for (let item = next(); item !== undefined; item = next()) {
        if (equals(machine, row.length, lineCount!)) {
          kept = item;
          return row;
        }
        row.push(item);
      }
      isDone = true;
      if (row.length === 0) return undefined;
      const lacking = fill === undefined || fill === null ? 0 : toIndex(lineCount!) - row.length;
      charge(machine, Math.max(0, lacking));
      for (let at = 0; at < lacking; at++) row.push(fill!);
      return row;
    };
  });
}

function slice(machine: Machine, value: Value, [slices, fill]: Given): Value {
  return lazily(() => {
    const items = toList(machine, value);
    if (!isInteger(slices!) && typeof slices !== 'boolean') throw failed('slices must be a whole number');
    const count = toIndex(slices);
    if (count === 0) throw failed('integer division or modulo by zero');
    const [each, extra] = [Math.floor(items.length / count), items.length - Math.floor(items.length / count) * count];
    let [at, offset] = [0, 0];
    return () => {
      if (at >= count) return undefined;
      charge(machine, 1);
      const start = offset + at * each;
      if (at < extra) offset++;
      const part = items.slice(start, offset + (at + 1) * each);
      if (fill !== undefined && fill !== null && at >= extra) part.push(fill);
      at++;
      return part;
    };
  });
}

function itemPairs(machine: Machine, value: Value): Value {
  return lazily(() => {
    if (value instanceof Undefined) return () => undefined;
    if (!(value instanceof Dict)) throw failed('Can only get item pairs from a mapping.');
    return iterate(machine, new DictView('items', value));
  });
}

function backwards(machine: Machine, value: Value): Value {
  if (typeof value === 'string') return made(machine, characters(value).toReversed().join(''));
  const next = reversed(machine, value);
  return next === undefined ? toList(machine, value).toReversed() : new Iterator(next);
}

export const SEQUENCE_FILTERS = {
  length: filter('/', (machine, value) => length(machine, value)),
  count: filter('/', (machine, value) => length(machine, value)),
  first: filter('', (machine, value) =>
    givenOr(iterate(machine, value)(), new Undefined('No first item, sequence was empty.')),
  ),
  last: filter('', (machine, value) => {
    const next = reversed(machine, value);
    if (next === undefined) throw failed(`'${typeName(value)}' object is not reversible`);
    return givenOr(next(), new Undefined('No last item, sequence was empty.'));
  }),
  list: filter('', (machine, value) => Array.from(toList(machine, value))),
  items: filter('', itemPairs),
  reverse: filter('', backwards),
  sort: filter('reverse? case_sensitive? attribute?', sort),
  dictsort: filter('case_sensitive? by? reverse?', dictSort),
  unique: filter('case_sensitive? attribute?', unique),
  min: extreme('<'),
  max: extreme('>'),
  sum: filter('attribute? start?', sum),
  groupby: filter('attribute default? case_sensitive?', groupBy),
  batch: filter('linecount fill_with?', batch),
  slice: filter('slices fill_with?', slice),
  default: filter('default_value? boolean?', (_machine, value, [otherwise, boolean]) =>
    value instanceof Undefined || (flag(boolean) && !isTrue(value)) ? givenOr(otherwise, '') : value,
  ),
  d: filter('default_value? boolean?', (_machine, value, [otherwise, boolean]) =>
    value instanceof Undefined || (flag(boolean) && !isTrue(value)) ? givenOr(otherwise, '') : value,
  ),
  random: refusedFilter(),
} satisfies Record<string, (name: string) => Filter>;
