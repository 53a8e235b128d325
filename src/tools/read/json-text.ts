import { isObject, parseExactJson, writeExactJson } from '../../core/index.ts';
import type { CallText, ToolDefinition } from '../tool.ts';

/** What may stand in JSON outside of strings. */
const OUTSIDE = /[\s\w+\-.:,]/;

/** The end of the object or list that begins at `at`. Strings are skipped whole, so that brackets and markers in them do not count. */
export function endOfJson(text: string, at: number): number | 'more' | 'bad' {
  const closers: string[] = [];
  for (let place = at; place < text.length; place++) {
    const character = text[place]!;
    if (character === '"') {
      const end = endOfString(text, place);
      if (end === undefined) return 'more';
      place = end;
    } else if (character === '{') closers.push('}');
    else if (character === '[') closers.push(']');
    else if (character === '}' || character === ']') {
      if (closers.pop() !== character) return 'bad';
      if (closers.length === 0) return place + 1;
    } else if (!OUTSIDE.test(character)) return 'bad';
  }
  return 'more';
}

/** The place of the quote that ends the string which begins at `at`. */
function endOfString(text: string, at: number): number | undefined {
  for (let place = at + 1; place < text.length; place++) {
    if (text[place] === '\\') place++;
    else if (text[place] === '"') return place;
  }
  return undefined;
}

/** The value of a text; undefined where it is no JSON. */
export function jsonOf(text: string): unknown {
  try {
    return parseExactJson(text);
  } catch {
    return undefined;
  }
}

/** The JSON text of arguments: of an object, or of the JSON text of one, which models write as well; nothing is an object without fields. */
export function argumentsTextOf(value: unknown): string | undefined {
  if (value === undefined || value === null) return '{}';
  if (typeof value === 'string') {
    if (value.trim() === '') return '{}';
    const inner = jsonOf(value);
    return isObject(inner) ? textOf(inner) : undefined;
  }
  return isObject(value) ? textOf(value) : undefined;
}

function textOf(value: object): string | undefined {
  try {
    return writeExactJson(value);
  } catch {
    // Nested deeper than the engine's own calls may be.
    return undefined;
  }
}

/** The call that a value of JSON is: `{name, arguments}`, also with `parameters`, and also inside `function`. Undefined where it is none of a known tool. */
export function callOf(value: unknown, tools: ReadonlyMap<string, ToolDefinition>): CallText | undefined {
  if (!isObject(value)) return undefined;
  if (isObject(value['function'])) return callOf(value['function'], tools);
  const name = value['name'];
  if (typeof name !== 'string' || !tools.has(name)) return undefined;
  const argumentsText = argumentsTextOf(value['arguments'] ?? value['parameters']);
  return argumentsText === undefined ? undefined : { name, argumentsText };
}
