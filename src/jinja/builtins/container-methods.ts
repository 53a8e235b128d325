import { charge, type Machine } from '../machine.ts';
import { failed, unsupported } from '../problem.ts';
import { givenOr, toIndexOr } from '../python/arguments.ts';
import { equals, hashKey } from '../python/equality.ts';
import { Dict, DictView, type Value } from '../python/values.ts';
import { method, methodTable } from './method.ts';

/** What changes a dict or a list: the sandbox hides it. */
export const DICT_CHANGES: ReadonlySet<string> = new Set(['clear', 'pop', 'popitem', 'setdefault', 'update']);
export const LIST_CHANGES: ReadonlySet<string> = new Set([
  'append',
  'clear',
  'pop',
  'reverse',
  'insert',
  'sort',
  'extend',
  'remove',
]);

export const DICT_METHODS = methodTable<Dict>({
  get: method('key default? /', (machine, dict, [key, otherwise]) =>
    givenOr(dict.values.get(hashKey(machine, key!)), givenOr(otherwise, null)),
  ),
  keys: method('/', (_machine, dict) => new DictView('keys', dict)),
  values: method('/', (_machine, dict) => new DictView('values', dict)),
  items: method('/', (_machine, dict) => new DictView('items', dict)),
  copy: method('/', (machine, dict) => {
    charge(machine, 1 + dict.size);
    const copy = new Dict();
    for (const [hash, value] of dict.values) copy.set(hash, dict.keyOf(hash), value);
    return copy;
  }),
  fromkeys: method('iterable value? /', () => {
    throw unsupported('fromkeys() of a dict');
  }),
});

function countIn(machine: Machine, items: readonly Value[], wanted: Value): number {
  charge(machine, 1 + items.length);
  return items.filter((item) => item === wanted || equals(machine, item, wanted)).length;
}

function indexIn(
  machine: Machine,
  items: readonly Value[],
  [wanted, start, end]: readonly (Value | undefined)[],
): number {
  charge(machine, 1 + items.length);
  const place = (given: Value | undefined, otherwise: number): number => {
    const at = toIndexOr(given, otherwise);
    return at < 0 ? Math.max(0, at + items.length) : at;
  };
  const last = Math.min(place(end, items.length), items.length);
  for (let at = place(start, 0); at < last; at++)
    if (items[at] === wanted || equals(machine, items[at]!, wanted!)) return at;
  throw failed('the value is not in the list');
}

/** Those of list and tuple that change nothing. */
export const ITEM_METHODS = methodTable<readonly Value[]>({
  count: method('value /', (machine, items, [value]) => countIn(machine, items, value!)),
  index: method('value start? end? /', (machine, items, values) => indexIn(machine, items, values)),
});
