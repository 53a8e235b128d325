import { charge, type Machine } from '../machine.ts';
import { failed, unsupported } from '../problem.ts';
import { characters, lengthOf } from './code-points.ts';
import { equals, hashKey, textOf } from './equality.ts';
import {
  Dict,
  DictView,
  Instance,
  Iterator,
  Range,
  Tuple,
  Undefined,
  isInteger,
  isList,
  typeName,
  type Next,
  type Value,
} from './values.ts';

/** iter(value). Throws where Python does: the value is not iterable. */
export function iterate(machine: Machine, value: Value): Next {
  if (value instanceof Iterator) {
    return () => {
      charge(machine, 1);
      return value.next();
    };
  }
  if (value instanceof Range) {
    let at = 0;
    return () => {
      charge(machine, 1);
      return at < value.length ? value.at(at++) : undefined;
    };
  }
  const items = itemsOf(value);
  let at = 0;
  return () => {
    charge(machine, 1);
    return items[at++];
  };
}

/** The items of what holds them all. */
function itemsOf(value: Value): readonly Value[] {
  if (isList(value)) return value;
  if (value instanceof Tuple) return value.items;
  if (value instanceof Dict) return value.keys();
  const text = textOf(value);
  if (text !== undefined) return characters(text);
  if (value instanceof Undefined) return [];
  if (value instanceof DictView) return value.items();
  if (value instanceof Instance && value.type === 'LoopContext') throw unsupported('iterating over loop');
  throw failed(`'${typeName(value)}' object is not iterable`);
}

export function isIterable(value: Value): boolean {
  return (
    isList(value) ||
    textOf(value) !== undefined ||
    value instanceof Tuple ||
    value instanceof Dict ||
    value instanceof DictView ||
    value instanceof Range ||
    value instanceof Iterator ||
    value instanceof Undefined ||
    (value instanceof Instance && value.type === 'LoopContext')
  );
}

/** list(value). */
export function toList(machine: Machine, value: Value): readonly Value[] {
  if (isList(value)) {
    charge(machine, 1 + value.length);
    return value;
  }
  const next = iterate(machine, value);
  const items: Value[] = [];
  for (let item = next(); item !== undefined; item = next()) items.push(item);
  return items;
}

/** len(value); undefined where it has none. */
export function sizeOf(value: Value): number | undefined {
  const text = textOf(value);
  if (text !== undefined) return lengthOf(text);
  if (isList(value) || value instanceof Range) return value.length;
  if (value instanceof Tuple) return value.items.length;
  if (value instanceof Dict) return value.size;
  if (value instanceof DictView) return value.dict.size;
  if (value instanceof Undefined) return 0;
  if (value instanceof Instance && value.type === 'LoopContext') return value.attribute('length') as number;
  return undefined;
}

/** len(value). Throws as Python's TypeError where it has none. */
export function length(machine: Machine, value: Value): number {
  const size = sizeOf(value);
  if (size === undefined) throw failed(`object of type '${typeName(value)}' has no len()`);
  charge(machine, 1);
  return size;
}

/** reversed(value); undefined where that is a TypeError: the value has no last item. */
export function reversed(machine: Machine, value: Value): Next | undefined {
  const hasOrder =
    isList(value) ||
    textOf(value) !== undefined ||
    value instanceof Tuple ||
    value instanceof Dict ||
    value instanceof DictView ||
    value instanceof Undefined ||
    value instanceof Range;
  if (!hasOrder) return undefined;
  const items = toList(machine, value).toReversed();
  let at = 0;
  return () => items[at++];
}

/** needle in hay. Throws where Python does. */
export function contains(machine: Machine, hay: Value, needle: Value): boolean {
  const text = textOf(hay);
  if (text !== undefined) {
    const part = textOf(needle);
    if (part === undefined) throw failed(`'in <string>' requires string as left operand, not ${typeName(needle)}`);
    charge(machine, 1 + Math.floor(text.length / 64));
    return isWithin(text, part);
  }
  if (hay instanceof Dict) return hay.values.has(hashKey(machine, needle));
  if (hay instanceof DictView && hay.kind === 'keys') return hay.dict.values.has(hashKey(machine, needle));
  if (hay instanceof Instance && hay.type === 'LoopContext') throw unsupported('in on loop');
  if (!isIterable(hay)) throw failed(`argument of type '${typeName(hay)}' is not iterable`);
  if (hay instanceof Range && isInteger(needle)) {
    const at = (Number(needle) - hay.start) / hay.step;
    return Number.isInteger(at) && at >= 0 && at < hay.length;
  }
  const next = iterate(machine, hay);
  for (let item = next(); item !== undefined; item = next())
    if (item === needle || equals(machine, item, needle)) return true;
  return false;
}

/** `part in text`, where half of a surrogate pair would be found within a pair. */
function isWithin(text: string, part: string): boolean {
  if (!text.includes(part)) return false;
  if (/[\ud800-\udfff]/u.test(part)) throw unsupported('looking for half of a surrogate pair');
  return true;
}
