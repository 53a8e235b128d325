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
  reshape,
  softmax,
  sub,
  transpose,
  unsqueeze,
  where,
  type Node,
} from '../graph/index.ts';
import { attentionScores } from './attention-scores.ts';
import type { Attend } from './decoder.ts';
import type { ModelConfig } from './model-config.ts';

/** The inputs of a packed batch (data/packing.ts): T tokens of all sequences, one after the other without padding. */
export interface PackedInputs {
  /** int32 [T] */
  readonly tokens: Node;
  /** int32 [T]: restarts after the prompt for each answer. */
  readonly positions: Node;
  /** int32 [T]: the prompt or answer that a token belongs to. */
  readonly branches: Node;
  /** int32 [T]: the branch that this one continues; a prompt's own. */
  readonly parents: Node;
}

export function packedInputs(): PackedInputs {
  return {
    tokens: input('tokens', ['T'], 'int32'),
    positions: input('positions', ['T'], 'int32'),
    branches: input('branches', ['T'], 'int32'),
    parents: input('parents', ['T'], 'int32'),
  };
}

/** exp(HIDDEN) is 0 in float32 beside any real score. */
const HIDDEN = -1e9;

/**
 * 0 where token i sees token j, HIDDEN elsewhere: [T, T]. A token sees what stands before it (itself included) in its own
 * branch and in the branch that it continues, at most `window` positions back.
 */
function visibility({ positions, branches, parents }: PackedInputs, window: number | undefined): Node {
  const order = iota('T');
  const before = lessEqual(unsqueeze(order, 0), unsqueeze(order, 1));
  const to = unsqueeze(branches, 0);
  let sees = and(before, or(equal(unsqueeze(branches, 1), to), equal(unsqueeze(parents, 1), to)));
  if (window !== undefined) sees = and(sees, less(sub(unsqueeze(positions, 1), unsqueeze(positions, 0)), window));
  return where(sees, 0, HIDDEN);
}

/**
 * Attention over a packed batch: softmax(attentionScores(q, k) + visibility) v, all sequences in one [T, T] square, so nothing is
 * padded; a micro-batch is small, and mostly one pair. Keys and values are not repeated for the heads that share them: their
 * axis of length 1 is, and each head is a product of its own, which threads share evenly.
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
  return ({ q, k, v }, layer) => {
    const [queries, keys, values] = [q, k, v].map((x) => transpose(x, [1, 0, 2])) as [Node, Node, Node];
    const shared = (x: Node): Node => reshape(x, [keyValueHeads, 1, 'T', headSize]);
    const scores = attentionScores(config, reshape(queries, [keyValueHeads, group, 'T', headSize]), shared(keys));
    const seen = matmul(softmax(add(scores, biasFor(config.slidingWindow[layer]))), shared(values));
    return reshape(transpose(reshape(seen, [heads, 'T', headSize]), [1, 0, 2]), ['T', heads * headSize]);
  };
}
