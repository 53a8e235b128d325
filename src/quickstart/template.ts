import { internal } from '../core/index.ts';

/** The values of one fact, by column: `{ country: 'France', capital: 'Paris' }`. */
export type Row = Readonly<Record<string, string>>;

/** Plurals that no rule makes. The world asks about each of them too. */
export const IRREGULAR_PLURALS: Readonly<Record<string, string>> = {
  child: 'children',
  deer: 'deer',
  fish: 'fish',
  foot: 'feet',
  goose: 'geese',
  knife: 'knives',
  leaf: 'leaves',
  loaf: 'loaves',
  man: 'men',
  mouse: 'mice',
  person: 'people',
  sheep: 'sheep',
  shelf: 'shelves',
  tooth: 'teeth',
  wolf: 'wolves',
  woman: 'women',
};

/** `noun` in the plural: irregular ones by table, else -ies after consonant + y, -es after s, x, z, ch, sh, else -s. */
export function plural(noun: string): string {
  const irregular = IRREGULAR_PLURALS[noun];
  if (irregular !== undefined) return irregular;
  if (/[^aeiou]y$/.test(noun)) return `${noun.slice(0, -1)}ies`;
  if (/(?:s|x|z|ch|sh|tato|mato)$/.test(noun)) return `${noun}es`;
  return `${noun}s`;
}

/** `noun` behind `a` or `an`, by its first letter (`a uniform` and `an hour` by exception). */
export function withArticle(noun: string): string {
  const vowel = /^[aeiou]/i.test(noun) && !/^(?:uni|one)/i.test(noun);
  return `${vowel || noun.startsWith('hour') ? 'an' : 'a'} ${noun}`;
}

/** Upper case for the first letter of the text and of every sentence in it. */
export function capitalizeSentences(text: string): string {
  return text.replace(/(^|[.!?:] )([a-z])/g, (_, before: string, letter: string) => before + letter.toUpperCase());
}

/**
 * `template` with its slots filled from `row`, then capitalised sentence by sentence. A slot is `{column}` as it stands,
 * `{column|a}` with its article, or `{column|s}` in the plural. Throws internal when the row lacks the column.
 */
export function fillTemplate(template: string, row: Row): string {
  const filled = template.replace(/\{(\w+)(?:\|([as]))?\}/g, (_, column: string, form: string | undefined) => {
    const value = row[column];
    if (value === undefined) throw internal(`template '${template}' needs column '${column}', the row lacks it`);
    if (form === 'a') return withArticle(value);
    return form === 's' ? plural(value) : value;
  });
  return capitalizeSentences(filled);
}
