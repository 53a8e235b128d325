import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import { internal } from '../../core/index.ts';
import type { TokenizedCompletion, TokenizedPair, TokenizedRanking, TokenizedUnpaired } from '../row.ts';
import { hashOfPrompt } from '../split.ts';
import { packedLength, packedRankingLength } from './packing.ts';
import type { RowSet } from './row-set.ts';

/** A tokenised row of any kind. */
export type TokenizedRow = TokenizedPair | TokenizedCompletion | TokenizedUnpaired | TokenizedRanking;

/** The columns that rows may come with, a number for each row; NaN where one has none. */
export interface RowColumns {
  readonly margins?: ArrayLike<number>;
  readonly weights?: ArrayLike<number>;
}

/** Rows that are tokenised already, all of one kind, as a set. They are kept as they are, not copied. */
export function rowSetOf<T extends TokenizedRow>(rows: readonly T[], { margins, weights }: RowColumns = {}): RowSet<T> {
  const column = (values: ArrayLike<number> | undefined): Float64Array<ArrayBuffer> =>
    values === undefined ? new Float64Array(rows.length).fill(NaN) : Float64Array.from(values);
  return {
    count: rows.length,
    fingerprint: fingerprintOf(rows),
    row: (index) => {
      const row = rows[index];
      if (row === undefined) throw internal(`row set: index must be in [0, ${rows.length}), got ${index}`);
      return row;
    },
    lengths: Int32Array.from(rows, lengthOf),
    sequenceCounts: Int32Array.from(rows, sequencesOf),
    promptHashes: Float64Array.from(rows, ({ prompt }) => hashOfPrompt(prompt.join(' '))),
    margins: column(margins),
    weights: column(weights),
  };
}

function lengthOf(row: TokenizedRow): number {
  if ('answers' in row) return packedRankingLength(row);
  if ('chosen' in row) return packedLength(row);
  return row.prompt.length + row.completion.length;
}

function sequencesOf(row: TokenizedRow): number {
  if ('answers' in row) return new Set(row.answers.map(({ prompt }) => prompt)).size;
  return 'chosen' in row && row.rejectedPrompt !== undefined ? 2 : 1;
}

const NONE = new Int32Array();

/** Everything that is computed with, list after list. */
function listsOf(row: TokenizedRow): Int32Array[] {
  if ('answers' in row) return row.answers.flatMap(({ prompt, ids, mask }) => [prompt, ids, mask ?? NONE]);
  if ('chosen' in row) {
    const { prompt, chosen, rejected, rejectedPrompt, chosenMask, rejectedMask } = row;
    return [prompt, chosen, rejected, rejectedPrompt ?? NONE, chosenMask ?? NONE, rejectedMask ?? NONE];
  }
  const own = [row.prompt, row.completion, row.completionMask ?? NONE];
  if (!('label' in row)) return own;
  const other = row.mismatched === undefined ? [] : listsOf(row.mismatched);
  return [...own, Int32Array.of(row.label), ...other];
}

function fingerprintOf(rows: readonly TokenizedRow[]): string {
  const hash = sha256.create().update(utf8ToBytes('preftune rows in memory\n'));
  for (const row of rows) {
    const [lists, id] = [listsOf(row), utf8ToBytes(row.id)];
    const header = Int32Array.of(id.length, ...lists.map(({ length }) => length));
    hash
      .update(bytesOf(Int32Array.of(header.length)))
      .update(bytesOf(header))
      .update(id);
    for (const list of lists) hash.update(bytesOf(list));
  }
  return bytesToHex(hash.digest());
}

function bytesOf({ buffer, byteOffset, byteLength }: Int32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
