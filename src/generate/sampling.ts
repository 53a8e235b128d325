import { runFailed, type Random } from '../core/index.ts';

export interface Sampling {
  /** Scores are divided by it; 0 takes the token with the highest score. */
  readonly temperature: number;
  /** In (0, 1]: draw among the fewest most likely tokens whose probabilities sum to at least this. */
  readonly topP: number;
  /** Draw among so many most likely tokens; 0 and left out: all. */
  readonly topK?: number;
  /** In [0, 1): draw among tokens at least so likely as this share of the likeliest one's probability. Default 0. */
  readonly minP?: number;
  /** Scores of ids that were there are divided by it where they are above 0, and multiplied where they are below. Default 1. */
  readonly repetitionPenalty?: number;
}

/** Whether a token is drawn, as opposed to the likeliest one taken. */
export function isDrawn({ temperature }: Pick<Sampling, 'temperature'>): boolean {
  return temperature > 0;
}

/**
 * A token drawn from softmax(scores / temperature), after the penalty for `seen` ids and cut, in this order, to the `topK` likeliest, to the nucleus of
 * `topP` of those, and to `minP`; of equal scores the lower id comes first. exp(score / temperature) overflows for a score of 89 at temperature 1, so the
 * highest score is taken off first. Throws run-failed for scores that are not finite.
 *
 * Source: Holtzman et al. 2020 (nucleus sampling), section 3.1; Keskar et al. 2019 (CTRL), section 4.1, for the penalty; Nguyen et al. 2024 (min-p). The order is
 * Transformers'.
 */
export function chooseToken(
  scores: Float32Array,
  sampling: Sampling,
  random: Random,
  seen: Iterable<number> = [],
): number {
  const { temperature, topP, topK = 0, minP = 0, repetitionPenalty = 1 } = sampling;
  const given = repetitionPenalty === 1 ? scores : penalised(scores, seen, repetitionPenalty);
  const best = highest(given);
  if (!isDrawn(sampling)) return best;
  const weights = new Float64Array(given.length);
  let total = 0;
  for (let id = 0; id < given.length; id++) {
    weights[id] = Math.exp((given[id]! - given[best]!) / temperature);
    total += weights[id]!;
  }
  if (topK > 0 && topK < weights.length) total = keepLikeliest(weights, topK);
  if (topP === 1 && minP === 0) return draw(weights, undefined, random.nextFloat() * total);
  const { ids, mass } = topP === 1 ? { ids: undefined, mass: total } : nucleus(weights, total, topP);
  if (minP === 0) return draw(weights, ids, random.nextFloat() * mass);
  // The likeliest token weighs 1.
  const kept = (ids ?? [...weights.keys()]).filter((id) => weights[id]! >= minP);
  const keptMass = kept.reduce((sum, id) => sum + weights[id]!, 0);
  return draw(weights, kept, random.nextFloat() * keptMass);
}

function penalised(scores: Float32Array, seen: Iterable<number>, penalty: number): Float32Array {
  const changed = Float32Array.from(scores);
  for (const id of new Set(seen)) changed[id] = scores[id]! > 0 ? scores[id]! / penalty : scores[id]! * penalty;
  return changed;
}

/** Leaves the `count` largest weights, the lower ids of equal ones, and makes the others 0. Returns the sum of what is left. */
function keepLikeliest(weights: Float64Array, count: number): number {
  const least = Float64Array.from(weights).toSorted().at(-count)!;
  let room = count - weights.reduce((above, weight) => above + (weight > least ? 1 : 0), 0);
  let total = 0;
  for (let id = 0; id < weights.length; id++) {
    const isKept = weights[id]! > least || (weights[id] === least && room-- > 0);
    if (!isKept) weights[id] = 0;
    total += weights[id]!;
  }
  return total;
}

/** A token with its log-probability under the model's own distribution: no temperature, cut or penalty. Nats. */
export interface TokenLogp {
  readonly id: number;
  readonly logp: number;
}

/** log softmax(scores) of a token, and of the `count` likeliest ones, likeliest first. */
export function logpsOf(scores: Float32Array, id: number, count: number): { logp: number; top: TokenLogp[] } {
  const most = scores.reduce((best, score) => Math.max(best, score), -Infinity);
  let sum = 0;
  for (const score of scores) sum += Math.exp(score - most);
  const normaliser = most + Math.log(sum);
  const top: TokenLogp[] = [];
  if (count === 0) return { logp: scores[id]! - normaliser, top };
  for (let other = 0; other < scores.length; other++) {
    const logp = scores[other]! - normaliser;
    if (top.length === count && logp <= top.at(-1)!.logp) continue;
    const place = top.findIndex((one) => logp > one.logp);
    top.splice(place < 0 ? top.length : place, 0, { id: other, logp });
    if (top.length > count) top.pop();
  }
  return { logp: scores[id]! - normaliser, top };
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
