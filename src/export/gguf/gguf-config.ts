import { badInput } from '../../core/index.ts';
import type { GgufWriteTensor, GgufWriteValue } from '../../formats/index.ts';
import { FAMILIES, ropeFields, type GgufDialect, type ModelConfig } from '../../models/index.ts';
import type { MergedModel } from '../merged-model.ts';

export type GgufMetadata = Map<string, GgufWriteValue>;

/** How llama.cpp writes a model. */
export function ggufDialect({ family }: ModelConfig): GgufDialect {
  return FAMILIES[family].gguf;
}

const count = (value: number): GgufWriteValue => ({ type: 'uint32', value });
const real = (value: number): GgufWriteValue => ({ type: 'float32', value });
export const text = (value: string): GgufWriteValue => ({ type: 'string', value });

/**
 * What llama.cpp must know of a model, under its architecture's keys.
 * Source: the GGUF specification (ggml, docs/gguf.md), and the keys that llama.cpp reads of each architecture.
 */
export function ggufConfig({ config, json }: MergedModel): GgufMetadata {
  const { architecture, metadata, inexpressible } = ggufDialect(config);
  const problems = [...activationProblems(config), ...(inexpressible?.(config, json) ?? [])];
  if (problems.length > 0) throw badInput(problems.map((must) => ({ message: `gguf: ${must}; use --to hf or onnx` })));
  const entries: Record<string, GgufWriteValue> = {
    context_length: count(config.maxPositions),
    embedding_length: count(config.hiddenSize),
    block_count: count(config.layers),
    feed_forward_length: count(config.intermediateSize),
    'attention.head_count': count(config.heads),
    'attention.head_count_kv': count(config.keyValueHeads),
    'attention.key_length': count(config.headSize),
    'attention.value_length': count(config.headSize),
    'attention.layer_norm_rms_epsilon': real(config.normEpsilon),
    'rope.dimension_count': count(2 * config.rope.frequencies.length),
    vocab_size: count(config.vocabularySize),
    ...ropeEntries(ropeFields(config.family, json), config),
    ...metadata(config, json),
  };
  return new Map(Object.entries(entries).map(([key, value]) => [`${architecture}.${key}`, value]));
}

/** A file names no activation: it stands for the first that the family knows. */
function activationProblems({ family, activation }: ModelConfig): readonly string[] {
  const { field, words } = FAMILIES[family].activation;
  const [word, meant] = Object.entries(words)[0]!;
  if (activation === meant) return [];
  return [`${field} must be ${word}, which a file of ${family} stands for, got ${activation}`];
}

type Json = Readonly<Record<string, unknown>>;

function ropeEntries(json: Json, config: ModelConfig): Record<string, GgufWriteValue> {
  const parameters = (json['rope_parameters'] ?? {}) as Json;
  const scaling = (json['rope_scaling'] ?? parameters) as Json;
  const base = { 'rope.freq_base': real(config.rope.theta) };
  if (config.rope.factors !== undefined) {
    return {
      ...base,
      'rope.scaling.original_context_length': count(config.rope.positionLimit),
      'rope.scaling.attn_factor': real(config.rope.scale),
    };
  }
  const factor = Number(scaling['factor'] ?? 1);
  const type = scaling['rope_type'] ?? scaling['type'] ?? 'default';
  if (type === 'linear') return { ...base, 'rope.scaling.type': text('linear'), 'rope.scaling.factor': real(factor) };
  if (type !== 'yarn') return base;
  if (scaling['truncate'] === false)
    throw badInput('gguf: rope_scaling.truncate must be true in a yarn rope, got false; llama.cpp rounds its corners');
  const original = Number(scaling['original_max_position_embeddings'] ?? config.maxPositions);
  // llama.cpp multiplies its own 0.1 ln(factor) + 1 by attn_factor.
  const own = 0.1 * Math.log(factor) + 1;
  return {
    ...base,
    'rope.scaling.type': text('yarn'),
    'rope.scaling.factor': real(factor),
    'rope.scaling.original_context_length': count(original),
    ...(scaling['beta_fast'] === undefined
      ? {}
      : { 'rope.scaling.yarn_beta_fast': real(Number(scaling['beta_fast'])) }),
    ...(scaling['beta_slow'] === undefined
      ? {}
      : { 'rope.scaling.yarn_beta_slow': real(Number(scaling['beta_slow'])) }),
    ...(Math.abs(config.rope.scale - own) < 1e-6 ? {} : { 'rope.scaling.attn_factor': real(config.rope.scale / own) }),
  };
}

function vector(name: string, values: Float32Array): GgufWriteTensor {
  return { name: `${name}.weight`, shape: [values.length], type: 'F32', read: () => Promise.resolve(values) };
}

/**
 * The divisors of the frequencies: rope_freqs.weight, where the rope is Llama 3's or came from such a tensor; rope_factors_long.weight and
 * rope_factors_short.weight of a longrope.
 */
export function ropeFactors({ config, json: whole }: MergedModel): GgufWriteTensor[] {
  const { frequencies, theta, factors } = config.rope;
  if (factors !== undefined) {
    return (['long', 'short'] as const).map((kind) => vector(`rope_factors_${kind}`, Float32Array.from(factors[kind])));
  }
  const json = ropeFields(config.family, whole);
  const scaling = (json['rope_scaling'] ?? json['rope_parameters'] ?? {}) as Json;
  const type = scaling['rope_type'] ?? scaling['type'];
  if (type !== 'llama3' && type !== 'gguf-frequency-factors') return [];
  const divisors = Float32Array.from(frequencies, (frequency, i) => theta ** (-i / frequencies.length) / frequency);
  return [vector('rope_freqs', divisors)];
}

/** What llama.cpp computes otherwise than the model, in words; empty for most. */
export function ggufLimits({ config, json: whole }: MergedModel): string[] {
  const json = ropeFields(config.family, whole);
  // A window as long as the model hides nothing.
  const windows = config.slidingWindow.filter((one) => one !== undefined && one < config.maxPositions);
  const scaling = (json['rope_scaling'] ?? json['rope_parameters'] ?? {}) as Json;
  return [
    ...(windows.length === 0 || ggufDialect(config).hasWindows === true
      ? []
      : [
          `llama.cpp lets every token see all before it: beyond ${windows[0]} tokens, the model's attention window, answers differ`,
        ]),
    ...(config.rope.factors === undefined || config.rope.positionLimit >= config.maxPositions
      ? []
      : [
          `llama.cpp takes the rope's long factors, for texts of any length, where its context is longer than ${config.rope.positionLimit} tokens; ` +
            `the model was trained with the short ones, so keep the context (-c) within that`,
        ]),
    ...((scaling['rope_type'] ?? scaling['type']) === 'dynamic'
      ? [`the rope is not scaled beyond ${config.maxPositions} tokens`]
      : []),
  ];
}
