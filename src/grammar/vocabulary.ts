import { badInput } from '../core/index.ts';
import { tokenBytes, type Tokenizer } from '../tokenizer/index.ts';
import { createMaskCache, type MaskCache } from './mask-cache.ts';
import { createTrie, type TokenTrie } from './trie.ts';

/** What a constraint needs of a tokenizer. */
export interface VocabularySource {
  /** Number of ids: each is in [0, size). */
  readonly size: number;
  /** The bytes of each id; undefined for ids that never stand in a text, such as special tokens. */
  readonly bytes: readonly (Uint8Array | undefined)[];
  /** The ids that end an answer. At least one. */
  readonly stopIds: readonly number[];
}

/** A vocabulary as a tree of bytes, with the masks that its constraints have in common. Make one for each tokenizer and keep it. */
export interface Vocabulary {
  readonly size: number;
  readonly bytes: readonly (Uint8Array | undefined)[];
  readonly stopIds: readonly number[];
  readonly trie: TokenTrie;
  readonly cache: MaskCache;
}

/**
 * The vocabulary of a tokenizer. Special tokens are no part of any text; added tokens that are not special stand for their characters. `logitCount` is the
 * number of ids that the model scores where it is larger than the vocabulary (padded): those ids are never allowed.
 * Throws bad-input when the tokenizer names no token that ends an answer.
 */
export function vocabularyOf(tokenizer: Tokenizer, logitCount = tokenizer.vocabularySize): Vocabulary {
  return createVocabulary({
    size: Math.max(tokenizer.vocabularySize, logitCount),
    bytes: tokenBytes(tokenizer),
    stopIds: tokenizer.stopIds,
  });
}

/** The vocabulary of these tokens. Throws bad-input without an id that ends an answer, or with one outside the vocabulary. */
export function createVocabulary(source: VocabularySource): Vocabulary {
  const { size, stopIds } = source;
  if (stopIds.length === 0) {
    throw badInput(
      'grammar: the tokenizer must name a token that ends an answer, got none; add eos_token to its files',
    );
  }
  const outside = stopIds.find((id) => !Number.isInteger(id) || id < 0 || id >= size);
  if (outside !== undefined) {
    throw badInput(
      `grammar: ids that end an answer must be integers from 0 to ${size - 1}, got ${outside}; use the tokenizer's own`,
    );
  }
  if (source.bytes.length > size) {
    throw badInput(`grammar: a vocabulary of ${size} ids must not have more tokens, got ${source.bytes.length}`);
  }
  const stops = new Set(stopIds);
  const bytes = Array.from({ length: size }, (_, id) => (stops.has(id) ? undefined : source.bytes[id]));
  return { size, bytes, stopIds: Array.from(stops), trie: createTrie(bytes), cache: createMaskCache() };
}
