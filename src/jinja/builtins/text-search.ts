import { charge, type Machine } from '../machine.ts';
import { failed } from '../problem.ts';
import { toIndexOr } from '../python/arguments.ts';
import { characters, isFlat, lengthOf } from '../python/code-points.ts';
import { textOf } from '../python/equality.ts';
import { Tuple, typeName, type Value } from '../python/values.ts';
import { method, type Method } from './method.ts';

/** A text argument. Throws as Python's TypeError for anything else. */
export function needText(value: Value | undefined, what: string): string {
  const text = value === undefined ? undefined : textOf(value);
  if (text === undefined) throw failed(`${what} must be str, not ${typeName(value ?? null)}`);
  return text;
}

/** The part of a text that start and end name, in code points, and where it starts; undefined when they leave nothing to search. */
function windowOf(
  text: string,
  start: Value | undefined,
  end: Value | undefined,
): { part: string; offset: number } | undefined {
  if (start === undefined && end === undefined) return { part: text, offset: 0 };
  const length = lengthOf(text);
  let [from, to] = [toIndexOr(start, 0), Math.min(toIndexOr(end, length), length)];
  if (from < 0) from = Math.max(0, from + length);
  if (to < 0) to = Math.max(0, to + length);
  if (from > to) return undefined;
  return { part: isFlat(text) ? text.slice(from, to) : characters(text).slice(from, to).join(''), offset: from };
}

type Finder = (part: string, needle: string) => number;

/** find and its like: the place in code points, or -1. */
function find(finder: Finder, fails: boolean): (name: string) => Method<string> {
  return method('sub start? end? /', (machine, text, [sub, start, end]) => {
    charge(machine, 1 + Math.floor(text.length / 64));
    const needle = needText(sub, 'must');
    const found = windowOf(text, start, end);
    const at = found === undefined ? -1 : finder(found.part, needle);
    if (at === -1 && fails) throw failed('substring not found');
    return at === -1 || found === undefined ? -1 : found.offset + lengthOf(found.part.slice(0, at));
  });
}

/** startswith and endswith: one text or a tuple of them. */
function edge(isAt: (part: string, needle: string) => boolean, name: string): (name: string) => Method<string> {
  return method('prefix start? end? /', (machine, text, [given, start, end]) => {
    charge(machine, 1);
    const needles = given instanceof Tuple ? given.items : [given!];
    if (!(given instanceof Tuple) && textOf(given!) === undefined)
      throw failed(`${name} first arg must be str or a tuple of str, not ${typeName(given!)}`);
    const found = windowOf(text, start, end);
    const isAny = (needle: Value): boolean => {
      const wanted = needText(needle, `tuple for ${name}`);
      return found !== undefined && isAt(found.part, wanted);
    };
    return needles.some(isAny);
  });
}

function countOf(machine: Machine, part: string, needle: string): number {
  if (needle === '') return lengthOf(part) + 1;
  let count = 0;
  for (let at = part.indexOf(needle); at !== -1; at = part.indexOf(needle, at + needle.length)) {
    charge(machine, 1);
    count++;
  }
  return count;
}

export const TEXT_SEARCH = {
  find: find((part, needle) => part.indexOf(needle), false),
  index: find((part, needle) => part.indexOf(needle), true),
  rfind: find((part, needle) => part.lastIndexOf(needle), false),
  rindex: find((part, needle) => part.lastIndexOf(needle), true),
  startswith: edge((part, needle) => part.startsWith(needle), 'startswith'),
  endswith: edge((part, needle) => part.endsWith(needle), 'endswith'),
  count: method<string>('sub start? end? /', (machine, text, [sub, start, end]) => {
    charge(machine, 1 + Math.floor(text.length / 64));
    const needle = needText(sub, 'must');
    const found = windowOf(text, start, end);
    return found === undefined ? 0 : countOf(machine, found.part, needle);
  }),
} satisfies Record<string, (name: string) => Method<string>>;
