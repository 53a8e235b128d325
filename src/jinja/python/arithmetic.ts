import { charge, chargeText, MAX_INTEGER_BITS, type Machine } from '../machine.ts';
import { failed, tooMuch, unsupported } from '../problem.ts';
import { divideExactly } from './exact-division.ts';
import { exactParts } from './floats.ts';
import { checkedInteger } from './integers.ts';
import { DictView, Float, Markup, Tuple, Undefined, integer, isList, typeName, type Value } from './values.ts';

/** Of powers of floats, so that their exact values stay small. */
const MAX_EXPONENT = 400;

export type ArithmeticOperator = '+' | '-' | '*' | '/' | '//' | '%' | '**';

/** A number of Python for arithmetic: booleans count as whole numbers. */
type Numeric = { readonly float: number } | { readonly int: bigint };

function numeric(value: Value): Numeric | undefined {
  if (typeof value === 'number') return { int: BigInt(value) };
  if (typeof value === 'bigint') return { int: value };
  if (typeof value === 'boolean') return { int: value ? 1n : 0n };
  return value instanceof Float ? { float: value.value } : undefined;
}

/** float(value). Throws as Python's OverflowError above the largest double. */
function toDouble(value: Numeric): number {
  if ('float' in value) return value.float;
  const double = Number(value.int);
  if (!Number.isFinite(double)) throw failed('int too large to convert to float');
  return double;
}

/** a + b and its like, as Python computes them. Throws where Python does; `%` of a text is the caller's. */
export function arithmetic(machine: Machine, operator: ArithmeticOperator, a: Value, b: Value): Value {
  if (typeof a === 'number' && typeof b === 'number') {
    const quick = quickly(operator, a, b);
    if (quick !== undefined) return quick;
  }
  if (operator === '+' && typeof a === 'string' && typeof b === 'string') {
    chargeText(machine, a.length + b.length);
    return a + b;
  }
  if (a instanceof Undefined) throw failed(a.message);
  if (b instanceof Undefined) throw failed(b.message);
  const [left, right] = [numeric(a), numeric(b)];
  if (left !== undefined && right !== undefined)
    return 'int' in left && 'int' in right
      ? ofIntegers(operator, left.int, right.int)
      : ofDoubles(operator, toDouble(left), toDouble(right));
  return ofSequences(machine, operator, a, b);
}

/** The cases in which doubles are exact. */
function quickly(operator: ArithmeticOperator, a: number, b: number): Value | undefined {
  if (operator === '+' || operator === '-') {
    const sum = operator === '+' ? a + b : a - b;
    return Number.isSafeInteger(sum) ? sum : undefined;
  }
  if (operator === '%' && b !== 0) {
    const rest = a % b;
    return rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest + 0;
  }
  return undefined;
}

function ofIntegers(operator: ArithmeticOperator, a: bigint, b: bigint): Value {
  switch (operator) {
    case '+':
      return checkedInteger(a + b);
    case '-':
      return checkedInteger(a - b);
    case '*':
      return checkedInteger(a * b);
    case '/':
      return new Float(quotientOf(a, b));
    case '//':
      if (b === 0n) throw failed('integer division or modulo by zero');
      return integer(floorDivision(a, b));
    case '%':
      if (b === 0n) throw failed('integer division or modulo by zero');
      return integer(a - b * floorDivision(a, b));
    case '**':
      return powerOfIntegers(a, b);
  }
}

function floorDivision(a: bigint, b: bigint): bigint {
  const quotient = a / b;
  return a % b !== 0n && a < 0n !== b < 0n ? quotient - 1n : quotient;
}

function quotientOf(a: bigint, b: bigint): number {
  if (b === 0n) throw failed('division by zero');
  const [left, right] = [Number(a), Number(b)];
  if (Number.isSafeInteger(left) && Number.isSafeInteger(right)) return left / right;
  if (a === 0n) return 0;
  const { value } = divideExactly(a < 0n ? -a : a, b < 0n ? -b : b);
  if (value === undefined) throw unsupported('a quotient beyond the normal doubles');
  return a < 0n !== b < 0n ? -value : value;
}

function powerOfIntegers(a: bigint, b: bigint): Value {
  if (b < 0n) {
    if (a === 0n) throw failed('0.0 cannot be raised to a negative power');
    return ofDoubles('**', toDouble({ int: a }), toDouble({ int: b }));
  }
  const bits = BigInt((a < 0n ? -a : a).toString(2).length - 1) * b;
  if (bits > BigInt(MAX_INTEGER_BITS))
    throw tooMuch(`a whole number must have at most ${MAX_INTEGER_BITS} bits, got more from **`);
  if (a === 0n || a === 1n || a === -1n) return integer(b === 0n ? 1n : a === -1n && b % 2n === 0n ? 1n : a);
  return checkedInteger(a ** b);
}

function ofDoubles(operator: ArithmeticOperator, a: number, b: number): Value {
  switch (operator) {
    case '+':
      return new Float(a + b);
    case '-':
      return new Float(a - b);
    case '*':
      return new Float(a * b);
    case '/':
      if (b === 0) throw failed('float division by zero');
      return new Float(a / b);
    case '//':
      return new Float(floorOfDoubles(a, b).quotient);
    case '%':
      return new Float(floorOfDoubles(a, b).rest);
    case '**':
      return powerOfDoubles(a, b);
  }
}

/** Python's float_divmod. */
function floorOfDoubles(a: number, b: number): { quotient: number; rest: number } {
  if (b === 0) throw failed('float floor division by zero');
  let rest = a % b;
  let division = (a - rest) / b;
  if (rest !== 0) {
    if (b < 0 !== rest < 0) {
      rest += b;
      division -= 1;
    }
  } else rest = b < 0 ? -0 : 0;
  if (division === 0) return { quotient: a / b < 0 || Object.is(a / b, -0) ? -0 : 0, rest };
  const quotient = Math.floor(division);
  return { quotient: division - quotient > 0.5 ? quotient + 1 : quotient, rest };
}

/**
 * Whole powers are computed exactly and rounded. The C library that Python asks may miss by some thousandths of the last
 * digit, so what lies near the middle of two doubles is refused, and so are roots.
 */
function powerOfDoubles(a: number, b: number): Value {
  if (a === 0 && b < 0) throw failed('0.0 cannot be raised to a negative power');
  if (a < 0 && Number.isFinite(b) && !Number.isInteger(b)) throw unsupported('a complex number');
  if (a === 0 || b === 0) return new Float(b === 0 ? 1 : a ** b);
  if (!Number.isFinite(a) || !Number.isFinite(b)) throw unsupported('a power of infinity or nan');
  if (b === 1) return new Float(a);
  if (!Number.isInteger(b) || Math.abs(b) > MAX_EXPONENT) throw unsupported('a power that is not a whole one');
  const { mantissa, exponent } = exactParts(Math.abs(a));
  const [times, shift] = [BigInt(Math.abs(b)), exponent * Math.abs(b)];
  const size = (mantissa ** times) << BigInt(Math.max(0, shift));
  const unit = 1n << BigInt(Math.max(0, -shift));
  const { value, isClose } = b > 0 ? divideExactly(size, unit) : divideExactly(unit, size);
  if (value === undefined || isClose) throw unsupported('a power that C libraries may round in two ways');
  return new Float(a < 0 && b % 2 !== 0 ? -value : value);
}

function ofSequences(machine: Machine, operator: ArithmeticOperator, a: Value, b: Value): Value {
  if (a instanceof Markup || b instanceof Markup) return ofMarkup(machine, operator, a, b);
  if (operator === '+' && isList(a) && isList(b)) {
    charge(machine, a.length + b.length);
    return [...a, ...b];
  }
  if (operator === '+' && a instanceof Tuple && b instanceof Tuple) {
    charge(machine, a.items.length + b.items.length);
    return new Tuple([...a.items, ...b.items]);
  }
  if (operator === '*') {
    const times = countOf(b) ?? countOf(a);
    const sequence = countOf(b) === undefined ? b : a;
    if (times !== undefined && isSequence(sequence)) return repeated(machine, sequence, times);
  }
  if (a instanceof DictView || b instanceof DictView) throw unsupported(`${operator} on the keys or items of a dict`);
  const verb = operator === '**' ? '** or pow()' : operator;
  if (operator === '+' && typeof a === 'string') throw failed(`can only concatenate str (not "${typeName(b)}") to str`);
  if (operator === '+' && (isList(a) || a instanceof Tuple))
    throw failed(`can only concatenate ${typeName(a)} (not "${typeName(b)}") to ${typeName(a)}`);
  throw failed(`unsupported operand type(s) for ${verb}: '${typeName(a)}' and '${typeName(b)}'`);
}

function isSequence(value: Value): value is string | Tuple | readonly Value[] {
  return typeof value === 'string' || isList(value) || value instanceof Tuple;
}

/** How often `*` repeats. */
function countOf(value: Value): bigint | undefined {
  const number = numeric(value);
  return number !== undefined && 'int' in number ? number.int : undefined;
}

function repeated(machine: Machine, sequence: string | Tuple | readonly Value[], times: bigint): Value {
  const count = times < 0n ? 0 : Number(times);
  if (typeof sequence === 'string') {
    if (sequence === '' || count === 0) return '';
    chargeText(machine, sequence.length * count);
    return sequence.repeat(count);
  }
  const items = sequence instanceof Tuple ? sequence.items : sequence;
  if (items.length === 0 || count === 0) return isList(sequence) ? [] : new Tuple([]);
  charge(machine, items.length * count);
  const copies = Array.from({ length: items.length * count }, (_, at) => items[at % items.length]!);
  return isList(sequence) ? copies : new Tuple(copies);
}

/** Text that is HTML escapes what is added to it; anything else is refused. */
function ofMarkup(machine: Machine, operator: ArithmeticOperator, a: Value, b: Value): Value {
  const [left, right] = [htmlOf(a), htmlOf(b)];
  if (operator !== '+' || left === undefined || right === undefined)
    throw unsupported(`${operator} on a text of the safe or escape filter`);
  chargeText(machine, left.length + right.length);
  return new Markup(left + right);
}

function htmlOf(value: Value): string | undefined {
  if (value instanceof Markup) return value.text;
  return typeof value === 'string' ? escapeHtml(value) : undefined;
}

const HTML: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', "'": '&#39;', '"': '&#34;' };

/** markupsafe.escape of a text. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>'"]/g, (character) => HTML[character]!);
}

/** -value and +value. */
export function signed(operator: '+' | '-', value: Value): Value {
  if (typeof value === 'number') return operator === '-' && value !== 0 ? -value : value;
  if (value instanceof Undefined) throw failed(value.message);
  const number = numeric(value);
  if (number === undefined) throw failed(`bad operand type for unary ${operator}: '${typeName(value)}'`);
  if ('float' in number) return new Float(operator === '-' ? -number.float : number.float);
  return integer(operator === '-' ? -number.int : number.int);
}
