import {
  add,
  div,
  gather,
  input,
  lessEqual,
  matmul,
  mul,
  randomUniform,
  reduceSum,
  scalar,
  sqrt,
  stopGradient,
  sub,
  transpose,
  unsqueeze,
  where,
  type Node,
} from '../graph/index.ts';
import {
  loraAnchorSpecs,
  loraNames,
  loraParameterSpecs,
  type LoraConfig,
  type LoraNames,
  type LoraTarget,
} from './adapter.ts';
import { addBias, type Decoder } from './decoder.ts';
import { EMBEDDING_PATH, HEAD_PATH, moduleWeightName } from './parameters.ts';

export interface LoraOptions {
  /**
   * sum: the adapter is part of the weight, x (W + scale B A)^T, which is formed once for many tokens; right where tokens
   * come one at a time. separate: x W^T + scale (x A^T) B^T; right in training, where the sum would double the weights in
   * memory and x A^T is needed for the gradient anyway. The head is a sum on both: its scores are never formed whole. Default sum.
   */
  readonly path?: 'sum' | 'separate';
  /** An int32 scalar, another for every batch: the adapter's input is dropped out, on the separate path. Default: no dropout. */
  readonly dropoutSeed?: Node;
  /**
   * fixed: numbers of the graph. inputs: float32 scalars under loraNames' `scale`, which B is multiplied by, so that adapters that differ
   * in nothing else share a program. Default fixed.
   */
  readonly scales?: 'fixed' | 'inputs';
}

/** Seeds of two projections differ by this, so that their masks do too. */
const SEED_STRIDE = 7919;

/** A target with the nodes of its tensors. */
interface Adapted {
  readonly scale: number;
  readonly index: number;
  /** [out, in]; of the embedding [V, D], its transpose. */
  readonly weight: () => Node;
  readonly A: Node;
  readonly B: Node;
  readonly magnitude: Node | undefined;
  readonly anchor: { readonly A: Node; readonly B: Node } | undefined;
}

/**
 * The decoder with an adapter on its targets. With magnitudes its weights must be in float32.
 *
 * @example
 * ```ts run
 * import { openModelFiles, parseModelConfig, plainDecoder, withLora } from 'preftune';
 * import { loraParameterSpecs, resolveTargets } from 'preftune/models';
 *
 * const files = await openModelFiles('node_modules/preftune/assets/embedded-model');
 * const config = parseModelConfig(files.config);
 * const targets = resolveTargets(config, ['q_proj', 'v_proj']).map((path) => ({ path, rank: 8, scale: 2 }));
 * const lora = { targets, dropout: 0 };
 * const decoder = withLora(plainDecoder(config), lora, { path: 'separate' });
 * console.log(decoder.config.layers, loraParameterSpecs(config, lora).length); // 7 28
 * await files.close();
 * ```
 */
export function withLora(
  decoder: Decoder,
  lora: LoraConfig,
  { path: way = 'sum', dropoutSeed, scales }: LoraOptions = {},
): Decoder {
  const { config, weights } = decoder;
  const targets = adaptedTargets(decoder, lora, scales);
  const project = (x: Node, path: string): Node => {
    const target = targets.get(path);
    if (target === undefined) return decoder.project(x, path);
    const isDropped = dropoutSeed !== undefined && lora.dropout > 0;
    if (way === 'sum' && !isDropped)
      return addBias(matmul(x, summed(target), { transposeB: true }), { config, weights, path });
    const dropped = isDropped ? dropout(x, lora.dropout, add(dropoutSeed, target.index * SEED_STRIDE)) : x;
    if (target.magnitude === undefined) return add(decoder.project(x, path), change(target, x, dropped));
    const factor = unsqueeze(magnitudeFactor(target, target.magnitude), 0);
    const product = (of: Node): Node => matmul(of, target.weight(), { transposeB: true });
    const low = change(target, x, dropped);
    if (!isDropped) return addBias(mul(add(product(x), low), factor), { config, weights, path });
    // PEFT's rule: the base's share of the change sees the dropped input too.
    return add(decoder.project(x, path), add(mul(product(dropped), sub(factor, 1)), mul(low, factor)));
  };
  const [embedding, head] = [targets.get(EMBEDDING_PATH), targets.get(HEAD_PATH)];
  return {
    ...decoder,
    project,
    ...(embedding === undefined ? {} : { embed: (tokens: Node) => embedded(embedding, tokens) }),
    ...(head === undefined ? {} : { head: summed(head) }),
  };
}

function adaptedTargets(
  { config, weights }: Decoder,
  lora: LoraConfig,
  scales: LoraOptions['scales'] = 'fixed',
): ReadonlyMap<string, Adapted> {
  const specs = [...loraParameterSpecs(config, lora), ...loraAnchorSpecs(config, lora)];
  const nodes = new Map(specs.map(({ name, shape }) => [name, input(name, shape)]));
  const adapted = ({ path, scale }: LoraTarget, index: number): Adapted => {
    const names: LoraNames = loraNames(path);
    const factor = scales === 'inputs' ? input(names.scale, []) : undefined;
    const scaled = (matrix: Node): Node => (factor === undefined ? matrix : mul(matrix, factor));
    const [A, B] = [nodes.get(names.anchorA), nodes.get(names.anchorB)];
    return {
      scale: factor === undefined ? scale : 1,
      index,
      weight: () => weights(moduleWeightName(config, path)),
      A: nodes.get(names.a)!,
      B: scaled(nodes.get(names.b)!),
      magnitude: nodes.get(names.magnitude),
      anchor: A && B && { A, B: scaled(B) },
    };
  };
  return new Map(lora.targets.map((target, index) => [target.path, adapted(target, index)]));
}

/** scale (drop(x) A^T) B^T - scale (x A0^T) B0^T */
function change({ A, B, scale, anchor }: Adapted, x: Node, dropped: Node): Node {
  const through = (of: Node, first: Node, second: Node): Node =>
    matmul(matmul(of, first, { transposeB: true }), second, { transposeB: true, scale });
  const moved = through(dropped, A, B);
  return anchor === undefined ? moved : sub(moved, through(x, anchor.A, anchor.B));
}

/** W + scale (B A - B0 A0), [out, in], before magnitudes. */
function direction({ weight, A, B, scale, anchor }: Adapted): Node {
  const moved = matmul(B, A, { scale });
  return add(weight(), anchor === undefined ? moved : sub(moved, matmul(anchor.B, anchor.A, { scale })));
}

/** The whole weight, [out, in]. */
function summed(target: Adapted): Node {
  const whole = direction(target);
  return target.magnitude === undefined ? whole : mul(whole, unsqueeze(magnitudeFactor(target, target.magnitude), 1));
}

/** |W + scale B A| of each output, [out], without a gradient. */
function norms(whole: Node, axis: 0 | 1): Node {
  return stopGradient(sqrt(reduceSum(mul(whole, whole), { axes: [axis] })));
}

/** m / |W + scale B A|, [out]. Depends on weights alone, so that it is computed once a step. */
function magnitudeFactor(target: Adapted, magnitude: Node): Node {
  return div(magnitude, norms(direction(target), 1));
}

/** W + scale (B A)^T of the embedding, [V, D]. */
function embeddingDirection({ weight, A, B, scale }: Adapted): Node {
  return add(weight(), matmul(A, B, { transposeA: true, transposeB: true, scale }));
}

/** Rows of the adapted embedding for int32 [T]: [T, D]. There is no dropout, as in PEFT. */
function embedded(target: Adapted, tokens: Node): Node {
  const { weight, A, B, scale, magnitude } = target;
  const low = gather(transpose(A, [1, 0]), tokens);
  const rows = add(gather(weight(), tokens), matmul(low, B, { transposeB: true, scale }));
  if (magnitude === undefined) return rows;
  return mul(rows, unsqueeze(div(magnitude, norms(embeddingDirection(target), 0)), 0));
}

/**
 * The magnitudes that leave a model as it is, |W + scale B A| under their names: what a new adapter starts from. Computed as the forward
 * pass computes the norms, so that their quotient is exactly 1.
 */
export function startingMagnitudes(decoder: Decoder, lora: LoraConfig): Readonly<Record<string, Node>> {
  const adapted = adaptedTargets(decoder, lora);
  return Object.fromEntries(
    [...adapted].map(([path, target]) => [
      loraNames(path).magnitude,
      path === EMBEDDING_PATH ? norms(embeddingDirection(target), 0) : norms(direction(target), 1),
    ]),
  );
}

/** x / (1 - p) with probability 1 - p, else 0. Source: Srivastava et al. 2014, in the inverted form. */
export function dropout(x: Node, probability: number, seed: Node): Node {
  const kept = lessEqual(scalar(probability), randomUniform(seed, x.shape));
  return where(kept, div(x, 1 - probability), 0);
}
