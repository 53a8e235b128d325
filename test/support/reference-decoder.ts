import type { ModelConfig, NormPlace } from '../../src/models/index.ts';

/**
 * A decoder in plain loops over float64 numbers, which shares nothing with the graphs but the configuration and the names of weights: what a
 * family computes, said a second time. Constants that a graph holds in float32 are rounded alike.
 */

/** Values of a weight, row-major. */
export type ReferenceWeights = Readonly<Record<string, ArrayLike<number>>>;

type Vector = readonly number[];

const stored = Math.fround;

const sum = (values: Vector): number => values.reduce((total, value) => total + value, 0);
const plus = (a: Vector, b: Vector): Vector => a.map((value, i) => value + b[i]!);
const times = (a: Vector, factor: number): Vector => a.map((value) => value * stored(factor));

function capped(value: number, cap: number | undefined): number {
  return cap === undefined ? value : stored(cap) * Math.tanh(value / stored(cap));
}

/** W x, W [rows, x.length] at `start` of a flat array. */
function product(weight: ArrayLike<number>, x: Vector): Vector {
  return Array.from({ length: weight.length / x.length }, (_, row) =>
    sum(x.map((value, column) => value * weight[row * x.length + column]!)),
  );
}

const ACTIVATIONS: Readonly<Record<ModelConfig['activation'], (x: number) => number>> = {
  silu: (x) => x / (1 + Math.exp(-x)),
  gelu_tanh: (x) => 0.5 * x * (1 + Math.tanh(stored(Math.sqrt(2 / Math.PI)) * (x + stored(0.044715) * x ** 3))),
};

/** Scores [T][V] of the vocabulary after each of `ids`. */
export function referenceLogits(config: ModelConfig, weights: ReferenceWeights, ids: readonly number[]): Vector[] {
  const { hiddenSize } = config;
  const table = weights['model.embed_tokens.weight']!;
  let states: Vector[] = ids.map((id) =>
    times(
      Array.from({ length: hiddenSize }, (_, i) => table[id * hiddenSize + i]!),
      config.embeddingScale,
    ),
  );
  for (let layer = 0; layer < config.layers; layer++) states = layerOf(config, weights, { layer, states });
  const head = config.tiedHead ? table : weights['lm_head.weight']!;
  return states.map((state) =>
    product(head, times(normed(config, state, weights['model.norm.weight']), config.logitScale)).map((score) =>
      capped(score, config.logitSoftCap),
    ),
  );
}

/** x / rms(x) times the weight, the weight over each of several equal parts of x; x itself without a weight. */
function normed(config: ModelConfig, x: Vector, weight: ArrayLike<number> | undefined): Vector {
  if (weight === undefined) return x;
  const size = weight.length;
  return x.map((value, i) => {
    const part = x.slice(i - (i % size), i - (i % size) + size);
    const meanSquare = sum(part.map((one) => one * one)) / size;
    return (value / Math.sqrt(meanSquare + config.normEpsilon)) * (weight[i % size]! + config.normOffset);
  });
}

interface LayerStates {
  readonly layer: number;
  readonly states: readonly Vector[];
}

function layerOf(config: ModelConfig, weights: ReferenceWeights, { layer, states }: LayerStates): Vector[] {
  const prefix = `model.layers.${layer}`;
  const linear = (x: Vector, path: string): Vector => {
    const bias = weights[`${prefix}.${path}.bias`];
    const y = product(weights[`${prefix}.${path}.weight`]!, x);
    return bias === undefined ? y : y.map((value, i) => value + bias[i]!);
  };
  const norm = (x: Vector, place: NormPlace): Vector => {
    const module = config.norms[place];
    return module === undefined ? x : normed(config, x, weights[`${prefix}.${module}.weight`]);
  };
  const attended = attentionOf(config, weights, {
    layer,
    states: states.map((state) => norm(state, 'beforeAttention')),
    linear,
  });
  return states.map((state, position) => {
    const seen = norm(linear(attended[position]!, 'self_attn.o_proj'), 'afterAttention');
    const middle = plus(state, times(seen, config.residualScale));
    const x = norm(middle, 'beforeFeedForward');
    const both = config.isGateUpFused ? linear(x, 'mlp.gate_up_proj') : undefined;
    const gate = both?.slice(0, config.intermediateSize) ?? linear(x, 'mlp.gate_proj');
    const up = both?.slice(config.intermediateSize) ?? linear(x, 'mlp.up_proj');
    const inner = gate.map((value, i) => ACTIVATIONS[config.activation](value) * up[i]!);
    const fed = norm(linear(inner, 'mlp.down_proj'), 'afterFeedForward');
    return plus(middle, times(fed, config.residualScale));
  });
}

function attentionOf(
  config: ModelConfig,
  weights: ReferenceWeights,
  { layer, states, linear }: LayerStates & { readonly linear: (x: Vector, path: string) => Vector },
): Vector[] {
  const { heads, keyValueHeads, headSize } = config;
  const [queries, keys] = [heads * headSize, keyValueHeads * headSize];
  const window = config.slidingWindow[layer] ?? Infinity;
  const normWeight = (module: string): ArrayLike<number> | undefined =>
    weights[`model.layers.${layer}.self_attn.${module}.weight`];
  const tokens = states.map((state, position) => {
    const all = config.isQueryKeyValueFused ? linear(state, 'self_attn.qkv_proj') : undefined;
    const q = all?.slice(0, queries) ?? linear(state, 'self_attn.q_proj');
    const k = all?.slice(queries, queries + keys) ?? linear(state, 'self_attn.k_proj');
    const v = all?.slice(queries + keys) ?? linear(state, 'self_attn.v_proj');
    const turned = (x: Vector, module: string): Vector =>
      rotated(config, normed(config, x, normWeight(module)), { layer, position });
    return { q: turned(q, 'q_norm'), k: turned(k, 'k_norm'), v };
  });
  const part = (x: Vector, head: number): Vector => x.slice(head * headSize, (head + 1) * headSize);
  return tokens.map(({ q }, position) =>
    Array.from({ length: heads }, (_, head) => {
      const shared = Math.floor((head * keyValueHeads) / heads);
      const visible = tokens.filter((_token, other) => other <= position && position - other < window);
      const scores = visible.map(({ k }) => {
        const score = sum(part(q, head).map((value, i) => value * part(k, shared)[i]!));
        return capped(score * config.attentionScale, config.attentionSoftCap);
      });
      const largest = Math.max(...scores);
      const shares = scores.map((score) => Math.exp(score - largest));
      const total = sum(shares);
      return Array.from({ length: headSize }, (_value, i) =>
        sum(visible.map(({ v }, other) => (shares[other]! / total) * part(v, shared)[i]!)),
      );
    }).flat(),
  );
}

/** Each head's pairs (i, i + rotated / 2) turned by the position's angle. */
function rotated(config: ModelConfig, x: Vector, { layer, position }: { layer: number; position: number }): Vector {
  const rope = config.layerRopes === undefined ? config.rope : config.layerRopes[layer];
  if (rope === undefined) return x;
  const half = rope.frequencies.length;
  return x.map((value, at) => {
    const i = at % config.headSize;
    if (i >= 2 * half) return value;
    const angle = position * stored(rope.frequencies[i % half]!);
    const [cosine, sine] = [Math.cos(angle) * stored(rope.scale), Math.sin(angle) * stored(rope.scale)];
    return i < half ? value * cosine - x[at + half]! * sine : value * cosine + x[at - half]! * sine;
  });
}

/** log softmax(scores)[id], nats. */
export function logpOf(scores: Vector, id: number): number {
  const largest = Math.max(...scores);
  return scores[id]! - largest - Math.log(sum(scores.map((score) => Math.exp(score - largest))));
}
