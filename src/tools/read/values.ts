import { numberText, wordText } from './literals.ts';
import { behindSpace, here, piece, take, takeWord, type Reading, type Source } from './source.ts';
import { quotedText, textUpTo } from './strings.ts';

/** How values are written: `json` as JSON, or as Python prints it; `python` as Python's source; else as Gemma does, with these quotes around texts. */
export type Dialect = 'json' | 'python' | { readonly quote: string };

const WORD = /[A-Za-z]+/y;
const NUMBER = /[+-]?[\d._xXa-fA-F+-]+/y;
const BARE_KEY = /[^:{}[\],\s<][^:{}[\],]*/y;
const CLOSERS: ReadonlyMap<string, string> = new Map([
  ['{', '}'],
  ['[', ']'],
  ['(', ')'],
]);

/**
 * A value as pieces of JSON text that says the same: no white space, tuples as lists, numbers with their digits. Whether it was whole; where not, the source stands at what broke it, and
 * what was before has been given. Nesting has no limit, since nothing calls itself.
 */
export function* jsonPieces(source: Source, dialect: Dialect): Reading<boolean> {
  const open: { readonly close: string; hasItems: boolean }[] = [];
  for (;;) {
    const character = yield* behindSpace(source);
    const close = character === '(' && dialect !== 'python' ? undefined : CLOSERS.get(character);
    if (close !== undefined) {
      source.at++;
      open.push({ close, hasItems: false });
      yield piece(close === '}' ? '{' : '[');
    } else if (!(yield* scalar(source, dialect))) return false;
    for (;;) {
      const inner = open.at(-1);
      if (inner === undefined) return true;
      let next = yield* behindSpace(source);
      const hasComma = inner.hasItems && next === ',';
      if (hasComma) {
        source.at++;
        next = yield* behindSpace(source);
      }
      if (next === inner.close) {
        source.at++;
        open.pop();
        yield piece(inner.close === '}' ? '}' : ']');
        continue;
      }
      if (next === '' || (inner.hasItems && !hasComma)) return false;
      if (hasComma) yield piece(',');
      inner.hasItems = true;
      if (inner.close !== '}') break;
      if (!(yield* key(source, dialect))) return false;
      yield* behindSpace(source);
      if (!(yield* take(source, ':'))) return false;
      yield piece(':');
      break;
    }
  }
}

function* key(source: Source, dialect: Dialect): Reading<boolean> {
  const character = yield* here(source);
  if (typeof dialect === 'string')
    return character === '"' || character === "'" ? yield* quotedText(source, dialect === 'python') : false;
  if (yield* take(source, dialect.quote)) return yield* textUpTo(source, dialect.quote);
  const word = yield* takeWord(source, BARE_KEY);
  if (word === '') return false;
  yield piece(JSON.stringify(word));
  return true;
}

function* scalar(source: Source, dialect: Dialect): Reading<boolean> {
  const character = yield* here(source);
  if (typeof dialect === 'string') {
    if (character === '"' || character === "'") return yield* quotedText(source, dialect === 'python');
  } else if (yield* take(source, dialect.quote)) return yield* textUpTo(source, dialect.quote);
  const isNumber = /[\d.+-]/.test(character);
  const word = yield* takeWord(source, isNumber ? NUMBER : WORD);
  // What is cut may have been about to go on.
  const isCut = source.isOver && source.at >= source.text.length;
  const text = isCut ? undefined : isNumber ? numberText(word) : wordText(word);
  if (text === undefined) {
    source.at -= word.length;
    return false;
  }
  yield piece(text);
  return true;
}
