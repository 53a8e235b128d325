import type { RopeRules } from '../rope.ts';
import type { ConfigFields, ConfigJson } from './config-fields.ts';
import type { Family } from './family.ts';
import { llama } from './llama.ts';
import { plainTraits } from './plain-traits.ts';
import { everywhere } from './windows.ts';

/** What Transformers assumes of a config.json without a rope. */
const ASSUMED_ROPE: ConfigJson = {
  rope_type: 'yarn',
  rope_theta: 1_000_000,
  factor: 16,
  original_max_position_embeddings: 16_384,
  beta_fast: 32,
  beta_slow: 1,
  mscale_all_dim: 1,
  mscale: 1,
  llama_4_scaling_beta: 0.1,
};

function ropeOf(config: ConfigJson): ConfigJson {
  return (config['rope_scaling'] ?? config['rope_parameters'] ?? ASSUMED_ROPE) as ConfigJson;
}

/**
 * Queries are multiplied by 1 + beta ln(1 + floor(position / original_max_position_embeddings)), which is 1 before that position; what lies beyond
 * is refused.
 */
function ropeRules(fields: ConfigFields): RopeRules {
  const rope = ropeOf(fields.all);
  const beta = rope['llama_4_scaling_beta'];
  const original = rope['original_max_position_embeddings'];
  if (typeof beta !== 'number')
    fields.fail(
      'rope_parameters',
      `rope_parameters.llama_4_scaling_beta must be a number, got ${JSON.stringify(beta)}`,
    );
  return {
    ownFields: ['llama_4_scaling_beta', 'max_position_embeddings'],
    ...(typeof original === 'number' && beta !== 0 ? { positionLimit: original } : {}),
  };
}

/** The text of Ministral 3: Mistral with YaRN, and queries that grow far out. Source: Ministral3Config of Transformers. */
export const ministral3: Family = {
  architecture: 'Ministral3ForCausalLM',
  defaults: { keyValueHeads: 8, headSize: 128, maxPositions: 262_144, tiedHead: false, normEpsilon: 1e-5 },
  activation: llama.activation,
  ropeFields: (config) => ({ rope_theta: config['rope_theta'], rope_scaling: ropeOf(config) }),
  rope: ropeRules,
  traits(fields, sizes) {
    fields.neverTrue('attention_bias');
    fields.neverTrue('mlp_bias');
    const isWindowed = (fields.value('sliding_window') ?? null) !== null;
    const window = isWindowed ? fields.positive('sliding_window') : undefined;
    return { ...plainTraits(sizes), slidingWindow: everywhere(sizes, window) };
  },
  gguf: {
    ...llama.gguf,
    architecture: 'mistral3',
    configFields: (file) => {
      const window = file.count('attention.sliding_window');
      const plain = {
        rope_type: 'default',
        original_max_position_embeddings: file.count('context_length') ?? 1,
        llama_4_scaling_beta: file.number('attention.temperature_scale') ?? 0,
      };
      return {
        ...(window === undefined ? {} : { sliding_window: window }),
        ...(file.number('rope.scaling.factor') === undefined ? { rope_scaling: plain } : {}),
      };
    },
    inexpressible: (_config, json) => {
      const { rope_type: type, type: older } = ropeOf(json);
      return (type ?? older) === 'yarn'
        ? []
        : [`rope_type must be yarn, which llama.cpp assumes, got ${JSON.stringify(type)}`];
    },
    metadata: ({ slidingWindow: [value] }, json) => {
      return {
        'attention.temperature_scale': { type: 'float32', value: Number(ropeOf(json)['llama_4_scaling_beta']) },
        ...(value === undefined ? {} : { 'attention.sliding_window': { type: 'uint32', value } }),
      };
    },
    preTokenizers: ['tekken'],
  },
};
