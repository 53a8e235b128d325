import { badInput } from '../core/index.ts';
import { hashFraction, hashText, promptKey } from './hash.ts';
import type { Content } from './row.ts';
import type { RowSet } from './row-set.ts';

export interface SplitOptions {
  /** The share of prompts to hold out, in [0, 1). */
  readonly fraction: number;
  readonly seed: number;
}

/** Indices into the set, ascending. */
export interface Split {
  readonly train: Int32Array<ArrayBuffer>;
  readonly heldOut: Int32Array<ArrayBuffer>;
}

/**
 * Holds out about `fraction` of the prompts with all their rows, so that no prompt stands on both sides. A prompt's side
 * depends on the prompt and the seed alone: it stays where it is when rows are added, reordered or tokenised otherwise.
 * Where that would leave one side without a row though there are two prompts, the prompt nearest to the threshold moves.
 *
 * Throws bad-input for a fraction outside [0, 1).
 */
export function splitByPrompt<T>(
  set: Pick<RowSet<T>, 'count' | 'promptHashes'>,
  { fraction, seed }: SplitOptions,
): Split {
  requireFraction(fraction);
  const places = Float64Array.from(set.promptHashes, (hash) => placeOf(hash, seed));
  const sorted = [...new Set(places)].toSorted((a, b) => a - b);
  let threshold = fraction;
  if (fraction > 0 && sorted.length >= 2) {
    const lowest = sorted[0]!;
    const highest = sorted.at(-1)!;
    if (lowest >= threshold) threshold = (lowest + sorted[1]!) / 2;
    else if (highest < threshold) threshold = highest;
  }
  const sides: Record<keyof Split, number[]> = { train: [], heldOut: [] };
  places.forEach((place, index) => sides[place < threshold ? 'heldOut' : 'train'].push(index));
  return { train: Int32Array.from(sides.train), heldOut: Int32Array.from(sides.heldOut) };
}

/** The side of one prompt, for streams: the same rule as splitByPrompt without its exception for tiny sets. */
export function sideOfPrompt(prompt: Content, { fraction, seed }: SplitOptions): keyof Split {
  requireFraction(fraction);
  return placeOf(hashOfPrompt(prompt), seed) < fraction ? 'heldOut' : 'train';
}

/** The number that RowSet.promptHashes holds for a prompt. */
export function hashOfPrompt(prompt: Content): number {
  return hashFraction(hashText(promptKey(prompt)));
}

/** Mixes a seed into a prompt's hash. */
function placeOf(hash: number, seed: number): number {
  return hashFraction(hashText(`${hash} ${seed}`));
}

function requireFraction(fraction: number): void {
  if (!(fraction >= 0 && fraction < 1)) throw badInput(`split: fraction must be in [0, 1), got ${fraction}`);
}
