import type { Tokenizer } from './tokenizer.ts';

/** Text of ids that arrive one by one, in parts that never hold half a character. */
export interface StreamDecoder {
  /** The text that is certain after this id; often empty inside a character of several tokens. */
  push(id: number): string;
  /** What is still held back, with U+FFFD for characters that were never completed. Then the decoder is as new. */
  flush(): string;
}

/** From this many ids on, the window is shortened to the shortest of these suffixes that makes whole characters. */
const WINDOW = 16;
const SUFFIXES = [4, 5, 6, 7, 8];

/** A window that holds text back and is this long holds bytes that will never be a character: it is given out. */
const MAX_WINDOW = 64;

/**
 * A StreamDecoder over `tokenizer`, special tokens left out. The parts of a whole generation put together are
 * `tokenizer.decode(ids, { skipSpecialTokens: true })` for ids that make valid UTF-8.
 *
 * The last ids are decoded together, and what was already given out is cut off: this also gets right what depends on a
 * token's neighbours, such as the space that SentencePiece drops at the start of a text, and the byte tokens of which a
 * single unfinished one turns a whole run into U+FFFD. At most MAX_WINDOW ids are decoded for each id.
 *
 * Special tokens in `kept` stand in the text by these spellings: marks of what an answer consists of, such as calls of tools. What comes behind one is decoded as a text of its own.
 */
export function createStreamDecoder(
  tokenizer: Pick<Tokenizer, 'decode'>,
  kept: ReadonlyMap<number, string> = new Map(),
): StreamDecoder {
  let window: number[] = [];
  let given = 0;
  const textOf = (ids: readonly number[]): string => tokenizer.decode(ids, { skipSpecialTokens: true });
  const give = (text: string, end: number): string => {
    const part = text.slice(given, Math.max(given, end));
    given = Math.max(given, end);
    return part;
  };
  const shorten = (): void => {
    const suffixes = SUFFIXES.map((length) => window.slice(-length));
    // A suffix of special tokens only would make the next token the first of a text.
    const whole = suffixes.find((ids) => /^[^\uFFFD]+$/.test(textOf(ids)));
    if (whole === undefined && window.length < MAX_WINDOW) return;
    window = whole ?? suffixes[0]!;
    given = textOf(window).length;
  };
  const flush = (): string => {
    const text = textOf(window);
    const part = give(text, text.length);
    window = [];
    given = 0;
    return part;
  };
  return {
    push(id) {
      const spelling = kept.get(id);
      if (spelling !== undefined) return flush() + spelling;
      window.push(id);
      const text = textOf(window);
      const held = window.length < MAX_WINDOW ? heldBack(text) : 0;
      const part = give(text, text.length - held);
      if (held === 0 && window.length >= WINDOW) shorten();
      return part;
    },
    flush,
  };
}

/** U+FFFD at the end may still become a character. */
function heldBack(text: string): number {
  let held = 0;
  while (text.charAt(text.length - 1 - held) === '\uFFFD') held++;
  return held;
}
