import { charge, made, type Machine } from '../machine.ts';
import { failed, tooMuch, unsupported } from '../problem.ts';
import { characters, lengthOf } from './code-points.ts';
import { hashKey, numberOf, textOf } from './equality.ts';
import { formatDouble, formatInteger, pad } from './number-format.ts';
import { escapeOf, repr, toText } from './print.ts';
import { sliceText } from './slices.ts';
import { Dict, Float, Range, Tuple, Undefined, isInteger, isList, typeName, type Value } from './values.ts';

const DIRECTIVE = /%(?:\(([^()]*)\))?([#0\- +]*)(\*|\d+)?(?:\.(\*|\d*))?[hlL]?([^]?)/gu;

interface Directive {
  readonly flags: string;
  readonly width: number | undefined;
  readonly precision: number | undefined;
  readonly form: string;
}

/** format % given, as printf-style formatting of Python does it. Throws where Python does. */
export function percentFormat(machine: Machine, format: string, given: Value): string {
  const takes = takerOf(given);
  const text = format.replace(DIRECTIVE, (_whole, ...groups: (string | undefined)[]) => {
    charge(machine, 1);
    const [key, flags = '', width, point, form = ''] = groups;
    if (form === '') throw failed('incomplete format');
    if (key !== undefined && (width === '*' || point === '*')) throw unsupported('* beside a key in a format');
    const sized = {
      flags,
      form,
      width: width === '*' ? starred(takes.next()) : numberIn(width),
      precision: point === '*' ? starred(takes.next()) : numberIn(point),
    };
    if (form === '%') return '%';
    return formatted(machine, key === undefined ? takes.next() : takes.named(machine, key), sized);
  });
  takes.end();
  return made(machine, text);
}

function numberIn(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (text.length > 9) throw tooMuch(`a field of a format must have at most 999999999 characters, got ${text}`);
  return Number(text);
}

function starred(value: Value): number {
  if (typeof value !== 'number') throw failed('* wants int');
  return value;
}

/** How the directives get their values: from a tuple, from a dict, or the one value itself. */
function takerOf(given: Value): {
  next(): Value;
  named(machine: Machine, key: string): Value;
  end(): void;
} {
  const items = given instanceof Tuple ? given.items : [given];
  const isMapping = given instanceof Dict || isList(given) || given instanceof Range || given instanceof Undefined;
  let at = 0;
  return {
    next: () => {
      const value = items[at++];
      if (value === undefined) throw failed('not enough arguments for format string');
      return value;
    },
    named: (machine, key) => {
      if (!(given instanceof Dict)) throw failed('format requires a mapping');
      const value = given.values.get(hashKey(machine, key));
      if (value === undefined) throw failed(`'${key}'`);
      at = items.length;
      return value;
    },
    end: () => {
      if (at < items.length && !isMapping) throw failed('not all arguments converted during string formatting');
    },
  };
}

function formatted(machine: Machine, value: Value, { flags, width, precision, form }: Directive): string {
  const field = (isNumber: boolean) => ({
    fill: flags.includes('0') && isNumber && !flags.includes('-') ? '0' : ' ',
    align:
      flags.includes('-') || (width ?? 0) < 0
        ? ('<' as const)
        : flags.includes('0') && isNumber
          ? ('=' as const)
          : ('>' as const),
    width: Math.abs(width ?? 0),
  });
  if ('sra'.includes(form) || form === 'c') {
    const text = form === 'c' ? characterOf(value) : textFor(machine, value, form);
    const cut =
      precision === undefined || form === 'c'
        ? text
        : sliceText(text, { start: null, stop: Math.max(0, precision), step: null });
    return pad(machine, { head: '', body: cut }, field(false));
  }
  if ('diuoxX'.includes(form))
    return wholeNumber(machine, integerFor(value, form), { flags, width, precision, form }, field(true));
  if ('eEfFgG'.includes(form)) {
    if (flags.includes('#')) throw unsupported('# in the format of a float');
    const double = doubleFor(value);
    const negative = double < 0 || Object.is(double, -0);
    const body = formatDouble(machine, Math.abs(double), form, precision === undefined ? 6 : Math.max(0, precision));
    return pad(machine, { head: signOf(negative, flags), body }, field(true));
  }
  throw failed(`unsupported format character '${form}'`);
}

function wholeNumber(
  machine: Machine,
  value: bigint,
  { flags, precision, form }: Directive,
  field: Parameters<typeof pad>[2],
): string {
  const digits = formatInteger(value < 0n ? -value : value, form);
  const zeros = Math.max(0, (precision ?? 0) - digits.length);
  const body = pad(machine, { head: '', body: digits }, { fill: '0', align: '>', width: digits.length + zeros });
  const prefix = flags.includes('#') && 'oxX'.includes(form) ? `0${form}` : '';
  return pad(machine, { head: signOf(value < 0n, flags) + prefix, body }, field);
}

function signOf(negative: boolean, flags: string): string {
  if (negative) return '-';
  return flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : '';
}

function textFor(machine: Machine, value: Value, form: string): string {
  if (form === 's') return toText(machine, value);
  const text = repr(machine, value);
  return form === 'r' ? text : text.replace(/[^\0-\x7f]/gu, escapeOf);
}

function characterOf(value: Value): string {
  const text = textOf(value);
  if (text !== undefined && lengthOf(text) === 1) return characters(text)[0]!;
  if (typeof value === 'number' && value >= 0 && value < 0x110000) return String.fromCodePoint(value);
  throw failed('%c requires int or char');
}

function integerFor(value: Value, form: string): bigint {
  if (isInteger(value) || typeof value === 'boolean') return BigInt(value);
  if (value instanceof Float && 'diu'.includes(form)) {
    if (!Number.isFinite(value.value)) throw failed('cannot convert float infinity or NaN to integer');
    return BigInt(Math.trunc(value.value));
  }
  throw failed(`%${form} format: an integer is required, not ${typeName(value)}`);
}

function doubleFor(value: Value): number {
  const number = numberOf(value);
  if (number === undefined) throw failed(`must be real number, not ${typeName(value)}`);
  const double = Number(number);
  if (typeof number === 'bigint' && !Number.isFinite(double)) throw failed('int too large to convert to float');
  return double;
}
