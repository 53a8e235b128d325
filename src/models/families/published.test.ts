import { describe, expect, test } from 'vitest';
import { parseModelConfig } from '../config.ts';
import type { ModelConfig } from '../model-config.ts';
import { FAMILIES } from './registry.ts';

type Json = Readonly<Record<string, unknown>>;

/** config.json of models as their makers publish them, the fields that differ from one size to the next. */
const GEMMA_2: Json = {
  architectures: ['Gemma2ForCausalLM'],
  attention_bias: false,
  attention_dropout: 0,
  attn_logit_softcapping: 50,
  bos_token_id: 2,
  cache_implementation: 'hybrid',
  eos_token_id: [1, 107],
  final_logit_softcapping: 30,
  head_dim: 256,
  hidden_act: 'gelu_pytorch_tanh',
  hidden_activation: 'gelu_pytorch_tanh',
  hidden_size: 2304,
  initializer_range: 0.02,
  intermediate_size: 9216,
  max_position_embeddings: 8192,
  model_type: 'gemma2',
  num_attention_heads: 8,
  num_hidden_layers: 26,
  num_key_value_heads: 4,
  pad_token_id: 0,
  query_pre_attn_scalar: 256,
  rms_norm_eps: 1e-6,
  rope_theta: 10_000,
  sliding_window: 4096,
  torch_dtype: 'bfloat16',
  transformers_version: '4.42.4',
  use_cache: true,
  vocab_size: 256_000,
};
const GEMMA_3: Json = {
  ...GEMMA_2,
  architectures: ['Gemma3ForCausalLM'],
  attn_logit_softcapping: null,
  eos_token_id: [1, 106],
  final_logit_softcapping: null,
  hidden_act: undefined,
  hidden_size: 1152,
  intermediate_size: 6912,
  max_position_embeddings: 32_768,
  model_type: 'gemma3_text',
  num_attention_heads: 4,
  num_key_value_heads: 1,
  rope_local_base_freq: 10_000,
  rope_scaling: null,
  rope_theta: 1_000_000,
  sliding_window: 512,
  sliding_window_pattern: 6,
  vocab_size: 262_144,
};
const SMOLLM_3: Json = {
  architectures: ['SmolLM3ForCausalLM'],
  attention_bias: false,
  attention_dropout: 0,
  bos_token_id: null,
  eos_token_id: 128_012,
  hidden_act: 'silu',
  hidden_size: 2048,
  initializer_range: 0.02,
  intermediate_size: 11_008,
  layer_types: Array.from({ length: 36 }, () => 'full_attention'),
  max_position_embeddings: 65_536,
  max_window_layers: 28,
  mlp_bias: false,
  model_type: 'smollm3',
  no_rope_layer_interval: 4,
  no_rope_layers: Array.from({ length: 36 }, (_, layer) => (layer % 4 === 3 ? 0 : 1)),
  num_attention_heads: 16,
  num_hidden_layers: 36,
  num_key_value_heads: 4,
  pad_token_id: 128_004,
  pretraining_tp: 2,
  rms_norm_eps: 1e-6,
  rope_scaling: null,
  rope_theta: 5_000_000,
  sliding_window: null,
  torch_dtype: 'bfloat16',
  transformers_version: '4.54.0.dev0',
  use_cache: false,
  use_sliding_window: false,
  vocab_size: 128_256,
};
const GRANITE_3: Json = {
  architectures: ['GraniteForCausalLM'],
  attention_bias: false,
  attention_dropout: 0,
  attention_multiplier: 0.015625,
  bos_token_id: 0,
  embedding_multiplier: 12,
  eos_token_id: 0,
  hidden_act: 'silu',
  hidden_size: 2048,
  initializer_range: 0.02,
  intermediate_size: 8192,
  logits_scaling: 8,
  max_position_embeddings: 131_072,
  mlp_bias: false,
  model_type: 'granite',
  num_attention_heads: 32,
  num_hidden_layers: 40,
  num_key_value_heads: 8,
  pad_token_id: 0,
  residual_multiplier: 0.22,
  rms_norm_eps: 1e-5,
  rope_scaling: null,
  rope_theta: 10_000_000,
  tie_word_embeddings: true,
  torch_dtype: 'bfloat16',
  transformers_version: '4.49.0',
  use_cache: true,
  vocab_size: 49_159,
};

interface Published {
  readonly json: Json;
  readonly shows: Partial<ModelConfig>;
  /** Layers without a window, and layers without a rope. */
  readonly layers: readonly [seeingAll: number, still: number];
}

const MODELS: Readonly<Record<string, Published>> = {
  'gemma-2-2b': { json: GEMMA_2, shows: { attentionScale: 1 / 16, tiedHead: true, logitSoftCap: 30 }, layers: [13, 0] },
  'gemma-2-27b': {
    json: {
      ...GEMMA_2,
      head_dim: 128,
      hidden_size: 4608,
      intermediate_size: 36_864,
      num_attention_heads: 32,
      num_hidden_layers: 46,
      num_key_value_heads: 16,
      query_pre_attn_scalar: 144,
    },
    shows: { attentionScale: 1 / 12 },
    layers: [23, 0],
  },
  'gemma-3-1b': { json: GEMMA_3, shows: { queryKeyNorm: 'head', logitSoftCap: undefined }, layers: [4, 0] },
  'gemma-3-27b': {
    json: {
      ...GEMMA_3,
      head_dim: 128,
      hidden_size: 5376,
      intermediate_size: 21_504,
      num_attention_heads: 32,
      num_hidden_layers: 62,
      num_key_value_heads: 16,
      query_pre_attn_scalar: 168,
      rope_scaling: { factor: 8, rope_type: 'linear' },
      sliding_window: 1024,
    },
    shows: { attentionScale: 1 / Math.sqrt(168) },
    layers: [10, 0],
  },
  'smollm3-3b': { json: SMOLLM_3, shows: { tiedHead: true, attentionScale: 1 / Math.sqrt(128) }, layers: [36, 9] },
  'granite-3.3-2b': {
    json: GRANITE_3,
    shows: { embeddingScale: 12, residualScale: 0.22, attentionScale: 1 / 64, logitScale: 1 / 8 },
    layers: [40, 0],
  },
};

describe.each(Object.entries(MODELS))('%s', (_name, { json, shows, layers }) => {
  test('is read as published, and llama.cpp has words for all of it', () => {
    const config = parseModelConfig(json);
    expect(config).toMatchObject(shows);
    const seeingAll = config.slidingWindow.filter((window) => window === undefined).length;
    const still = (config.layerRopes ?? []).filter((rope) => rope === undefined).length;
    expect([seeingAll, still]).toEqual(layers);
    expect(FAMILIES[config.family].gguf.inexpressible?.(config, json) ?? []).toEqual([]);
  });
});

function problemsOf(json: Json): readonly string[] {
  const config = parseModelConfig(json);
  return FAMILIES[config.family].gguf.inexpressible!(config, json);
}

test('what llama.cpp assumes otherwise is named with both values', () => {
  expect(
    problemsOf({
      ...GEMMA_2,
      query_pre_attn_scalar: 144,
      attention_bias: true,
      attn_logit_softcapping: null,
      final_logit_softcapping: null,
      tie_word_embeddings: false,
      layer_types: Array.from({ length: 26 }, (_, layer) => (layer === 3 ? 'full_attention' : 'sliding_attention')),
    }),
  ).toEqual([
    'query_pre_attn_scalar must be 256, which llama.cpp assumes, got 144',
    'attention_bias must be false, got true',
    'the layers that see everything must be every n-th one, got other layer_types',
    'attn_logit_softcapping must be a number, got null',
    'final_logit_softcapping must be a number, got null',
    "embedding and head must be one matrix in llama.cpp's Gemma 2, got two",
  ]);
  const yarn = { rope_type: 'yarn', factor: 4, original_max_position_embeddings: 8192 };
  const ropes = { full_attention: yarn, sliding_attention: { rope_type: 'linear', factor: 2 } };
  expect(problemsOf({ ...GEMMA_3, rope_parameters: ropes })).toEqual([
    'the rope of layers that slide must be plain, got linear',
    'the rope of layers that see everything must be default or linear, got yarn',
  ]);
  expect(problemsOf({ ...SMOLLM_3, no_rope_layers: null, no_rope_layer_interval: 6 })).toEqual([
    'every 4th layer, and no other, must be without rope, which llama.cpp assumes, got other layers',
  ]);
});
