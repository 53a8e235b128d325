import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import { internal } from '../../core/index.ts';
import { packedLength, packedRankingLength } from './packing.ts';
import type {
  TokenizedAnswer,
  TokenizedCompletion,
  TokenizedUnpaired,
  TokenizedRanking,
  TokenizedPair,
} from '../row.ts';
import type { FinishedArena } from './token-arena.ts';

/** Tokenised rows in compact storage. Rows are views: writing to them changes the set. */
export interface RowSet<T> {
  readonly count: number;
  /** SHA-256, hex: changes with every id, token and the order of rows. */
  readonly fingerprint: string;
  /** Throws `internal:` for an index outside [0, count). */
  row(index: number): T;
  /** [count] tokens that each row takes in a packed batch. */
  readonly lengths: Int32Array<ArrayBuffer>;
  /** [count] sequences that each row takes in a packed batch: 2 for a pair whose prompts differ, else 1. */
  readonly sequenceCounts: Int32Array<ArrayBuffer>;
  /** [count] a number in [0, 1) that rows of the same prompt share; two prompts share one with probability 2^-53. */
  readonly promptHashes: Float64Array<ArrayBuffer>;
  /** [count] margin and weight that rows came with, NaN where one has none. */
  readonly margins: Float64Array<ArrayBuffer>;
  readonly weights: Float64Array<ArrayBuffer>;
}

/** Lists of a pair in the arena; the second prompt is empty unless `sequenceCounts` says 2, a mask where all is scored. */
export const PAIR_PARTS = 6;
/** Lists of a completion in the arena; the mask is empty where all is scored. */
export const COMPLETION_PARTS = 3;
/** As a completion's, and a list of one number: the label. */
export const UNPAIRED_PARTS = 4;
/** Lists of one answer of a list: prompt, ids, mask. The prompt is empty where it is that of the answer before. */
export const ANSWER_PARTS = 3;

export function createPairSet(
  arena: FinishedArena,
  rows: {
    readonly sequenceCounts: ArrayLike<number>;
    readonly promptHashes: ArrayLike<number>;
    readonly margins?: ArrayLike<number>;
    readonly weights?: ArrayLike<number>;
  },
): RowSet<TokenizedPair> {
  const sequenceCounts = Int32Array.from(rows.sequenceCounts);
  const read = (index: number): TokenizedPair => {
    const list = (part: number) => listOf(arena, index * PAIR_PARTS + part);
    const [chosenMask, rejectedMask] = [list(4), list(5)];
    return {
      id: arena.ids[index]!,
      prompt: list(0),
      chosen: list(1),
      rejected: list(2),
      ...(sequenceCounts[index] === 2 && { rejectedPrompt: list(3) }),
      ...(chosenMask.length > 0 && { chosenMask }),
      ...(rejectedMask.length > 0 && { rejectedMask }),
    };
  };
  return createSet(arena, { ...rows, read, length: packedLength, sequenceCounts });
}

export function createCompletionSet(
  arena: FinishedArena,
  rows: { readonly promptHashes: ArrayLike<number> },
): RowSet<TokenizedCompletion> {
  const read = (index: number): TokenizedCompletion => {
    const list = (part: number) => listOf(arena, index * COMPLETION_PARTS + part);
    const completionMask = list(2);
    return {
      id: arena.ids[index]!,
      prompt: list(0),
      completion: list(1),
      ...(completionMask.length > 0 && { completionMask }),
    };
  };
  const sequenceCounts = new Int32Array(arena.ids.length).fill(1);
  return createSet(arena, { read, length: completionLength, sequenceCounts, promptHashes: rows.promptHashes });
}

export function createUnpairedSet(
  arena: FinishedArena,
  rows: {
    readonly promptHashes: ArrayLike<number>;
    readonly weights: ArrayLike<number>;
    /** Of each row, where any has them. */
    readonly uncut?: readonly (Int32Array<ArrayBuffer> | undefined)[];
  },
): RowSet<TokenizedUnpaired> {
  const read = (index: number): TokenizedUnpaired => {
    const list = (part: number) => listOf(arena, index * UNPAIRED_PARTS + part);
    const completionMask = list(2);
    return {
      id: arena.ids[index]!,
      prompt: list(0),
      completion: list(1),
      ...(completionMask.length > 0 && { completionMask }),
      label: list(3)[0] === 1 ? 1 : 0,
      ...(rows.uncut?.[index] && { uncut: rows.uncut[index] }),
    };
  };
  const sequenceCounts = new Int32Array(arena.ids.length).fill(1);
  return createSet(arena, { ...rows, read, length: completionLength, sequenceCounts });
}

/** Lists over an arena whose rows are answers, `sizes` of them for each list in turn, all under the list's id. */
export function createRankingSet(
  arena: FinishedArena,
  rows: {
    readonly sizes: ArrayLike<number>;
    readonly promptHashes: ArrayLike<number>;
    readonly weights: ArrayLike<number>;
  },
): RowSet<TokenizedRanking> {
  const sizes = Int32Array.from(rows.sizes);
  const starts = new Int32Array(sizes.length + 1);
  sizes.forEach((size, index) => (starts[index + 1] = starts[index]! + size));
  const read = (index: number): TokenizedRanking => {
    const first = starts[index]!;
    let prompt = listOf(arena, first * ANSWER_PARTS);
    const answers = Array.from({ length: sizes[index]! }, (_, place): TokenizedAnswer => {
      const list = (part: number) => listOf(arena, (first + place) * ANSWER_PARTS + part);
      const [own, ids, mask] = [list(0), list(1), list(2)];
      if (own.length > 0) prompt = own;
      return { prompt, ids, ...(mask.length > 0 && { mask }) };
    });
    return { id: arena.ids[first]!, prompt: answers[0]!.prompt, answers };
  };
  const sequenceCounts = Int32Array.from(
    sizes,
    (_, index) => new Set(read(index).answers.map((each) => each.prompt)).size,
  );
  const { promptHashes, weights } = rows;
  return createSet(arena, { read, length: packedRankingLength, sequenceCounts, promptHashes, weights });
}

function completionLength({ prompt, completion }: TokenizedCompletion): number {
  return prompt.length + completion.length;
}

function listOf({ tokens, starts }: FinishedArena, list: number): Int32Array<ArrayBuffer> {
  return tokens.subarray(starts[list], starts[list + 1]);
}

function createSet<T>(
  { fingerprint }: FinishedArena,
  rows: {
    readonly read: (index: number) => T;
    readonly length: (row: T) => number;
    readonly sequenceCounts: Int32Array<ArrayBuffer>;
    readonly promptHashes: ArrayLike<number>;
    readonly margins?: ArrayLike<number>;
    readonly weights?: ArrayLike<number>;
  },
): RowSet<T> {
  // Lists have several rows of the arena each.
  const count = rows.sequenceCounts.length;
  const row = (index: number): T => {
    if (!(Number.isInteger(index) && index >= 0 && index < count))
      throw internal(`row set: index must be in [0, ${count}), got ${index}`);
    return rows.read(index);
  };
  return {
    count,
    fingerprint,
    row,
    lengths: Int32Array.from({ length: count }, (_, index) => rows.length(row(index))),
    sequenceCounts: rows.sequenceCounts,
    promptHashes: Float64Array.from(rows.promptHashes),
    margins: rows.margins === undefined ? new Float64Array(count).fill(NaN) : Float64Array.from(rows.margins),
    weights: rows.weights === undefined ? new Float64Array(count).fill(NaN) : Float64Array.from(rows.weights),
  };
}

/** The rows at `indices`, in that order, over the same storage. Throws `internal:` for an index outside the set. */
export function selectRows<T>(set: RowSet<T>, indices: ArrayLike<number>): RowSet<T> {
  const chosen = Int32Array.from(indices);
  chosen.forEach((index) => set.row(index));
  const bytes = new Uint8Array(chosen.buffer);
  const hash = sha256
    .create()
    .update(utf8ToBytes(`preftune select ${set.fingerprint}\n`))
    .update(bytes);
  return {
    count: chosen.length,
    fingerprint: bytesToHex(hash.digest()),
    row(index) {
      const source = chosen[index];
      if (source === undefined) throw internal(`row set: index must be in [0, ${chosen.length}), got ${index}`);
      return set.row(source);
    },
    lengths: chosen.map((index) => set.lengths[index]!),
    sequenceCounts: chosen.map((index) => set.sequenceCounts[index]!),
    promptHashes: Float64Array.from(chosen, (index) => set.promptHashes[index]!),
    margins: Float64Array.from(chosen, (index) => set.margins[index]!),
    weights: Float64Array.from(chosen, (index) => set.weights[index]!),
  };
}
