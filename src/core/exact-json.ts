import { JsonNumber } from './json-number.ts';

/**
 * JSON.parse(text), where every number that JavaScript would write otherwise is a JsonNumber: more digits than a double holds,
 * 1e400, and how floats are spelled (1.0, 1e2, -0.0). All other numbers are numbers. Throws as JSON.parse does.
 */
export function parseExactJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  // Most records hold no number at all, and looking through a value costs less than looking through its text.
  return holdsNumber(value, 0) && holdsOddNumber(text) ? withOddNumbers(value, text) : value;
}

/** The number that a text in JSON's grammar of numbers is: a JavaScript number where that says the same, else a JsonNumber. */
export function exactNumber(text: string): number | JsonNumber {
  const number = Number(text);
  if (String(number) !== text) return new JsonNumber(text);
  if (!Number.isInteger(number) || Number.isSafeInteger(number)) return number;
  // JavaScript writes large whole numbers by their shortest digits, and from 1e21 on as floats.
  return !text.includes('e') && BigInt(text) === BigInt(number) ? number : new JsonNumber(text);
}

/** True also for what is nested deeper than anybody writes. */
function holdsNumber(value: unknown, depth: number): boolean {
  if (typeof value === 'number' || depth > 64) return true;
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value)) {
    for (const item of value) if (holdsNumber(item, depth + 1)) return true;
    return false;
  }
  const record = value as Record<string, unknown>;
  for (const name in record) if (holdsNumber(record[name], depth + 1)) return true;
  return false;
}

/** Whether a number stands in `text`, which is JSON, that JavaScript spells otherwise. Strings are skipped, not looked through. */
function holdsOddNumber(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = endOfString(text, at) - 1;
    else if (startsNumber(code)) {
      const end = endOfNumber(text, at);
      if (isOdd(text, at, end)) return true;
      at = end - 1;
    }
  }
  return false;
}

const [QUOTE, COMMA, POINT, ZERO, OPEN_LIST, SLASH, CLOSE_LIST] = [0x22, 0x2c, 0x2e, 0x30, 0x5b, 0x5c, 0x5d];
const [OPEN_OBJECT, CLOSE_OBJECT] = [0x7b, 0x7d];

function startsNumber(code: number): boolean {
  return (code >= ZERO && code <= 0x39) || code === 0x2d;
}

/** The characters of numbers lie between + and E, and are e: of what may follow one, only the comma lies there too. */
function endOfNumber(text: string, start: number): number {
  let end = start + 1;
  for (let code = text.charCodeAt(end); isOfNumber(code); code = text.charCodeAt(end)) end++;
  return end;
}

function isOfNumber(code: number): boolean {
  return (code >= 0x2b && code <= 0x45 && code !== COMMA) || code === 0x65;
}

/** Fifteen digits come back as they were, unless they end in zeros that say nothing or have an exponent in one of the spellings. */
function isOdd(text: string, start: number, end: number): boolean {
  const length = end - start;
  if (length === 1) return false;
  if (length > 15 || text.charCodeAt(end - 1) === ZERO)
    return exactNumber(text.slice(start, end)) instanceof JsonNumber;
  for (let at = start + 1; at < end; at++) {
    const code = text.charCodeAt(at);
    // 0.0000001 is 1e-7 to JavaScript.
    if (code >= 0x45 || (code === POINT && length > 8 && text.charCodeAt(at + 1) === ZERO))
      return exactNumber(text.slice(start, end)) instanceof JsonNumber;
  }
  return false;
}

type Container = unknown[] | Record<string, unknown>;

/** `value`, which JSON.parse made of `text`, with a JsonNumber at every place where the text has one. */
function withOddNumbers(value: unknown, text: string): unknown {
  const root: Container = [value];
  /** What is open, innermost last. Undefined: part of what a later field of the same name replaced. */
  const open: { readonly container: Container | undefined; key: string | number }[] = [{ container: root, key: 0 }];
  let isKey = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    const inner = open.at(-1)!;
    if (code === QUOTE) {
      const end = endOfString(text, at);
      if (isKey) inner.key = JSON.parse(text.slice(at, end)) as string;
      isKey = false;
      at = end - 1;
    } else if (code === COMMA) {
      if (typeof inner.key === 'number') inner.key++;
      else isKey = true;
    } else if (code === OPEN_OBJECT || code === OPEN_LIST) {
      isKey = code === OPEN_OBJECT;
      const here = fieldOf(inner.container, inner.key);
      const isThis = typeof here === 'object' && here !== null && Array.isArray(here) !== isKey;
      open.push({ container: isThis ? (here as Container) : undefined, key: isKey ? '' : 0 });
    } else if (code === CLOSE_OBJECT || code === CLOSE_LIST) {
      isKey = false;
      open.pop();
    } else if (startsNumber(code)) {
      const end = endOfNumber(text, at);
      const here = fieldOf(inner.container, inner.key);
      // Of fields with the same name the last one stays, as in JSON.parse.
      if (typeof here === 'number' || here instanceof JsonNumber)
        (inner.container as Record<string | number, unknown>)[inner.key] = exactNumber(text.slice(at, end));
      at = end - 1;
    }
  }
  return root[0];
}

function fieldOf(container: Container | undefined, key: string | number): unknown {
  return container !== undefined && Object.hasOwn(container, key)
    ? (container as Record<string | number, unknown>)[key]
    : undefined;
}

/** Behind the closing quote of the string that opens at `start`. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); ; end = text.indexOf('"', end + 1)) {
    let slashes = 0;
    while (text.charCodeAt(end - 1 - slashes) === SLASH) slashes++;
    if (slashes % 2 === 0) return end + 1;
  }
}
