/**
 * Python's values. A whole number is a JavaScript number as long as that is exact, else a bigint; a float is a `Float`, so
 * that 1 and 1.0 stay different. Lists are arrays: the sandbox lets no template change one.
 */
export type Value = null | boolean | string | number | bigint | readonly Value[] | PythonObject;

export type PythonObject =
  | Float
  | Tuple
  | Dict
  | Undefined
  | Markup
  | Range
  | DictView
  | Iterator
  | Callable
  | Instance;

export class Float {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }
}

export class Tuple {
  readonly items: readonly Value[];
  /** Of a named tuple: the names of the items. */
  readonly names: readonly string[] | undefined;

  constructor(items: readonly Value[], names?: readonly string[]) {
    this.items = items;
    this.names = names;
  }
}

/** What a key is found by: equal keys (1, 1.0 and True) have the same. See `hashKey`. */
export type Hash = string | number | bigint | null | object;

/** Insertion order, as in Python. */
export class Dict {
  readonly values: Map<Hash, Value> = new Map();
  /** The keys that are not their own hash. */
  private others: Map<Hash, Value> | undefined;

  set(hash: Hash, key: Value, value: Value): void {
    if (hash !== key && !this.values.has(hash)) (this.others ??= new Map()).set(hash, key);
    this.values.set(hash, value);
  }

  get size(): number {
    return this.values.size;
  }

  /** The key as it was first set. */
  keyOf(hash: Hash): Value {
    const other = this.others?.get(hash);
    return other === undefined ? (hash as Value) : other;
  }

  keys(): Value[] {
    const hashes = Array.from(this.values.keys());
    return this.others === undefined ? (hashes as Value[]) : hashes.map((hash) => this.keyOf(hash));
  }
}

/** Jinja's undefined: prints as nothing, is false and empty, and fails in every other use with its message. */
export class Undefined {
  readonly message: string;

  constructor(message: string) {
    this.message = message;
  }
}

/** Text that is HTML already: what safe and escape give. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export class Range {
  readonly start: number;
  readonly stop: number;
  readonly step: number;

  constructor(start: number, stop: number, step: number) {
    this.start = start;
    this.stop = stop;
    this.step = step;
  }

  get length(): number {
    return Math.max(0, Math.ceil((this.stop - this.start) / this.step));
  }

  at(index: number): number {
    return this.start + index * this.step;
  }
}

export type DictViewKind = 'keys' | 'values' | 'items';

export class DictView {
  readonly kind: DictViewKind;
  readonly dict: Dict;

  constructor(kind: DictViewKind, dict: Dict) {
    this.kind = kind;
    this.dict = dict;
  }

  items(): Value[] {
    const { dict, kind } = this;
    if (kind === 'keys') return dict.keys();
    if (kind === 'values') return Array.from(dict.values.values());
    return Array.from(dict.values, ([hash, value]) => new Tuple([dict.keyOf(hash), value]));
  }
}

/** Gives the next item, or undefined at the end. */
export type Next = () => Value | undefined;

/** A generator or another thing that is read once. */
export class Iterator {
  readonly next: Next;

  constructor(next: Next) {
    this.next = next;
  }
}

/** What a call gives; keywords in the order in which they were written. */
export interface Arguments {
  readonly positional: readonly Value[];
  readonly keywords: ReadonlyMap<string, Value>;
}

export const NO_KEYWORDS: ReadonlyMap<string, Value> = new Map();

/** A function, or a method with its object. */
export class Callable {
  readonly name: string;
  readonly call: (given: Arguments) => Value;

  constructor(name: string, call: (given: Arguments) => Value) {
    this.name = name;
    this.call = call;
  }
}

/** An object with attributes: a namespace, a macro, a loop, a cycler, a joiner. */
export class Instance {
  /** As Python's type(x).__name__. */
  readonly type: 'Namespace' | 'Macro' | 'LoopContext' | 'Cycler' | 'Joiner' | 'TemplateDict';
  readonly attribute: (name: string) => Value | undefined;
  readonly call: ((given: Arguments) => Value) | undefined;
  /** How it prints; undefined where Python prints an address. */
  readonly repr: (() => string) | undefined;
  /** Only of namespaces. */
  readonly assign: ((name: string, value: Value) => void) | undefined;

  constructor(
    type: Instance['type'],
    parts: {
      readonly attribute: (name: string) => Value | undefined;
      readonly call?: (given: Arguments) => Value;
      readonly repr?: () => string;
      readonly assign?: (name: string, value: Value) => void;
    },
  ) {
    this.type = type;
    this.attribute = parts.attribute;
    this.call = parts.call;
    this.repr = parts.repr;
    this.assign = parts.assign;
  }
}

/** The name of a value's type, as Python's type(x).__name__. */
export function typeName(value: Value): string {
  if (value === null) return 'NoneType';
  if (typeof value === 'string') return 'str';
  if (typeof value === 'number' || typeof value === 'bigint') return 'int';
  if (typeof value === 'boolean') return 'bool';
  if (value instanceof Float) return 'float';
  if (value instanceof Dict) return 'dict';
  if (value instanceof Tuple) return value.names === undefined ? 'tuple' : '_GroupTuple';
  if (value instanceof Undefined) return 'Undefined';
  if (value instanceof Markup) return 'Markup';
  if (value instanceof Range) return 'range';
  if (value instanceof DictView) return `dict_${value.kind}`;
  if (value instanceof Iterator) return 'generator';
  if (value instanceof Callable) return 'builtin_function_or_method';
  return value instanceof Instance ? value.type : 'list';
}

/** A whole number in the form that `Value` asks for. */
export function integer(value: bigint): number | bigint {
  return value >= -9007199254740991n && value <= 9007199254740991n ? Number(value) : value;
}

export function isInteger(value: Value): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint';
}

export function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}
