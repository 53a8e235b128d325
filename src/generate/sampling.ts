import { runFailed, type Random } from '../core/index.ts';

export interface Sampling {
  /** Scores are divided by it; 0 takes the token with the highest score. */
  readonly temperature: number;
  /** In (0, 1]: draw among the fewest most likely tokens whose probabilities sum to at least this. */
  readonly topP: number;
}

/**
 * A token drawn from softmax(scores / temperature), cut to the nucleus of `topP`; of equal scores the lower id comes first.
 * exp(score / temperature) overflows for a score of 89 at temperature 1, so the highest score is taken off first.
 * Throws run-failed for scores that are not finite. Source: Holtzman et al. 2020 (nucleus sampling), section 3.1.
 */
export function chooseToken(scores: Float32Array, { temperature, topP }: Sampling, random: Random): number {
  const best = highest(scores);
  if (temperature === 0) return best;
  const weights = new Float64Array(scores.length);
  let total = 0;
  for (let id = 0; id < scores.length; id++) {
    weights[id] = Math.exp((scores[id]! - scores[best]!) / temperature);
    total += weights[id]!;
  }
  if (topP === 1) return draw(weights, undefined, random.nextFloat() * total);
  const { ids, mass } = nucleus(weights, total, topP);
  return draw(weights, ids, random.nextFloat() * mass);
}

/** The lowest id among those with the highest score. */
function highest(scores: Float32Array): number {
  let best = 0;
  for (let id = 0; id < scores.length; id++) {
    const score = scores[id]!;
    if (!(score < Infinity) || score === -Infinity)
      throw runFailed(
        `generate: the scores of a token must be finite, got ${score} for id ${id}; the weights may be damaged`,
      );
    if (score > scores[best]!) best = id;
  }
  return best;
}

/**
 * The fewest ids, likeliest first, whose weights reach topP * total, and their sum. Ids below (1 - topP) * total / count
 * weigh less than (1 - topP) * total together, so they can never be needed and are not sorted.
 */
function nucleus(weights: Float64Array, total: number, topP: number): { ids: readonly number[]; mass: number } {
  const least = ((1 - topP) * total) / weights.length;
  const candidates: number[] = [];
  for (let id = 0; id < weights.length; id++) if (weights[id]! >= least) candidates.push(id);
  candidates.sort((a, b) => weights[b]! - weights[a]! || a - b);
  let mass = 0;
  const end = candidates.findIndex((id) => (mass += weights[id]!) >= topP * total);
  return { ids: end < 0 ? candidates : candidates.slice(0, end + 1), mass };
}

/** The first id at which the running sum of weights exceeds `at`; the last with any weight when rounding leaves none. */
function draw(weights: Float64Array, ids: readonly number[] | undefined, at: number): number {
  const count = ids?.length ?? weights.length;
  let sum = 0;
  let last = 0;
  for (let i = 0; i < count; i++) {
    const id = ids?.[i] ?? i;
    if (weights[id] === 0) continue;
    sum += weights[id]!;
    last = id;
    if (sum > at) break;
  }
  return last;
}
