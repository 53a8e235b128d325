import { charge, made, type Machine } from '../machine.ts';
import { failed } from '../problem.ts';
import { toIndexOr } from './arguments.ts';
import { characters, isFlat } from './code-points.ts';
import { Dict, Markup, Range, Tuple, Undefined, isList, typeName, type Value } from './values.ts';

export interface Slice {
  readonly start: Value;
  readonly stop: Value;
  readonly step: Value;
}

/** Where a slice of a sequence of `length` begins and ends, and its step: Python's slice.indices. */
function indicesOf({ start, stop, step }: Slice, length: number): { from: number; to: number; by: number } {
  const by = toIndexOr(step, 1);
  if (by === 0) throw failed('slice step cannot be zero');
  const [low, high] = by > 0 ? [0, length] : [-1, length - 1];
  const clamp = (value: Value, otherwise: number): number => {
    const at = toIndexOr(value, otherwise);
    if (value === null) return otherwise;
    return at < 0 ? Math.max(at + length, low) : Math.min(at, high);
  };
  return { from: clamp(start, by > 0 ? low : high), to: clamp(stop, by > 0 ? high : low), by };
}

function take<T>(items: readonly T[], { from, to, by }: { from: number; to: number; by: number }): T[] {
  if (by === 1) return items.slice(from, Math.max(from, to));
  const taken: T[] = [];
  for (let at = from; by > 0 ? at < to : at > to; at += by) taken.push(items[at]!);
  return taken;
}

/** text[from:to] with places in code points, clamped as Python does. */
export function sliceText(text: string, slice: Slice): string {
  if (isFlat(text)) {
    const indices = indicesOf(slice, text.length);
    if (indices.by === 1) return text.slice(indices.from, Math.max(indices.from, indices.to));
  }
  const items = characters(text);
  return take(items, indicesOf(slice, items.length)).join('');
}

/** value[start:stop:step]. Throws where Python does. */
export function sliceOf(machine: Machine, value: Value, slice: Slice): Value {
  if (typeof value === 'string') return made(machine, sliceText(value, slice));
  if (isList(value)) {
    charge(machine, 1 + value.length);
    return take(value, indicesOf(slice, value.length));
  }
  if (value instanceof Tuple) {
    charge(machine, 1 + value.items.length);
    return new Tuple(take(value.items, indicesOf(slice, value.items.length)));
  }
  if (value instanceof Markup) return new Markup(made(machine, sliceText(value.text, slice)));
  if (value instanceof Range) {
    const { from, to, by } = indicesOf(slice, value.length);
    return new Range(value.at(from), value.at(to), value.step * by);
  }
  if (value instanceof Undefined) throw failed(value.message);
  if (value instanceof Dict) throw failed("unhashable type: 'slice'");
  throw failed(`'${typeName(value)}' object is not subscriptable`);
}
