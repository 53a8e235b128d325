import {
  add,
  cast,
  constant,
  cos,
  gather,
  input,
  matmul,
  mul,
  reshape,
  rmsNorm,
  rope,
  silu,
  sin,
  unsqueeze,
  type Node,
} from '../graph/index.ts';
import { float32Tensor } from '../core/index.ts';
import type { ModelConfig } from './config.ts';
import {
  EMBEDDING_NAME,
  FINAL_NORM_NAME,
  headName,
  parameterSpecs,
  projectionHasBias,
  projectionPath,
  type Projection,
} from './parameters.ts';

/** The weights of a model as nodes, by Hugging Face name. */
export type Weights = (name: string) => Node;

/** x [T, in] -> [T, out] through the projection at a path such as model.layers.0.self_attn.q_proj. Adapters replace it. */
export type Project = (x: Node, path: string) => Node;

/** A model as a function: its configuration, its weights and how its projections multiply. */
export interface Decoder {
  readonly config: ModelConfig;
  readonly weights: Weights;
  readonly project: Project;
  /** int32 [T] -> [T, D], where an adapter changes the embedding. Default: rows of its weight. */
  readonly embed?: (tokens: Node) => Node;
  /** The [V, D] matrix of the scores, where an adapter changes it. Default: the head's weight, or the embedding's when they are tied. */
  readonly head?: Node;
  /** Scores of the vocabulary [N, V] of states [N, D], where the head is kept compactly and its matrix can not be had. Default: their product with it. */
  readonly scores?: (hidden: Node) => Node;
}

/**
 * How tokens see each other: queries [T, H, d], keys and values [T, KV, d] after the rotary embedding -> [T, H d]. Packed
 * rows, cached generation and scoring differ in nothing else.
 */
export type Attend = (heads: { readonly q: Node; readonly k: Node; readonly v: Node }, layer: number) => Node;

export interface DecoderInputs {
  /** int32 [T] */
  readonly tokens: Node;
  /** int32 [T] */
  readonly positions: Node;
  readonly attend: Attend;
  /** int32 [U]: the tokens whose hidden states are wanted. The last layer computes only these after its attention. Default: all. */
  readonly rows?: Node;
}

/** A node for every weight of the model, inputs under their Hugging Face names. */
export function weightInputs(config: ModelConfig): Weights {
  const nodes = new Map(parameterSpecs(config).map(({ name, shape }) => [name, input(name, shape)]));
  return (name) => nodes.get(name)!;
}

/** The plain model: y = x W^T + bias for every projection. */
export function plainDecoder(config: ModelConfig, weights: Weights = weightInputs(config)): Decoder {
  const project: Project = (x, path) =>
    addBias(matmul(x, weights(`${path}.weight`), { transposeB: true }), { config, weights, path });
  return { config, weights, project };
}

/** y + bias where the projection at `path` has one. */
export function addBias(
  y: Node,
  { config, weights, path }: { config: ModelConfig; weights: Weights; path: string },
): Node {
  const projection = path.slice(path.lastIndexOf('.') + 1) as Projection;
  return projectionHasBias(config, projection) ? add(y, weights(`${path}.bias`)) : y;
}

/** Of the rotary embedding, [T, 1, headSize / 2]. */
export interface Angles {
  readonly cosine: Node;
  readonly sine: Node;
}

/** cos and sin of position * frequency. */
export function rotaryAngles({ rope: { frequencies, scale }, headSize }: ModelConfig, positions: Node): Angles {
  const radians = mul(
    unsqueeze(cast(positions, 'float32'), -1),
    constant(float32Tensor([1, headSize / 2], frequencies)),
  );
  const scaled = (x: Node): Node => unsqueeze(scale === 1 ? x : mul(x, scale), 1);
  return { cosine: scaled(cos(radians)), sine: scaled(sin(radians)) };
}

function attention(
  decoder: Decoder,
  x: Node,
  { layer, angles, attend }: { layer: number; angles: Angles; attend: Attend },
): Node {
  const { config, weights, project } = decoder;
  const { heads, keyValueHeads, headSize, normEpsilon } = config;
  const tokens = x.shape[0]!;
  const split = (projection: Projection, count: number): Node =>
    reshape(project(x, projectionPath(layer, projection)), [tokens, count, headSize]);
  const rotate = (heads_: Node, norm: string): Node => {
    const normed = config.queryKeyNorm
      ? rmsNorm(heads_, weights(`model.layers.${layer}.self_attn.${norm}.weight`), normEpsilon)
      : heads_;
    return rope(normed, angles.cosine, angles.sine);
  };
  const q = rotate(split('q_proj', heads), 'q_norm');
  const k = rotate(split('k_proj', keyValueHeads), 'k_norm');
  return attend({ q, k, v: split('v_proj', keyValueHeads) }, layer);
}

/** down(silu(gate(x)) * up(x)). Source: Shazeer 2020 (SwiGLU). */
function feedForward({ project }: Decoder, x: Node, layer: number): Node {
  const gate = silu(project(x, projectionPath(layer, 'gate_proj')));
  return project(mul(gate, project(x, projectionPath(layer, 'up_proj'))), projectionPath(layer, 'down_proj'));
}

/**
 * Final hidden states, after the last norm: [T, D], or [U, D] for `rows`.
 * Source: Touvron et al. 2023 (Llama), with grouped-query attention; weights and order of operations as Transformers.
 */
export function hiddenStates(decoder: Decoder, { tokens, positions, attend, rows }: DecoderInputs): Node {
  const { config, weights } = decoder;
  const angles = rotaryAngles(config, positions);
  let x = decoder.embed?.(tokens) ?? gather(weights(EMBEDDING_NAME), tokens);
  for (let layer = 0; layer < config.layers; layer++) {
    const last = layer === config.layers - 1;
    x = layerStates(decoder, x, { layer, angles, attend, ...(last && rows !== undefined && { rows }) });
  }
  return rmsNorm(x, weights(FINAL_NORM_NAME), config.normEpsilon);
}

export interface LayerInputs {
  readonly layer: number;
  readonly angles: Angles;
  readonly attend: Attend;
  /** The tokens that go on after the attention. Default: all. */
  readonly rows?: Node;
}

/** One layer: x [T, D] -> x + attention + feed-forward, [T, D] or [U, D] for `rows`. */
export function layerStates(decoder: Decoder, x: Node, { layer, angles, attend, rows }: LayerInputs): Node {
  const { config, weights, project } = decoder;
  const prefix = `model.layers.${layer}`;
  const norm = (of: Node, name: string): Node => rmsNorm(of, weights(`${prefix}.${name}.weight`), config.normEpsilon);
  const seen = attention(decoder, norm(x, 'input_layernorm'), { layer, angles, attend });
  const [before, kept] = rows === undefined ? [x, seen] : [gather(x, rows), gather(seen, rows)];
  const middle = add(before, project(kept, projectionPath(layer, 'o_proj')));
  return add(middle, feedForward(decoder, norm(middle, 'post_attention_layernorm'), layer));
}

/** The [V, D] matrix whose product with a hidden state gives the scores of the vocabulary. */
export function headWeight({ config, weights, head }: Decoder): Node {
  return head ?? weights(headName(config));
}

/** Scores of the whole vocabulary: hidden [N, D] -> [N, V]. Only for few positions; losses use tokenLogps. */
export function logits(decoder: Decoder, hidden: Node): Node {
  if (decoder.head === undefined && decoder.scores !== undefined) return decoder.scores(hidden);
  return matmul(hidden, headWeight(decoder), { transposeB: true });
}
