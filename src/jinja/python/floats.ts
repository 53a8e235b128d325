import { asciiDigits } from './integers.ts';
import { trimEnd, trimStart } from './white-space.ts';

/** repr(value): the shortest digits that read back as the same double, as JavaScript finds them, in Python's form. */
export function floatText(value: number): string {
  if (!Number.isFinite(value)) return specialText(value);
  const { negative, digits, exponent } = shortest(value);
  const sign = negative ? '-' : '';
  if (exponent < -4 || exponent >= 16) return `${sign}${withPoint(digits)}e${exponentText(exponent)}`;
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, '0');
  const fraction = digits.slice(exponent + 1);
  return `${sign}${whole}.${fraction === '' ? '0' : fraction}`;
}

function specialText(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  return value > 0 ? 'inf' : '-inf';
}

function withPoint(digits: string): string {
  return digits.length === 1 ? digits : `${digits[0]!}.${digits.slice(1)}`;
}

/** At least two digits, with a sign. */
function exponentText(exponent: number): string {
  return `${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
}

function shortest(value: number): { negative: boolean; digits: string; exponent: number } {
  const [mantissa, exponent] = Math.abs(value).toExponential().split('e');
  return {
    negative: value < 0 || Object.is(value, -0),
    digits: mantissa!.replace('.', ''),
    exponent: Number(exponent),
  };
}

/** float(text); undefined where Python raises ValueError. */
export function parseFloatText(text: string): number | undefined {
  const trimmed = asciiDigits(trimEnd(trimStart(text)));
  const special = /^([+-]?)(?:inf|infinity|(nan))$/i.exec(trimmed);
  if (special !== null) return special[2] !== undefined ? NaN : special[1] === '-' ? -Infinity : Infinity;
  const digits = '\\d+(?:_\\d+)*';
  const form = new RegExp(`^[+-]?(?:${digits}\\.?(?:${digits})?|\\.${digits})(?:[eE][+-]?${digits})?$`);
  return form.test(trimmed) ? Number(trimmed.replaceAll('_', '')) : undefined;
}

/** value = mantissa 2^exponent, exactly; value finite and not negative. */
export function exactParts(value: number): { mantissa: bigint; exponent: number } {
  const bits = new DataView(new ArrayBuffer(8));
  bits.setFloat64(0, value);
  const raw = bits.getBigUint64(0);
  const biased = Number((raw >> 52n) & 0x7ffn);
  const fraction = raw & 0xfffffffffffffn;
  return biased === 0
    ? { mantissa: fraction, exponent: -1074 }
    : { mantissa: fraction | 0x10000000000000n, exponent: biased - 1075 };
}

/**
 * value 10^places, rounded to a whole number, ties to even, from the double's exact value. JavaScript's toFixed takes the
 * larger of two that are equally near (2.5 gives 3, Python 2).
 */
export function scaledToEven(value: number, places: number): bigint {
  const { mantissa, exponent } = exactParts(value);
  let numerator = places >= 0 ? mantissa * 10n ** BigInt(places) : mantissa;
  let denominator = places >= 0 ? 1n : 10n ** BigInt(-places);
  if (exponent >= 0) numerator <<= BigInt(exponent);
  else denominator <<= BigInt(-exponent);
  const quotient = numerator / denominator;
  const twice = 2n * (numerator % denominator);
  const up = twice > denominator || (twice === denominator && (quotient & 1n) === 1n);
  return up ? quotient + 1n : quotient;
}

/** format(value, '.{places}f') of a finite value that is not negative. */
export function fixedText(value: number, places: number): string {
  const digits = scaledToEven(value, places)
    .toString()
    .padStart(places + 1, '0');
  return places === 0 ? digits : `${digits.slice(0, -places)}.${digits.slice(-places)}`;
}

/** Digits and exponent of format(value, '.{places}e'), of a finite value that is not negative. */
function scientific(value: number, places: number): { digits: string; exponent: number } {
  if (value === 0) return { digits: '0'.repeat(places + 1), exponent: 0 };
  let exponent = shortest(value).exponent;
  let digits = scaledToEven(value, places - exponent).toString();
  // The shortest digits may be a power of ten above the value, and rounding may reach the next one.
  if (digits.length <= places) digits = scaledToEven(value, places - --exponent).toString();
  else if (digits.length > places + 1) digits = scaledToEven(value, places - ++exponent).toString();
  return { digits, exponent };
}

/** format(value, '.{places}e') of a finite value that is not negative. */
export function scientificText(value: number, places: number): string {
  const { digits, exponent } = scientific(value, places);
  return `${withPoint(digits)}e${exponentText(exponent)}`;
}

/** format(value, '.{precision}g') of a finite value that is not negative. */
export function generalText(value: number, precision: number): string {
  const figures = Math.max(1, precision);
  const { digits, exponent } = scientific(value, figures - 1);
  if (exponent >= -4 && exponent < figures) return withoutZeros(fixedText(value, figures - 1 - exponent));
  const kept = digits.replace(/0+$/, '');
  return `${withPoint(kept === '' ? '0' : kept)}e${exponentText(exponent)}`;
}

function withoutZeros(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

/** round(value, places): the double nearest to the decimal, ties to even. */
export function roundFloat(value: number, places: number): number {
  if (!Number.isFinite(value) || places > 330) return value;
  if (places < -330) return value < 0 ? -0 : 0;
  const rounded = scaledToEven(Math.abs(value), places);
  const size = Number(`${rounded}e${-places}`);
  return value < 0 || Object.is(value, -0) ? -size : size;
}
