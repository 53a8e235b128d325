import { ANY_CHARACTER, anyTimes, invertRanges, joinRanges, type Expression, type Range } from './expression.ts';

/** A pattern that is no part of what can be enforced; `message` says what and is the end of a sentence. */
export class PatternProblem extends Error {}

const DIGITS: readonly Range[] = [[0x30, 0x39]];
const WORDS: readonly Range[] = [
  [0x30, 0x39],
  [0x41, 0x5a],
  [0x5f, 0x5f],
  [0x61, 0x7a],
];
const SPACES: readonly Range[] = [
  [0x09, 0x0d],
  [0x20, 0x20],
  [0xa0, 0xa0],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
  [0xfeff, 0xfeff],
];
const LINE_ENDS: readonly Range[] = [
  [0x0a, 0x0a],
  [0x0d, 0x0d],
  [0x2028, 0x2029],
];

const CONTROL_ESCAPES: Readonly<Record<string, number>> = { t: 9, n: 10, v: 11, f: 12, r: 13, '0': 0 };

const MAX_NESTING = 100;

/**
 * A pattern of JSON Schema (ECMA-262 with the u flag, found anywhere in the text) as an expression of the whole text. `^` and `$` may stand at the ends of the
 * pattern's alternatives. Throws PatternProblem for what is no regular expression, and for what is not regular: look-arounds, back-references, \b.
 */
export function parsePattern(source: string): Expression {
  try {
    // eslint-disable-next-line no-new
    void new RegExp(source, 'u');
  } catch {
    throw new PatternProblem('which is no regular expression with the flag u');
  }
  const characters = Array.from(source);
  let at = 0;
  const peek = (offset = 0): string | undefined => characters[at + offset];
  const take = (text: string): boolean => {
    if (!Array.from(text).every((character, i) => peek(i) === character)) return false;
    at += text.length;
    return true;
  };

  /** Alternatives; at the top each may be anchored, and is found anywhere where it is not. */
  const alternatives = (depth: number): Expression => {
    if (depth > MAX_NESTING) throw new PatternProblem(`whose groups nest more than ${MAX_NESTING} deep`);
    const options: Expression[] = [];
    do options.push(depth === 0 ? anchored() : sequence(depth));
    while (take('|'));
    return options.length === 1 ? options[0]! : { kind: 'choice', options };
  };
  const anchored = (): Expression => {
    const isFromStart = take('^');
    const middle = sequence(0);
    const isToEnd = take('$');
    if (peek() !== undefined && peek() !== '|') throw new PatternProblem('whose $ stands before the end');
    const items = [isFromStart ? [] : [anyTimes(ANY_CHARACTER)], [middle], isToEnd ? [] : [anyTimes(ANY_CHARACTER)]];
    return { kind: 'sequence', items: items.flat() };
  };
  const sequence = (depth: number): Expression => {
    const items: Expression[] = [];
    for (let next = peek(); next !== undefined && next !== '|' && next !== ')'; next = peek()) {
      if (next === '$' && depth === 0) break;
      if (next === '^' || next === '$') throw new PatternProblem(`with ${next} inside; it may stand at an end only`);
      items.push(repetition(atom(depth)));
    }
    return { kind: 'sequence', items };
  };
  const repetition = (item: Expression): Expression => {
    const counts = takeCounts();
    if (counts === undefined) return item;
    take('?'); // Lazy or not, the same texts fit.
    return { kind: 'repeat', item, minimum: counts[0], maximum: counts[1] };
  };
  const takeCounts = (): readonly [number, number] | undefined => {
    if (take('*')) return [0, Infinity];
    if (take('+')) return [1, Infinity];
    if (take('?')) return [0, 1];
    if (peek() !== '{') return undefined;
    const close = characters.indexOf('}', at);
    const [low, high] = characters
      .slice(at + 1, close)
      .join('')
      .split(',');
    at = close + 1;
    const minimum = Number(low);
    return [minimum, high === undefined ? minimum : high === '' ? Infinity : Number(high)];
  };
  const atom = (depth: number): Expression => {
    if (take('(')) return group(depth);
    if (take('.')) return { kind: 'set', ranges: invertRanges(LINE_ENDS) };
    if (take('[')) return { kind: 'set', ranges: characterClass() };
    if (take('\\')) return { kind: 'set', ranges: escape(false) };
    const point = characters[at++]!.codePointAt(0)!;
    return { kind: 'set', ranges: [[point, point]] };
  };
  const group = (depth: number): Expression => {
    if (take('?')) {
      if (peek() === '=' || peek() === '!' || (peek() === '<' && (peek(1) === '=' || peek(1) === '!')))
        throw new PatternProblem('with a look-around, which is not regular in reading order');
      if (take('<')) while (characters[at++] !== '>');
      else if (!take(':'))
        throw new PatternProblem('with a group of another kind than (...), (?:...) and (?<name>...)');
    }
    const inside = alternatives(depth + 1);
    at++;
    return inside;
  };
  const escape = (isInClass: boolean): readonly Range[] => {
    const letter = characters[at++]!;
    switch (letter) {
      case 'd':
        return DIGITS;
      case 'D':
        return invertRanges(DIGITS);
      case 'w':
        return WORDS;
      case 'W':
        return invertRanges(WORDS);
      case 's':
        return SPACES;
      case 'S':
        return invertRanges(SPACES);
      case 'p':
      case 'P':
        return property(letter);
      case 'u':
      case 'x':
      case 'c': {
        const point = codePoint(letter);
        return [[point, point]];
      }
      default:
    }
    if (Object.hasOwn(CONTROL_ESCAPES, letter)) return [[CONTROL_ESCAPES[letter]!, CONTROL_ESCAPES[letter]!]];
    if (letter === 'b' && isInClass) return [[8, 8]];
    if (/[bBk1-9]/.test(letter)) throw new PatternProblem(`with \\${letter}, which looks at other text`);
    const point = letter.codePointAt(0)!;
    return [[point, point]];
  };
  const hex = (digits: number): number => {
    const value = Number.parseInt(characters.slice(at, at + digits).join(''), 16);
    at += digits;
    return value;
  };
  const codePoint = (letter: 'u' | 'x' | 'c'): number => {
    if (letter === 'c') return characters[at++]!.codePointAt(0)! % 32;
    if (letter === 'x') return hex(2);
    if (take('{')) {
      const close = characters.indexOf('}', at);
      const value = hex(close - at);
      at = close + 1;
      return value;
    }
    const unit = hex(4);
    const isPair = unit >= 0xd800 && unit <= 0xdbff && peek() === '\\' && peek(1) === 'u';
    if (!isPair) return unit;
    const before = at;
    at += 2;
    const low = hex(4);
    if (low >= 0xdc00 && low <= 0xdfff) return 0x10000 + (unit - 0xd800) * 0x400 + low - 0xdc00;
    at = before;
    return unit;
  };
  const property = (letter: 'p' | 'P'): readonly Range[] => {
    const close = characters.indexOf('}', at);
    const name = characters.slice(at + 1, close).join('');
    at = close + 1;
    const ranges = propertyRanges(name);
    return letter === 'p' ? ranges : invertRanges(ranges);
  };
  const characterClass = (): readonly Range[] => {
    const isInverted = take('^');
    const ranges: Range[] = [];
    while (!take(']')) {
      const first = take('\\') ? escape(true) : single();
      if (peek() === '-' && peek(1) !== ']') {
        at++;
        const last = take('\\') ? escape(true) : single();
        ranges.push([first[0]![0], last[0]![1]]);
      } else ranges.push(...first);
    }
    return isInverted ? invertRanges(ranges) : withoutSurrogates(joinRanges(ranges));
  };
  const single = (): readonly Range[] => {
    const point = characters[at++]!.codePointAt(0)!;
    return [[point, point]];
  };
  return alternatives(0);
}

function withoutSurrogates(ranges: readonly Range[]): Range[] {
  return invertRanges(invertRanges(ranges));
}

const properties = new Map<string, readonly Range[]>();

/** The characters of a Unicode property, asked of the engine's own regular expressions. */
function propertyRanges(name: string): readonly Range[] {
  const known = properties.get(name);
  if (known !== undefined) return known;
  const pattern = new RegExp(`^\\p{${name}}$`, 'u');
  const ranges: [number, number][] = [];
  for (let point = 0; point <= 0x10ffff; point++) {
    if (point >= 0xd800 && point <= 0xdfff) continue;
    if (!pattern.test(String.fromCodePoint(point))) continue;
    const last = ranges.at(-1);
    if (last !== undefined && last[1] === point - 1) last[1] = point;
    else ranges.push([point, point]);
  }
  // There are few properties, but a hostile schema may name all of them.
  if (properties.size > 64) properties.clear();
  properties.set(name, ranges);
  return ranges;
}
