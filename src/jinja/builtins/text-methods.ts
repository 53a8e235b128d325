import { charge, chargeText, made, type Machine } from '../machine.ts';
import { failed, unsupported } from '../problem.ts';
import { toIndex, toIndexOr } from '../python/arguments.ts';
import { capitalize, isLower, isTitle, isUpper, swapCase, titleCase } from '../python/casing.ts';
import { lengthOf } from '../python/code-points.ts';
import { pad, type Field } from '../python/number-format.ts';
import type { Value } from '../python/values.ts';
import { SPACES } from '../python/white-space.ts';
import { method, methodTable, type Method } from './method.ts';
import { TEXT_PARTS } from './text-parts.ts';
import { TEXT_SEARCH, needText } from './text-search.ts';

function changed(change: (text: string) => string): (name: string) => Method<string> {
  return method('/', (machine, text) => {
    chargeText(machine, text.length);
    return made(machine, change(text));
  });
}

/** A question about every character of a text, which an empty one answers with no. */
function all(pattern: string, unknown?: RegExp): (name: string) => Method<string> {
  const expression = new RegExp(`^(?:${pattern})+$`, 'u');
  return (name) =>
    method<string>('/', (machine, text) => {
      chargeText(machine, text.length);
      if (unknown?.test(text) === true) throw unsupported(`${name}() of other digits than decimal ones`);
      return expression.test(text);
    })(name);
}

function asked(question: (text: string) => boolean): (name: string) => Method<string> {
  return method('/', (machine, text) => {
    chargeText(machine, text.length);
    return question(text);
  });
}

function aligned(align: Field['align']): (name: string) => Method<string> {
  return method('width fillchar? /', (machine, text, [width, fill]) => {
    const character = fill === undefined ? ' ' : needText(fill, 'The fill character');
    if (lengthOf(character) !== 1) throw failed('The fill character must be exactly one character long');
    return align === '^'
      ? center(machine, text, toIndex(width!), character)
      : pad(machine, { head: '', body: text }, { fill: character, align, width: toIndex(width!) });
  });
}

/** str.center: the odd blank stands left where the width is odd. */
export function center(machine: Machine, text: string, width: number, fill: string): string {
  const space = width - lengthOf(text);
  if (space <= 0) return text;
  chargeText(machine, text.length + space * fill.length);
  const left = Math.floor(space / 2) + (space % 2 === 1 && width % 2 === 1 ? 1 : 0);
  return fill.repeat(left) + text + fill.repeat(space - left);
}

function zeroFilled(machine: Machine, text: string, width: Value): string {
  const sign = /^[+-]/.exec(text)?.[0] ?? '';
  return pad(machine, { head: sign, body: text.slice(sign.length) }, { fill: '0', align: '=', width: toIndex(width) });
}

function expandTabs(machine: Machine, text: string, size: number): string {
  let [result, column] = ['', 0];
  for (const character of text) {
    charge(machine, 1);
    if (character === '\t') {
      const space = size <= 0 ? 0 : size - (column % size);
      chargeText(machine, result.length + space);
      result += ' '.repeat(space);
      column += space;
    } else {
      result += character;
      column = character === '\n' || character === '\r' ? 0 : column + 1;
    }
  }
  return result;
}

function refused(): (name: string) => Method<string> {
  return (name) => ({
    call: () => {
      throw unsupported(`${name}() of a text`);
    },
  });
}

/** Whether every character is of ASCII; other characters fold in ways of their own. */
function caseFold(text: string): string {
  if (/[^\0-\x7f]/.test(text)) throw unsupported('casefold() of other characters than those of ASCII');
  return text.toLowerCase();
}

const DIGITS_OF_OTHER_KINDS = /[\p{No}\p{Nl}]/u;

/** The methods of str, but for format and format_map, which reach into values. */
export const TEXT_METHODS = methodTable<string>({
  ...TEXT_SEARCH,
  ...TEXT_PARTS,
  upper: changed((text) => text.toUpperCase()),
  lower: changed((text) => text.toLowerCase()),
  title: changed(titleCase),
  capitalize: changed(capitalize),
  swapcase: changed(swapCase),
  casefold: changed(caseFold),
  isalpha: all('\\p{L}'),
  isalnum: all('[\\p{L}\\p{N}]'),
  isdecimal: all('\\p{Nd}'),
  isdigit: all('\\p{Nd}', DIGITS_OF_OTHER_KINDS),
  isnumeric: all('\\p{N}', /\p{Script=Han}/u),
  isspace: all(`[${SPACES}]`),
  isprintable: asked((text) => !/[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/u.test(text)),
  isascii: asked((text) => !/[^\0-\x7f]/.test(text)),
  isidentifier: asked((text) => /^[\p{XID_Start}_]\p{XID_Continue}*$/u.test(text)),
  islower: asked(isLower),
  isupper: asked(isUpper),
  istitle: asked(isTitle),
  ljust: aligned('<'),
  rjust: aligned('>'),
  center: aligned('^'),
  zfill: method<string>('width /', (machine, text, [width]) => zeroFilled(machine, text, width!)),
  expandtabs: method<string>('tabsize?', (machine, text, [size]) => expandTabs(machine, text, toIndexOr(size, 8))),
  encode: refused(),
  translate: refused(),
  maketrans: refused(),
});
