import { byteTokenIds, type PieceEncoder } from '../bpe.ts';
import { utf8 } from '../byte-level.ts';
import { applyMerges, createMergeTable, type Merge } from '../merge.ts';
import { createPieceCache } from '../piece-cache.ts';
import { wordPattern } from '../words.ts';

export interface SentencePieceOptions {
  /** Spellings by id, spaces as U+2581. */
  readonly tokens: readonly string[];
  /** By id: of all neighbours that spell a token, those whose token scores highest join first, the leftmost of equals. */
  readonly scores: ArrayLike<number>;
  /** The id of a character for which the vocabulary has neither a token nor bytes; undefined drops it. */
  readonly unknownId: number | undefined;
}

/**
 * SentencePiece's byte-pair encoding: characters joined by score, what is left over spelled as bytes <0x00>..<0xFF>.
 * Spaces must already be U+2581.
 *
 * Source: Kudo and Richardson 2018, section 3.1; the scores' use as in llama.cpp's and llama2.c's tokenizers.
 */
export function createSentencePiece(options: SentencePieceOptions): PieceEncoder {
  const { tokens, unknownId } = options;
  const vocabulary = firstIds(tokens);
  const symbolOf = symbolTable(tokens, vocabulary);
  const table = createMergeTable(scoreMerges(options, vocabulary, symbolOf), symbolOf.size + tokens.length);
  const byteIds = byteTokenIds(vocabulary);
  const words = wordPattern(tokens);
  const cache = createPieceCache();

  const fallBack = (character: string): readonly number[] => {
    if (byteIds !== undefined) return Array.from(utf8(character), (byte) => byteIds[byte]!);
    return unknownId === undefined ? [] : [unknownId];
  };
  const encodeWord = (word: string): readonly number[] => {
    // Characters that no token contains are negative: -1 is the first such character of this word.
    const strangers: string[] = [];
    const symbols = Array.from(word, (character) => symbolOf.get(character) ?? -strangers.push(character));
    return applyMerges(symbols, table).flatMap((symbol) => {
      if (symbol >= 0 && symbol < tokens.length) return [symbol];
      return fallBack(symbol < 0 ? strangers[-symbol - 1]! : characterOf(symbolOf, symbol));
    });
  };
  return (text, into) => {
    for (const word of words === undefined ? [text] : (text.match(words) ?? [])) {
      let ids = cache.get(word);
      if (ids === undefined) {
        ids = encodeWord(word);
        cache.set(word, ids);
      }
      for (const id of ids) into.push(id);
    }
  };
}

function firstIds(tokens: readonly string[]): ReadonlyMap<string, number> {
  const ids = new Map<string, number>();
  tokens.forEach((token, id) => {
    if (token.length > 0 && !ids.has(token)) ids.set(token, id);
  });
  return ids;
}

/** Ids of the tokens, and further numbers for characters that occur in tokens without being one. */
function symbolTable(tokens: readonly string[], vocabulary: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
  const symbols = new Map(vocabulary);
  let next = tokens.length;
  for (const token of tokens) {
    for (const character of token) if (!symbols.has(character)) symbols.set(character, next++);
  }
  return symbols;
}

function characterOf(symbols: ReadonlyMap<string, number>, symbol: number): string {
  for (const [text, candidate] of symbols) if (candidate === symbol) return text;
  return '\uFFFD';
}

/** Every way to join two symbols into a token, ranked by the token's score. */
function scoreMerges(
  { tokens, scores }: SentencePieceOptions,
  vocabulary: ReadonlyMap<string, number>,
  symbolOf: ReadonlyMap<string, number>,
): readonly Merge[] {
  const descending = Array.from(new Set(tokens.map((_, id) => scores[id] ?? 0))).toSorted((a, b) => b - a);
  const rankOf = new Map(descending.map((score, rank) => [score, rank]));
  const merges: Merge[] = [];
  for (const [token, result] of vocabulary) {
    const rank = rankOf.get(scores[result] ?? 0)!;
    let leftText = '';
    for (const character of token) {
      leftText += character;
      if (leftText.length === token.length) break;
      const left = symbolOf.get(leftText);
      const right = symbolOf.get(token.slice(leftText.length));
      if (left !== undefined && right !== undefined) merges.push({ left, right, rank, result });
    }
  }
  return merges;
}
