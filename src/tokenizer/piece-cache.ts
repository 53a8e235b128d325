/** A bounded memory of what pieces of text became. */
export interface PieceCache {
  get(piece: string): readonly number[] | undefined;
  set(piece: string, ids: readonly number[]): void;
}

/** Longer pieces are rare and seldom repeat. In UTF-16 code units. */
const MAX_CACHED_LENGTH = 64;

/** Natural language repeats its words: 2^15 of them cover nearly all of a corpus, at a few megabytes. */
const GENERATION_SIZE = 2 ** 15;

/**
 * A cache of two generations: when the young one is full it becomes the old one, and the old one is forgotten. What is
 * used stays, without the bookkeeping of a list, and at most 2^16 pieces are held.
 */
export function createPieceCache(): PieceCache {
  let young = new Map<string, readonly number[]>();
  let old = new Map<string, readonly number[]>();
  const keep = (piece: string, ids: readonly number[]): void => {
    if (young.size >= GENERATION_SIZE) {
      old = young;
      young = new Map();
    }
    young.set(piece, ids);
  };
  return {
    get(piece) {
      const found = young.get(piece);
      if (found !== undefined) return found;
      const aged = old.get(piece);
      if (aged !== undefined) keep(piece, aged);
      return aged;
    },
    set(piece, ids) {
      // Joining characters copies them: a slice would keep the whole text that it was cut from alive.
      if (piece.length <= MAX_CACHED_LENGTH) keep(Array.from(piece).join(''), ids);
    },
  };
}
