/** Where a text stops being JSON: the offset in UTF-16 units, and what must stand there. */
export interface JsonError {
  readonly offset: number;
  readonly expected: string;
}

/** The tokens that JSON allows outside strings; sticky, so that they match at lastIndex only. */
const SPACE = /[ \t\n\r]*/y;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const WORD = /true|false|null/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;

/**
 * The first place where `text` breaks the JSON grammar (RFC 8259), or undefined when it is JSON. JSON.parse is the parser;
 * this runs only after it failed, because its messages differ between engines and often lack the place.
 */
export function findJsonError(text: string): JsonError | undefined {
  let at = 0;
  let failed: JsonError | undefined;
  const fail = (expected: string): false => {
    failed ??= { offset: at, expected };
    return false;
  };
  const match = (pattern: RegExp): boolean => {
    pattern.lastIndex = at;
    if (!pattern.test(text)) return false;
    at = pattern.lastIndex;
    return true;
  };
  const space = (): void => void match(SPACE);
  const string = (): boolean => {
    at++;
    for (;;) {
      while (at < text.length && isPlain(text.charCodeAt(at))) at++;
      if (text[at] === '"') return ++at > 0;
      if (at >= text.length) return fail('a closing "');
      if (text[at] !== '\\') return fail('an escape such as \\n in place of a control character');
      if (!match(ESCAPE)) return fail('a JSON escape (\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX)');
    }
  };
  const key = (): boolean => {
    space();
    if (text[at] !== '"') return fail('a key in double quotes');
    if (!string()) return false;
    space();
    if (text[at] !== ':') return fail('a colon after the key');
    return ++at > 0;
  };
  /** The closing brackets that are owed, innermost last. */
  const owed: string[] = [];
  for (;;) {
    space();
    const first = text[at];
    if (first === '{' || first === '[') {
      at++;
      owed.push(first === '{' ? '}' : ']');
      space();
      if (text[at] !== owed.at(-1)) {
        if (first === '{' && !key()) return failed;
        continue;
      }
    } else if (first === '"') {
      if (!string()) return failed;
    } else if (!match(NUMBER) && !match(WORD)) {
      fail(first === undefined ? 'a value' : 'a JSON value');
      return failed;
    }
    // A value has ended, or an empty list or object is about to.
    for (;;) {
      space();
      const close = owed.at(-1);
      if (close === undefined) {
        if (at < text.length) fail('nothing more after the value');
        return failed;
      }
      if (text[at] === close) {
        at++;
        owed.pop();
        continue;
      }
      if (text[at] !== ',') {
        fail(`a comma or ${close}`);
        return failed;
      }
      at++;
      if (close === '}' && !key()) return failed;
      break;
    }
  }
}

/** Whether a UTF-16 unit may stand in a string as itself: no quote, no backslash, no control character. */
function isPlain(unit: number): boolean {
  return unit >= 0x20 && unit !== 0x22 && unit !== 0x5c;
}

/** Whether lists and objects of `text`, which is JSON, stand more than `limit` deep. */
export function isDeeperThan(text: string, limit: number): boolean {
  // Most records have a few brackets in all, and finding those costs next to nothing.
  if (countUpTo(text, '{', limit + 1) + countUpTo(text, '[', limit + 1) <= limit) return false;
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x22) {
      for (i++; i < text.length && text.charCodeAt(i) !== 0x22; i++) if (text.charCodeAt(i) === 0x5c) i++;
    } else if (code === 0x7b || code === 0x5b) {
      if (++depth > limit) return true;
    } else if (code === 0x7d || code === 0x5d) {
      depth--;
    }
  }
  return false;
}

function countUpTo(text: string, character: string, most: number): number {
  let count = 0;
  for (let at = text.indexOf(character); at >= 0 && count < most; at = text.indexOf(character, at + 1)) count++;
  return count;
}

/** What stands at `offset`, short and printable, for a message. */
export function excerptAt(text: string, offset: number): string {
  if (offset >= text.length) return 'the end';
  return JSON.stringify(text.slice(offset, offset + 12));
}
