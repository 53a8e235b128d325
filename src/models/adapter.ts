import { EMBEDDING_PATH, moduleShape, type ParameterSpec } from './parameters.ts';
import type { ModelConfig } from './model-config.ts';

/** One adapted module: W + scale B A with A [rank, in] and B [out, rank]. Source: Hu et al. 2021 (LoRA). */
export interface LoraTarget {
  /** model.layers.0.self_attn.q_proj, model.embed_tokens or lm_head */
  readonly path: string;
  readonly rank: number;
  readonly scale: number;
}

export interface LoraConfig {
  /** Probability that an element of the adapter's input is zeroed in training. */
  readonly dropout: number;
  readonly targets: readonly LoraTarget[];
  /**
   * Each output has a trained length: m (W + scale B A) / |W + scale B A|, the norm over a row and without a gradient. Default false.
   * Source: Liu et al. 2024 (DoRA), section 4.3 for the gradient, as PEFT has it.
   */
  readonly magnitudes?: boolean;
  /**
   * A and B start at factors of W itself, which stay beside them as they were: W + scale (B A - B0 A0), so that the model starts unchanged
   * and W is never touched. Default false. Source: Meng et al. 2024 (PiSSA), where W - scale B0 A0 replaces W.
   */
  readonly anchored?: boolean;
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

export interface LoraNames {
  readonly a: string;
  readonly b: string;
  readonly magnitude: string;
  /** A0 and B0, which are not trained and stand in no adapter's file under these names. */
  readonly anchorA: string;
  readonly anchorB: string;
  /** The scale, where it is an input of the graph; no file holds it. */
  readonly scale: string;
}

/** The names of an adapted module's tensors: PEFT's, without its prefix. */
export function loraNames(path: string): LoraNames {
  const isEmbedding = path === EMBEDDING_PATH;
  return {
    a: isEmbedding ? `${path}.lora_embedding_A` : `${path}.lora_A.weight`,
    b: isEmbedding ? `${path}.lora_embedding_B` : `${path}.lora_B.weight`,
    magnitude: `${path}.lora_magnitude_vector`,
    anchorA: `${path}.lora_anchor_A`,
    anchorB: `${path}.lora_anchor_B`,
    scale: `${path}.lora_scale`,
  };
}

/** The adapter's trained tensors, in forward order: A, then B, then the magnitudes of each target. */
export function loraParameterSpecs(config: ModelConfig, { targets, magnitudes = false }: LoraConfig): ParameterSpec[] {
  return targets.flatMap(({ path, rank }) => {
    const [out, into] = moduleShape(config, path);
    const { a, b, magnitude } = loraNames(path);
    return [
      { name: a, shape: [rank, into] },
      { name: b, shape: [out, rank] },
      ...(magnitudes ? [{ name: magnitude, shape: [out] }] : []),
    ];
  });
}

/** The factors that an anchored adapter starts from: A0, then B0 of each target. None otherwise. */
export function loraAnchorSpecs(config: ModelConfig, { targets, anchored = false }: LoraConfig): ParameterSpec[] {
  if (!anchored) return [];
  return targets.flatMap(({ path, rank }) => {
    const [out, into] = moduleShape(config, path);
    const { anchorA, anchorB } = loraNames(path);
    return [
      { name: anchorA, shape: [rank, into] },
      { name: anchorB, shape: [out, rank] },
    ];
  });
}
