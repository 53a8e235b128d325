import { charge, chargeText, joinTexts, type Machine } from '../machine.ts';
import { failed } from '../problem.ts';
import { toIndexOr } from '../python/arguments.ts';
import { characters } from '../python/code-points.ts';
import { textOf } from '../python/equality.ts';
import { toList } from '../python/iterate.ts';
import { isTrue } from '../python/truth.ts';
import { Tuple, typeName, type Value } from '../python/values.ts';
import { splitAtSpaces, splitAtSpacesFromEnd, splitLines, trimEnd, trimStart } from '../python/white-space.ts';
import { method, type Method } from './method.ts';
import { needText } from './text-search.ts';

/** str.strip and its like: blanks, or every character of `chars`, at the ends that are named. */
export function strip(text: string, chars: Value | undefined, ends: 'both' | 'start' | 'end'): string {
  if (chars === undefined || chars === null) {
    const front = ends === 'end' ? text : trimStart(text);
    return ends === 'start' ? front : trimEnd(front);
  }
  const set = new Set(characters(needText(chars, 'strip arg')));
  const items = characters(text);
  let [start, end] = [0, items.length];
  if (ends !== 'end') while (start < end && set.has(items[start]!)) start++;
  if (ends !== 'start') while (end > start && set.has(items[end - 1]!)) end--;
  return start === 0 && end === items.length ? text : items.slice(start, end).join('');
}

function stripMethod(ends: 'both' | 'start' | 'end'): (name: string) => Method<string> {
  return method('chars? /', (machine, text, [chars]) => {
    chargeText(machine, text.length);
    return strip(text, chars, ends);
  });
}

/** str.replace: at most `most` times, from the left; all of them when it is negative. */
export function replace(
  machine: Machine,
  text: string,
  parts: readonly [old: string, next: string],
  most: number,
): string {
  const [old, next] = parts;
  charge(machine, 1 + Math.floor(text.length / 64));
  const limit = most < 0 ? Infinity : most;
  if (old === '') {
    const items = characters(text);
    const times = Math.min(limit, items.length + 1);
    chargeText(machine, text.length + times * next.length);
    return items.map((item, at) => (at < times ? next : '') + item).join('') + (times > items.length ? next : '');
  }
  const pieces = cut(machine, text, old, limit);
  return joinTexts(machine, pieces, next);
}

/** The pieces of a text between the first `limit` places of a separator. */
function cut(machine: Machine, text: string, separator: string, limit: number): string[] {
  const pieces: string[] = [];
  let start = 0;
  for (let at = text.indexOf(separator); at !== -1 && pieces.length < limit; at = text.indexOf(separator, start)) {
    charge(machine, 1);
    pieces.push(text.slice(start, at));
    start = at + separator.length;
  }
  pieces.push(text.slice(start));
  return pieces;
}

function cutFromEnd(machine: Machine, text: string, separator: string, limit: number): string[] {
  const pieces: string[] = [];
  let end = text.length;
  while (pieces.length < limit && end >= separator.length) {
    const at = text.lastIndexOf(separator, end - separator.length);
    if (at === -1) break;
    charge(machine, 1);
    pieces.push(text.slice(at + separator.length, end));
    end = at;
  }
  pieces.push(text.slice(0, end));
  return pieces.toReversed();
}

type Splitter = (machine: Machine, text: string, separator: string, limit: number) => string[];

function split(atSpaces: typeof splitAtSpaces, bySeparator: Splitter): (name: string) => Method<string> {
  return method('sep? maxsplit?', (machine, text, [separator, most]) => {
    charge(machine, 1 + Math.floor(text.length / 64));
    const given = toIndexOr(most, -1);
    if (most === null) throw failed("'NoneType' object cannot be interpreted as an integer");
    const limit = given < 0 ? Infinity : given;
    if (separator === undefined || separator === null) return atSpaces(text, limit);
    const by = needText(separator, 'separator');
    if (by === '') throw failed('empty separator');
    return bySeparator(machine, text, by, limit);
  });
}

function partition(isLast: boolean): (name: string) => Method<string> {
  return method('sep /', (machine, text, [separator]) => {
    charge(machine, 1 + Math.floor(text.length / 64));
    const by = needText(separator, 'separator');
    if (by === '') throw failed('empty separator');
    const at = isLast ? text.lastIndexOf(by) : text.indexOf(by);
    if (at === -1) return new Tuple(isLast ? ['', '', text] : [text, '', '']);
    return new Tuple([text.slice(0, at), by, text.slice(at + by.length)]);
  });
}

/** str.join. Throws as Python's TypeError for what is no text. */
function join(machine: Machine, separator: string, given: Value): string {
  const parts = toList(machine, given).map((item, at) => {
    const text = textOf(item);
    if (text === undefined) throw failed(`sequence item ${at}: expected str instance, ${typeName(item)} found`);
    return text;
  });
  return joinTexts(machine, parts, separator);
}

export const TEXT_PARTS = {
  strip: stripMethod('both'),
  lstrip: stripMethod('start'),
  rstrip: stripMethod('end'),
  split: split(splitAtSpaces, cut),
  rsplit: split(splitAtSpacesFromEnd, cutFromEnd),
  partition: partition(false),
  rpartition: partition(true),
  splitlines: method<string>('keepends?', (machine, text, [keepEnds]) => {
    charge(machine, 1 + Math.floor(text.length / 16));
    return splitLines(text, keepEnds !== undefined && isTrue(keepEnds));
  }),
  join: method<string>('iterable /', (machine, text, [items]) => join(machine, text, items!)),
  replace: method<string>('old new count? /', (machine, text, [old, next, count]) =>
    replace(
      machine,
      text,
      [needText(old, 'replace() argument 1'), needText(next, 'replace() argument 2')],
      count === undefined ? -1 : countArgument(count),
    ),
  ),
  removeprefix: method<string>('prefix /', (_machine, text, [prefix]) => {
    const start = needText(prefix, 'removeprefix() argument');
    return text.startsWith(start) ? text.slice(start.length) : text;
  }),
  removesuffix: method<string>('suffix /', (_machine, text, [suffix]) => {
    const end = needText(suffix, 'removesuffix() argument');
    return end !== '' && text.endsWith(end) ? text.slice(0, -end.length) : text;
  }),
} satisfies Record<string, (name: string) => Method<string>>;

function countArgument(count: Value): number {
  if (count === null) throw failed("'NoneType' object cannot be interpreted as an integer");
  return toIndexOr(count, -1);
}
