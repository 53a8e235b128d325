import type { Tokenizer } from '../../tokenizer/index.ts';

/** SentencePiece writes a space as this in its vocabulary. */
const SENTENCEPIECE_SPACE = '\u2581';

/**
 * How single tokens read in a report: their text, with the leading space that decoding drops at the start of a
 * SentencePiece text; the vocabulary's own spelling where a token is no whole text (part of a character, say).
 */
export function createTokenSpeller(tokenizer: Tokenizer): (id: number) => string {
  const spellings = new Map<number, string>();
  return (id) => {
    let spelling = spellings.get(id);
    if (spelling === undefined) spellings.set(id, (spelling = spell(tokenizer, id)));
    return spelling;
  };
}

function spell(tokenizer: Tokenizer, id: number): string {
  const own = tokenizer.tokenText(id);
  if (own.startsWith(SENTENCEPIECE_SPACE)) return own.replaceAll(SENTENCEPIECE_SPACE, ' ');
  const text = tokenizer.decode([id]);
  return text === '' || text.includes('\ufffd') ? own : text;
}
