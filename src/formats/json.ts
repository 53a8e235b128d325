/** Foreign JSON: errors with line and column, duplicate keys refused on request. */
import { isObject } from '../core/index.ts';
import { badInput, type Problem } from '../core/index.ts';

export interface JsonOptions {
  /** A key that stands twice in one object is an error. JSON.parse keeps the last one silently. Default false. */
  readonly uniqueKeys?: boolean;
}

/** Objects and arrays may nest this deep where JSON is scanned. */
const MAX_DEPTH = 128;

/** The value of `text`. Throws bad-input with line and column when it is not JSON, or breaks `options`. */
export function parseJson(text: string, file: string, options: JsonOptions = {}): unknown {
  const fault = options.uniqueKeys === true ? findFault(text, true) : undefined;
  if (fault !== undefined) throw badInput(problemAt(text, file, fault));
  try {
    return JSON.parse(text);
  } catch (thrown) {
    const found = findFault(text, false) ?? { at: 0, message: 'must be JSON' };
    throw badInput(problemAt(text, file, found), { cause: thrown });
  }
}

/** parseJson for a file that must hold an object. */
export function parseJsonObject(text: string, file: string, options: JsonOptions = {}): Record<string, unknown> {
  const value = parseJson(text, file, options);
  if (isObject(value)) return value;
  throw badInput({ file, message: `must hold a JSON object, got ${describeValue(value)}` });
}

/** A short name of a JSON value for messages: its kind, and the value itself where it is short. */
export function describeValue(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === 'object') return 'an object';
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length > 80 ? `${text.slice(0, 80)}... (${text.length} characters)` : text;
}

interface Fault {
  readonly at: number;
  readonly message: string;
}

function problemAt(text: string, file: string, fault: Fault): Problem {
  const before = text.slice(0, fault.at);
  const line = before.split('\n').length;
  return { file, line, column: fault.at - before.lastIndexOf('\n'), message: fault.message };
}

/** Walks `text` by the JSON grammar (RFC 8259) and gives the first place where it breaks. */
function findFault(text: string, uniqueKeys: boolean): Fault | undefined {
  let at = 0;
  const skip = (): void => {
    while (at < text.length && ' \t\n\r'.includes(text[at]!)) at++;
  };
  const fault = (message: string): Fault => ({
    at,
    message: `${message}, got ${at < text.length ? JSON.stringify(text[at]) : 'the end of the text'}`,
  });
  const string = (): Fault | undefined => {
    if (text[at] !== '"') return fault('a string must start here');
    for (at++; text[at] !== '"'; at++) {
      if (at >= text.length) return fault('a string must be closed');
      if (text.charCodeAt(at) < 0x20) return fault('control characters must be escaped in a string');
      if (text[at] !== '\\') continue;
      at++;
      if (text[at] === 'u' && /^[0-9a-fA-F]{4}$/.test(text.slice(at + 1, at + 5))) at += 4;
      else if (at >= text.length || !'"\\/bfnrt'.includes(text[at]!)) return fault('an escape must be known');
    }
    at++;
    return undefined;
  };
  const scalar = (): Fault | undefined => {
    if (text[at] === '"') return string();
    const word = /(?:true|false|null|-?(?:0|[1-9]\d{0,400})(?:\.\d{1,400})?(?:[eE][+-]?\d{1,20})?)/y;
    word.lastIndex = at;
    const match = word.exec(text);
    if (match === null) return fault('a JSON value must stand here');
    at += match[0].length;
    return undefined;
  };
  const members = (close: string, depth: number): Fault | undefined => {
    const keys = new Set<string>();
    at++;
    skip();
    if (text[at] === close) return void at++;
    for (;;) {
      if (close === '}') {
        const start = at;
        const bad = string();
        if (bad !== undefined) return bad;
        const key = JSON.parse(text.slice(start, at)) as string;
        if (uniqueKeys && keys.has(key)) {
          return { at: start, message: `keys must be unique, got ${describeValue(key)} twice in one object` };
        }
        keys.add(key);
        skip();
        if (text[at] !== ':') return fault("':' must follow a key");
        at++;
      }
      const bad = value(depth);
      if (bad !== undefined) return bad;
      if (text[at] === close) return void at++;
      if (text[at] !== ',') return fault(`',' or '${close}' must follow`);
      at++;
      skip();
    }
  };
  const value = (depth: number): Fault | undefined => {
    skip();
    const open = text[at];
    if (depth >= MAX_DEPTH && (open === '{' || open === '[')) {
      return { at, message: `objects and arrays must nest at most ${MAX_DEPTH} deep` };
    }
    const bad = open === '{' ? members('}', depth + 1) : open === '[' ? members(']', depth + 1) : scalar();
    if (bad !== undefined) return bad;
    skip();
    return undefined;
  };
  const bad = value(0);
  if (bad !== undefined) return bad;
  return at < text.length ? fault('nothing must follow the value') : undefined;
}
