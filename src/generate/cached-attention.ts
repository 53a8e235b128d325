import {
  add,
  dimProduct,
  input,
  iota,
  less,
  lessEqual,
  and,
  matmul,
  permuteRows,
  putRows,
  reshape,
  softmax,
  sub,
  transpose,
  unsqueeze,
  where,
  type Node,
} from '../graph/index.ts';
import { attentionScores, type Attend, type ModelConfig } from '../models/index.ts';

/**
 * The inputs of one step of cached decoding: T new tokens of B rows, any number of them per row, one row's after the other
 * without padding. Slot j of a row's cache belongs to its position j, so rows of different length need no alignment.
 */
export interface StepInputs {
  /** int32 [T] */
  readonly tokens: Node;
  /** int32 [T] */
  readonly positions: Node;
  /** int32 [B, S]: the token of each query slot, -1 where a row has fewer than S new tokens. */
  readonly gatherIndex: Node;
  /** int32 [T]: the query slot of each token. */
  readonly scatterIndex: Node;
  /** int32 [B, S]: the position of each query slot, -1 where there is none. */
  readonly slotPositions: Node;
  /** int32 [T, KV, 3]: row, head and slot of the cache that each new key and value goes to. */
  readonly cachePlaces: Node;
}

export function stepInputs({ keyValueHeads }: ModelConfig): StepInputs {
  return {
    tokens: input('tokens', ['T'], 'int32'),
    positions: input('positions', ['T'], 'int32'),
    gatherIndex: input('gatherIndex', ['B', 'S'], 'int32'),
    scatterIndex: input('scatterIndex', ['T'], 'int32'),
    slotPositions: input('slotPositions', ['B', 'S'], 'int32'),
    cachePlaces: input('cachePlaces', ['T', keyValueHeads, 3], 'int32'),
  };
}

/** Keys and values that a step adds to, by name: cache/<layer>/k and cache/<layer>/v, each float32 [B, KV, C, d]. */
export function cacheNames(layer: number): { readonly k: string; readonly v: string } {
  return { k: `cache/${layer}/k`, v: `cache/${layer}/v` };
}

/** exp(HIDDEN) is 0 in float32 beside any real score, and a query slot without token is still finite. */
const HIDDEN = -1e9;

/** 0 where a query at position p sees cache slot j (p - window < j <= p), HIDDEN elsewhere: [B, 1, 1, S, C]. */
function visibility({ slotPositions }: StepInputs, window: number | undefined): Node {
  const from = unsqueeze(slotPositions, 2);
  const to = unsqueeze(unsqueeze(iota('C'), 0), 0);
  const before = lessEqual(to, from);
  const sees = window === undefined ? before : and(before, less(sub(from, to), window));
  return reshape(where(sees, 0, HIDDEN), ['B', 1, 1, 'S', 'C']);
}

/**
 * Attention of new tokens over everything that their rows have seen: softmax(attentionScores(q, K) + visibility) V, with K and V
 * the cache after the new keys and values are put into it, which may be done in the cache's own memory. `updated` collects the new caches by name.
 */
export function cachedAttention(config: ModelConfig, inputs: StepInputs, updated: Record<string, Node>): Attend {
  const { heads, keyValueHeads, headSize } = config;
  const group = heads / keyValueHeads;
  const grouped = dimProduct([group, 'S']);
  const biases = new Map<number | undefined, Node>();
  const biasFor = (window: number | undefined): Node => {
    const bias = biases.get(window) ?? visibility(inputs, window);
    biases.set(window, bias);
    return bias;
  };
  const cached = (name: string, fresh: Node): Node => {
    const cache = input(name, ['B', keyValueHeads, 'C', headSize]);
    return (updated[name] = putRows(cache, fresh, inputs.cachePlaces));
  };
  return ({ q, k, v }, layer) => {
    const names = cacheNames(layer);
    const [keys, values] = [cached(names.k, k), cached(names.v, v)];
    const slots = transpose(permuteRows(q, inputs.gatherIndex, inputs.scatterIndex), [0, 2, 1, 3]);
    const queries = reshape(slots, ['B', keyValueHeads, grouped, headSize]);
    const scores = attentionScores(config, queries, keys);
    const biased = add(reshape(scores, ['B', keyValueHeads, group, 'S', 'C']), biasFor(config.slidingWindow[layer]));
    const weights = reshape(softmax(biased), ['B', keyValueHeads, grouped, 'C']);
    const seen = transpose(reshape(matmul(weights, values), ['B', heads, 'S', headSize]), [0, 2, 1, 3]);
    return reshape(permuteRows(seen, inputs.scatterIndex, inputs.gatherIndex), ['T', heads * headSize]);
  };
}
