import { badInput } from '../core/index.ts';
import { hashFraction, hashText, promptKey } from './hash.ts';
import type { Content, DataRow } from './row.ts';
import type { RowSet } from './tokens/row-set.ts';

export interface SplitOptions {
  /** The share of prompts to hold out, in [0, 1). */
  readonly fraction: number;
  readonly seed: number;
}

/** Indices into the set, ascending. */
export interface PromptSplit {
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
): PromptSplit {
  requireFraction(fraction);
  const places = Float64Array.from(set.promptHashes, (hash) => placeOf(hash, seed));
  const range = createPlaceRange();
  places.forEach(range.add);
  const threshold = range.threshold(fraction);
  const sides: Record<keyof PromptSplit, number[]> = { train: [], heldOut: [] };
  places.forEach((place, index) => sides[place < threshold ? 'heldOut' : 'train'].push(index));
  return { train: Int32Array.from(sides.train), heldOut: Int32Array.from(sides.heldOut) };
}

/** What a stream of rows must remember so that it is split as splitByPrompt would split them. */
export interface PlaceRange {
  /** `place` of placeOfUnit. */
  readonly add: (place: number) => void;
  /** Rows at smaller places are held out. It is `fraction`, unless that leaves a side of two prompts or more empty. */
  threshold(fraction: number): number;
}

export function createPlaceRange(): PlaceRange {
  let lowest = Infinity;
  let second = Infinity;
  let highest = -Infinity;
  return {
    add(place) {
      if (place < lowest) {
        second = lowest;
        lowest = place;
      } else if (place > lowest && place < second) {
        second = place;
      }
      if (place > highest) highest = place;
    },
    threshold(fraction) {
      if (fraction === 0 || second === Infinity) return fraction;
      if (lowest >= fraction) return (lowest + second) / 2;
      return highest < fraction ? highest : fraction;
    },
  };
}

/** Where a row stands in [0, 1) for a seed: rows of one prompt at one place. */
export function placeOfUnit(unit: Content, seed: number): number {
  return placeOf(hashOfPrompt(unit), seed);
}

/** What decides a row's side: its prompt; of a plain text, which has none, the text. */
export function splitUnit({ row }: DataRow): Content {
  return row.prompt === '' && 'completion' in row ? row.completion : row.prompt;
}

/** The side of one prompt, for streams: the same rule as splitByPrompt without its exception for tiny sets. */
export function sideOfPrompt(prompt: Content, { fraction, seed }: SplitOptions): keyof PromptSplit {
  requireFraction(fraction);
  return placeOfUnit(prompt, seed) < fraction ? 'heldOut' : 'train';
}

/** The number that RowSet.promptHashes holds for a prompt. */
export function hashOfPrompt(prompt: Content): number {
  return hashFraction(hashText(promptKey(prompt)));
}

/** Mixes a seed into a prompt's hash. */
function placeOf(hash: number, seed: number): number {
  return hashFraction(hashText(`${hash} ${seed}`));
}

/** Throws bad-input for a fraction outside [0, 1). */
export function requireFraction(fraction: number): void {
  if (!(fraction >= 0 && fraction < 1)) throw badInput(`split: fraction must be in [0, 1), got ${fraction}`);
}
