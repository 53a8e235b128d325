import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import type { RowSet } from './row-set.ts';
import type { TokenizedCompletion, TokenizedUnpaired } from '../row.ts';

export interface MismatchOptions {
  /** Rows of each optimizer batch, in the order in which they are seen: every row once. */
  readonly batches: readonly (readonly number[])[];
  /** Tokens of a prompt and the answer behind it: what is longer loses its end. */
  readonly maxLength: number;
  /**
   * As TRL has it: always the answer of the row before in the batch, whatever its prompt, and these ids of it behind a prompt. Without
   * it an answer as it was trained loses its end.
   */
  readonly trl?: (prompt: Int32Array, answer: TokenizedUnpaired) => Int32Array<ArrayBuffer>;
}

/**
 * The row whose answer stands behind each row's prompt: the one before it in its batch, the first row's being the last, as long as that
 * has another prompt; else the nearest one before in the order of all batches that has. Where all rows have one prompt it is the row before.
 *
 * With `anyPrompt` it is always the row before it in its batch.
 *
 * Source: the shift by one within a batch is TRL's (KTOTrainer); TRL also takes answers to the same prompt.
 */
export function mismatchPartners(
  { promptHashes }: Pick<RowSet<unknown>, 'promptHashes'>,
  batches: readonly (readonly number[])[],
  anyPrompt = false,
): Int32Array<ArrayBuffer> {
  const partners = new Int32Array(promptHashes.length);
  if (anyPrompt) {
    for (const batch of batches) batch.forEach((row, at) => (partners[row] = batch.at(at - 1)!));
    return partners;
  }
  const order = batches.flat();
  const differ = (a: number, b: number): boolean => promptHashes[a] !== promptHashes[b];
  order.forEach((row, at) => (partners[row] = order.at(at - 1)!));
  const edge = order.findIndex((row, at) => differ(row, order.at(at - 1)!));
  if (edge < 0) return partners;
  let before = -1;
  for (let k = 0; k < order.length; k++) {
    const at = (edge + k) % order.length;
    const [row, previous] = [order[at]!, order.at(at - 1)!];
    if (differ(row, previous)) before = previous;
    partners[row] = before;
  }
  for (const batch of batches)
    batch.forEach((row, at) => {
      const previous = batch.at(at - 1)!;
      if (differ(row, previous)) partners[row] = previous;
    });
  return partners;
}

/**
 * The rows, each with an answer of another row behind its prompt (mismatchPartners), which estimates how far the policy is from the reference
 * on text that nobody asked for. The pairing is in the fingerprint, and a row is as long as its longer sequence.
 */
export function withMismatches(
  set: RowSet<TokenizedUnpaired>,
  { batches, maxLength, trl }: MismatchOptions,
): RowSet<TokenizedUnpaired> {
  const partners = mismatchPartners(set, batches, trl !== undefined);
  const row = (index: number): TokenizedUnpaired & Pick<Required<TokenizedUnpaired>, 'mismatched'> => {
    const { uncut: _uncut, ...own } = set.row(index);
    const other = set.row(partners[index]!);
    const mismatched =
      trl === undefined ? behind(own, other, maxLength) : mismatchOf(own, other, trl(own.prompt, other));
    return { ...own, mismatched };
  };
  const hash = sha256
    .create()
    .update(utf8ToBytes(`preftune mismatches ${maxLength} ${set.fingerprint}\n`))
    .update(new Uint8Array(partners.buffer));
  // Ids that were cut off the answers themselves may stand behind other prompts.
  if (trl !== undefined)
    for (let index = 0; index < set.count; index++) {
      const { buffer, byteOffset, byteLength } = row(index).mismatched.completion;
      hash.update(new Uint8Array(buffer, byteOffset, byteLength)).update(Uint8Array.of(0));
    }
  return {
    ...set,
    row,
    fingerprint: bytesToHex(hash.digest()),
    lengths: set.lengths.map((length, index) => {
      const { prompt, mismatched } = row(index);
      return Math.max(length, prompt.length + mismatched.completion.length);
    }),
  };
}

function mismatchOf(own: TokenizedCompletion, { id }: TokenizedCompletion, completion: Int32Array<ArrayBuffer>) {
  return { id: `${own.id} with the answer of ${id}`, prompt: own.prompt, completion };
}

function behind(own: TokenizedCompletion, other: TokenizedCompletion, maxLength: number): TokenizedCompletion {
  const { completion, completionMask } = other;
  const length = Math.max(1, maxLength - own.prompt.length);
  return {
    ...mismatchOf(own, other, completion.subarray(0, length)),
    ...(completionMask && { completionMask: completionMask.subarray(0, length) }),
  };
}
