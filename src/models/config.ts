import { badInput, type Problem } from '../core/index.ts';
import { parseRope, type RopeConfig } from './rope.ts';

/** What a decoder-only transformer of the Llama family is, read from its config.json. All counts are whole numbers. */
export interface ModelConfig {
  /** `model_type` of config.json. */
  readonly family: ModelFamily;
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
  readonly queryKeyValueBias: boolean;
  readonly outputBias: boolean;
  readonly mlpBias: boolean;
  /** RMSNorm on each head's query and key before the rotary embedding (Qwen3). */
  readonly queryKeyNorm: boolean;
  /** Per layer: how many positions back a token sees, itself included; undefined sees all. */
  readonly slidingWindow: readonly (number | undefined)[];
}

export const MODEL_FAMILIES = ['llama', 'mistral', 'qwen2', 'qwen3'] as const;
export type ModelFamily = (typeof MODEL_FAMILIES)[number];

const ARCHITECTURES: Readonly<Record<ModelFamily, string>> = {
  llama: 'LlamaForCausalLM',
  mistral: 'MistralForCausalLM',
  qwen2: 'Qwen2ForCausalLM',
  qwen3: 'Qwen3ForCausalLM',
};

/** What Transformers' configuration classes assume of fields that config.json leaves out; null is not left out. */
const DEFAULTS: Readonly<
  Record<ModelFamily, { readonly keyValueHeads: number | undefined; readonly maxPositions: number }>
> = {
  llama: { keyValueHeads: undefined, maxPositions: 2048 },
  mistral: { keyValueHeads: 8, maxPositions: 131_072 },
  qwen2: { keyValueHeads: 32, maxPositions: 32_768 },
  qwen3: { keyValueHeads: 32, maxPositions: 32_768 },
};
const DEFAULT_WINDOW = 4096;
const DEFAULT_FIRST_WINDOW_LAYER = 28;

/** Fields that say nothing about the forward pass of a float32 model at evaluation. */
const IGNORED_FIELDS = new Set([
  'architectures',
  'model_type',
  'torch_dtype',
  'dtype',
  'transformers_version',
  'use_cache',
  'initializer_range',
  'bos_token_id',
  'eos_token_id',
  'pad_token_id',
  'unk_token_id',
  'sep_token_id',
  'cls_token_id',
  'attention_dropout',
  'name_or_path',
  'auto_map',
  'custom_pipelines',
  'return_dict',
  'output_attentions',
  'output_hidden_states',
  'torchscript',
  'is_decoder',
  'is_encoder_decoder',
  'id2label',
  'label2id',
  'problem_type',
  'task_specific_params',
  'chunk_size_feed_forward',
  'transformers.js_config',
  'unsloth_version',
  'unsloth_fixed',
  'is_llama_config',
  'rope_interleaved',
  'num_labels',
  'tokenizer_class',
  'use_bfloat16',
  'finetuning_task',
  'prefix',
  'hidden_dropout_prob',
  'model_max_length',
]);

/** Fields that only their usual value leaves the computation as it is here. */
const FIXED_FIELDS: Readonly<Record<string, readonly unknown[]>> = {
  pretraining_tp: [1, null],
  hidden_act: ['silu', 'swish'],
  partial_rotary_factor: [1, null],
  add_cross_attention: [false],
  tie_encoder_decoder: [false],
  cross_attention_hidden_size: [null],
  quantization_config: [null],
  pruned_heads: [null],
};

const USED_FIELDS = new Set([
  'hidden_size',
  'intermediate_size',
  'num_hidden_layers',
  'num_attention_heads',
  'num_key_value_heads',
  'head_dim',
  'vocab_size',
  'max_position_embeddings',
  'rms_norm_eps',
  'rope_theta',
  'rope_scaling',
  'rope_parameters',
  'tie_word_embeddings',
  'attention_bias',
  'mlp_bias',
  'sliding_window',
  'use_sliding_window',
  'max_window_layers',
  'layer_types',
]);

type Json = Readonly<Record<string, unknown>>;

/** Reads fields and collects what is wrong with them. */
class FieldReader {
  readonly problems: Problem[] = [];
  private readonly config: Json;

  constructor(config: Json) {
    this.config = config;
  }

  fail(path: string, message: string): void {
    this.problems.push({ path, message: `config.json: ${message}` });
  }

  positive(path: string, fallback?: number): number {
    const value = this.config[path] ?? fallback;
    if (typeof value === 'number' && Number.isSafeInteger(value) && value > 0) return value;
    this.fail(path, `${path} must be a whole number above 0, got ${JSON.stringify(value)}`);
    return 1;
  }

  number(path: string, fallback: number): number {
    const value = this.config[path] ?? fallback;
    if (typeof value === 'number' && value > 0 && Number.isFinite(value)) return value;
    this.fail(path, `${path} must be a number above 0, got ${JSON.stringify(value)}`);
    return fallback;
  }

  /** A whole number from 0 on. */
  count(path: string, fallback: number): number {
    const value = this.config[path] ?? fallback;
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
    this.fail(path, `${path} must be a whole number of at least 0, got ${JSON.stringify(value)}`);
    return fallback;
  }

  flag(path: string, fallback: boolean): boolean {
    const value = this.config[path] ?? fallback;
    if (typeof value === 'boolean') return value;
    this.fail(path, `${path} must be true or false, got ${JSON.stringify(value)}`);
    return fallback;
  }
}

function familyOf(config: Json): ModelFamily {
  const family = MODEL_FAMILIES.find((name) => name === config['model_type']);
  const architectures = Array.isArray(config['architectures']) ? config['architectures'] : [];
  const known = family !== undefined && architectures.every((name) => name === ARCHITECTURES[family]);
  if (!known) {
    throw badInput({
      path: 'model_type',
      message:
        `config.json: the architecture must be one of ${MODEL_FAMILIES.map((name) => ARCHITECTURES[name]).join(', ')}, ` +
        `got model_type ${JSON.stringify(config['model_type'])} with ${JSON.stringify(config['architectures'])}; ` +
        'preftune does not compute this model',
    });
  }
  return family;
}

function windows(config: Json, family: ModelFamily, layers: number, fields: FieldReader): (number | undefined)[] {
  const none = Array.from({ length: layers }, () => undefined);
  const enabled = family === 'mistral' || (family !== 'llama' && fields.flag('use_sliding_window', false));
  if (family === 'llama' && (config['sliding_window'] ?? null) !== null)
    fields.fail('sliding_window', 'sliding_window must be absent for model_type llama');
  if (config['sliding_window'] === null || !enabled) return none;
  const window = fields.positive('sliding_window', DEFAULT_WINDOW);
  if (family === 'mistral') return none.map(() => window);
  const types = config['layer_types'] ?? undefined;
  if (types !== undefined) {
    const fits =
      Array.isArray(types) &&
      types.length === layers &&
      types.every((type) => type === 'full_attention' || type === 'sliding_attention');
    if (!fits) {
      fields.fail(
        'layer_types',
        `layer_types must name full_attention or sliding_attention for each of ${layers} layers`,
      );
      return none;
    }
    return types.map((type) => (type === 'sliding_attention' ? window : undefined));
  }
  const first = fields.count('max_window_layers', DEFAULT_FIRST_WINDOW_LAYER);
  return none.map((_none, layer) => (layer >= first ? window : undefined));
}

function checkFields(config: Json, fields: FieldReader): void {
  for (const [path, value] of Object.entries(config)) {
    const allowed = FIXED_FIELDS[path];
    if (allowed !== undefined) {
      if (!allowed.includes(value)) {
        fields.fail(
          path,
          `${path} must be ${allowed.map((one) => JSON.stringify(one)).join(' or ')}, got ${JSON.stringify(value)}; preftune does not compute this variant`,
        );
      }
    } else if (!IGNORED_FIELDS.has(path) && !USED_FIELDS.has(path) && !path.startsWith('_')) {
      fields.fail(
        path,
        `${path} is not a field that preftune knows; it may change what the model computes, so the model is refused`,
      );
    }
  }
}

/**
 * The model that a config.json describes. Defaults of absent fields are those of Transformers' configuration classes; the
 * sizes (hidden, intermediate, layers, heads, vocabulary) must be there.
 * Throws bad-input with every problem: an unknown architecture, unknown fields, values that preftune does not compute.
 */
export function parseModelConfig(config: Json): ModelConfig {
  const family = familyOf(config);
  const fields = new FieldReader(config);
  checkFields(config, fields);
  const hiddenSize = fields.positive('hidden_size');
  const heads = fields.positive('num_attention_heads');
  const keyValueHeads = fields.positive(
    'num_key_value_heads',
    config['num_key_value_heads'] === undefined ? (DEFAULTS[family].keyValueHeads ?? heads) : heads,
  );
  const layers = fields.positive('num_hidden_layers');
  const headSize = fields.positive('head_dim', family === 'qwen3' ? 128 : Math.floor(hiddenSize / heads));
  if (heads % keyValueHeads !== 0) {
    fields.fail(
      'num_key_value_heads',
      `num_key_value_heads must divide num_attention_heads, got ${keyValueHeads} and ${heads}`,
    );
  }
  if (headSize % 2 !== 0) fields.fail('head_dim', `head_dim must be even for rotary embeddings, got ${headSize}`);
  const maxPositions = fields.positive('max_position_embeddings', DEFAULTS[family].maxPositions);
  const rope = parseRope(config, { headSize, maxPositions, fail: (path, message) => fields.fail(path, message) });
  const attentionBias = fields.flag('attention_bias', false);
  if (attentionBias && (family === 'mistral' || family === 'qwen2'))
    fields.fail('attention_bias', `attention_bias must be false or absent for model_type ${family}, got true`);
  const mlpBias = fields.flag('mlp_bias', false);
  if (mlpBias && family !== 'llama')
    fields.fail('mlp_bias', `mlp_bias must be false or absent for model_type ${family}, got true`);
  const parsed: ModelConfig = {
    family,
    hiddenSize,
    intermediateSize: fields.positive('intermediate_size'),
    layers,
    heads,
    keyValueHeads,
    headSize,
    vocabularySize: fields.positive('vocab_size'),
    maxPositions,
    normEpsilon: fields.number('rms_norm_eps', 1e-6),
    rope,
    tiedHead: fields.flag('tie_word_embeddings', false),
    queryKeyValueBias: family === 'qwen2' || attentionBias,
    outputBias: family !== 'qwen2' && attentionBias,
    mlpBias,
    queryKeyNorm: family === 'qwen3',
    slidingWindow: windows(config, family, layers, fields),
  };
  if (fields.problems.length > 0) throw badInput(fields.problems);
  return parsed;
}
