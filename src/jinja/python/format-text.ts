import { charge, made, type Machine } from '../machine.ts';
import { failed, tooMuch, unsupported } from '../problem.ts';
import { formatDouble, formatInteger, pad } from './number-format.ts';
import { floatText } from './floats.ts';
import { escapeOf, repr, toText } from './print.ts';
import { sliceText } from './slices.ts';
import { Float, Markup, isInteger, typeName, type Arguments, type Value } from './values.ts';

/** How a field reaches into a value: {0.name} and {0[key]}. */
export interface Reach {
  attribute(value: Value, name: string): Value;
  item(value: Value, key: string | number): Value;
}

interface Names {
  readonly given: Arguments;
  readonly reach: Reach;
  /** The number of the next field without a name; undefined when fields are numbered by hand. */
  next: number | undefined;
  isManual: boolean;
}

/** text.format(...), as Python's string.Formatter does it. Throws where Python does. */
export function formatText(machine: Machine, text: string, given: Arguments, reach: Reach): string {
  return made(machine, expand(machine, text, { given, reach, next: 0, isManual: false }, 2));
}

function expand(machine: Machine, text: string, names: Names, depth: number): string {
  if (depth < 0) throw failed('Max string recursion exceeded');
  let [result, at] = ['', 0];
  while (at < text.length) {
    charge(machine, 1);
    const brace = text.slice(at).search(/[{}]/);
    if (brace === -1) return result + text.slice(at);
    result += text.slice(at, at + brace);
    at += brace;
    if (text[at] === text[at + 1]) {
      result += text[at]!;
      at += 2;
      continue;
    }
    if (text[at] === '}') throw failed("Single '}' encountered in format string");
    const end = endOfField(text, at);
    result += fieldText(machine, text.slice(at + 1, end), names, depth);
    at = end + 1;
  }
  return result;
}

/** Where the brace that closes the field at `start` stands. */
function endOfField(text: string, start: number): number {
  let open = 0;
  for (let at = start; at < text.length; at++) {
    if (text[at] === '{') open++;
    else if (text[at] === '}' && --open === 0) return at;
  }
  throw failed("expected '}' before end of string");
}

function fieldText(machine: Machine, field: string, names: Names, depth: number): string {
  const match = /^((?:[^[\]!:{}]|\[[^\]]*\])*)(?:!([^:]*))?(?::([^]*))?$/.exec(field);
  if (match === null) throw failed('the fields of a format must be well formed');
  const [, path = '', conversion, format = ''] = match;
  const value = converted(machine, valueOf(path, names), conversion);
  return formatValue(machine, value, expand(machine, format, names, depth - 1));
}

function valueOf(path: string, names: Names): Value {
  const first = /^[^.[]*/.exec(path)![0];
  let value = named(first, path, names);
  for (const part of path.slice(first.length).matchAll(/\.([^.[]+)|\[([^\]]+)\]|([^]+)/g)) {
    if (part[3] !== undefined) throw failed('Empty attribute in format string');
    if (part[1] !== undefined) value = names.reach.attribute(value, part[1]);
    else value = names.reach.item(value, /^\d+$/.test(part[2]!) ? Number(part[2]) : part[2]!);
  }
  return value;
}

function named(first: string, path: string, names: Names): Value {
  const { positional, keywords } = names.given;
  if (path === '') {
    if (names.isManual) throw failed('cannot switch from manual field specification to automatic field numbering');
    const value = positional[names.next!++];
    if (value === undefined) throw failed('Replacement index out of range for positional args tuple');
    return value;
  }
  if (/^\d+$/.test(first)) {
    if (names.next !== 0 && /^\d+$/.test(path))
      throw failed('cannot switch from manual field specification to automatic field numbering');
    if (/^\d+$/.test(path)) names.isManual = true;
    const value = positional[Number(first)];
    if (value === undefined) throw failed('Replacement index out of range for positional args tuple');
    return value;
  }
  const value = keywords.get(first);
  if (value === undefined) throw failed(`'${first}'`);
  return value;
}

function converted(machine: Machine, value: Value, conversion: string | undefined): Value {
  if (conversion === undefined) return value;
  if (conversion === 's') return toText(machine, value);
  if (conversion === 'r') return repr(machine, value);
  if (conversion === 'a') return repr(machine, value).replace(/[^\0-\x7f]/gu, escapeOf);
  throw failed(`Unknown conversion specifier ${conversion}`);
}

const FORMAT = /^(?:([^])?([<>=^]))?([+\- ])?(z)?(#)?(0)?(\d+)?([,_])?(?:\.(\d+))?([a-zA-Z%])?$/u;

/** format(value, format). */
export function formatValue(machine: Machine, value: Value, format: string): string {
  if (value instanceof Markup) throw unsupported('format on a text of the safe or escape filter');
  if (format === '') return toText(machine, value);
  const match = FORMAT.exec(format);
  if (match === null) throw failed('Invalid format specifier');
  const [, fill, align, sign = '-', negativeZero, alternate, zero, widthText, group, precisionText, form = ''] = match;
  if (negativeZero !== undefined || alternate !== undefined) throw unsupported(`the format ${format}`);
  if ((widthText?.length ?? 0) > 9 || (precisionText?.length ?? 0) > 9)
    throw tooMuch(`a field of a format must have at most 999999999 characters, got ${format}`);
  const field = (usual: '<' | '>') => ({
    fill: fill ?? (zero === undefined ? ' ' : '0'),
    align: (align ?? (zero !== undefined && usual === '>' ? '=' : usual)) as '<' | '>' | '^' | '=',
    width: Number(widthText ?? 0),
  });
  const precision = precisionText === undefined ? undefined : Number(precisionText);
  if (typeof value === 'string') {
    if (!['', 's'].includes(form) || align === '=' || sign !== '-' || group !== undefined || match[3] !== undefined)
      throw failed(`the format ${format} is not one of a text`);
    const cut = precision === undefined ? value : sliceText(value, { start: null, stop: precision, step: null });
    return pad(machine, { head: '', body: cut }, field('<'));
  }
  const number = numberText(machine, value, { form, precision, format });
  const head = number.negative ? '-' : sign === '-' ? '' : sign;
  if (group !== undefined && zero !== undefined) throw unsupported(`the format ${format}`);
  return pad(
    machine,
    { head, body: group === undefined ? number.digits : grouped(number.digits, group, form) },
    field('>'),
  );
}

function numberText(
  machine: Machine,
  value: Value,
  {
    form,
    precision,
    format,
  }: { readonly form: string; readonly precision: number | undefined; readonly format: string },
): { negative: boolean; digits: string } {
  const isWhole = isInteger(value) || typeof value === 'boolean';
  if (isWhole && ['', 'd', 'b', 'o', 'x', 'X'].includes(form)) {
    if (precision !== undefined) throw failed('Precision not allowed in integer format specifier');
    const whole = BigInt(value);
    return { negative: whole < 0n, digits: formatInteger(whole < 0n ? -whole : whole, form === '' ? 'd' : form) };
  }
  if (!isWhole && !(value instanceof Float))
    throw failed(`unsupported format string passed to ${typeName(value)}.__format__`);
  const double = isWhole ? Number(value) : value.value;
  const negative = double < 0 || Object.is(double, -0);
  if (form === '' && precision === undefined) return { negative, digits: floatText(Math.abs(double)) };
  if (!'eEfFgG%'.includes(form) || form === '') throw unsupported(`the format ${format} of a number`);
  return { negative, digits: formatDouble(machine, Math.abs(double), form, precision ?? 6) };
}

function grouped(digits: string, separator: string, form: string): string {
  const every = 'boxX'.includes(form) && form !== '' ? 4 : 3;
  const whole = /^[0-9a-fA-F]+/.exec(digits)?.[0] ?? '';
  if (/[eE]/.test(digits) && form !== 'x' && form !== 'X') throw unsupported('groups of digits beside an exponent');
  const groups: string[] = [];
  for (let end = whole.length; end > 0; end -= every) groups.unshift(whole.slice(Math.max(0, end - every), end));
  if (separator === ',' && every === 4) throw failed("Cannot specify ',' with this form");
  return groups.join(separator) + digits.slice(whole.length);
}
