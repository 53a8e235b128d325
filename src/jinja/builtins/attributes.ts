import { charge, type Machine } from '../machine.ts';
import { failed, unsupported } from '../problem.ts';
import { toIndex } from '../python/arguments.ts';
import { characters, isFlat } from '../python/code-points.ts';
import { hashKey, textOf } from '../python/equality.ts';
import { formatText, type Reach } from '../python/format-text.ts';
import {
  Callable,
  Dict,
  DictView,
  Float,
  Instance,
  Iterator,
  Markup,
  NO_KEYWORDS,
  Range,
  Tuple,
  Undefined,
  isInteger,
  isList,
  typeName,
  type Arguments,
  type Value,
} from '../python/values.ts';
import { DICT_CHANGES, DICT_METHODS, ITEM_METHODS, LIST_CHANGES } from './container-methods.ts';
import { boundTo } from './method.ts';
import { TEXT_METHODS } from './text-methods.ts';

/** value.name as Jinja's sandbox looks it up: Python's attribute, else the item of that name, else undefined. */
export function attributeOf(machine: Machine, value: Value, name: string): Value {
  const attribute =
    value instanceof Dict && !DICT_METHODS.has(name) && !DICT_CHANGES.has(name) && !isDunder(name)
      ? value.values.get(name)
      : ownAttribute(machine, value, name);
  return attribute === undefined ? missing(value, name) : attribute;
}

/** value[key] as Jinja's sandbox looks it up: the item, else Python's attribute of that name, else undefined. */
export function itemOf(machine: Machine, value: Value, key: Value): Value {
  const item = subscript(machine, value, key);
  if (item !== undefined) return item;
  const name = textOf(key);
  const attribute = name === undefined ? undefined : ownAttribute(machine, value, name);
  return attribute === undefined ? missing(value, key) : attribute;
}

/** The attr filter: Python's attribute or undefined, never the item. */
export function attributeOnly(machine: Machine, value: Value, name: string): Value {
  const attribute = ownAttribute(machine, value, name);
  return attribute === undefined ? missing(value, name) : attribute;
}

function missing(value: Value, key: Value): Undefined {
  const owner = value === null ? 'None' : `${typeName(value)} object`;
  return new Undefined(
    typeof key === 'string'
      ? `'${owner}' has no attribute '${key}'`
      : `${owner} has no element ${isInteger(key) ? String(key) : `of the type ${typeName(key)}`}`,
  );
}

/** value[key] of Python; undefined where that is a TypeError or LookupError. */
function subscript(machine: Machine, value: Value, key: Value): Value | undefined {
  if (value instanceof Dict) {
    if (typeof key === 'string') return value.values.get(hashKey(machine, key));
    const isUnhashable = isList(key) || key instanceof Dict || key instanceof DictView;
    return isUnhashable ? undefined : value.values.get(hashKey(machine, key));
  }
  if (value instanceof Undefined) throw failed(value.message);
  if (!isInteger(key) && typeof key !== 'boolean') return undefined;
  if (isList(value)) return at(value, toIndex(key));
  if (value instanceof Tuple) return at(value.items, toIndex(key));
  if (value instanceof Range) {
    const place = toIndex(key);
    const index = place < 0 ? place + value.length : place;
    return index >= 0 && index < value.length ? value.at(index) : undefined;
  }
  const text = textOf(value);
  if (text === undefined) return undefined;
  charge(machine, 1);
  const character = isFlat(text) ? characterAt(text, toIndex(key)) : at(characters(text), toIndex(key));
  return character === undefined || typeof value === 'string' ? character : new Markup(character);
}

function at<T>(items: readonly T[], index: number): T | undefined {
  return items[index < 0 ? index + items.length : index];
}

function characterAt(text: string, index: number): string | undefined {
  return text[index < 0 ? index + text.length : index];
}

/** getattr(value, name) of Python, as far as the sandbox shows it; undefined where there is none. */
function ownAttribute(machine: Machine, value: Value, name: string): Value | undefined {
  if (value instanceof Undefined) throw failed(value.message);
  if (isDunder(name)) return refuseDunder(name);
  if (typeof value === 'string') {
    const method = TEXT_METHODS.get(name);
    if (method !== undefined) return boundTo(machine, value, name, method);
    return name === 'format' || name === 'format_map' ? formatMethod(machine, value, name) : undefined;
  }
  if (value instanceof Dict) {
    const method = DICT_METHODS.get(name);
    return method === undefined ? hidden(value, name, DICT_CHANGES) : boundTo(machine, value, name, method);
  }
  if (isList(value)) {
    if (name === 'copy') return new Callable('copy', () => Array.from(value));
    return itemMethod(machine, value, name) ?? hidden(value, name, LIST_CHANGES);
  }
  if (value instanceof Tuple) {
    const named = value.names?.indexOf(name) ?? -1;
    if (value.names !== undefined && name.startsWith('_')) throw unsupported(`the attribute ${name}`);
    return named === -1 ? itemMethod(machine, value.items, name) : value.items[named];
  }
  if (value instanceof Instance) return instanceAttribute(value, name);
  if (isInteger(value) || typeof value === 'boolean' || value instanceof Float) return numberAttribute(value, name);
  if (value instanceof Range) return rangeAttribute(machine, value, name);
  if (value instanceof DictView && (name === 'mapping' || name === 'isdisjoint'))
    throw unsupported(`${name} of the keys or items of a dict`);
  if (value instanceof Iterator && /^(?:send|throw|close|gi_)/.test(name)) throw unsupported(`${name} of a generator`);
  if (value instanceof Markup) throw unsupported(`${name} of a text of the safe or escape filter`);
  return undefined;
}

function isDunder(name: string): boolean {
  return name.startsWith('__');
}

function refuseDunder(name: string): never {
  throw unsupported(`the attribute ${name}`);
}

/** What the sandbox gives for an attribute that it hides. */
function hidden(value: Value, name: string, names: ReadonlySet<string>): Undefined | undefined {
  if (!names.has(name)) return undefined;
  return new Undefined(`access to attribute '${name}' of '${typeName(value)}' object is unsafe.`);
}

function itemMethod(machine: Machine, items: readonly Value[], name: string): Callable | undefined {
  const method = ITEM_METHODS.get(name);
  return method === undefined ? undefined : boundTo(machine, items, name, method);
}

function instanceAttribute(instance: Instance, name: string): Value | undefined {
  if (name.startsWith('_') && instance.type !== 'Namespace') throw unsupported(`the attribute ${name}`);
  return instance.attribute(name);
}

const NUMBER_ATTRIBUTES: ReadonlySet<string> = new Set([
  'as_integer_ratio',
  'bit_count',
  'bit_length',
  'conjugate',
  'denominator',
  'from_bytes',
  'fromhex',
  'hex',
  'imag',
  'is_integer',
  'numerator',
  'real',
  'to_bytes',
]);

function numberAttribute(value: Value, name: string): Value | undefined {
  if (!NUMBER_ATTRIBUTES.has(name)) return undefined;
  if (value instanceof Float && name === 'is_integer') return new Callable(name, () => Number.isInteger(value.value));
  throw unsupported(`${name} of a number`);
}

function rangeAttribute(machine: Machine, range: Range, name: string): Value | undefined {
  if (name === 'start' || name === 'stop' || name === 'step') return range[name];
  return itemMethod(
    machine,
    Array.from({ length: range.length }, (_, index) => range.at(index)),
    name,
  );
}

/** str.format and str.format_map, whose fields reach into values by the rules of the sandbox. */
function formatMethod(machine: Machine, text: string, name: 'format' | 'format_map'): Callable {
  const reach: Reach = {
    attribute: (value, key) => attributeOf(machine, value, key),
    item: (value, key) => itemOf(machine, value, key),
  };
  return new Callable(name, (given) =>
    formatText(machine, text, name === 'format' ? given : mappingOf(machine, given), reach),
  );
}

function mappingOf(machine: Machine, { positional, keywords }: Arguments): Arguments {
  const [mapping] = positional;
  if (keywords.size > 0 || positional.length !== 1) throw failed('format_map() takes exactly one argument');
  if (!(mapping instanceof Dict)) throw failed('format_map() takes a mapping');
  const entries = Array.from(mapping.values, ([hash, value]) => [mapping.keyOf(hash), value] as const);
  const named = entries.filter((entry): entry is readonly [string, Value] => typeof entry[0] === 'string');
  return { positional: [], keywords: named.length === 0 ? NO_KEYWORDS : new Map(named) };
}

/** value(...). Throws where Python does: the value is no function. */
export function callValue(machine: Machine, value: Value, given: Arguments): Value {
  charge(machine, 1);
  if (value instanceof Callable) return value.call(given);
  if (value instanceof Instance && value.call !== undefined) return value.call(given);
  if (value instanceof Undefined) throw failed(value.message);
  throw failed(`'${typeName(value)}' object is not callable`);
}
