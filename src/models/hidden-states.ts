import { add, gather, mul, reshape, rmsNorm, slice, type Node } from '../graph/index.ts';
import { activate } from './activation.ts';
import type { Attend, Decoder, DecoderInputs } from './decoder.ts';
import type { NormPlace, Projection } from './model-config.ts';
import { EMBEDDING_NAME, FINAL_NORM_NAME, normName, projectionPath } from './parameters.ts';
import { layerAngles, rotate, type Angles } from './rotary.ts';

/** x * factor, and x itself for 1. */
function scaled(x: Node, factor: number): Node {
  return factor === 1 ? x : mul(x, factor);
}

/** The norm with a weight of the model. */
function norm({ config, weights }: Decoder, x: Node, name: string): Node {
  const weight = config.normOffset === 0 ? weights(name) : add(weights(name), config.normOffset);
  return rmsNorm(x, weight, config.normEpsilon);
}

/** The norm at a place of a layer, where the family has one there. */
function normAt(decoder: Decoder, x: Node, { layer, place }: { layer: number; place: NormPlace }): Node {
  const name = normName(decoder.config, layer, place);
  return name === undefined ? x : norm(decoder, x, name);
}

/** Queries, keys and values [T, heads d] of a layer, from one matrix or three. */
function queriesKeysValues({ config, project }: Decoder, x: Node, layer: number): readonly [Node, Node, Node] {
  const of = (projection: Projection): Node => project(x, projectionPath(layer, projection));
  if (!config.isQueryKeyValueFused) return [of('q_proj'), of('k_proj'), of('v_proj')];
  const [queries, keys] = [config.heads * config.headSize, config.keyValueHeads * config.headSize];
  const all = of('qkv_proj');
  const part = (start: number, size: number): Node => slice(all, { axis: 1, start, end: start + size });
  return [part(0, queries), part(queries, keys), part(queries + keys, keys)];
}

interface AttentionInputs {
  readonly layer: number;
  /** undefined for a layer that rotates nothing. */
  readonly angles: Angles | undefined;
  readonly attend: Attend;
}

function attention(decoder: Decoder, x: Node, { layer, angles, attend }: AttentionInputs): Node {
  const { config } = decoder;
  const { heads, keyValueHeads, headSize, queryKeyNorm } = config;
  const tokens = x.shape[0]!;
  const [queries, keys, values] = queriesKeysValues(decoder, x, layer);
  const split = (of: Node, count: number): Node => reshape(of, [tokens, count, headSize]);
  const turned = (of: Node, count: number, module: string): Node => {
    const name = `model.layers.${layer}.self_attn.${module}.weight`;
    const whole = queryKeyNorm === 'whole' ? norm(decoder, of, name) : of;
    const parts = split(whole, count);
    return rotate(queryKeyNorm === 'head' ? norm(decoder, parts, name) : parts, angles);
  };
  const q = turned(queries, heads, 'q_norm');
  const k = turned(keys, keyValueHeads, 'k_norm');
  return attend({ q, k, v: split(values, keyValueHeads) }, layer);
}

/** down(activation(gate(x)) * up(x)). Source: Shazeer 2020 (GLU variants). */
function feedForward({ config, project }: Decoder, x: Node, layer: number): Node {
  const of = (projection: Projection): Node => project(x, projectionPath(layer, projection));
  const down = (inner: Node): Node => project(inner, projectionPath(layer, 'down_proj'));
  if (!config.isGateUpFused) {
    const gate = activate(config.activation, of('gate_proj'));
    return down(mul(gate, of('up_proj')));
  }
  const size = config.intermediateSize;
  const both = of('gate_up_proj');
  const half = (start: number): Node => slice(both, { axis: 1, start, end: start + size });
  return down(mul(activate(config.activation, half(0)), half(size)));
}

/**
 * Final hidden states, after the last norm: [T, D], or [U, D] for `rows`. What their product with the head still needs (a scale, a soft cap) is
 * logits' business.
 * Source: Touvron et al. 2023 (Llama), with grouped-query attention; weights and order of operations as Transformers.
 */
export function hiddenStates(decoder: Decoder, { tokens, positions, attend, rows }: DecoderInputs): Node {
  const { config, weights } = decoder;
  const anglesOf = layerAngles(config, positions);
  let x = scaled(decoder.embed?.(tokens) ?? gather(weights(EMBEDDING_NAME), tokens), config.embeddingScale);
  for (let layer = 0; layer < config.layers; layer++) {
    const last = layer === config.layers - 1;
    x = layerStates(decoder, x, {
      layer,
      angles: anglesOf(layer),
      attend,
      ...(last && rows !== undefined && { rows }),
    });
  }
  return norm(decoder, x, FINAL_NORM_NAME);
}

export interface LayerInputs extends AttentionInputs {
  /** The tokens that go on after the attention. Default: all. */
  readonly rows?: Node;
}

/**
 * One layer: x [T, D] -> x + attention + feed-forward, [T, D] or [U, D] for `rows`:
 *
 *     m = x + residualScale afterAttention(o_proj(attend(beforeAttention(x))))
 *     m + residualScale afterFeedForward(feedForward(beforeFeedForward(m)))
 */
export function layerStates(decoder: Decoder, x: Node, { layer, angles, attend, rows }: LayerInputs): Node {
  const { config, project } = decoder;
  const at = (place: NormPlace, of: Node): Node => normAt(decoder, of, { layer, place });
  const joined = (stream: Node, result: Node): Node => add(stream, scaled(result, config.residualScale));
  const seen = attention(decoder, at('beforeAttention', x), { layer, angles, attend });
  const [before, kept] = rows === undefined ? [x, seen] : [gather(x, rows), gather(seen, rows)];
  const attended = project(kept, projectionPath(layer, 'o_proj'));
  const middle = joined(before, at('afterAttention', attended));
  const fed = feedForward(decoder, at('beforeFeedForward', middle), layer);
  return joined(middle, at('afterFeedForward', fed));
}
