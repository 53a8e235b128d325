import { add, input, matmul, type Node } from '../graph/index.ts';
import type { ModelConfig, Projection } from './model-config.ts';
import { parameterSpecs, projectionHasBias } from './parameters.ts';

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

/**
 * The plain model: y = x W^T + bias for every projection.
 *
 * @example
 * ```ts run
 * import { graph, openModelFiles, parseModelConfig, plainDecoder, printGraph } from 'preftune';
 * import { input } from 'preftune/graph';
 *
 * const files = await openModelFiles('node_modules/preftune/assets/embedded-model');
 * const decoder = plainDecoder(parseModelConfig(files.config));
 * const hidden = input('hidden', ['T', decoder.config.hiddenSize]);
 * console.log(printGraph(graph({ query: decoder.project(hidden, 'model.layers.0.self_attn.q_proj') })));
 * // %0 = input "hidden" : float32 [T, 192]
 * // %1 = input "model.layers.0.self_attn.q_proj.weight" : float32 [192, 192]
 * // %2 = matmul %0 %1 transposeB=true : float32 [T, 192]
 * // return query=%2
 * await files.close();
 * ```
 */
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
