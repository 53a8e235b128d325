import { heldBack } from '../hold.ts';
import { createJsonEscaper } from './json-escaper.ts';
import { here, piece, take, type Reading, type Source } from './source.ts';

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['n', '\n'],
  ['t', '\t'],
  ['r', '\r'],
  ['b', '\b'],
  ['f', '\f'],
  ['v', '\v'],
  ['a', '\u0007'],
  ['0', '\0'],
  ['\n', ''],
  ['\\', '\\'],
  ['"', '"'],
  ["'", "'"],
]);

const DIGITS: ReadonlyMap<string, number> = new Map([
  ['x', 2],
  ['u', 4],
  ['U', 8],
]);

/**
 * A text in single or double quotes, in Python (`isPython`) in triple quotes too, as pieces of a string of JSON. Whether it ended; where not, the source stands at what broke it. Line breaks may stand as they are: models write
 * them. A backslash that begins no escape stays, as in Python.
 */
export function* quotedText(source: Source, isPython: boolean): Reading<boolean> {
  const quote = yield* here(source);
  source.at++;
  const end = isPython && (yield* take(source, quote + quote)) ? quote.repeat(3) : quote;
  const escaper = createJsonEscaper();
  yield piece('"');
  for (;;) {
    const start = source.at;
    while (source.at < source.text.length && source.text[source.at] !== '\\' && source.text[source.at] !== quote)
      source.at++;
    if (source.at > start) yield piece(escaper.push(source.text.slice(start, source.at)));
    const character = yield* here(source);
    if (character === quote) {
      if (yield* take(source, end)) break;
      yield piece(escaper.push(quote));
      source.at++;
    } else if (character === '\\') {
      const value = yield* escape(source, isPython);
      if (value === undefined) {
        yield piece(escaper.end());
        return false;
      }
      yield piece(escaper.push(value));
    } else if (character === '') {
      yield piece(escaper.end());
      return false;
    }
  }
  yield piece(`${escaper.end()}"`);
  return true;
}

/** What an escape stands for; undefined for one of no character, which is not stepped over. */
function* escape(source: Source, isPython: boolean): Reading<string | undefined> {
  if (!(yield* hasMore(source, 2))) return undefined;
  const kind = source.text[source.at + 1]!;
  const digits = DIGITS.get(kind);
  if (digits === undefined) {
    source.at += 2;
    return ESCAPES.get(kind) ?? (kind === '/' && !isPython ? '/' : `\\${kind}`);
  }
  if (!(yield* hasMore(source, 2 + digits))) return undefined;
  const code = source.text.slice(source.at + 2, source.at + 2 + digits);
  const point = /^[\da-fA-F]+$/.test(code) ? Number.parseInt(code, 16) : Infinity;
  if (point > 0x10ffff) return undefined;
  source.at += 2 + digits;
  return String.fromCodePoint(point);
}

/** Whether so many characters stand from here on. */
function* hasMore(source: Source, count: number): Reading<boolean> {
  while (source.text.length - source.at < count) {
    if (source.isOver) return false;
    yield undefined;
  }
  return true;
}

/** The text up to the marker that ends it, as pieces of a string of JSON: it holds no escapes. Whether the marker came. */
export function* textUpTo(source: Source, end: string): Reading<boolean> {
  const escaper = createJsonEscaper();
  yield piece('"');
  for (;;) {
    const place = source.text.indexOf(end, source.at);
    const held = place === -1 && !source.isOver ? heldBack(source.text.slice(source.at), [end]) : 0;
    const to = place === -1 ? source.text.length - held : place;
    if (to > source.at) yield piece(escaper.push(source.text.slice(source.at, to)));
    source.at = to;
    if (place !== -1) break;
    if (source.isOver) {
      yield piece(escaper.end());
      return false;
    }
    yield undefined;
  }
  source.at += end.length;
  yield piece(`${escaper.end()}"`);
  return true;
}
