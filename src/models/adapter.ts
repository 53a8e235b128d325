import { badInput, messageOf, type Problem, type Random } from '../core/index.ts';
import { add, div, input, lessEqual, matmul, randomUniform, scalar, where, type Node } from '../graph/index.ts';
import type { ModelConfig } from './config.ts';
import { addBias, type Decoder } from './decoder.ts';
import { PROJECTIONS, projectionPath, projectionShape, type ParameterSpec, type Projection } from './parameters.ts';

/** One adapted projection: W + scale B A with A [rank, in] and B [out, rank]. Source: Hu et al. 2021 (LoRA). */
export interface LoraTarget {
  /** model.layers.0.self_attn.q_proj */
  readonly path: string;
  readonly rank: number;
  readonly scale: number;
}

export interface LoraConfig {
  /** Probability that an element of the adapter's input is zeroed in training. */
  readonly dropout: number;
  readonly targets: readonly LoraTarget[];
}

/** alpha / rank, or alpha / sqrt(rank) when rank-stabilised. Source: Kalajdzievski 2023 (rsLoRA). */
export function loraScale({
  alpha,
  rank,
  rankStabilised,
}: {
  alpha: number;
  rank: number;
  rankStabilised: boolean;
}): number {
  return alpha / (rankStabilised ? Math.sqrt(rank) : rank);
}

export function loraNames(path: string): { readonly a: string; readonly b: string } {
  return { a: `${path}.lora_A.weight`, b: `${path}.lora_B.weight` };
}

/**
 * The projections that `patterns` name: `all-linear`, a module name (`q_proj`), a dotted suffix (`layers.0.mlp.up_proj`), or
 * one regular expression that must match a whole path (PEFT's rule: a list of names matches by suffix, a string by regular
 * expression). Throws bad-input with every pattern that matches nothing or is no expression.
 */
export function resolveTargets(config: ModelConfig, patterns: readonly string[]): string[] {
  const paths = Array.from({ length: config.layers }, (_, layer) =>
    PROJECTIONS.map((projection) => projectionPath(layer, projection)),
  ).flat();
  const chosen = new Set<string>();
  const problems: Problem[] = [];
  for (const pattern of patterns) {
    const matches = matcherOf(pattern);
    if (typeof matches === 'string') {
      problems.push({ path: 'lora.targets', message: matches });
      continue;
    }
    const found = paths.filter(matches);
    for (const path of found) chosen.add(path);
    if (found.length === 0) {
      const known = PROJECTIONS.join(', ');
      problems.push({
        path: 'lora.targets',
        message: `lora.targets: "${pattern}" must match a projection of the model, it matches none; there are ${known}, or say all-linear`,
      });
    }
  }
  if (problems.length > 0) throw badInput(problems);
  return paths.filter((path) => chosen.has(path));
}

/** Says of a path whether a pattern names it; the problem as text when the pattern is no regular expression. */
function matcherOf(pattern: string): ((path: string) => boolean) | string {
  if (pattern === 'all-linear') return () => true;
  if (/^[\w.]+$/.test(pattern)) return (path) => path === pattern || path.endsWith(`.${pattern}`);
  try {
    const expression = new RegExp(`^(?:${pattern})$`, 'u');
    return (path) => expression.test(path);
  } catch (cause) {
    return `lora.targets: "${pattern}" must be a module name or a regular expression; ${messageOf(cause)}`;
  }
}

/** The adapter's weights, in forward order: A then B of each target. */
export function loraParameterSpecs(config: ModelConfig, { targets }: LoraConfig): ParameterSpec[] {
  return targets.flatMap(({ path, rank }) => {
    const [out, into] = projectionShape(config, path.slice(path.lastIndexOf('.') + 1) as Projection);
    const { a, b } = loraNames(path);
    return [
      { name: a, shape: [rank, into] },
      { name: b, shape: [out, rank] },
    ];
  });
}

/** PEFT's initial adapter: A uniform in +-1/sqrt(in) (Kaiming with a = sqrt 5), B zero, so that the model starts unchanged. */
export function initialiseLora(
  specs: readonly ParameterSpec[],
  random: Random,
): Map<string, Float32Array<ArrayBuffer>> {
  return new Map(
    specs.map(({ name, shape }) => {
      const [rows, columns] = shape as [number, number];
      const values = new Float32Array(rows * columns);
      const bound = 1 / Math.sqrt(columns);
      if (name.endsWith('.lora_A.weight'))
        for (let i = 0; i < values.length; i++) values[i] = (2 * random.nextFloat() - 1) * bound;
      return [name, values];
    }),
  );
}

export interface LoraOptions {
  /**
   * sum: the adapter is part of the weight, x (W + scale B A)^T, which is formed once for many tokens; right where tokens
   * come one at a time. separate: x W^T + scale (x A^T) B^T; right in training, where the sum would double the weights in
   * memory and x A^T is needed for the gradient anyway. Default sum.
   */
  readonly path?: 'sum' | 'separate';
  /** An int32 scalar, another for every batch: the adapter's input is dropped out, on the separate path. Default: no dropout. */
  readonly dropoutSeed?: Node;
}

/** Seeds of two projections differ by this, so that their masks do too. */
const SEED_STRIDE = 7919;

/** The decoder with an adapter on its targets. */
export function withLora(
  decoder: Decoder,
  lora: LoraConfig,
  { path: way = 'sum', dropoutSeed }: LoraOptions = {},
): Decoder {
  const { config, weights } = decoder;
  const nodes = new Map(loraParameterSpecs(config, lora).map(({ name, shape }) => [name, input(name, shape)]));
  const targets = new Map(lora.targets.map(({ path, scale }, index) => [path, { scale, index }]));
  const project = (x: Node, path: string): Node => {
    const target = targets.get(path);
    if (target === undefined) return decoder.project(x, path);
    const { scale, index } = target;
    const { a, b } = loraNames(path);
    const [A, B] = [nodes.get(a)!, nodes.get(b)!];
    const dropped =
      dropoutSeed === undefined || lora.dropout === 0
        ? x
        : dropout(x, lora.dropout, add(dropoutSeed, index * SEED_STRIDE));
    if (way === 'sum' && dropped === x) {
      const adapted = add(weights(`${path}.weight`), matmul(B, A, { scale }));
      return addBias(matmul(x, adapted, { transposeB: true }), { config, weights, path });
    }
    const low = matmul(dropped, A, { transposeB: true });
    return add(decoder.project(x, path), matmul(low, B, { transposeB: true, scale }));
  };
  return { config, weights, project };
}

/** x / (1 - p) with probability 1 - p, else 0. Source: Srivastava et al. 2014, in the inverted form. */
export function dropout(x: Node, probability: number, seed: Node): Node {
  const kept = lessEqual(scalar(probability), randomUniform(seed, x.shape));
  return where(kept, div(x, 1 - probability), 0);
}
