import { float32Tensor, int32Tensor, type HostTensor } from '../core/index.ts';
import {
  packCompletions,
  packRankings,
  packPairs,
  type PackedBatch,
  type TokenizedCompletion,
  type TokenizedUnpaired,
  type TokenizedRanking,
  type TokenizedPair,
} from '../data/index.ts';

/** One micro-batch as the graphs take it. */
export interface MicroBatch {
  readonly inputs: Readonly<Record<string, HostTensor>>;
  /** Tokens that the model reads: prompts once, no padding. */
  readonly tokens: number;
  /** Scored tokens of each owner: [R, W] for preferences (a pair's chosen and rejected), [R] for completions. */
  readonly counts: Float32Array<ArrayBuffer>;
  /** Inputs that the backward pass of a coupled objective reads instead, where some answers have no gradient: they are left out. */
  readonly backward?: Readonly<Record<string, HostTensor>>;
}

function microBatch(batch: PackedBatch, counts: Float32Array<ArrayBuffer>, countShape: readonly number[]): MicroBatch {
  for (const owner of batch.owners) counts[owner]! += 1;
  const inputs = {
    tokens: int32Tensor([batch.T], batch.tokens),
    positions: int32Tensor([batch.T], batch.positions),
    branches: int32Tensor([batch.T], batch.branches),
    parents: int32Tensor([batch.T], batch.parents),
    lossRows: int32Tensor([batch.U], batch.lossRows),
    predict: int32Tensor([batch.C], batch.predict),
    targets: int32Tensor([batch.C], batch.targets),
    owners: int32Tensor([batch.C], batch.owners),
    counts: { dtype: 'float32', shape: countShape, data: counts } as HostTensor,
  };
  return { inputs, tokens: batch.T, counts };
}

/** Inputs of every graph of pairs, the reference's and `lossScale` apart; a graph reads those that it has. */
export function pairMicroBatch(pairs: readonly TokenizedPair[]): MicroBatch {
  const packed = packPairs(pairs);
  const counts = new Float32Array(2 * pairs.length);
  const batch = microBatch(packed, counts, [pairs.length, 2]);
  const promptLengths = Float32Array.from(
    pairs.flatMap(({ prompt, rejectedPrompt }) => [prompt.length, (rejectedPrompt ?? prompt).length]),
  );
  const inputs = {
    ...batch.inputs,
    shared: float32Tensor([packed.C], sharedMask(packed.owners, counts)),
    promptLengths: float32Tensor([pairs.length, 2], promptLengths),
  };
  return { ...batch, inputs };
}

/** [C] 1 for the first min(chosen, rejected) scored tokens of both answers of a pair, else 0. */
function sharedMask(owners: Int32Array, counts: Float32Array): Float32Array<ArrayBuffer> {
  const seen = new Int32Array(counts.length);
  return Float32Array.from(owners, (owner) => {
    const index = seen[owner]!++;
    return index < Math.min(counts[owner]!, counts[owner ^ 1]!) ? 1 : 0;
  });
}

/** Inputs of completionScoreGraph and completionLossGraph, `lossScale` apart. */
export function completionMicroBatch(rows: readonly TokenizedCompletion[], scorePrompt: boolean): MicroBatch {
  return microBatch(packCompletions(rows, { scorePrompt }), new Float32Array(rows.length), [rows.length]);
}

/**
 * Inputs of the graphs of unpaired answers: labels [R]; `counts` [R, 1], or [R, 2] where the rows have mismatched answers, in the second column. Those
 * come behind all others, so that dropout draws the same for the others without them.
 */
export function unpairedMicroBatch(rows: readonly TokenizedUnpaired[]): MicroBatch {
  const labels = float32Tensor(
    [rows.length],
    Float32Array.from(rows, ({ label }) => label),
  );
  const mismatched = rows.flatMap((row) => (row.mismatched === undefined ? [] : [row.mismatched]));
  if (mismatched.length === 0) {
    const batch = microBatch(packCompletions(rows), new Float32Array(rows.length), [rows.length, 1]);
    return { ...batch, inputs: { ...batch.inputs, labels } };
  }
  const both = inColumns([rows, mismatched]);
  return {
    ...both,
    inputs: { ...both.inputs, labels },
    backward: inColumns([rows, []]).inputs,
  };
}

/** Answers in the first column of [R, 2], then those in the second. */
function inColumns([first, second]: readonly [
  readonly TokenizedCompletion[],
  readonly TokenizedCompletion[],
]): MicroBatch {
  const packed = packCompletions([...first, ...second]);
  const owners = packed.owners.map((answer) => (answer < first.length ? 2 * answer : 2 * (answer - first.length) + 1));
  return microBatch({ ...packed, owners }, new Float32Array(2 * first.length), [first.length, 2]);
}

/** Inputs of the graphs of lists, `width` answers side by side; `present` [R, width] is 1 where there is one. */
export function rankingMicroBatch(lists: readonly TokenizedRanking[], width: number): MicroBatch {
  const shape = [lists.length, width];
  const batch = microBatch(packRankings(lists, width), new Float32Array(lists.length * width), shape);
  const present = new Float32Array(lists.length * width);
  lists.forEach(({ answers }, row) => answers.forEach((_, place) => (present[row * width + place] = 1)));
  return { ...batch, inputs: { ...batch.inputs, present: float32Tensor(shape, present) } };
}
