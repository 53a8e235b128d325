import { describe, expect, test } from 'vitest';
import { parseModelConfig } from './config.ts';
import { strangerText } from './families/strangers.ts';
import { MODEL_FAMILIES, type ModelConfig } from './model-config.ts';
import { FAMILIES } from './families/registry.ts';
import { parameterSpecs } from './parameters.ts';

type Json = Readonly<Record<string, unknown>>;

/** Sizes that no family assumes. */
const SIZES = {
  hidden_size: 2048,
  intermediate_size: 24,
  num_hidden_layers: 30,
  num_attention_heads: 64,
  vocab_size: 9,
};

function windowsOf(config: Json): (number | undefined)[] {
  const sizes = { ...SIZES, num_hidden_layers: 4, num_key_value_heads: 64 };
  return [...parseModelConfig({ ...sizes, ...config }).slidingWindow];
}

const [full, sliding] = ['full_attention', 'sliding_attention'];

describe('sliding windows', () => {
  test('mistral: every layer, or none when null', () => {
    expect(windowsOf({ model_type: 'mistral', sliding_window: 8 })).toEqual([8, 8, 8, 8]);
    expect(windowsOf({ model_type: 'mistral', sliding_window: null })).toEqual(Array.from({ length: 4 }));
  });

  test.each(['qwen2', 'qwen3'])('%s: where layer_types or max_window_layers say so, if enabled', (family) => {
    const base = { model_type: family, sliding_window: 8, use_sliding_window: true };
    expect(windowsOf({ ...base, max_window_layers: 3 })).toEqual([undefined, undefined, undefined, 8]);
    expect(windowsOf({ ...base, max_window_layers: 0 })).toEqual([8, 8, 8, 8]);
    expect(windowsOf({ ...base, sliding_window: undefined, max_window_layers: 3 })[3]).toBe(4096);
    expect(windowsOf({ ...base, layer_types: [full, sliding, full, sliding] })).toEqual([undefined, 8, undefined, 8]);
    expect(windowsOf({ ...base, use_sliding_window: false, max_window_layers: 0 })).toEqual(Array.from({ length: 4 }));
    // Not given: the first 28 layers see all.
    expect(windowsOf(base)).toEqual(Array.from({ length: 4 }));
    expect(
      windowsOf({ ...base, num_hidden_layers: 30 })
        .map((window) => window === 8)
        .lastIndexOf(false),
    ).toBe(27);
  });

  test('gemma: layer_types, or every n-th layer sees everything', () => {
    expect(windowsOf({ model_type: 'gemma2', sliding_window: 8 })).toEqual([8, undefined, 8, undefined]);
    expect(windowsOf({ model_type: 'gemma3_text' })).toEqual([4096, 4096, 4096, 4096]);
    expect(windowsOf({ model_type: 'gemma3_text', sliding_window_pattern: 3 })).toEqual([4096, 4096, undefined, 4096]);
    const typed = { layer_types: [full, full, sliding, full], sliding_window: 8, sliding_window_pattern: 3 };
    expect(windowsOf({ model_type: 'gemma3_text', ...typed })).toEqual([undefined, undefined, 8, undefined]);
  });

  test('smollm3: in layers without rope, if enabled', () => {
    const base = { model_type: 'smollm3', sliding_window: 8 };
    expect(windowsOf(base)).toEqual(Array.from({ length: 4 }));
    expect(windowsOf({ ...base, use_sliding_window: true })).toEqual([undefined, undefined, undefined, 8]);
    const typed = { ...base, use_sliding_window: true, layer_types: [sliding, full, full, full] };
    expect(windowsOf(typed)).toEqual([8, undefined, undefined, undefined]);
  });
});

function parsed(config: Json): ModelConfig {
  return parseModelConfig({ ...SIZES, num_hidden_layers: 4, head_dim: 4, ...config });
}

/** The second frequency of each layer of a Gemma 3 in which every second layer sees everything. */
function secondOf(config: Json): (number | undefined)[] {
  const { layerRopes } = parsed({ model_type: 'gemma3_text', sliding_window_pattern: 2, ...config });
  return layerRopes!.map((rope) => rope?.frequencies[1]);
}

describe('what stands in one family alone', () => {
  test('gemma 1: what the first releases call gelu is the tanh formula', () => {
    for (const hidden_act of ['gelu', 'gelu_pytorch_tanh'])
      expect(parsed({ model_type: 'gemma', hidden_act, hidden_activation: null }).activation).toBe('gelu_tanh');
  });

  test('gemma: the scale of attention is query_pre_attn_scalar, not the size of a head; the embedding is scaled', () => {
    const { attentionScale, embeddingScale } = parsed({ model_type: 'gemma2', query_pre_attn_scalar: 144 });
    expect([attentionScale, embeddingScale]).toEqual([1 / 12, Math.sqrt(2048)]);
    const off = { attn_logit_softcapping: null, final_logit_softcapping: null };
    const { attentionSoftCap, logitSoftCap } = parsed({ model_type: 'gemma2', ...off });
    expect([attentionSoftCap, logitSoftCap]).toEqual([undefined, undefined]);
  });

  test('gemma 3: each kind of layer has its rope, in the newer form, in the older one, and where neither says', () => {
    expect(secondOf({})).toEqual([1e-2, 1e-3, 1e-2, 1e-3]);
    const older = { rope_theta: 1e4, rope_local_base_freq: 100, rope_scaling: { rope_type: 'linear', factor: 2 } };
    expect(secondOf(older)).toEqual([0.1, 0.005, 0.1, 0.005]);
    const newer = {
      full_attention: { rope_theta: 1e4, rope_type: 'linear', factor: 2 },
      sliding_attention: { rope_theta: 100, rope_type: 'default' },
    };
    expect(secondOf({ rope_parameters: newer })).toEqual([0.1, 0.005, 0.1, 0.005]);
    expect(secondOf({ rope_parameters: { full_attention: null, sliding_attention: newer.sliding_attention } })).toEqual(
      [0.1, 1e-3, 0.1, 1e-3],
    );
  });

  test('smollm3: no_rope_layers says 1 where a layer turns, else every interval-th does not', () => {
    const turning = (config: Json): boolean[] =>
      parsed({ model_type: 'smollm3', ...config }).layerRopes!.map((rope) => rope !== undefined);
    expect(turning({})).toEqual([true, true, true, false]);
    expect(turning({ no_rope_layer_interval: 2 })).toEqual([true, false, true, false]);
    expect(turning({ no_rope_layers: [0, 1, 1, 1, 1], no_rope_layer_interval: 2 })).toEqual([false, true, true, true]);
    // Published files say 2 here, which changes nothing.
    expect(parsed({ model_type: 'smollm3', pretraining_tp: 2 }).layers).toBe(4);
  });

  test('granite: four scales; the vocabulary is divided', () => {
    const { embeddingScale, residualScale, attentionScale, logitScale } = parsed({
      model_type: 'granite',
      embedding_multiplier: 12,
      residual_multiplier: 0.22,
      attention_multiplier: 0.015625,
      logits_scaling: 8,
    });
    expect([embeddingScale, residualScale, attentionScale, logitScale]).toEqual([12, 0.22, 0.015625, 0.125]);
  });
});

const biasesOf = (config: Json): string[] =>
  parameterSpecs(parseModelConfig({ ...SIZES, num_hidden_layers: 1, num_key_value_heads: 64, ...config }))
    .filter(({ name }) => name.endsWith('.bias'))
    .map(({ name }) => name.split('.').at(-2)!);

test('biases are where the family has them', () => {
  expect(biasesOf({ model_type: 'llama' })).toEqual([]);
  expect(biasesOf({ model_type: 'llama', attention_bias: true })).toEqual(['q_proj', 'k_proj', 'v_proj', 'o_proj']);
  expect(biasesOf({ model_type: 'llama', mlp_bias: true })).toEqual(['gate_proj', 'up_proj', 'down_proj']);
  expect(biasesOf({ model_type: 'qwen2' })).toEqual(['q_proj', 'k_proj', 'v_proj']);
  expect(biasesOf({ model_type: 'qwen3', attention_bias: true })).toEqual(['q_proj', 'k_proj', 'v_proj', 'o_proj']);
});

function messageOf(config: Json): string {
  try {
    return JSON.stringify(parseModelConfig(config));
  } catch (thrown) {
    return (thrown as Error).message;
  }
}

describe('refused', () => {
  test.each([
    ['gpt2', ['GPT2LMHeadModel'], '"gpt2" with ["GPT2LMHeadModel"]'],
    ['llama', ['LlamaForSequenceClassification'], '"llama" with ["LlamaForSequenceClassification"]'],
    ['mistral', ['LlamaForCausalLM'], '"mistral" with ["LlamaForCausalLM"]'],
    [undefined, undefined, 'undefined with undefined'],
  ])('model_type %s with %j', (family, architectures, printed) => {
    const known = Object.values(FAMILIES).map(({ architecture }) => architecture);
    expect(messageOf({ ...SIZES, model_type: family, architectures })).toBe(
      `config.json: the architecture must be one of ${known.join(', ')}, got model_type ${printed}; preftune does not compute this model`,
    );
  });

  test.each<[string, Json, string]>([
    ...[
      'mixtral',
      'qwen2_moe',
      'qwen3_moe',
      'olmoe',
      'phimoe',
      'gpt_oss',
      'deepseek_v2',
      'deepseek_v3',
      'granitemoe',
    ].map((type): [string, Json, string] => [type, {}, 'is a mixture of experts']),
    ['someone_new', { num_local_experts: 8 }, 'is a mixture of experts'],
    ...['qwen2_vl', 'qwen2_5_vl', 'qwen3_vl', 'phi3_v', 'phi4mm', 'phi4_multimodal', 'llava', 'mllama', 'idefics3'].map(
      (type): [string, Json, string] => [type, {}, 'is a model of images or sound beside text'],
    ),
    ['someone_new', { vision_config: {} }, 'is a model of images or sound beside text'],
    ...['mamba', 'mamba2', 'rwkv', 'recurrent_gemma', 'jamba', 'falcon_h1'].map((type): [string, Json, string] => [
      type,
      {},
      'is a state-space or recurrent model',
    ]),
    ...['t5', 'mt5', 'bart', 'mbart', 'pegasus'].map((type): [string, Json, string] => [
      type,
      {},
      'is an encoder with a decoder',
    ]),
    ['someone_new', { is_encoder_decoder: true }, 'is an encoder with a decoder'],
    ...['bert', 'roberta', 'modernbert', 'distilbert', 'electra'].map((type): [string, Json, string] => [
      type,
      {},
      'is an encoder, which draws no answers',
    ]),
    ['phi3small', {}, 'is a Phi-3 with block-sparse attention; use Phi-3 mini'],
  ])('%s %j is told by its kind, with the families that there are', (type, config, text) => {
    const message = messageOf({ ...SIZES, model_type: type, ...config });
    expect(message.startsWith(`config.json: model_type "${type}" ${text}`)).toBe(true);
    expect(message.endsWith(`. Families that it computes: ${MODEL_FAMILIES.join(', ')}`)).toBe(true);
  });

  test('no family of Transformers that is computed is taken for a stranger', () => {
    expect(MODEL_FAMILIES.map((family) => strangerText(family)).filter((text) => text !== undefined)).toEqual([]);
  });

  test.each<[string, Json, string]>([
    ['gemma', { hidden_act: 'silu' }, 'hidden_act must be "gelu_pytorch_tanh" or "gelu", got "silu"'],
    ['gemma', { hidden_activation: 'gelu' }, 'hidden_activation must be "gelu_pytorch_tanh" or null, got "gelu"'],
    ['gemma', { use_bidirectional_attention: true }, 'use_bidirectional_attention must be false or absent'],
    ['gemma2', { use_bidirectional_attention: true }, 'use_bidirectional_attention must be false or absent'],
    ['gemma2', { hidden_activation: 'gelu' }, 'hidden_activation must be "gelu_pytorch_tanh", got "gelu"'],
    ['gemma2', { hidden_activation: null }, 'hidden_activation must be "gelu_pytorch_tanh", got null'],
    ['gemma2', { sliding_window: null }, 'sliding_window must be a whole number above 0 where layers slide, got null'],
    ['gemma2', { final_logit_softcapping: -1 }, 'final_logit_softcapping must be a number above 0, got -1'],
    ['gemma3_text', { attn_logit_softcapping: 50 }, 'attn_logit_softcapping must be null, got 50'],
    ['gemma3_text', { rope_parameters: { rope_theta: 1e6 } }, 'rope_parameters must hold full_attention and sliding'],
    ['smollm3', { no_rope_layers: [1, 1] }, 'no_rope_layers must be 0 or 1 for each of 30 layers'],
    ['granite', { residual_multiplier: 0 }, 'residual_multiplier must be a number above 0, got 0'],
    ['granite', { sliding_window: 8 }, 'sliding_window'],
  ])('%s with %j', (family, config, message) => {
    expect(messageOf({ ...SIZES, head_dim: 4, model_type: family, ...config })).toContain(message);
  });

  test('every problem at once, by name', () => {
    const config = {
      model_type: 'llama',
      hidden_size: 32.5,
      num_hidden_layers: 0,
      num_attention_heads: 6,
      num_key_value_heads: 4,
      head_dim: 7,
      vocab_size: '9',
      rms_norm_eps: -1,
      hidden_act: 'gelu',
      pretraining_tp: 2,
      quantization_config: { bits: 4 },
      logit_scale: 0.1,
      sliding_window: 8,
      tie_word_embeddings: 'yes',
      rope_scaling: { type: 'su' },
    };
    expect(messageOf(config).split('\n')).toEqual([
      'config.json: pretraining_tp must be 1 or null, got 2; preftune does not compute this variant',
      'config.json: quantization_config must be null, got {"bits":4}; preftune does not compute this variant',
      'config.json: logit_scale is not a field that preftune knows, got 0.1; it may change what the model computes, so the model is refused',
      'config.json: hidden_act must be "silu" or "swish", got "gelu"; preftune does not compute this variant',
      'config.json: hidden_size must be a whole number above 0, got 32.5',
      'config.json: num_hidden_layers must be a whole number above 0, got 0',
      'config.json: num_key_value_heads must divide num_attention_heads, got 4 and 6',
      'config.json: head_dim must be even for rotary embeddings, got 7',
      'config.json: rope_scaling type must be default, linear, dynamic, yarn or llama3, got "su"',
      'config.json: intermediate_size must be a whole number above 0, got undefined',
      'config.json: vocab_size must be a whole number above 0, got "9"',
      'config.json: rms_norm_eps must be a number above 0, got -1',
      'config.json: tie_word_embeddings must be true or false, got "yes"',
      'config.json: sliding_window must be absent for model_type llama',
    ]);
  });

  test.each([
    [
      { model_type: 'mistral', attention_bias: true },
      'attention_bias must be false or absent for model_type mistral, got true',
    ],
    [
      { model_type: 'qwen2', attention_bias: true },
      'attention_bias must be false or absent for model_type qwen2, got true',
    ],
    [{ model_type: 'qwen3', mlp_bias: true }, 'mlp_bias must be false or absent for model_type qwen3, got true'],
    [{ model_type: 'mistral', sliding_window: 0 }, 'sliding_window must be a whole number above 0, got 0'],
    [{ model_type: 'qwen2', use_sliding_window: 1 }, 'use_sliding_window must be true or false, got 1'],
    [
      { model_type: 'qwen2', use_sliding_window: true, max_window_layers: 'all' },
      'max_window_layers must be a whole number of at least 0, got "all"',
    ],
    [
      {
        model_type: 'phi3',
        original_max_position_embeddings: 64,
        rope_scaling: { original_max_position_embeddings: 32 },
      },
      'original_max_position_embeddings must be the same beside the rope and in it, got 64 and 32',
    ],
    [
      { model_type: 'mistral', layer_types: Array.from({ length: 30 }, (_, i) => (i % 2 === 0 ? full : sliding)) },
      'layer_types must be the same in every layer, as sliding_window says it, for model_type mistral; where layers differ, the model_type is ministral',
    ],
    [
      { model_type: 'olmo3', rope_theta: 10_000 },
      'rope_theta must be 500000 where no rope_parameters name that of each kind of layer, got 10000; versions of Transformers differ in what they take it for',
    ],
    [
      { model_type: 'ministral3', rope_parameters: { rope_type: 'default' } },
      'rope_parameters.llama_4_scaling_beta must be a number, got undefined',
    ],
    [
      { model_type: 'phi3', full_attn_mod: 2 },
      'full_attn_mod must be 1, got 2; preftune does not compute this variant',
    ],
    [{ model_type: 'phi3', lm_head_bias: true }, 'lm_head_bias must be false or absent for model_type phi3, got true'],
    [
      { model_type: 'qwen3', use_sliding_window: true, layer_types: ['full_attention'] },
      'layer_types must name full_attention or sliding_attention for each of 30 layers',
    ],
  ])('%j', (config, message) => {
    expect(messageOf({ ...SIZES, ...config })).toBe(`config.json: ${message}`);
  });

  test('what says nothing about the computation is let through, private fields too', () => {
    const quiet = {
      torch_dtype: 'bfloat16',
      use_cache: false,
      _name_or_path: 'x',
      _anything: 1,
      attention_dropout: 0.1,
    };
    const plain = parseModelConfig({ model_type: 'llama', ...SIZES });
    expect(parseModelConfig({ model_type: 'llama', ...SIZES, ...quiet })).toEqual(plain);
  });
});

test('fields that switch nothing on, and those of drawing and lengths, are let through; what is on is refused', () => {
  const drawing = {
    do_sample: false,
    temperature: 1,
    top_k: 50,
    max_length: 20,
    pruned_heads: {},
    bad_words_ids: null,
  };
  const off = {
    use_mrope: false,
    use_newer: null,
    some_bias: 0,
    some_map: {},
    some_list: [],
    max_sequence_length: 512,
  };
  const plain = { ...SIZES, model_type: 'llama', num_key_value_heads: 64 };
  const config = { ...plain, ...drawing, ...off };
  expect(parseModelConfig(config)).toEqual(parseModelConfig(plain));
  expect(() => parseModelConfig({ ...plain, use_mrope: true })).toThrow(
    'config.json: use_mrope is not a field that preftune knows, got true; it may change what the model computes, so the model is refused',
  );
});

test('Phi-4-mini as published: 48 of 64 pairs of a head turn, by the short factors, up to 4096 positions', () => {
  const factors = Array.from({ length: 48 }, (_, i) => 1 + i);
  const config = parseModelConfig({
    architectures: ['Phi3ForCausalLM'],
    attention_bias: false,
    attn_implementation: 'flash_attention_2',
    auto_map: { AutoConfig: 'configuration_phi3.Phi3Config' },
    embd_pdrop: 0,
    full_attn_mod: 1,
    hidden_act: 'silu',
    hidden_size: 3072,
    intermediate_size: 8192,
    interpolate_factor: 1,
    lm_head_bias: false,
    max_position_embeddings: 131_072,
    mlp_bias: false,
    model_type: 'phi3',
    num_attention_heads: 24,
    num_hidden_layers: 32,
    num_key_value_heads: 8,
    original_max_position_embeddings: 4096,
    partial_rotary_factor: 0.75,
    resid_pdrop: 0,
    rms_norm_eps: 1e-5,
    rope_scaling: { long_factor: factors, short_factor: factors, type: 'longrope' },
    rope_theta: 10_000,
    sliding_window: 262_144,
    tie_word_embeddings: true,
    vocab_size: 200_064,
  });
  // sqrt(1 + ln 32 / ln 4096) is sqrt(1 + 5 / 12).
  expect(config.rope.scale).toBeCloseTo(Math.sqrt(17 / 12), 14);
  expect([config.headSize, config.rope.frequencies.length, config.rope.positionLimit]).toEqual([128, 48, 4096]);
  expect(config.rope.frequencies[1]).toBeCloseTo(10_000 ** (-2 / 96) / 2, 14);
});
