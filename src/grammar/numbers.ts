import { intersect, type CharacterAutomaton } from './characters.ts';
import { automatonOf } from './patterns/automaton.ts';
import { parsePattern } from './patterns/parse.ts';
import { tableTerminal, type ByteTable, type TerminalState } from './terminal.ts';

/** At most 20 digits on each side of the point and two of an exponent: what is longer would never end, or be no finite float64. */
const NUMBER = String.raw`^-?(0|[1-9][0-9]{0,19})(\.[0-9]{1,20})?([eE][+\-]?[0-9]{1,2})?$`;
const INTEGER_DIGITS = 20;

/** Any JSON number that float64 holds as a finite one, with at most 20 digits on each side of the point, and two of an exponent. */
export function numberTerminal(): TerminalState {
  return tableTerminal('number', byteTable(automatonOf(parsePattern(NUMBER), 'number')!));
}

/**
 * Integers from `minimum` to `maximum` (undefined: no bound), written as digits: no point, no exponent, no -0, no leading zeros; at most 20 digits.
 * undefined where there is none.
 */
export function integerTerminal(minimum: bigint | undefined, maximum: bigint | undefined): TerminalState | undefined {
  if (minimum !== undefined && maximum !== undefined && minimum > maximum) return undefined;
  const options: string[] = [];
  if (minimum === undefined || minimum < 0n) {
    const least = maximum !== undefined && maximum < 0n ? -maximum : 1n;
    options.push(`-(?:${positiveRange(least, minimum === undefined ? undefined : -minimum)})`);
  }
  if ((minimum ?? 0n) <= 0n && (maximum ?? 0n) >= 0n) options.push('0');
  if (maximum === undefined || maximum > 0n)
    options.push(positiveRange(minimum !== undefined && minimum > 1n ? minimum : 1n, maximum));
  const name = `integer${minimum ?? ''}..${maximum ?? ''}`;
  const automaton = automatonOf(parsePattern(`^(?:${options.join('|')})$`), name);
  return automaton === undefined ? undefined : tableTerminal(name, byteTable(automaton));
}

/** A pattern of the decimal numbers from `low` (at least 1) to `high`; one that nothing fits where there is none. */
function positiveRange(low: bigint, high: bigint | undefined): string {
  const first = String(low);
  const last = high === undefined ? '9'.repeat(INTEGER_DIGITS) : String(high);
  const options: string[] = [];
  for (let length = first.length; length <= last.length; length++) {
    const from = length === first.length ? first : `1${'0'.repeat(length - 1)}`;
    const to = length === last.length ? last : '9'.repeat(length);
    if (from <= to) options.push(digitRange(from, to));
  }
  return options.length === 0 ? '[]' : options.join('|');
}

/** A pattern of the digit strings from `from` to `to`, which are equally long. */
function digitRange(from: string, to: string): string {
  if (from === to) return from;
  if (/^0*$/.test(from) && /^9*$/.test(to)) return `[0-9]{${from.length}}`;
  const a = Number(from[0]);
  const b = Number(to[0]);
  const fromRest = from.slice(1);
  const toRest = to.slice(1);
  if (from.length === 1) return `[${a}-${b}]`;
  if (a === b) return `${a}(?:${digitRange(fromRest, toRest)})`;
  const zeros = '0'.repeat(fromRest.length);
  const nines = '9'.repeat(fromRest.length);
  const low = fromRest === zeros ? a : a + 1;
  const high = toRest === nines ? b : b - 1;
  const options: string[] = [];
  if (low !== a) options.push(`${a}(?:${digitRange(fromRest, nines)})`);
  if (low <= high) options.push(`[${low}-${high}][0-9]{${fromRest.length}}`);
  if (high !== b) options.push(`${b}(?:${digitRange(zeros, toRest)})`);
  return options.join('|');
}

/** A bound of numbers. */
export interface Bound {
  readonly value: number;
  readonly isExclusive: boolean;
}

/** The integer part and the fraction of a magnitude, as digits, without zeros at the fraction's end. */
interface Decimal {
  readonly integer: string;
  readonly fraction: string;
}

/** Bounds of numbers that are no integers may have this many digits in front of the point and behind it. */
export const BOUND_DIGITS = { integer: 14, fraction: 25 };

/** The digits of a finite number's magnitude; undefined where they are more than BOUND_DIGITS. */
function decimalOf(value: number): Decimal | undefined {
  const [digits, exponent] = Math.abs(value).toExponential().split('e');
  const significant = digits!.replace('.', '');
  const point = Number(exponent) + 1;
  if (point > BOUND_DIGITS.integer || significant.length - point > BOUND_DIGITS.fraction) return undefined;
  const padded = significant.padEnd(Math.max(point, 1), '0');
  const integer = point <= 0 ? '0' : padded.slice(0, point);
  const fraction = point <= 0 ? '0'.repeat(-point) + significant : padded.slice(point);
  return { integer, fraction: fraction.replace(/0+$/, '') };
}

/** Whether numbers can be held to the bound exactly. */
export function isEnforceableBound(value: number): boolean {
  return decimalOf(value) !== undefined;
}

/**
 * Numbers between bounds, written without an exponent. Exact: with at most 15 significant digits near a bound no two decimals are one float64, so a number beside
 * an exclusive bound is never read as the bound. undefined where there is none.
 */
export function boundedNumberTerminal(
  minimum: Bound | undefined,
  maximum: Bound | undefined,
): TerminalState | undefined {
  const bounds = [minimum, maximum].filter((bound) => bound !== undefined);
  const longest = Math.max(1, ...bounds.map((bound) => decimalOf(bound.value)?.integer.length ?? 0));
  const name = `number${boundName(minimum, '>')}${boundName(maximum, '<')}`;
  const patterns = [
    String.raw`-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,${15 - longest}})?`,
    ...(minimum === undefined ? [] : [notBelow(minimum)]),
    ...(maximum === undefined ? [] : [notAbove(maximum)]),
  ];
  let both: CharacterAutomaton | undefined;
  for (const pattern of patterns) {
    const next = automatonOf(parsePattern(`^(?:${pattern})$`), name);
    both =
      both === undefined || next === undefined
        ? next
        : intersect(both, next, { where: 'schema', maxStates: 20_000, name });
    if (both === undefined) return undefined;
  }
  return both === undefined ? undefined : tableTerminal(name, byteTable(both));
}

function boundName(bound: Bound | undefined, sign: string): string {
  return bound === undefined ? '' : `${sign}${bound.isExclusive ? '' : '='}${bound.value}`;
}

function notBelow({ value, isExclusive }: Bound): string {
  const decimal = decimalOf(value)!;
  return value < 0 ? `${MAGNITUDE}|-(?:${atMost(decimal, isExclusive)})` : atLeast(decimal, isExclusive);
}

function notAbove({ value, isExclusive }: Bound): string {
  const decimal = decimalOf(value)!;
  if (value < 0) return `-(?:${atLeast(decimal, isExclusive)})`;
  const negative = value === 0 && isExclusive ? atLeast(decimal, true) : MAGNITUDE;
  return `${atMost(decimal, isExclusive)}|-(?:${negative})`;
}

const FRACTION = String.raw`(?:\.[0-9]+)?`;
const MAGNITUDE = `[0-9]+${FRACTION}`;

/** A pattern of unsigned decimals that are not below one. */
function atLeast({ integer, fraction }: Decimal, isExclusive: boolean): string {
  return `(?:${positiveRange(BigInt(integer) + 1n, undefined)})${FRACTION}|${integer}${fractionFrom(fraction, isExclusive)}`;
}

/** A pattern of unsigned decimals that are not above one; nothing fits it where there is none. */
function atMost({ integer, fraction }: Decimal, isExclusive: boolean): string {
  const whole = BigInt(integer);
  const options: string[] = [];
  if (whole > 0n) options.push(`0${FRACTION}`);
  if (whole > 1n) options.push(`(?:${positiveRange(1n, whole - 1n)})${FRACTION}`);
  const same = fractionUpTo(fraction, isExclusive);
  if (same !== undefined) options.push(`${integer}${same}`);
  return options.length === 0 ? '[]' : options.join('|');
}

/** A pattern of what may stand behind the integer part of a bound so that the number is not below it. */
function fractionFrom(fraction: string, isExclusive: boolean): string {
  const any = '[0-9]*';
  const options = Array.from(fraction, (digit, i) =>
    digit === '9' ? [] : [`${fraction.slice(0, i)}[${Number(digit) + 1}-9]${any}`],
  ).flat();
  options.push(isExclusive ? `${fraction}${any}[1-9]${any}` : `${fraction}${any}`);
  const pattern = String.raw`\.(?:${options.join('|')})`;
  return fraction === '' && !isExclusive ? FRACTION : `(?:${pattern})`;
}

/** The same so that the number is not above it; undefined where no fraction will do. */
function fractionUpTo(fraction: string, isExclusive: boolean): string | undefined {
  if (fraction === '') return isExclusive ? undefined : String.raw`(?:\.0+)?`;
  const options = Array.from(fraction, (digit, i) =>
    digit === '0' ? [] : [`${fraction.slice(0, i)}[0-${Number(digit) - 1}][0-9]*`],
  ).flat();
  // What is a beginning of the fraction is smaller.
  for (let length = 1; length < fraction.length; length++) options.push(fraction.slice(0, length));
  if (!isExclusive) options.push(`${fraction}0*`);
  return String.raw`(?:\.(?:${options.join('|')}))?`;
}

/** An automaton of ASCII characters as a table of bytes. */
function byteTable(automaton: CharacterAutomaton): ByteTable {
  const next: Map<number, number>[] = [];
  const accepting: boolean[] = [];
  const states = [automaton.start];
  const ids = new Map([[automaton.start, 0]]);
  for (const state of states) {
    const row = new Map<number, number>();
    for (const { first, last, target } of automaton.transitions(state)) {
      let id = ids.get(target);
      if (id === undefined) {
        id = states.length;
        ids.set(target, id);
        states.push(target);
      }
      for (let byte = first; byte <= last; byte++) row.set(byte, id);
    }
    next.push(row);
    accepting.push(automaton.accepts(state));
  }
  return { next, accepting };
}
