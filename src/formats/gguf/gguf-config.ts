/** The config.json that the metadata of a GGUF file stand for. */
import type { Problem } from '../../core/index.ts';
import { FAMILIES, familyOfGguf, GGUF_ARCHITECTURES, strangerText, type ModelFamily } from '../../models/index.ts';
import { ggufFields, shortestFloat32, type GgufFields } from './gguf-fields.ts';
import type { GgufHeader } from './gguf-header.ts';
import { longRopeOf, ropeScalingOf, ropeScalingOfFactors, type RopeDivisors } from './gguf-rope.ts';
import { describeValue } from '../json.ts';

export interface GgufConfig {
  /** undefined where no family has the file's architecture. */
  readonly family: ModelFamily | undefined;
  readonly config: Readonly<Record<string, unknown>>;
  readonly problems: readonly Problem[];
}

/**
 * Builds the config; `ropeFactors` are the values of the tensors that divide the rope's frequencies, when the file has them. Everything missing or
 * unsupported is in `problems`, and the config then is not to be used.
 */
export function configOfGguf(header: GgufHeader, file: string, ropeFactors: RopeDivisors): GgufConfig {
  const { metadata } = header;
  const problems: Problem[] = [];
  const report = (message: string): void => void problems.push({ file, message });
  const architecture = metadata.get('general.architecture');
  if (typeof architecture !== 'string' || !GGUF_ARCHITECTURES.includes(architecture)) {
    const names = GGUF_ARCHITECTURES.join(', ');
    report(
      `general.architecture must be one of ${names}, got ${describeValue(architecture)}; ${strangerText(architecture) ?? 'this model is not supported'}`,
    );
    return { family: undefined, config: {}, problems };
  }
  const fields = ggufFields(metadata, architecture, report);
  const experts = fields.number('expert_count') ?? 0;
  if (experts > 0)
    report(`${architecture}.expert_count must be 0, got ${experts}; mixtures of experts are not supported`);
  const parts = metadata.get('split.count') ?? 1;
  if (parts !== 1 && parts !== 0) {
    report(`split.count must be 1, got ${describeValue(parts)}; join the parts with llama-gguf-split --merge`);
  }
  const facts = {
    ...fields,
    number: (key: string) => mapped(fields.number(key), shortestFloat32),
    hasTensor: (name: string) => shapeOf(header, name) !== undefined,
  };
  const name = familyOfGguf(architecture, facts)!;
  const family = FAMILIES[name];
  const { field, words } = family.activation;
  const config = {
    architectures: [family.architecture],
    model_type: name,
    ...sizes(header, fields, report),
    [field]: Object.keys(words)[0],
    max_position_embeddings: fields.requiredCount('context_length'),
    rms_norm_eps: shortestFloat32(fields.requiredNumber('attention.layer_norm_rms_epsilon')),
    ...rope(fields, ropeFactors),
    tie_word_embeddings: shapeOf(header, 'output.weight') === undefined,
    ...family.gguf.configFields(facts),
    ...tokenIds(metadata),
  };
  return { family: name, config, problems };
}

function mapped(value: number | undefined, change: (value: number) => number): number | undefined {
  return value === undefined ? undefined : change(value);
}

function shapeOf(header: GgufHeader, name: string): readonly number[] | undefined {
  return header.tensors.find((tensor) => tensor.name === name)?.shape;
}

function sizes(header: GgufHeader, fields: GgufFields, report: (message: string) => void): Record<string, number> {
  const hiddenSize = fields.requiredCount('embedding_length');
  const heads = fields.requiredCount('attention.head_count');
  const headSize = fields.count('attention.key_length') ?? hiddenSize / heads;
  if (!Number.isInteger(headSize)) {
    report(
      `embedding_length must be a multiple of attention.head_count ${heads}, got ${hiddenSize}; the file is damaged`,
    );
  }
  const valueLength = fields.count('attention.value_length') ?? headSize;
  if (valueLength !== headSize) {
    report(
      `attention.value_length must equal the key length ${headSize}, got ${valueLength}; this model is not supported`,
    );
  }
  // The embedding itself is the truth: some files carry a vocab_size without the padding.
  const vocabularySize = shapeOf(header, 'token_embd.weight')?.[0];
  if (vocabularySize === undefined) {
    report('token_embd.weight must be present, got a file without it; a vocabulary alone is not a model');
  }
  const rotated = fields.count('rope.dimension_count') ?? headSize;
  return {
    hidden_size: hiddenSize,
    intermediate_size: fields.requiredCount('feed_forward_length'),
    num_hidden_layers: fields.requiredCount('block_count'),
    num_attention_heads: heads,
    num_key_value_heads: fields.count('attention.head_count_kv') ?? heads,
    head_dim: headSize,
    vocab_size: vocabularySize ?? 1,
    ...(rotated === headSize ? {} : { partial_rotary_factor: rotated / headSize }),
  };
}

function rope(fields: GgufFields, { all, long, short }: RopeDivisors): Record<string, unknown> {
  const theta = shortestFloat32(fields.number('rope.freq_base') ?? 10_000);
  const scaling =
    long !== undefined || short !== undefined
      ? longRopeOf({ long, short }, fields)
      : all === undefined
        ? ropeScalingOf(fields)
        : ropeScalingOfFactors(all, theta);
  return { rope_theta: theta, rope_scaling: scaling ?? null };
}

function tokenIds(metadata: GgufHeader['metadata']): Record<string, number> {
  const ids: Record<string, number> = {};
  for (const [field, key] of [
    ['bos_token_id', 'bos'],
    ['eos_token_id', 'eos'],
    ['pad_token_id', 'padding'],
  ] as const) {
    const id = metadata.get(`tokenizer.ggml.${key}_token_id`);
    if (typeof id === 'number') ids[field] = id;
  }
  return ids;
}
