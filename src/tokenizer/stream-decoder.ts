import type { Tokenizer } from './tokenizer.ts';

/** Text of ids that arrive one by one, in parts that never hold half a character. */
export interface StreamDecoder {
  /** The text that is certain after this id; often empty inside a character of several tokens. */
  push(id: number): string;
  /** What is still held back, with U+FFFD for characters that were never completed. Then the decoder is as new. */
  flush(): string;
}

/** UTF-8 characters have at most four bytes, so at most three replacement characters can still become one. */
const MAX_HELD = 3;

/** A window of this many ids is shortened to the last few, as soon as these make whole characters, or at four times the size. */
const WINDOW = 16;
const CONTEXT = 4;

/**
 * A StreamDecoder over `tokenizer`, special tokens left out. The parts of a whole generation put together are
 * `tokenizer.decode(ids, { skipSpecialTokens: true })` for ids that make valid UTF-8.
 *
 * The last ids are decoded together, and what was already given out is cut off: this also gets right what depends on a
 * token's neighbours, such as the space that SentencePiece drops at the start of a text. The work a token is constant.
 */
export function createStreamDecoder(tokenizer: Pick<Tokenizer, 'decode'>): StreamDecoder {
  let window: number[] = [];
  let given = 0;
  const textOf = (ids: readonly number[]): string => tokenizer.decode(ids, { skipSpecialTokens: true });
  const give = (text: string, end: number): string => {
    const part = text.slice(given, Math.max(given, end));
    given = Math.max(given, end);
    return part;
  };
  return {
    push(id) {
      window.push(id);
      const text = textOf(window);
      const held = heldBack(text);
      const part = give(text, text.length - held);
      if (window.length >= WINDOW) {
        const context = window.slice(-CONTEXT);
        const shortened = textOf(context);
        // Context that starts inside a character would change under the next tokens: wait for a better moment.
        if (!shortened.includes('\uFFFD') || window.length >= 4 * WINDOW) {
          window = context;
          given = Math.max(0, shortened.length - held);
        }
      }
      return part;
    },
    flush() {
      const text = textOf(window);
      const part = give(text, text.length);
      window = [];
      given = 0;
      return part;
    },
  };
}

function heldBack(text: string): number {
  let held = 0;
  while (held < MAX_HELD && text.charAt(text.length - 1 - held) === '\uFFFD') held++;
  return held;
}
