import { showValue } from '../../store/index.ts';
import type { JsonObject, JsonValue } from '../../core/index.ts';
import type { OptionType } from './command.ts';

const FEW_CHOICES = 4;

/** A value, or what is wrong with it. */
export type Reading = { readonly value: JsonValue } | { readonly problem: string };

/** Reads an option's text from the command line. */
export function readText(type: OptionType, text: string): Reading {
  switch (type) {
    case 'string':
    case 'texts':
      return { value: text };
    case 'number':
    case 'integer':
      return checkValue(type, text.trim() === '' ? text : Number(text), text);
    case 'boolean':
      return text === 'true' || text === 'false' ? { value: text === 'true' } : wrong('true or false', text);
    case 'list':
    case 'values':
      return {
        value: text
          .split(',')
          .map((item) => item.trim())
          .filter((item) => item !== ''),
      };
    case 'json':
      try {
        return { value: JSON.parse(text) as JsonValue };
      } catch {
        return wrong('JSON', text);
      }
    default:
      return checkValue(type, text, text);
  }
}

/** Checks a value from a configuration file, or one that was read from text (`shown` is then the text). */
export function checkValue(type: OptionType, value: JsonValue, shown: JsonValue = value): Reading {
  switch (type) {
    case 'string':
      return typeof value === 'string' ? { value } : wrong('a text', shown);
    case 'texts':
      if (typeof value === 'string') return { value };
      return Array.isArray(value) && value.every((item) => typeof item === 'string')
        ? { value }
        : wrong('a text or a list of texts', shown);
    case 'number':
      return typeof value === 'number' && Number.isFinite(value) ? { value } : wrong('a number', shown);
    case 'integer':
      return Number.isSafeInteger(value) ? { value } : wrong('a whole number', shown);
    case 'boolean':
      return typeof value === 'boolean' ? { value } : wrong('true or false', shown);
    case 'list':
      if (typeof value === 'string') return readText('list', value);
      return Array.isArray(value) && value.every((item) => typeof item === 'string')
        ? { value }
        : wrong('a list of texts', shown);
    case 'values':
      if (typeof value === 'string') return readText('values', value);
      if (typeof value === 'number') return { value: [String(value)] };
      return Array.isArray(value) && value.every((item) => typeof item === 'string' || typeof item === 'number')
        ? { value: value.map(String) }
        : wrong('a value or a list of values', shown);
    case 'json':
      return { value };
    default: {
      if (typeof value === 'string' && type.includes(value)) return { value };
      // Where a few are listed, a guess (cpu for gpu) says nothing more.
      const hint = typeof value === 'string' && type.length > FEW_CHOICES ? suggest(value, type) : undefined;
      return wrong(`one of ${type.join(', ')}`, shown, hint);
    }
  }
}

function wrong(what: string, got: JsonValue, hint?: string): Reading {
  const shown = typeof got === 'string' ? `'${got}'` : showValue(got);
  return { problem: `must be ${what}, got ${shown}${hint === undefined ? '' : `; did you mean ${hint}?`}` };
}

/** The nearest of `names` to `word` by edit distance, when it is near enough to be a slip; ties go to the first. */
export function suggest(word: string, names: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(word.replace(/^-+/, '').length * 0.4)) + 1;
  for (const name of names) {
    const distance = editDistance(word, name);
    if (distance < bestDistance) [best, bestDistance] = [name, distance];
  }
  return best;
}

/** Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`. Source: Damerau (1964), optimal string alignment. */
export function editDistance(a: string, b: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      let cost = Math.min(previous[j]! + 1, current[j - 1]! + 1, replace);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        cost = Math.min(cost, beforePrevious[j - 2]! + 1);
      current.push(cost);
    }
    [beforePrevious, previous] = [previous, current];
  }
  return previous[b.length]!;
}

/** Flat values by dotted path, as a nested object. A path that runs through another's value is a mistake of the option table. */
export function nest(values: ReadonlyMap<string, JsonValue>): JsonObject {
  const root: Record<string, JsonValue> = {};
  for (const [path, value] of values) {
    const names = path.split('.');
    let at = root;
    for (const name of names.slice(0, -1)) {
      if (!Object.hasOwn(at, name)) at[name] = {};
      at = at[name] as Record<string, JsonValue>;
    }
    at[names.at(-1)!] = value;
  }
  return root;
}
