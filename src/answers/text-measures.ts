import { hasMarkdown, isRefusal } from './signals.ts';

/** What an answer is like, as far as its text says. */
export interface TextMeasures {
  readonly characters: number;
  readonly words: number;
  /** Share of its word 4-grams that stood in it before; 0 for fewer than 4 words. */
  readonly repetition: number;
  /** 1 or 0, by pattern: see isRefusal. */
  readonly refusal: number;
  /** 1 or 0: headings, lists, bold, code. */
  readonly markdown: number;
  /** 1 where there is no letter, digit or symbol in it: see isEmptyText. */
  readonly empty: number;
}

const N_GRAM = 4;

/** Words as runs of letters, marks and digits, lower-case; what stands between them is left out. */
export function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{M}\p{N}]+(?:['’][\p{L}\p{M}\p{N}]+)*/gu) ?? [];
}

/**
 * Measures of one text. `characters` counts UTF-16 units; words are what white space divides.
 *
 * @example
 * ```ts
 * import { measureText } from 'preftune/answers';
 *
 * const { repetition, refusal } = measureText("I'm sorry, but I can't help with that.");
 * console.log(repetition, refusal); // 0 1
 * ```
 */
export function measureText(text: string): TextMeasures {
  return {
    characters: text.length,
    words: text.match(/\S+/g)?.length ?? 0,
    repetition: repetitionOf(wordsOf(text)),
    refusal: Number(isRefusal(text)),
    markdown: Number(hasMarkdown(text)),
    empty: Number(isEmptyText(text)),
  };
}

/** Whether a text says nothing: no letter, digit or symbol, white space and marks of punctuation at most. */
export function isEmptyText(text: string): boolean {
  return !/[\p{L}\p{N}\p{S}]/u.test(text);
}

/** seq-rep-4: 1 - distinct / all 4-grams. Source: Welleck et al. 2020, "Neural text generation with unlikelihood training", section 6.1. */
export function repetitionOf(words: readonly string[], n: number = N_GRAM): number {
  const all = words.length - n + 1;
  if (all < 1) return 0;
  const distinct = new Set(Array.from({ length: all }, (_, i) => words.slice(i, i + n).join(' ')));
  return 1 - distinct.size / all;
}

/**
 * distinct-n: different n-grams of all answers together, of all their n-grams. It falls with the amount of text, so it compares only sets of one
 * size: `maxWords` words are read, in order. Null where there is no n-gram. Source: Li et al. 2016, "A diversity-promoting objective function".
 */
export function distinctShare(answers: readonly string[], n: number, maxWords: number = Infinity): number | null {
  const seen = new Set<string>();
  let [all, read] = [0, 0];
  for (const answer of answers) {
    const words = wordsOf(answer).slice(0, Math.max(0, maxWords - read));
    read += words.length;
    for (let i = 0; i + n <= words.length; i++, all++) seen.add(words.slice(i, i + n).join(' '));
  }
  return all === 0 ? null : seen.size / all;
}
