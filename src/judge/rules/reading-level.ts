import { syllable } from 'syllable';

/** What a reader has to get through. Counts are of prose: code, addresses and marks of layout are left out. */
export interface Readability {
  readonly words: number;
  readonly sentences: number;
  readonly syllables: number;
  /** School years: 0.39 words / sentences + 11.8 syllables / words - 15.59. Null without words. */
  readonly grade: number | null;
  /** 206.835 - 1.015 words / sentences - 84.6 syllables / words; 100 is very easy, 0 very hard. Null without words. */
  readonly ease: number | null;
}

/**
 * Flesch's reading ease and the Flesch-Kincaid grade of English text. Words are runs of letters and digits, with apostrophes and hyphens inside; sentences are those of
 * splitSentences; syllables come from the package syllable. For other languages the numbers mean little.
 *
 * Source: Kincaid, Fishburne, Rogers and Chissom (1975), equation of the grade; Flesch (1948), of the ease.
 */
export function readability(text: string): Readability {
  const prose = proseOf(text);
  const words = prose.match(/[\p{L}\p{N}]+(?:['’-][\p{L}\p{N}]+)*/gu) ?? [];
  if (words.length === 0) return { words: 0, sentences: 0, syllables: 0, grade: null, ease: null };
  const sentences = Math.max(1, splitSentences(prose).length);
  const syllables = words.reduce((sum, word) => sum + Math.max(1, syllable(word)), 0);
  const [length, weight] = [words.length / sentences, syllables / words.length];
  return {
    words: words.length,
    sentences,
    syllables,
    grade: 0.39 * length + 11.8 * weight - 15.59,
    ease: 206.835 - 1.015 * length - 84.6 * weight,
  };
}

/** Words that end with a stop inside a sentence. */
const ABBREVIATION =
  /(?:^|[\s(["'])(?:mr|mrs|ms|dr|prof|st|sr|jr|vs|etc|e\.g|i\.e|cf|fig|no|vol|inc|ltd|co|approx|dept|est|[a-z])\.\s*$/i;
const SEGMENTER = new Intl.Segmenter('en', { granularity: 'sentence' });

/**
 * The sentences of a text: those of Unicode's rules, joined again after abbreviations and initials and before small letters; a line that ends without a stop (a heading, an item) is one too.
 * Source: UAX 29, section 5, as Intl.Segmenter has it.
 */
export function splitSentences(text: string): string[] {
  const sentences: string[] = [];
  let open = '';
  const segments = Array.from(SEGMENTER.segment(text), ({ segment }) => segment);
  for (const [i, segment] of segments.entries()) {
    open += segment;
    // No sentence begins with a small letter on the same line: "Really?" he said.
    if (ABBREVIATION.test(open) || (!segment.endsWith('\n') && /^\p{Ll}/u.test(segments[i + 1] ?? ''))) continue;
    sentences.push(open.trim());
    open = '';
  }
  sentences.push(open.trim());
  return sentences.filter((sentence) => /[\p{L}\p{N}]/u.test(sentence));
}

/** Without code, addresses, and the marks of headings, lists, emphasis and tables. */
function proseOf(text: string): string {
  return text
    .replaceAll(/```[\s\S]*?(?:```|$)|`[^`\n]*`|https?:\/\/\S*[^\s.,;:!?)]/g, ' ')
    .replaceAll(/^ {0,3}(?:#{1,6}|[-*+•]|\d{1,3}[.)]|>)\s+/gm, '')
    .replaceAll(/[*_|]{1,3}/g, ' ');
}
