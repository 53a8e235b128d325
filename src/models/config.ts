import { badInput, type Problem } from '../core/index.ts';
import { ConfigFields, mustBe, type ConfigJson } from './families/config-fields.ts';
import { FAMILIES } from './families/registry.ts';
import { strangerText } from './families/strangers.ts';
import { ropeFields } from './families/rope-fields.ts';
import { MODEL_FAMILIES, type ModelConfig, type ModelFamily, type ModelSizes } from './model-config.ts';
import { parseRope } from './rope.ts';

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
  'attn_implementation',
  'resid_pdrop',
  'embd_pdrop',
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
  'max_sequence_length',
  'max_seq_len',
  'seq_length',
  // How texts are drawn: what Transformers 4 wrote into every config.json.
  'max_length',
  'min_length',
  'do_sample',
  'early_stopping',
  'num_beams',
  'num_beam_groups',
  'num_return_sequences',
  'diversity_penalty',
  'temperature',
  'top_k',
  'top_p',
  'typical_p',
  'repetition_penalty',
  'length_penalty',
  'no_repeat_ngram_size',
  'encoder_no_repeat_ngram_size',
  'decoder_start_token_id',
  'cache_implementation',
]);

/** Fields that only their usual value leaves the computation as it is here. */
const FIXED_FIELDS: Readonly<Record<string, readonly unknown[]>> = {
  pretraining_tp: [1, null],
  partial_rotary_factor: [1, null],
  add_cross_attention: [false],
  tie_encoder_decoder: [false],
  cross_attention_hidden_size: [null],
  quantization_config: [null],
  pruned_heads: [null],
};

/** Whether a value switches nothing on: a variant that a field of such a value names is not there. */
function isOff(value: unknown): boolean {
  if (value === null || value === undefined || value === false || value === 0 || value === '') return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}

/** Fields that Transformers writes for families too that do not read them, or that only some values of others make matter. */
const SHARED_FIELDS = new Set([
  'rope_theta',
  'rope_scaling',
  'rope_parameters',
  'attention_bias',
  'mlp_bias',
  'sliding_window',
  'use_sliding_window',
  'max_window_layers',
  'layer_types',
]);

function familyOf(config: ConfigJson): ModelFamily {
  const family = MODEL_FAMILIES.find((name) => name === config['model_type']);
  const architectures = Array.isArray(config['architectures']) ? config['architectures'] : [];
  const known = family !== undefined && architectures.every((name) => name === FAMILIES[family].architecture);
  if (!known) {
    const stranger = family === undefined ? strangerText(config['model_type'], config) : undefined;
    if (stranger !== undefined)
      throw badInput({
        path: 'model_type',
        message: `config.json: model_type ${stranger}. Families that it computes: ${MODEL_FAMILIES.join(', ')}`,
      });
    throw badInput({
      path: 'model_type',
      message:
        `config.json: the architecture must be one of ${MODEL_FAMILIES.map((name) => FAMILIES[name].architecture).join(', ')}, ` +
        `got model_type ${JSON.stringify(config['model_type'])} with ${JSON.stringify(config['architectures'])}; ` +
        'preftune does not compute this model',
    });
  }
  return family;
}

/** Refusals of what is known to change the model, and of what is not known. */
function otherProblems(config: ConfigJson, fields: ConfigFields): Problem[] {
  const problems: Problem[] = [];
  const refuse = (path: string, message: string): void =>
    void problems.push({ path, message: `config.json: ${message}` });
  for (const [path, value] of Object.entries(config)) {
    if (fields.wasRead(path)) continue;
    const allowed = FIXED_FIELDS[path];
    if (allowed !== undefined) {
      const isUsual = allowed.includes(value) || (allowed.includes(null) && isOff(value) && value !== 0);
      if (!isUsual) refuse(path, mustBe(path, allowed, value));
    } else if (!isOff(value) && !IGNORED_FIELDS.has(path) && !SHARED_FIELDS.has(path) && !path.startsWith('_')) {
      refuse(
        path,
        `${path} is not a field that preftune knows, got ${JSON.stringify(value)?.slice(0, 60)}; it may change what the model computes, so the model is refused`,
      );
    }
  }
  return problems;
}

function sizesOf(config: ConfigJson, fields: ConfigFields, name: ModelFamily): ModelSizes {
  const { defaults, rope: rulesOf } = FAMILIES[name];
  const hiddenSize = fields.positive('hidden_size');
  const heads = fields.positive('num_attention_heads');
  // null means as many as heads, absence what the family assumes.
  const keyValueHeads = fields.positive(
    'num_key_value_heads',
    config['num_key_value_heads'] === undefined ? (defaults.keyValueHeads ?? heads) : heads,
  );
  const layers = fields.positive('num_hidden_layers');
  const headSize = fields.positive('head_dim', defaults.headSize ?? Math.floor(hiddenSize / heads));
  if (heads % keyValueHeads !== 0) {
    fields.fail(
      'num_key_value_heads',
      `num_key_value_heads must divide num_attention_heads, got ${keyValueHeads} and ${heads}`,
    );
  }
  if (headSize % 2 !== 0) fields.fail('head_dim', `head_dim must be even for rotary embeddings, got ${headSize}`);
  const maxPositions = fields.positive('max_position_embeddings', defaults.maxPositions);
  const fail = (path: string, message: string): void => fields.fail(path, message);
  const rope = parseRope(ropeFields(name, config), { headSize, maxPositions, fail, ...rulesOf?.(fields) });
  return {
    hiddenSize,
    intermediateSize: fields.positive('intermediate_size'),
    layers,
    heads,
    keyValueHeads,
    headSize,
    vocabularySize: fields.positive('vocab_size'),
    maxPositions,
    normEpsilon: fields.number('rms_norm_eps', defaults.normEpsilon ?? 1e-6),
    rope,
    tiedHead: fields.flag('tie_word_embeddings', defaults.tiedHead),
  };
}

/**
 * The model that a config.json describes. Defaults of absent fields are those of Transformers' configuration classes; the
 * sizes (hidden, intermediate, layers, heads, vocabulary) must be there.
 * Throws bad-input with every problem: an unknown architecture, unknown fields, values that preftune does not compute.
 *
 * @example
 * ```ts run
 * import { openModelFiles, parseModelConfig } from 'preftune';
 *
 * const files = await openModelFiles('node_modules/preftune/assets/embedded-model');
 * const { family, layers, heads, keyValueHeads } = parseModelConfig(files.config);
 * console.log(family, layers, heads, keyValueHeads); // llama 7 6 2
 * await files.close();
 * ```
 */
export function parseModelConfig(config: ConfigJson): ModelConfig {
  const name = familyOf(config);
  const family = FAMILIES[name];
  const fields = new ConfigFields(config, name);
  const activation = fields.word(family.activation.field, family.activation.words);
  const sizes = sizesOf(config, fields, name);
  const traits = family.traits(fields, sizes);
  const problems = [...otherProblems(config, fields), ...fields.problems];
  if (problems.length > 0) throw badInput(problems);
  return { family: name, ...sizes, ...traits, activation };
}
