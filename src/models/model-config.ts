import type { RopeConfig } from './rope.ts';

/** Every `model_type` of config.json that preftune computes. Each has one file in families/. */
export const MODEL_FAMILIES = [
  'llama',
  'mistral',
  'qwen2',
  'qwen3',
  'gemma',
  'gemma2',
  'gemma3_text',
  'smollm3',
  'granite',
  'olmo2',
  'olmo3',
  'phi3',
  'ministral',
  'ministral3',
] as const;
export type ModelFamily = (typeof MODEL_FAMILIES)[number];

/** The projections of a layer in Hugging Face's names, in the order of the forward pass; a model has either the fused ones or their parts. */
export const PROJECTIONS = [
  'q_proj',
  'k_proj',
  'v_proj',
  'qkv_proj',
  'o_proj',
  'gate_proj',
  'up_proj',
  'gate_up_proj',
  'down_proj',
] as const;
export type Projection = (typeof PROJECTIONS)[number];

/** Those of attention, and of the feed-forward part, where none are fused. */
export const ATTENTION_PROJECTIONS = ['q_proj', 'k_proj', 'v_proj', 'o_proj'] as const satisfies readonly Projection[];
export const FEED_FORWARD_PROJECTIONS = ['gate_proj', 'up_proj', 'down_proj'] as const satisfies readonly Projection[];

/** What bends the gate of the feed-forward part. `gelu_tanh` is GELU by its tanh formula, gelu_pytorch_tanh of Transformers. */
export type Activation = 'silu' | 'gelu_tanh';

/** The places of a layer where an RMS norm may stand: before a block reads the residual stream, and before its result is added to it. */
export type NormPlace = 'beforeAttention' | 'afterAttention' | 'beforeFeedForward' | 'afterFeedForward';

/** What config.json says of a model's size and of what all families share. All counts are whole numbers. */
export interface ModelSizes {
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly layers: number;
  readonly heads: number;
  /** Key/value heads; divides `heads` (grouped-query attention, Ainslie et al. 2023). */
  readonly keyValueHeads: number;
  readonly headSize: number;
  readonly vocabularySize: number;
  readonly maxPositions: number;
  readonly normEpsilon: number;
  readonly rope: RopeConfig;
  /** The head is the transposed embedding table. */
  readonly tiedHead: boolean;
}

/** What differs between families of decoders. Llama's own choices are in families/plain-traits.ts. */
export interface ModelTraits {
  /** Of the gate: down(activation(gate(x)) * up(x)). */
  readonly activation: Activation;
  /** Projections that add a bias. */
  readonly biases: readonly Projection[];
  /** q, k and v are rows of one matrix, qkv_proj, in this order. */
  readonly isQueryKeyValueFused: boolean;
  /** gate and up are rows of one matrix, gate_up_proj, in this order. */
  readonly isGateUpFused: boolean;
  /** The module that is the norm of each place in a layer (`input_layernorm`); there is none where it is absent. */
  readonly norms: Readonly<Partial<Record<NormPlace, string>>>;
  /** A norm multiplies by this plus its weight: 1 in Gemma, whose weights lie around 0; else 0. */
  readonly normOffset: 0 | 1;
  /** RMS norms q_norm and k_norm before the rotary embedding: over each head apart, or over all heads of a token together. */
  readonly queryKeyNorm: 'none' | 'head' | 'whole';
  /** Per layer: how many positions back a token sees, itself included; undefined sees all. */
  readonly slidingWindow: readonly (number | undefined)[];
  /** Per layer, where layers differ: the rope, or undefined for a layer that rotates nothing (NoPE). Default: `rope` in each. */
  readonly layerRopes?: readonly (RopeConfig | undefined)[];
  /** Multiplies the embedding's rows (Gemma: sqrt(hidden size)). */
  readonly embeddingScale: number;
  /** Multiplies what a block adds to the residual stream (Granite). */
  readonly residualScale: number;
  /** Multiplies q . k; 1 / sqrt(head size) in most. */
  readonly attentionScale: number;
  /** Multiplies the scores of the vocabulary (Granite: 1 / logits_scaling). */
  readonly logitScale: number;
  /** c tanh(s / c) of the attention's scores before the mask (Gemma 2). */
  readonly attentionSoftCap: number | undefined;
  /** c tanh(s / c) of the vocabulary's scores (Gemma 2). */
  readonly logitSoftCap: number | undefined;
}

/** A decoder-only transformer, read from its config.json: everything that its graph depends on but the weights. */
export interface ModelConfig extends ModelSizes, ModelTraits {
  /** `model_type` of config.json. */
  readonly family: ModelFamily;
  /** Where the model stands inside the one that it is the text part of (`model.language_model`); adapters carry it in their names. */
  readonly textPath?: string;
}
