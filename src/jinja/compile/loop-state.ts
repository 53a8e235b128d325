import { failed } from '../problem.ts';
import { equals } from '../python/equality.ts';
import { iterate, sizeOf, toList } from '../python/iterate.ts';
import { repr } from '../python/print.ts';
import { Callable, Instance, Iterator, Tuple, Undefined, type Next, type Value } from '../python/values.ts';
import type { Machine } from '../machine.ts';

export interface LoopOptions {
  readonly items: Value;
  /** How many loops of the same recursion are around. */
  readonly depth: number;
  /** Renders the loop for other items, if it is recursive. */
  readonly recurse: ((items: Value, depth: number) => string) | undefined;
}

/** A loop that runs, and the variable `loop`. Looking ahead takes the next item early, as in Jinja. */
export interface LoopState {
  readonly variable: Instance;
  /** The next item, or undefined at the end. */
  advance(): Value | undefined;
}

export function createLoop(machine: Machine, { items, depth, recurse }: LoopOptions): LoopState {
  let next: Next = iterate(machine, items);
  let index0 = -1;
  let length: number | undefined;
  let before: Value | undefined;
  let current: Value | undefined;
  let ahead: { readonly item: Value | undefined } | undefined;
  let lastChanged: Value | undefined;
  const lengthOf = (): number => {
    if (length !== undefined) return length;
    const size = items instanceof Iterator ? undefined : sizeOf(items);
    if (size !== undefined) return (length = size);
    const rest = toList(machine, new Iterator(next));
    next = iterate(machine, rest);
    return (length = rest.length + index0 + 1 + (ahead?.item === undefined ? 0 : 1));
  };
  const peek = (): Value | undefined => {
    if (ahead?.item === undefined) ahead = { item: next() };
    return ahead.item;
  };
  const parts: Readonly<Record<string, () => Value>> = {
    index0: () => index0,
    index: () => index0 + 1,
    revindex: () => lengthOf() - index0,
    revindex0: () => lengthOf() - index0 - 1,
    first: () => index0 === 0,
    last: () => peek() === undefined,
    length: lengthOf,
    depth: () => depth + 1,
    depth0: () => depth,
    previtem: () => (index0 === 0 ? new Undefined('there is no previous item') : before!),
    nextitem: () => peek() ?? noNext(peek()),
    cycle: () => new Callable('cycle', ({ positional }) => cycled(positional, index0)),
    changed: () =>
      new Callable('changed', ({ positional }) => {
        const value = new Tuple(positional);
        if (lastChanged !== undefined && equals(machine, lastChanged, value)) return false;
        lastChanged = value;
        return true;
      }),
  };
  const variable = new Instance('LoopContext', {
    attribute: (name) => (Object.hasOwn(parts, name) ? parts[name]!() : undefined),
    repr: () => `<LoopContext ${repr(machine, index0 + 1)}/${repr(machine, lengthOf())}>`,
    call: ({ positional, keywords }) => {
      const [inner, ...rest] = positional;
      if (inner === undefined || rest.length > 0 || keywords.size > 0) throw failed('loop() takes one argument');
      if (recurse === undefined) throw failed("The loop must have the 'recursive' marker to be called recursively.");
      return recurse(inner, depth + 1);
    },
  });
  return {
    variable,
    advance() {
      const item = ahead?.item ?? ownNext(ahead, next);
      ahead = undefined;
      if (item === undefined) return undefined;
      index0++;
      before = current;
      current = item;
      return item;
    },
  };
}

/** An item that was looked at early may be None, which `??` takes for nothing. */
function ownNext(ahead: { readonly item: Value | undefined } | undefined, next: Next): Value | undefined {
  return ahead?.item === null ? null : next();
}

function noNext(item: Value | undefined): Value {
  return item === null ? null : new Undefined('there is no next item');
}

function cycled(values: readonly Value[], index: number): Value {
  if (values.length === 0) throw failed('no items for cycling given');
  return values[index % values.length]!;
}
