import { isObject } from './json.ts';

/** Half of a surrogate pair: no character, and nothing that UTF-8 can hold. */
const HALF = /[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/;

/** Where a text holds half of a surrogate pair, which no file in UTF-8 and no tokenizer can hold; undefined in a whole text. Offset in UTF-16 units. */
export function brokenTextAt(text: string): number | undefined {
  const at = text.search(HALF);
  return at === -1 ? undefined : at;
}

/** A text with U+FFFD in place of half characters. */
export function wholeText(text: string): string {
  return text.replaceAll(new RegExp(HALF, 'g'), '\uFFFD');
}

/** The first broken text inside a JSON value, with its dotted path. */
export function findBrokenText(
  value: unknown,
  path = '',
): { readonly path: string; readonly offset: number } | undefined {
  const below = (name: string): string => (path === '' ? name : `${path}.${name}`);
  if (typeof value === 'string') {
    const offset = brokenTextAt(value);
    return offset === undefined ? undefined : { path, offset };
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const entries = Array.isArray(value) ? [...value.entries()] : isObject(value) ? Object.entries(value) : [];
  for (const [name, inner] of entries) {
    if (typeof name === 'string' && brokenTextAt(name) !== undefined) return { path: below('a key'), offset: 0 };
    const found = findBrokenText(inner, below(String(name)));
    if (found !== undefined) return found;
  }
  return undefined;
}
