import { runFailed, type Random } from '../../core/index.ts';
import { adjustScores, type ScoreChanges, type TokenHistory } from './adjust-scores.ts';
import { byScore, likeliest } from './score-order.ts';

export interface Sampling extends ScoreChanges {
  /** Scores are divided by it; 0 takes the token with the highest score. */
  readonly temperature: number;
  /** In (0, 1]: draw among the fewest most likely tokens whose probabilities sum to at least this. */
  readonly topP: number;
  /** Draw among so many most likely tokens; 0 and left out: all. */
  readonly topK?: number;
  /** In [0, 1): draw among tokens at least so likely as this share of the likeliest one's probability. Default 0. */
  readonly minP?: number;
}

/** What bears on the choice of a token beside its scores. */
export interface ChoiceContext extends TokenHistory {
  /** The ids that may be chosen: bit `id % 32` of word `id >> 5`, as of a TokenConstraint; words that are missing allow nothing. Default: all. */
  readonly allowed?: Uint32Array | undefined;
}

/** Whether a token is drawn, as opposed to the likeliest one taken. */
export function isDrawn({ temperature }: Pick<Sampling, 'temperature'>): boolean {
  return temperature > 0;
}

/**
 * A token drawn from softmax(scores / temperature). First the penalties and the bias change scores (`adjustScores`); then what is not allowed is left out, whatever its
 * bias; of the rest it is drawn, cut in this order to the `topK` likeliest, to the nucleus of `topP` of those, and to `minP`, so a cut never leaves nothing. Of equal scores
 * the lower id comes first. Penalties, bias and what is allowed count at temperature 0 too. exp(score / temperature) overflows for a score of 89 at temperature 1, so the
 * highest score is taken off first. Scores are as they were afterwards. Throws run-failed for scores that are not finite, and where nothing is allowed.
 *
 * Source: Holtzman et al. 2020 (nucleus sampling), section 3.1; Nguyen et al. 2024 (min-p). The order of penalty, temperature and cuts is Transformers'.
 */
export function chooseToken(
  scores: Float32Array,
  sampling: Sampling,
  random: Random,
  context: ChoiceContext = {},
): number {
  const restore = adjustScores(scores, sampling, context);
  try {
    return choose(scores, sampling, random, context.allowed);
  } finally {
    restore();
  }
}

/** Weights of candidates, the likeliest one's is 1: of ids, or of every id. */
interface Candidates {
  /** Rising; undefined for all. */
  readonly ids: Int32Array | undefined;
  readonly weights: Float64Array;
  readonly total: number;
}

function choose(scores: Float32Array, sampling: Sampling, random: Random, allowed: Uint32Array | undefined): number {
  const { temperature, topP, topK = 0, minP = 0 } = sampling;
  const ids = allowed === undefined ? undefined : allowedIds(allowed, scores.length);
  const best = highest(scores, ids);
  if (!isDrawn(sampling)) return best;
  const scale = { most: scores[best]!, temperature };
  const isCut = topK > 0 && topK < (ids?.length ?? scores.length);
  const candidates = isCut ? mostLikely(scores, ids, { ...scale, topK }) : weigh(scores, ids, scale);
  const { weights, total } = candidates;
  if (topP === 1 && minP === 0) return draw(candidates, undefined, random.nextFloat() * total);
  const { places, mass } = topP === 1 ? { places: undefined, mass: total } : nucleus(candidates, scores, topP);
  if (minP === 0) return draw(candidates, places, random.nextFloat() * mass);
  // The likeliest token weighs 1.
  const kept: number[] = [];
  let keptMass = 0;
  for (let i = 0; i < (places?.length ?? weights.length); i++) {
    const place = places === undefined ? i : places[i]!;
    if (weights[place]! < minP) continue;
    kept.push(place);
    keptMass += weights[place]!;
  }
  return draw(candidates, kept, random.nextFloat() * keptMass);
}

/** The ids below `count` whose bits are set, rising. Throws run-failed for none. */
function allowedIds(allowed: Uint32Array, count: number): Int32Array {
  const words = Math.min(allowed.length, Math.ceil(count / 32));
  const wordAt = (word: number): number =>
    word === count >>> 5 ? allowed[word]! & (2 ** (count & 31) - 1) : allowed[word]!;
  let many = 0;
  for (let word = 0; word < words; word++) many += bitCount(wordAt(word));
  if (many === 0)
    throw runFailed(
      `internal: a constraint must allow at least one of ${count} tokens, it allows none; it was made for another tokenizer, or its rules contradict each other`,
    );
  const ids = new Int32Array(many);
  let place = 0;
  for (let word = 0; word < words; word++)
    // Takes the lowest bit off, one after the other.
    for (let bits = wordAt(word); bits !== 0; bits &= bits - 1)
      ids[place++] = word * 32 + 31 - Math.clz32(bits & -bits);
  return ids;
}

function bitCount(word: number): number {
  const pairs = word - ((word >>> 1) & 0x5555_5555);
  const fours = (pairs & 0x3333_3333) + ((pairs >>> 2) & 0x3333_3333);
  return Math.imul((fours + (fours >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24;
}

interface WeightScale {
  /** The highest score. */
  readonly most: number;
  readonly temperature: number;
}

function weigh(scores: Float32Array, ids: Int32Array | undefined, { most, temperature }: WeightScale): Candidates {
  const weights = new Float64Array(ids?.length ?? scores.length);
  let total = 0;
  for (let i = 0; i < weights.length; i++) {
    const weight = Math.exp((scores[ids === undefined ? i : ids[i]!]! - most) / temperature);
    weights[i] = weight;
    total += weight;
  }
  return { ids, weights, total };
}

/** Scores closer together than this many temperatures may have one weight, with the rounding of their difference and of its exponential. */
const CLOSE = 2 ** -40;

/** The `topK` largest weights, the lower ids of equal ones; a few others beside them weigh 0. */
function mostLikely(
  scores: Float32Array,
  among: Int32Array | undefined,
  { topK, ...scale }: WeightScale & { readonly topK: number },
): Candidates {
  const lowest = scores[likeliest(scores, topK, among).at(-1)!]! - CLOSE * scale.temperature;
  const near: number[] = [];
  for (let i = 0; i < (among?.length ?? scores.length); i++) {
    const id = among === undefined ? i : among[i]!;
    if (scores[id]! >= lowest) near.push(id);
  }
  const ids = Int32Array.from(near);
  const { weights } = weigh(scores, ids, scale);
  const least = weights.toSorted().at(-topK)!;
  let room = topK;
  for (const weight of weights) if (weight > least) room--;
  let total = 0;
  for (let i = 0; i < weights.length; i++) {
    const isKept = weights[i]! > least || (weights[i] === least && room-- > 0);
    if (!isKept) weights[i] = 0;
    total += weights[i]!;
  }
  return { ids, weights, total };
}

/** The lowest id among those with the highest score. */
function highest(scores: Float32Array, ids: Int32Array | undefined): number {
  let best = ids?.[0] ?? 0;
  for (let i = 0; i < (ids?.length ?? scores.length); i++) {
    const id = ids === undefined ? i : ids[i]!;
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
 * The places of the fewest candidates, likeliest first, whose weights reach topP * total, and their sum. Those below
 * (1 - topP) * total / V weigh less than (1 - topP) * total together, so they can never be needed and are not sorted.
 */
function nucleus(
  { ids, weights, total }: Candidates,
  scores: Float32Array,
  topP: number,
): { readonly places: Int32Array; readonly mass: number } {
  const least = ((1 - topP) * total) / scores.length;
  let count = 0;
  for (let i = 0; i < weights.length; i++) if (weights[i]! >= least) count++;
  const places = new Int32Array(count);
  const own = ids === undefined ? scores : new Float32Array(weights.length);
  for (let i = 0, next = 0; i < weights.length; i++) {
    if (ids !== undefined) own[i] = scores[ids[i]!]!;
    if (weights[i]! >= least) places[next++] = i;
  }
  const sorted = byWeight(byScore(own, places), weights);
  let mass = 0;
  const end = sorted.findIndex((place) => (mass += weights[place]!) >= topP * total);
  return { places: end < 0 ? sorted : sorted.subarray(0, end + 1), mass };
}

/** Places that are sorted by score in the order of their weights: where rounding makes those of different scores equal, the lower place comes first. */
function byWeight(places: Int32Array, weights: Float64Array): Int32Array {
  const compare = (a: number, b: number): number => weights[b]! - weights[a]! || a - b;
  for (let i = 1; i < places.length; i++) if (compare(places[i - 1]!, places[i]!) > 0) return places.toSorted(compare);
  return places;
}

/** The first id at which the running sum of weights exceeds `at`; the last with any weight when rounding leaves none. */
function draw({ ids, weights }: Candidates, places: ArrayLike<number> | undefined, at: number): number {
  const count = places?.length ?? weights.length;
  let sum = 0;
  let last = 0;
  for (let i = 0; i < count; i++) {
    const place = places === undefined ? i : places[i]!;
    if (weights[place] === 0) continue;
    sum += weights[place]!;
    last = place;
    if (sum > at) break;
  }
  return ids === undefined ? last : ids[last]!;
}
