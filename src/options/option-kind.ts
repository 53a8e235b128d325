import { z } from 'zod';
import type { JsonValue } from '../core/index.ts';
import { unwrapped } from './option.ts';

type PlainKind = 'text' | 'number' | 'integer' | 'boolean' | 'json';

/**
 * How the text of an option becomes a value, read off its schema: `texts` is one text, or a list when it is given again; `list` is separated by
 * commas; `pairs` is `name=text,name=text`; `values` is one value, or several separated by commas; `number-or` a number or one of a few words.
 */
export type OptionKind =
  | { readonly type: PlainKind | 'texts' | 'pairs' }
  | { readonly type: 'choice' | 'number-or'; readonly choices: readonly string[] }
  | { readonly type: 'list'; readonly choices?: readonly string[] }
  | { readonly type: 'values'; readonly of: OptionKind };

/** The kind of a field's schema. What the command line cannot spell otherwise is given as JSON. */
export function kindOf(field: z.ZodType): OptionKind {
  const inner = unwrapped(field);
  if (inner instanceof z.ZodEnum) return { type: 'choice', choices: inner.options.map(String) };
  if (inner instanceof z.ZodLiteral) return { type: 'choice', choices: [...inner.values].map(String) };
  if (inner instanceof z.ZodNumber) return { type: inner.format === 'safeint' ? 'integer' : 'number' };
  if (inner instanceof z.ZodBoolean) return { type: 'boolean' };
  if (inner instanceof z.ZodString) return { type: 'text' };
  if (inner instanceof z.ZodArray) return kindOfArray(inner.element as z.ZodType);
  if (inner instanceof z.ZodRecord && kindOf(inner.valueType as z.ZodType).type === 'text') return { type: 'pairs' };
  if (inner instanceof z.ZodUnion) return kindOfUnion(inner.options as readonly z.ZodType[]);
  return { type: 'json' };
}

function kindOfArray(element: z.ZodType): OptionKind {
  const kind = kindOf(element);
  if (kind.type === 'choice') return { type: 'list', choices: kind.choices };
  return { type: kind.type === 'text' ? 'list' : 'json' };
}

function kindOfUnion(alternatives: readonly z.ZodType[]): OptionKind {
  const [first, second] = alternatives.map((one) => unwrapped(one));
  if (alternatives.length !== 2) return { type: 'json' };
  if (second instanceof z.ZodArray) {
    const of = kindOf(first!);
    return of.type === 'text' ? { type: 'texts' } : { type: 'values', of };
  }
  if (first instanceof z.ZodNumber && second instanceof z.ZodLiteral)
    return { type: 'number-or', choices: [...second.values].map(String) };
  return { type: 'json' };
}

/** The value that a text of the command line stands for; a text that stands for none stays as it is, and the schema refuses it. */
export function valueOfText(kind: OptionKind, text: string): JsonValue {
  switch (kind.type) {
    case 'number':
    case 'integer':
    case 'number-or':
      return text.trim() === '' || Number.isNaN(Number(text)) ? text : Number(text);
    case 'boolean':
      return text === 'true' || text === 'false' ? text === 'true' : text;
    case 'list':
      return itemsOf(text);
    case 'values':
      return text.includes(',') ? itemsOf(text).map((item) => valueOfText(kind.of, item)) : valueOfText(kind.of, text);
    case 'pairs':
      return pairsOf(text) ?? text;
    case 'json':
      return jsonOf(text);
    default:
      return text;
  }
}

/** The value of a configuration file as the schema takes it: a list may also be written as on the command line. */
export function valueOfJson(kind: OptionKind, value: JsonValue): JsonValue {
  if (typeof value === 'string' && (kind.type === 'list' || kind.type === 'pairs' || kind.type === 'values'))
    return valueOfText(kind, value);
  if (kind.type === 'values' && Array.isArray(value))
    return value.map((item) => (typeof item === 'string' ? valueOfText(kind.of, item) : (item as JsonValue)));
  return value;
}

/** The object that `name=text,name=text` is; undefined where a part has no name or text, or a name comes twice. */
function pairsOf(text: string): Record<string, string> | undefined {
  const pairs = itemsOf(text).map((item) => /^([^=]*[^=\s])\s*=\s*(.+)$/.exec(item));
  const names = new Set(pairs.map((pair) => pair?.[1]));
  if (pairs.length === 0 || pairs.includes(null) || names.size < pairs.length) return undefined;
  return Object.fromEntries(pairs.map((pair) => [pair![1], pair![2]]));
}

function itemsOf(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

/** Text that is no JSON stays a text. */
function jsonOf(text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return text;
  }
}
