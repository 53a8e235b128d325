import { MAX_NESTING, charge, chargeText, made, type Machine } from '../machine.ts';
import { failed, tooMuch } from '../problem.ts';
import { textOf } from './equality.ts';
import { floatText } from './floats.ts';
import { integerText } from './integers.ts';
import { sorted } from './order.ts';
import { Dict, Float, Tuple, isInteger, isList, typeName, type Value } from './values.ts';

export interface JsonForm {
  readonly ensureAscii: boolean;
  /** What one level is set in by; undefined writes everything on one line. */
  readonly indent: string | undefined;
  readonly itemSeparator: string;
  readonly keySeparator: string;
  readonly sortKeys: boolean;
}

/** json.dumps(value, ...). Throws where Python does: undefined values, objects, keys that are lists. */
export function jsonText(machine: Machine, value: Value, form: JsonForm): string {
  return made(machine, write(machine, value, form, 0));
}

function write(machine: Machine, value: Value, form: JsonForm, nesting: number): string {
  const text = textOf(value);
  if (text !== undefined) return jsonString(text, form.ensureAscii);
  if (value === null) return 'null';
  if (typeof value === 'boolean') return value ? 'true' : 'false';
  if (isInteger(value)) return integerText(value);
  if (value instanceof Float) return jsonFloat(value.value);
  charge(machine, 1);
  if (nesting > MAX_NESTING) throw tooMuch(`lists must nest at most ${MAX_NESTING} deep, got more`);
  if (value instanceof Dict) {
    const entries = entriesOf(machine, value, form).map(
      ([key, item]) =>
        jsonString(keyText(key), form.ensureAscii) + form.keySeparator + write(machine, item, form, nesting + 1),
    );
    return enclosed(machine, ['{', '}'], entries, { form, nesting });
  }
  const items = isList(value) ? value : value instanceof Tuple ? value.items : undefined;
  if (items === undefined) throw failed(`Object of type ${typeName(value)} is not JSON serializable`);
  const written = items.map((item) => write(machine, item, form, nesting + 1));
  return enclosed(machine, ['[', ']'], written, { form, nesting });
}

function enclosed(
  machine: Machine,
  [open, close]: readonly [string, string],
  items: readonly string[],
  { form, nesting }: { readonly form: JsonForm; readonly nesting: number },
): string {
  if (items.length === 0) return open + close;
  if (form.indent === undefined) return made(machine, open + items.join(form.itemSeparator) + close);
  chargeText(machine, (form.indent.length * (nesting + 1) + 1) * (items.length + 1));
  const inner = `\n${form.indent.repeat(nesting + 1)}`;
  return made(
    machine,
    open + inner + items.join(form.itemSeparator + inner) + `\n${form.indent.repeat(nesting)}` + close,
  );
}

function entriesOf(machine: Machine, dict: Dict, { sortKeys }: JsonForm): (readonly [Value, Value])[] {
  const entries = Array.from(dict.values, ([hash, value]) => [dict.keyOf(hash), value] as const);
  if (!sortKeys) return entries;
  const places = sorted(machine, Array.from(entries.keys()), {
    key: (at) => entries[at as number]![0],
    reverse: false,
  });
  return places.map((at) => entries[at as number]!);
}

function keyText(key: Value): string {
  const text = textOf(key);
  if (text !== undefined) return text;
  if (key === null) return 'null';
  if (typeof key === 'boolean') return key ? 'true' : 'false';
  if (isInteger(key)) return integerText(key);
  if (key instanceof Float) return jsonFloat(key.value);
  throw failed(`keys must be str, int, float, bool or None, not ${typeName(key)}`);
}

function jsonFloat(value: number): string {
  if (Number.isFinite(value)) return floatText(value);
  return Number.isNaN(value) ? 'NaN' : value > 0 ? 'Infinity' : '-Infinity';
}

/** JavaScript writes texts as Python does, but for halves of surrogate pairs, which Python leaves as they are. */
function jsonString(text: string, ensureAscii: boolean): string {
  const written = JSON.stringify(text);
  if (ensureAscii)
    return written.replace(/[\x7f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
  if (!/[\ud800-\udfff]/.test(text)) return written;
  return `"${Array.from(text, (character) => (/^[\ud800-\udfff]$/.test(character) ? character : JSON.stringify(character).slice(1, -1))).join('')}"`;
}
