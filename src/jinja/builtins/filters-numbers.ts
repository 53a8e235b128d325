import { failed, unsupported } from '../problem.ts';
import { givenOr, toIndex } from '../python/arguments.ts';
import { arithmetic, signed } from '../python/arithmetic.ts';
import { numberOf, textOf } from '../python/equality.ts';
import { fixedText, parseFloatText, roundFloat } from '../python/floats.ts';
import { checkedInteger, parseInteger } from '../python/integers.ts';
import { isTrue } from '../python/truth.ts';
import { Float, Undefined, integer, isInteger, typeName, type Value } from '../python/values.ts';
import type { Machine } from '../machine.ts';
import { filter, type Filter } from './filter.ts';

/** int(value) of a number; undefined where that is a TypeError or ValueError. Throws where Python's filter does. */
function truncated(value: Value): number | bigint | undefined {
  if (value instanceof Undefined) throw failed(value.message);
  if (!(value instanceof Float))
    return typeof value === 'boolean' ? Number(value) : isInteger(value) ? value : undefined;
  if (Number.isNaN(value.value)) return undefined;
  if (!Number.isFinite(value.value)) throw failed('cannot convert float infinity to integer');
  return integer(BigInt(Math.trunc(value.value)));
}

function toInteger(value: Value, otherwise: Value, base: Value): Value {
  const text = textOf(value);
  if (text === undefined) return truncated(value) ?? otherwise;
  const given = toIndex(base);
  const whole = given === 0 || (given >= 2 && given <= 36) ? parseInteger(text, given) : undefined;
  if (whole !== undefined) return whole;
  const double = parseFloatText(text);
  // "42.9" is 42; infinity and nan are not numbers that int takes.
  return double === undefined || !Number.isFinite(double) ? otherwise : integer(BigInt(Math.trunc(double)));
}

/** float(value); undefined where that is a TypeError or ValueError. Throws where Python's filter does. */
function toFloat(value: Value): Float | undefined {
  if (value instanceof Undefined) throw failed(value.message);
  if (value instanceof Float) return value;
  const text = textOf(value);
  if (text !== undefined) {
    const double = parseFloatText(text);
    return double === undefined ? undefined : new Float(double);
  }
  const number = numberOf(value);
  if (number === undefined) return undefined;
  if (!Number.isFinite(Number(number))) throw failed('int too large to convert to float');
  return new Float(Number(number));
}

function round(machine: Machine, value: Value, [precision, method]: readonly (Value | undefined)[]): Value {
  const way = method === undefined ? 'common' : textOf(method);
  if (way !== 'common' && way !== 'ceil' && way !== 'floor') throw failed('method must be common, ceil or floor');
  if (value instanceof Undefined) throw failed(value.message);
  if (way === 'common')
    return precision === null ? roundedToInteger(value) : rounded(value, toIndex(givenOr(precision, 0)));
  const scale = arithmetic(machine, '**', 10, givenOr(precision, 0));
  const scaled = numberOf(arithmetic(machine, '*', value, scale));
  if (scaled === undefined) throw failed(`must be real number, not ${typeName(value)}`);
  if (typeof scaled === 'bigint') return arithmetic(machine, '/', scaled, scale);
  if (!Number.isFinite(scaled)) throw failed('cannot convert float infinity or NaN to integer');
  const whole = way === 'ceil' ? Math.ceil(scaled) : Math.floor(scaled);
  return arithmetic(machine, '/', integer(BigInt(whole)), scale);
}

/** round(value), which gives a whole number. */
function roundedToInteger(value: Value): Value {
  if (!(value instanceof Float)) return rounded(value, 0);
  if (!Number.isFinite(value.value)) throw failed('cannot convert float infinity or NaN to integer');
  return integer(BigInt(roundFloat(value.value, 0)));
}

/** round(value, places). */
function rounded(value: Value, places: number): Value {
  if (value instanceof Float) return new Float(roundFloat(value.value, places));
  if (typeof value !== 'boolean' && !isInteger(value))
    throw failed(`type ${typeName(value)} doesn't define __round__ method`);
  const whole = BigInt(value);
  if (places >= 0) return integer(whole);
  if (places < -5000) throw unsupported(`rounding to ${places} places`);
  const unit = 10n ** BigInt(-places);
  const size = whole < 0n ? -whole : whole;
  const [quotient, rest] = [size / unit, 2n * (size % unit)];
  const up = rest > unit || (rest === unit && quotient % 2n === 1n);
  return checkedInteger((up ? quotient + 1n : quotient) * unit * (whole < 0n ? -1n : 1n));
}

function fileSize(value: Value, isBinary: boolean): string {
  const float = toFloat(value);
  if (float === undefined) throw failed('could not convert to float');
  const bytes = float.value;
  const base = isBinary ? 1024 : 1000;
  if (bytes === 1) return '1 Byte';
  if (bytes < base) return `${Math.trunc(bytes) === 0 ? 0 : Math.trunc(bytes)} Bytes`;
  if (!Number.isFinite(bytes)) throw unsupported('the filter filesizeformat of infinity');
  const prefixes = ['k', 'M', 'G', 'T', 'P', 'E', 'Z', 'Y'].map((letter) =>
    isBinary ? `${letter.toUpperCase()}iB` : `${letter}B`,
  );
  const fits = prefixes.findIndex((_, at) => bytes < BigInt(base) ** BigInt(at + 2));
  const at = fits === -1 ? prefixes.length - 1 : fits;
  return `${fixedText((base * bytes) / Number(BigInt(base) ** BigInt(at + 2)), 1)} ${prefixes[at]!}`;
}

export const NUMBER_FILTERS = {
  int: filter('default? base?', (_machine, value, [otherwise, base]) =>
    toInteger(value, givenOr(otherwise, 0), givenOr(base, 10)),
  ),
  float: filter('default?', (_machine, value, [otherwise]) => toFloat(value) ?? givenOr(otherwise, new Float(0))),
  abs: filter('/', (_machine, value) => {
    const number = numberOf(value);
    if (value instanceof Undefined || number === undefined)
      throw failed(`bad operand type for abs(): '${typeName(value)}'`);
    if (value instanceof Float) return new Float(Math.abs(value.value));
    return number < 0 ? signed('-', value) : number;
  }),
  round: filter('precision? method?', round),
  filesizeformat: filter('binary?', (_machine, value, [binary]) =>
    fileSize(value, binary !== undefined && isTrue(binary)),
  ),
} satisfies Record<string, (name: string) => Filter>;
