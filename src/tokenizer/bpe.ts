import { BYTE_CHARACTERS, utf8 } from './byte-level.ts';
import { applyMerges, createMergeTable, type Merge, type MergeTable } from './merge.ts';
import { createPieceCache } from './piece-cache.ts';
import { SPACE_MARK, wordPattern } from './words.ts';

/** Appends the ids of a piece of text to `into`. */
export type PieceEncoder = (piece: string, into: number[]) => void;

export interface BpeOptions {
  readonly vocabulary: ReadonlyMap<string, number>;
  readonly merges: readonly (readonly [left: string, right: string])[];
  /** Pieces are plain text, spelled as byte characters first. */
  readonly byteLevel: boolean;
  /** A character that is not in the vocabulary becomes its UTF-8 bytes <0x00>..<0xFF>. */
  readonly byteFallback: boolean;
  /** A piece that is a token is that token, whatever the merges say. */
  readonly ignoreMerges: boolean;
  /** The id of what is in no other way a token; undefined drops it. */
  readonly unknownId: number | undefined;
  /** A run of unknown characters is one unknown token. */
  readonly fuseUnknown: boolean;
}

/**
 * Byte-pair encoding of one piece: its characters, joined by the merges in the order of their list.
 *
 * Merges whose parts or result are not in the vocabulary never apply. Pieces are remembered.
 *
 * Source: Sennrich et al. 2016, section 3.2, in the form of the `tokenizers` crate's models/bpe.
 */
export function createBpe(options: BpeOptions): PieceEncoder {
  const { vocabulary, merges, byteLevel, ignoreMerges } = options;
  const table = tableOf(options);
  const symbolsOf = createSymbolizer(options);
  const cache = createPieceCache();
  // An unknown space mark could fuse with what is unknown before it, and a whole piece is looked up whole.
  const divisible = !byteLevel && !ignoreMerges && vocabulary.has(SPACE_MARK);
  const words = divisible ? wordPattern(mergedTexts(merges)) : undefined;
  return (piece, into) => {
    for (const word of words === undefined ? [piece] : (piece.match(words) ?? [])) {
      let ids = cache.get(word);
      if (ids === undefined) {
        const spelled = byteLevel ? spell(word) : word;
        const whole = ignoreMerges ? vocabulary.get(spelled) : undefined;
        ids = whole === undefined ? applyMerges(symbolsOf(spelled), table) : [whole];
        cache.set(word, ids);
      }
      for (const id of ids) into.push(id);
    }
  };
}

function* mergedTexts(merges: BpeOptions['merges']): Iterable<string> {
  for (const [left, right] of merges) yield left + right;
}

function spell(piece: string): string {
  let spelled = '';
  for (const byte of utf8(piece)) spelled += BYTE_CHARACTERS[byte]!;
  return spelled;
}

function tableOf({ vocabulary, merges }: BpeOptions): MergeTable {
  const known: Merge[] = [];
  let stride = 1;
  for (const id of vocabulary.values()) stride = Math.max(stride, id + 1);
  merges.forEach(([leftText, rightText], rank) => {
    const left = vocabulary.get(leftText);
    const right = vocabulary.get(rightText);
    const result = vocabulary.get(leftText + rightText);
    if (left !== undefined && right !== undefined && result !== undefined) known.push({ left, right, rank, result });
  });
  return createMergeTable(known, stride);
}

/** The text's characters as ids, before any merge. */
function createSymbolizer({
  vocabulary,
  byteFallback,
  unknownId,
  fuseUnknown,
}: BpeOptions): (text: string) => number[] {
  const byteIds = byteFallback ? byteTokenIds(vocabulary) : undefined;
  return (text) => {
    const symbols: number[] = [];
    let unknownBefore = false;
    for (const character of text) {
      const id = vocabulary.get(character);
      const isUnknown = id === undefined && byteIds === undefined;
      if (id !== undefined) symbols.push(id);
      else if (byteIds !== undefined) for (const byte of utf8(character)) symbols.push(byteIds[byte]!);
      else if (unknownId !== undefined && !(fuseUnknown && unknownBefore)) symbols.push(unknownId);
      unknownBefore = isUnknown;
    }
    return symbols;
  };
}

/** The ids of <0x00> to <0xFF>; undefined unless the vocabulary has them all. */
export function byteTokenIds(vocabulary: ReadonlyMap<string, number>): readonly number[] | undefined {
  const ids = Array.from({ length: 256 }, (_, byte) => vocabulary.get(byteToken(byte)));
  return ids.every((id) => id !== undefined) ? ids : undefined;
}

/** <0x0A> for 10. */
export function byteToken(byte: number): string {
  return `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`;
}
