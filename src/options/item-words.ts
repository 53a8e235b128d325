import type { JsonValue } from '../core/index.ts';
import { valueOfJson, valueOfText } from './option-kind.ts';
import type { Option } from './option-list.ts';

type Taken = Pick<Option, 'kind' | 'meta'>;

/** The value of an option that the command line gives as a text; words that stand for items become these. Throws bad-input for unknown words. */
export function valueOfWords({ kind, meta: { itemOfWord } }: Taken, text: string): JsonValue {
  if (itemOfWord === undefined || isJsonText(text)) return valueOfText(kind, text);
  return wordsOf(text).map(itemOfWord);
}

/** The same of a configuration file, where words stand alone or among the items of a list. */
export function valueOfField({ kind, meta: { itemOfWord } }: Taken, value: JsonValue): JsonValue {
  if (itemOfWord === undefined) return valueOfJson(kind, value);
  if (typeof value === 'string') return wordsOf(value).map(itemOfWord);
  if (!Array.isArray(value)) return value;
  return value.map((item: JsonValue) => (typeof item === 'string' ? itemOfWord(item) : item));
}

/** Whether a text is meant as a list or an object. */
function isJsonText(text: string): boolean {
  return /^\s*[[{]/.test(text);
}

function wordsOf(text: string): string[] {
  return text
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');
}
