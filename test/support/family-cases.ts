import type { ModelConfig, ModelFamily, RopeConfig } from '../../src/models/index.ts';

export type Json = Readonly<Record<string, unknown>>;

/** What one family must show: each of these is checked by test/families.test.ts. */
export interface FamilyCase {
  /** What Transformers assumes of a config.json with ASSUMING_SIZES alone: its configuration class, printed. */
  readonly defaults: Omit<ModelConfig, 'family' | 'rope'>;
  /** config.json beside TINY_SIZES, by what it shows: one for each way of computing that the family's fields choose. */
  readonly variants: Readonly<Record<string, Json>>;
  /** Folders of test/fixtures/models with what Transformers computes; at least one (record.py there makes them). */
  readonly recordings: readonly string[];
  /** What Transformers assumes of rope_theta. Default: 10000. */
  readonly theta?: number;
  /** What Transformers assumes of a rope that it stretches: the last frequency is divided by `factor`. Default: nothing is stretched. */
  readonly stretched?: { readonly factor: number; readonly positionLimit: number };
}

/** Sizes that no family assumes. */
export const ASSUMING_SIZES = {
  hidden_size: 2048,
  intermediate_size: 24,
  num_hidden_layers: 30,
  num_attention_heads: 64,
  vocab_size: 9,
} as const;

/** No two extents are equal; epsilon is large enough to be seen. */
export const TINY_SIZES = {
  hidden_size: 8,
  intermediate_size: 10,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 6,
  vocab_size: 11,
  max_position_embeddings: 64,
  rms_norm_eps: 0.01,
  rope_theta: 100,
  tie_word_embeddings: false,
} as const;

const none = Array.from({ length: 30 }, () => undefined);

/** Llama's own, with ASSUMING_SIZES. */
const LLAMA_DEFAULTS: FamilyCase['defaults'] = {
  hiddenSize: 2048,
  intermediateSize: 24,
  layers: 30,
  heads: 64,
  keyValueHeads: 64,
  headSize: 32,
  vocabularySize: 9,
  maxPositions: 2048,
  normEpsilon: 1e-6,
  tiedHead: false,
  activation: 'silu',
  biases: [],
  isQueryKeyValueFused: false,
  isGateUpFused: false,
  norms: { beforeAttention: 'input_layernorm', beforeFeedForward: 'post_attention_layernorm' },
  normOffset: 0,
  queryKeyNorm: 'none',
  slidingWindow: none,
  embeddingScale: 1,
  residualScale: 1,
  attentionScale: 1 / Math.sqrt(32),
  logitScale: 1,
  attentionSoftCap: undefined,
  logitSoftCap: undefined,
};

/** The plain rope of a theta. */
function plainRope(theta: number, headSize: number): RopeConfig {
  const frequencies = Array.from({ length: headSize / 2 }, (_, i) => theta ** ((-2 * i) / headSize));
  return { frequencies, scale: 1, theta, positionLimit: Infinity };
}

/** What Gemma 2 and 3 share. */
const GEMMA_DEFAULTS: FamilyCase['defaults'] = {
  ...LLAMA_DEFAULTS,
  keyValueHeads: 4,
  headSize: 256,
  tiedHead: true,
  activation: 'gelu_tanh',
  norms: {
    beforeAttention: 'input_layernorm',
    afterAttention: 'post_attention_layernorm',
    beforeFeedForward: 'pre_feedforward_layernorm',
    afterFeedForward: 'post_feedforward_layernorm',
  },
  normOffset: 1,
  embeddingScale: Math.sqrt(2048),
  attentionScale: 1 / 16,
};

const [full, sliding] = ['full_attention', 'sliding_attention'];
/** Of a longrope that turns four of six elements. */
const LONG_ROPE = {
  partial_rotary_factor: 0.67,
  original_max_position_embeddings: 16,
  rope_scaling: { type: 'longrope', short_factor: [1, 1.5], long_factor: [2, 7.5] },
};

const SLIDING = { use_sliding_window: true, sliding_window: 3 };

export const FAMILY_CASES: Readonly<Record<ModelFamily, FamilyCase>> = {
  llama: {
    defaults: LLAMA_DEFAULTS,
    variants: {
      plain: {},
      'biases, tied head, no grouped queries': {
        attention_bias: true,
        mlp_bias: true,
        tie_word_embeddings: true,
        num_key_value_heads: 4,
      },
      'yarn rope': { rope_scaling: { rope_type: 'yarn', factor: 4, original_max_position_embeddings: 16 } },
    },
    recordings: [
      'llama2',
      'llama3',
      'llama-rope-linear',
      'llama-rope-dynamic',
      'llama-rope-yarn',
      'llama-bias',
      'smollm2',
      'tinyllama',
    ],
  },
  mistral: {
    defaults: {
      ...LLAMA_DEFAULTS,
      keyValueHeads: 8,
      maxPositions: 131_072,
      slidingWindow: none.map(() => 4096),
    },
    variants: { 'a window in every layer': { sliding_window: 3 }, 'no window': { sliding_window: null } },
    recordings: ['mistral', 'zephyr'],
  },
  qwen2: {
    defaults: { ...LLAMA_DEFAULTS, keyValueHeads: 32, maxPositions: 32_768, biases: ['q_proj', 'k_proj', 'v_proj'] },
    variants: { plain: {}, 'a window from the second layer on': { ...SLIDING, max_window_layers: 1 } },
    recordings: ['qwen2', 'qwen2-sliding', 'qwen2.5'],
  },
  qwen3: {
    defaults: {
      ...LLAMA_DEFAULTS,
      keyValueHeads: 32,
      maxPositions: 32_768,
      headSize: 128,
      attentionScale: 1 / Math.sqrt(128),
      queryKeyNorm: 'head',
    },
    variants: {
      plain: {},
      'biases, and a window in the first layer': {
        ...SLIDING,
        attention_bias: true,
        layer_types: ['sliding_attention', 'full_attention'],
      },
    },
    recordings: ['qwen3'],
  },
  gemma: {
    defaults: {
      ...LLAMA_DEFAULTS,
      keyValueHeads: 16,
      headSize: 256,
      maxPositions: 8192,
      tiedHead: true,
      activation: 'gelu_tanh',
      normOffset: 1,
      embeddingScale: Math.sqrt(2048),
      attentionScale: 1 / 16,
    },
    variants: { plain: { tie_word_embeddings: true } },
    recordings: ['gemma'],
  },
  gemma2: {
    defaults: {
      ...GEMMA_DEFAULTS,
      maxPositions: 8192,
      slidingWindow: none.map((_, layer) => (layer % 2 === 0 ? 4096 : undefined)),
      attentionSoftCap: 50,
      logitSoftCap: 30,
    },
    variants: {
      'windows in every other layer, caps': {
        query_pre_attn_scalar: 6,
        sliding_window: 3,
        attn_logit_softcapping: 0.75,
        final_logit_softcapping: 1.5,
        tie_word_embeddings: true,
      },
      'windows in all layers': { query_pre_attn_scalar: 6, layer_types: [sliding, sliding], tie_word_embeddings: true },
    },
    recordings: ['gemma2'],
  },
  gemma3_text: {
    defaults: {
      ...GEMMA_DEFAULTS,
      maxPositions: 131_072,
      queryKeyNorm: 'head',
      slidingWindow: none.map((_, layer) => (layer % 6 === 5 ? undefined : 4096)),
      layerRopes: none.map((_, layer) => plainRope(layer % 6 === 5 ? 1e6 : 1e4, 256)),
    },
    variants: {
      'two ropes, one of them scaled': {
        query_pre_attn_scalar: 6,
        sliding_window: 3,
        sliding_window_pattern: 2,
        rope_local_base_freq: 10,
        rope_scaling: { rope_type: 'linear', factor: 2 },
        tie_word_embeddings: true,
      },
      'a cap, a head of its own, no windows': {
        query_pre_attn_scalar: 6,
        final_logit_softcapping: 1.5,
        layer_types: [full, full],
      },
    },
    recordings: ['gemma3'],
    theta: 1e6,
  },
  smollm3: {
    defaults: {
      ...LLAMA_DEFAULTS,
      keyValueHeads: 4,
      maxPositions: 32_768,
      tiedHead: true,
      layerRopes: none.map((_, layer) => (layer % 4 === 3 ? undefined : plainRope(2e6, 32))),
    },
    variants: {
      'the fourth layer without rope': { num_hidden_layers: 5 },
      'biases, and a window where there is no rope': {
        ...SLIDING,
        num_hidden_layers: 4,
        attention_bias: true,
        mlp_bias: true,
        no_rope_layers: [1, 1, 1, 0],
      },
    },
    recordings: ['smollm3'],
    theta: 2e6,
  },
  granite: {
    defaults: { ...LLAMA_DEFAULTS, attentionScale: 1 },
    variants: {
      'four scales': {
        embedding_multiplier: 12,
        residual_multiplier: 0.22,
        attention_multiplier: 0.4,
        logits_scaling: 8,
        tie_word_embeddings: true,
      },
      biases: { attention_bias: true, mlp_bias: true },
    },
    recordings: ['granite'],
  },
  olmo2: {
    defaults: {
      ...LLAMA_DEFAULTS,
      normEpsilon: 1e-5,
      norms: { afterAttention: 'post_attention_layernorm', afterFeedForward: 'post_feedforward_layernorm' },
      queryKeyNorm: 'whole',
    },
    variants: { plain: {}, biases: { attention_bias: true } },
    recordings: ['olmo2'],
  },
  phi3: {
    defaults: {
      ...LLAMA_DEFAULTS,
      normEpsilon: 1e-5,
      maxPositions: 4096,
      isQueryKeyValueFused: true,
      isGateUpFused: true,
    },
    variants: {
      plain: {},
      'a window in every layer': { sliding_window: 3 },
      'longrope on a part of each head, tied head': { ...LONG_ROPE, tie_word_embeddings: true },
    },
    recordings: ['phi3', 'phi3.5', 'phi4-mini'],
  },
  olmo3: {
    defaults: {
      ...LLAMA_DEFAULTS,
      normEpsilon: 1e-5,
      norms: { afterAttention: 'post_attention_layernorm', afterFeedForward: 'post_feedforward_layernorm' },
      queryKeyNorm: 'whole',
      slidingWindow: none.map((_, layer) => (layer % 4 === 3 ? undefined : 4096)),
      layerRopes: none.map(() => plainRope(500_000, 32)),
    },
    theta: 500_000,
    variants: {
      'every fourth layer sees everything': { num_hidden_layers: 4, sliding_window: 3, rope_theta: 500_000 },
      'a stretched rope in it alone': {
        num_hidden_layers: 4,
        sliding_window: 3,
        rope_theta: 500_000,
        rope_scaling: { rope_type: 'yarn', factor: 4, original_max_position_embeddings: 16, attention_factor: 1.25 },
      },
    },
    recordings: ['olmo3'],
  },
  ministral: {
    defaults: {
      ...LLAMA_DEFAULTS,
      keyValueHeads: 8,
      maxPositions: 131_072,
      slidingWindow: none.map(() => 4096),
    },
    variants: {
      'a window in the first layer': { sliding_window: 3, layer_types: [sliding, full] },
      'no window': { sliding_window: null },
    },
    recordings: ['ministral'],
  },
  ministral3: {
    defaults: {
      ...LLAMA_DEFAULTS,
      normEpsilon: 1e-5,
      keyValueHeads: 8,
      maxPositions: 262_144,
      headSize: 128,
      attentionScale: 1 / Math.sqrt(128),
    },
    theta: 1e6,
    stretched: { factor: 16, positionLimit: 16_384 },
    variants: {
      'yarn rope': {
        rope_parameters: {
          rope_type: 'yarn',
          rope_theta: 100,
          factor: 4,
          original_max_position_embeddings: 16,
          mscale: 1,
          mscale_all_dim: 1,
          llama_4_scaling_beta: 0.1,
        },
      },
    },
    recordings: ['ministral3'],
  },
};
