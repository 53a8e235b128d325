import { MAX_NESTING, charge, joinTexts, made, type Machine } from '../machine.ts';
import { tooMuch, unsupported } from '../problem.ts';
import { floatText } from './floats.ts';
import { integerText } from './integers.ts';
import {
  Dict,
  DictView,
  Float,
  Instance,
  Markup,
  Range,
  Tuple,
  Undefined,
  isList,
  typeName,
  type Value,
} from './values.ts';

/** str(value), which is what a template prints. Throws unsupported where Python prints an address. */
export function toText(machine: Machine, value: Value): string {
  if (typeof value === 'string') return value;
  if (value instanceof Undefined) return '';
  if (value instanceof Markup) return value.text;
  return made(machine, repr(machine, value, 0));
}

/** repr(value): what stands for a value within a list. */
export function repr(machine: Machine, value: Value, nesting = 0): string {
  if (typeof value === 'string') return quoted(machine, value);
  if (typeof value === 'number' || typeof value === 'bigint') return integerText(value);
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (value instanceof Float) return floatText(value.value);
  charge(machine, 1);
  if (nesting > MAX_NESTING) throw tooMuch(`lists must nest at most ${MAX_NESTING} deep, got more`);
  const inner = (item: Value): string => repr(machine, item, nesting + 1);
  if (isList(value)) return `[${joined(machine, value.map(inner))}]`;
  if (value instanceof Tuple)
    return value.items.length === 1 ? `(${inner(value.items[0]!)},)` : `(${joined(machine, value.items.map(inner))})`;
  if (value instanceof Dict) {
    const entries = Array.from(value.values, ([hash, item]) => `${inner(value.keyOf(hash))}: ${inner(item)}`);
    return `{${joined(machine, entries)}}`;
  }
  if (value instanceof DictView) return `dict_${value.kind}([${joined(machine, value.items().map(inner))}])`;
  if (value instanceof Undefined) return 'Undefined';
  if (value instanceof Markup) return `Markup(${quoted(machine, value.text)})`;
  if (value instanceof Range) return `range(${value.start}, ${value.stop}${value.step === 1 ? '' : `, ${value.step}`})`;
  if (value instanceof Instance && value.repr !== undefined) return value.repr();
  throw unsupported(`printing a ${typeName(value)}, which Python prints with an address,`);
}

function joined(machine: Machine, parts: readonly string[]): string {
  return joinTexts(machine, parts, ', ');
}

/** What repr writes as an escape: other characters than letters, marks, numbers, signs and the blank. */
const ESCAPED = /[\\\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu;
const SHORT: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function quoted(machine: Machine, text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const escaped = text.replace(ESCAPED, (character) => SHORT[character] ?? escapeOf(character));
  return made(machine, quote + (quote === "'" ? escaped.replaceAll("'", "\\'") : escaped) + quote);
}

/** \xhh, \uhhhh or \Uhhhhhhhh. */
export function escapeOf(character: string): string {
  const code = character.codePointAt(0)!;
  const digits = code.toString(16);
  if (code <= 0xff) return `\\x${digits.padStart(2, '0')}`;
  return code <= 0xffff ? `\\u${digits.padStart(4, '0')}` : `\\U${digits.padStart(8, '0')}`;
}
