import { failed } from '../problem.ts';
import { isInteger, typeName, type Arguments, type Value } from './values.ts';

/** The parameters of a function: names in order, the first `required` of which must be given. */
export interface Signature {
  readonly names: readonly string[];
  readonly required: number;
  readonly hasKeywords: boolean;
}

/** 'old new count? /': a question mark is behind what may be left out, a stroke at the end says that keywords are not taken. */
export function signature(text: string): Signature {
  const words = text.split(' ').filter((word) => word !== '' && word !== '/');
  return {
    names: words.map((word) => word.replace('?', '')),
    required: words.filter((word) => !word.endsWith('?')).length,
    hasKeywords: !text.endsWith('/'),
  };
}

/** The values of the parameters, in their order; undefined for what is left out. Throws as Python's TypeError. */
export function bind(
  name: string,
  { names, required, hasKeywords }: Signature,
  { positional, keywords }: Arguments,
): (Value | undefined)[] {
  if (positional.length > names.length)
    throw failed(`${name}() takes at most ${names.length} arguments (${positional.length} given)`);
  const values: (Value | undefined)[] = names.map((_, at) => positional[at]);
  for (const [keyword, value] of keywords) {
    const at = names.indexOf(keyword);
    if (at === -1 || !hasKeywords) throw failed(`${name}() got an unexpected keyword argument '${keyword}'`);
    if (values[at] !== undefined) throw failed(`${name}() got multiple values for argument '${keyword}'`);
    values[at] = value;
  }
  const missing = names.slice(0, required).filter((_, at) => values[at] === undefined);
  if (missing.length > 0) throw failed(`${name}() lacks the argument ${missing.join(', ')}`);
  return values;
}

/** A whole number that something counts with, clamped to what a text can have. Throws as Python's TypeError for anything else. */
export function toIndex(value: Value): number {
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (!isInteger(value)) throw failed(`'${typeName(value)}' object cannot be interpreted as an integer`);
  return Math.min(Math.max(Number(value), Number.MIN_SAFE_INTEGER), Number.MAX_SAFE_INTEGER);
}

/** The same where None and nothing stand for `otherwise`. */
export function toIndexOr(value: Value | undefined, otherwise: number): number {
  return value === undefined || value === null ? otherwise : toIndex(value);
}

/** A part of a path: a number where it is digits, else the name itself. */
export function asDigitsOrName(part: string): string | number {
  return /^\d{1,15}$/.test(part) ? Number(part) : part;
}

/** What is given, None included, or `otherwise` when nothing is. */
export function givenOr(value: Value | undefined, otherwise: Value): Value {
  return value === undefined ? otherwise : value;
}
