import {
  add,
  and,
  equal,
  input,
  iota,
  less,
  lessEqual,
  matmul,
  or,
  permuteRows,
  reshape,
  softmax,
  sub,
  transpose,
  unsqueeze,
  where,
  dimProduct,
  type Node,
} from '../graph/index.ts';
import type { ModelConfig } from './config.ts';
import type { Attend } from './decoder.ts';

/**
 * The inputs of a packed batch (data/packing.ts): T tokens of B layout rows, one after the other without padding, and their
 * places in the padded [B, S] layout that attention needs.
 */
export interface PackedInputs {
  /** int32 [T] */
  readonly tokens: Node;
  /** int32 [T]: restarts after the prompt for each answer. */
  readonly positions: Node;
  /** int32 [B, S]: the token of each slot, -1 for padding. */
  readonly gatherIndex: Node;
  /** int32 [T]: the slot of each token. */
  readonly scatterIndex: Node;
  /** int32 [B, S]: 0 prompt, 1 chosen, 2 rejected, -1 padding. */
  readonly segments: Node;
  /** int32 [B, S]: the position of each slot, for sliding windows. */
  readonly slotPositions: Node;
}

export function packedInputs(): PackedInputs {
  return {
    tokens: input('tokens', ['T'], 'int32'),
    positions: input('positions', ['T'], 'int32'),
    gatherIndex: input('gatherIndex', ['B', 'S'], 'int32'),
    scatterIndex: input('scatterIndex', ['T'], 'int32'),
    segments: input('segments', ['B', 'S'], 'int32'),
    slotPositions: input('slotPositions', ['B', 'S'], 'int32'),
  };
}

/** exp(HIDDEN) is 0 in float32 beside any real score, and a row of nothing but HIDDEN is still finite. */
const HIDDEN = -1e9;

/**
 * 0 where slot i of a row sees slot j, HIDDEN elsewhere: [B, 1, 1, S, S]. A slot sees what stands before it (itself
 * included) in the prompt and in its own answer, at most `window` positions back.
 */
function visibility({ segments, slotPositions }: PackedInputs, window: number | undefined): Node {
  const slots = iota('S');
  const before = unsqueeze(lessEqual(unsqueeze(slots, 0), unsqueeze(slots, 1)), 0);
  const [from, to] = [unsqueeze(segments, 2), unsqueeze(segments, 1)];
  let sees = and(before, or(equal(to, 0), equal(from, to)));
  if (window !== undefined) {
    sees = and(sees, less(sub(unsqueeze(slotPositions, 2), unsqueeze(slotPositions, 1)), window));
  }
  return reshape(where(sees, 0, HIDDEN), ['B', 1, 1, 'S', 'S']);
}

/**
 * Attention over a packed batch: softmax(q k^T / sqrt(d) + visibility) v for every row, padding never reaching a token.
 * The heads that share a key stand in the query's sequence axis, so keys and values are not repeated.
 */
export function packedAttention(config: ModelConfig, inputs: PackedInputs): Attend {
  const { heads, keyValueHeads, headSize } = config;
  const group = heads / keyValueHeads;
  const biases = new Map<number | undefined, Node>();
  const biasFor = (window: number | undefined): Node => {
    const bias = biases.get(window) ?? visibility(inputs, window);
    biases.set(window, bias);
    return bias;
  };
  const toSlots = (x: Node): Node => transpose(permuteRows(x, inputs.gatherIndex, inputs.scatterIndex), [0, 2, 1, 3]);
  const grouped = dimProduct([group, 'S']);
  return ({ q, k, v }, layer) => {
    const queries = reshape(toSlots(q), ['B', keyValueHeads, grouped, headSize]);
    const scores = matmul(queries, toSlots(k), { transposeB: true, scale: 1 / Math.sqrt(headSize) });
    const biased = add(reshape(scores, ['B', keyValueHeads, group, 'S', 'S']), biasFor(config.slidingWindow[layer]));
    const weights = reshape(softmax(biased), ['B', keyValueHeads, grouped, 'S']);
    const seen = transpose(reshape(matmul(weights, toSlots(v)), ['B', heads, 'S', headSize]), [0, 2, 1, 3]);
    return reshape(permuteRows(seen, inputs.scatterIndex, inputs.gatherIndex), ['T', heads * headSize]);
  };
}
