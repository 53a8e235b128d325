import { badInput, type Problem, type Random } from '../core/index.ts';
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
 * expression). Throws bad-input for every pattern that matches nothing.
 */
export function resolveTargets(config: ModelConfig, patterns: readonly string[]): string[] {
  const paths = Array.from({ length: config.layers }, (_, layer) =>
    PROJECTIONS.map((projection) => projectionPath(layer, projection)),
  ).flat();
  const chosen = new Set<string>();
  const problems: Problem[] = [];
  for (const pattern of patterns) {
    const matches = paths.filter((path) => matchesTarget(path, pattern));
    for (const path of matches) chosen.add(path);
    if (matches.length === 0) {
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

function matchesTarget(path: string, pattern: string): boolean {
  if (pattern === 'all-linear' || path === pattern || path.endsWith(`.${pattern}`)) return true;
  if (/^[\w.]+$/.test(pattern)) return false;
  try {
    return new RegExp(`^(?:${pattern})$`, 'u').test(path);
  } catch (cause) {
    throw badInput({
      path: 'lora.targets',
      message: `lora.targets: "${pattern}" must be a module name or a regular expression; ${String(cause)}`,
    });
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

/**
 * The decoder with an adapter on its targets. Without dropout the adapter is part of the weight, x (W + scale B A)^T, so
 * that the sum can be formed once for many tokens; with dropout it has its own path, x W^T + scale (drop(x) A^T) B^T.
 * `dropoutSeed` is an int32 scalar node, another for every batch.
 */
export function withLora(decoder: Decoder, lora: LoraConfig, dropoutSeed?: Node): Decoder {
  const { config, weights } = decoder;
  const nodes = new Map(loraParameterSpecs(config, lora).map(({ name, shape }) => [name, input(name, shape)]));
  const targets = new Map(lora.targets.map(({ path, scale }, index) => [path, { scale, index }]));
  const project = (x: Node, path: string): Node => {
    const target = targets.get(path);
    if (target === undefined) return decoder.project(x, path);
    const { scale, index } = target;
    const { a, b } = loraNames(path);
    const [A, B] = [nodes.get(a)!, nodes.get(b)!];
    const weight = weights(`${path}.weight`);
    if (lora.dropout === 0 || dropoutSeed === undefined) {
      const adapted = add(weight, matmul(B, A, { scale }));
      return addBias(matmul(x, adapted, { transposeB: true }), { config, weights, path });
    }
    const dropped = dropout(x, lora.dropout, add(dropoutSeed, scalar(index * 7919, 'int32')));
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
