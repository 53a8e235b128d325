import { failed, tooMuch } from '../problem.ts';
import { MAX_INTEGER_BITS } from '../machine.ts';
import { trimEnd, trimStart } from './white-space.ts';
import { integer } from './values.ts';

/** Python refuses to turn longer whole numbers into text, and back. */
const MAX_DIGITS = 4300;

/** A product or power, if its bits stay below the limit; throws a limit problem otherwise. */
export function checkedInteger(value: bigint): number | bigint {
  const size = value < 0n ? -value : value;
  if (size >> BigInt(MAX_INTEGER_BITS) !== 0n)
    throw tooMuch(`a whole number must have at most ${MAX_INTEGER_BITS} bits, got more`);
  return integer(value);
}

/** str(value). Throws where Python does: above 4,300 digits. */
export function integerText(value: number | bigint): string {
  if (typeof value === 'number') return value === 0 ? '0' : String(value);
  const text = value.toString();
  if (text.length > MAX_DIGITS + (value < 0n ? 1 : 0))
    throw failed(`Exceeds the limit (${MAX_DIGITS} digits) for integer string conversion`);
  return text;
}

const DIGIT = /\p{Nd}/u;

/** The text with the decimal digits of every script as those of ASCII, as int() and float() read them. */
export function asciiDigits(text: string): string {
  if (!/[^\0-\x7f]/.test(text)) return text;
  return text.replace(/\p{Nd}/gu, (digit) => {
    // The digits of a script stand in a row from 0 to 9, and rows begin behind another row or another kind of character.
    let before = 0;
    while (DIGIT.test(String.fromCodePoint(digit.codePointAt(0)! - before - 1))) before++;
    return String(before % 10);
  });
}

const PREFIXES: Readonly<Record<string, number>> = { x: 16, o: 8, b: 2 };

/** int(text, base): white space around it, a sign, underscores between digits, a prefix that suits the base. undefined: ValueError. */
export function parseInteger(text: string, base: number): number | bigint | undefined {
  const trimmed = asciiDigits(trimEnd(trimStart(text)));
  const match = /^([+-]?)(?:0([xXoObB])(_?))?([0-9a-zA-Z]+(?:_[0-9a-zA-Z]+)*)$/.exec(trimmed);
  const prefixed = match?.[2] === undefined ? undefined : PREFIXES[match[2].toLowerCase()];
  if (match !== null && prefixed !== undefined && (base === 0 || base === prefixed))
    return digits(match[1]!, match[4]!.replaceAll('_', ''), prefixed);
  const plain = /^([+-]?)([0-9a-zA-Z]+(?:_[0-9a-zA-Z]+)*)$/.exec(trimmed);
  if (plain === null) return undefined;
  const body = plain[2]!.replaceAll('_', '');
  if (base === 0 && /^0+[1-9]/.test(body)) return undefined;
  return digits(plain[1]!, body, base === 0 ? 10 : base);
}

function digits(sign: string, body: string, base: number): number | bigint | undefined {
  const isPower = (base & (base - 1)) === 0;
  if (!isPower && body.length > MAX_DIGITS) return undefined;
  if (body.length > 4 * MAX_DIGITS)
    throw tooMuch(`a whole number must have at most ${MAX_INTEGER_BITS} bits, got more`);
  let value = 0n;
  for (const letter of body) {
    const digit = parseInt(letter, 36);
    if (digit >= base) return undefined;
    value = value * BigInt(base) + BigInt(digit);
  }
  return integer(sign === '-' ? -value : value);
}
