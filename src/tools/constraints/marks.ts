import {
  choice,
  literal,
  sequence,
  specialToken,
  textThrough,
  textWithout,
  type Grammar,
} from '../../grammar/index.ts';

/** Grammars of markers, some of which are special tokens of the model and have no characters of their own. */
export interface Marks {
  /** The marker itself. */
  of(text: string): Grammar;
  /** Any text up to and with the marker. */
  through(text: string): Grammar;
  /** Any text without the marker. */
  without(text: string): Grammar;
}

/** `specialTokens` are the ids of the model's special tokens by their spellings; added tokens that are not special are text. */
export function createMarks(specialTokens: ReadonlyMap<string, number>): Marks {
  const spellings = Array.from(specialTokens.keys()).toSorted((a, b) => b.length - a.length);
  const pieces = (text: string): (string | number)[] => {
    const found: (string | number)[] = [];
    for (let at = 0, from = 0; at <= text.length; at++) {
      const token =
        at < text.length ? spellings.find((spelling) => spelling !== '' && text.startsWith(spelling, at)) : '';
      if (token === undefined) continue;
      if (at > from) found.push(text.slice(from, at));
      if (token === '') break;
      found.push(specialTokens.get(token)!);
      from = at + token.length;
      at = from - 1;
    }
    return found;
  };
  return {
    of: (text) => grammarOf(pieces(text)),
    through(text) {
      const [first, ...rest] = pieces(text);
      if (first === undefined) return literal('');
      const start = typeof first === 'string' ? textThrough(first) : sequence(textWithout(), specialToken(first));
      return sequence(start, grammarOf(rest));
    },
    without(text) {
      const [first] = pieces(text);
      return textWithout(typeof first === 'string' ? first : '');
    },
  };
}

function grammarOf(parts: readonly (string | number)[]): Grammar {
  return sequence(...parts.map((part) => (typeof part === 'string' ? part : specialToken(part))));
}

/** Nothing, or the part. */
export function optional(part: Grammar | string): Grammar {
  return choice('', part);
}
