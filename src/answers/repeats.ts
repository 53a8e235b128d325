import { repetitionOf, wordsOf } from './text-measures.ts';

/** Fewer words or characters are too few to repeat anything. */
const MIN_WORDS = 8;
const MIN_CHARACTERS = 40;

/** One word so often in a row; `ha ha ha` is not enough. */
const SAME_WORDS = 5;

/** Characters of a run; longer than names, dates and the frames of tables. */
const RUN = 12;

/**
 * When a text repeats itself. Measured on 5,000 answers that people or large models wrote: docs/monitoring.md has how many of them reach these.
 */
export const REPEAT_LIMITS = {
  /** Share of word 4-grams that stood in the text before. */
  words: 0.4,
  /** Share of runs of 12 characters that did: languages without spaces, and loops inside a word. */
  characters: 0.5,
  /** Bits for each letter: fewer, and the text is made of a handful of different ones. English has 4, Chinese 6 and more. */
  bits: 2.3,
} as const;

/** Whether a text says the same again and again: a loop of words, of characters, or of a handful of characters in any order. */
export function isRepeating(text: string): boolean {
  const words = wordsOf(text);
  if (words.length >= MIN_WORDS && repetitionOf(words) >= REPEAT_LIMITS.words) return true;
  if (longestRun(words) >= SAME_WORDS) return true;
  const characters = [...withoutFrames(text)];
  if (characters.length < MIN_CHARACTERS) return false;
  return repetitionOf(characters, RUN) >= REPEAT_LIMITS.characters || bitsOf(characters) < REPEAT_LIMITS.bits;
}

/** How often one word stands in a row at most; numbers may. */
function longestRun(words: readonly string[]): number {
  let [longest, run] = [0, 0];
  words.forEach((word, i) => {
    run = word === words[i - 1] && /\p{L}/u.test(word) ? run + 1 : 1;
    longest = Math.max(longest, run);
  });
  return longest;
}

/** Frames of tables, and rules, are made of one sign; they are left out unless there is little else. */
function withoutFrames(text: string): string {
  const whole = text.replaceAll(/\s+/g, ' ').trim();
  const rest = whole.replaceAll(/[-=_*~|+: ]*(?:[|+]|([-=_*~])\1{2,})[-=_*~|+: ]*/g, ' ');
  return 4 * rest.length < whole.length ? whole : rest;
}

/** Entropy of the characters, bits for each. */
function bitsOf(characters: readonly string[]): number {
  const counts = new Map<string, number>();
  for (const one of characters) counts.set(one, (counts.get(one) ?? 0) + 1);
  return [...counts.values()].reduce((sum, count) => {
    const share = count / characters.length;
    return sum - share * Math.log2(share);
  }, 0);
}
