import { chargeText, type Machine } from '../machine.ts';
import { failed, unsupported } from '../problem.ts';
import { lengthOf } from './code-points.ts';
import { fixedText, floatText, generalText, scientificText } from './floats.ts';

/** Digits of a double in one of the forms e, f, g and %, without sign; `value` is not negative. */
export function formatDouble(machine: Machine, value: number, form: string, precision: number): string {
  const kind = form.toLowerCase();
  chargeText(machine, precision + 400);
  if (!Number.isFinite(value)) return casedAs(form, floatText(value)) + (kind === '%' ? '%' : '');
  if (kind === 'f') return fixedText(value, precision);
  if (kind === '%') return `${fixedText(value * 100, precision)}%`;
  if (kind === 'e') return casedAs(form, scientificText(value, precision));
  if (kind === 'g') return casedAs(form, generalText(value, precision));
  throw unsupported(`the format ${form} of a number`);
}

function casedAs(form: string, text: string): string {
  return form === form.toUpperCase() && form !== '%' ? text.toUpperCase() : text;
}

const BASES: Readonly<Record<string, number>> = { d: 10, i: 10, u: 10, b: 2, o: 8, x: 16, X: 16 };

/** Digits of a whole number that is not negative, in the form b, d, o, x or X. */
export function formatInteger(value: bigint, form: string): string {
  const base = BASES[form];
  if (base === undefined) throw failed(`Unknown format code '${form}' for object of type 'int'`);
  const digits = value.toString(base);
  if (base === 10 && digits.length > 4300)
    throw failed('Exceeds the limit (4300 digits) for integer string conversion');
  return form === 'X' ? digits.toUpperCase() : digits;
}

export interface Field {
  readonly fill: string;
  readonly align: '<' | '>' | '^' | '=';
  readonly width: number;
}

/** Sign, prefix and digits in a field of `width` code points; `=` fills between sign and digits. */
export function pad(machine: Machine, parts: { readonly head: string; readonly body: string }, field: Field): string {
  const { head, body } = parts;
  const space = Math.max(0, field.width - lengthOf(head + body));
  chargeText(machine, space * field.fill.length + head.length + body.length);
  const fill = (count: number): string => field.fill.repeat(count);
  if (field.align === '=') return head + fill(space) + body;
  if (field.align === '<') return head + body + fill(space);
  if (field.align === '>') return fill(space) + head + body;
  const left = Math.floor(space / 2);
  return fill(left) + head + body + fill(space - left);
}
