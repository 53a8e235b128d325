import { ATTENTION_PROJECTIONS, type ModelConfig, type ModelSizes } from '../model-config.ts';
import { mustBe, type ConfigFields } from './config-fields.ts';
import type { Family, FamilyTraits, GgufDialect, GgufFacts } from './family.ts';
import { llama, PROJECTION_TENSORS } from './llama.ts';
import { plainTraits } from './plain-traits.ts';

/** Of Gemma 2 and 3. hidden_act, which its files carry too, is not what Transformers reads. */
export const gemmaActivation: Family['activation'] = {
  field: 'hidden_activation',
  words: { gelu_pytorch_tanh: 'gelu_tanh' },
};

/** What Gemma 2 and 3 share: norms around both blocks that multiply by 1 plus their weight, a scaled embedding, a scale of its own in attention. */
export function gemmaTraits(fields: ConfigFields, sizes: ModelSizes): FamilyTraits {
  fields.value('hidden_act');
  fields.neverTrue('mlp_bias');
  fields.neverTrue('use_bidirectional_attention');
  return {
    ...plainTraits(sizes),
    biases: fields.flag('attention_bias', false) ? ATTENTION_PROJECTIONS : [],
    norms: {
      beforeAttention: 'input_layernorm',
      afterAttention: 'post_attention_layernorm',
      beforeFeedForward: 'pre_feedforward_layernorm',
      afterFeedForward: 'post_feedforward_layernorm',
    },
    normOffset: 1,
    // In float32, as Transformers has it there; in bfloat16 it rounds the root to that.
    embeddingScale: Math.sqrt(sizes.hiddenSize),
    attentionScale: 1 / Math.sqrt(fields.number('query_pre_attn_scalar', 256)),
  };
}

/** A cap's field: a number above 0, or null for none. */
export function softCap(fields: ConfigFields, path: string, fallback: number | undefined): number | undefined {
  const value = fields.value(path);
  if (value === null || (value === undefined && fallback === undefined)) return undefined;
  return fields.number(path, fallback ?? 1);
}

/** Refuses a cap that Transformers' class carries and does not apply. */
export function neverCapped(fields: ConfigFields, path: string): void {
  const value = fields.value(path) ?? null;
  if (value !== null) fields.fail(path, mustBe(path, [null], value));
}

/** query_pre_attn_scalar as llama.cpp assumes it: the size of a head, and in the largest model what the heads share of the hidden size. */
export function assumedQueryScalar(
  { layers, headSize, hiddenSize, heads }: Pick<ModelConfig, 'layers' | 'headSize' | 'hiddenSize' | 'heads'>,
  largest: number,
): number {
  return layers === largest ? Math.floor(hiddenSize / heads) : headSize;
}

/** The same of a file. */
export function queryScalarOfFile(file: GgufFacts, largest: number): number {
  const [hiddenSize, heads] = [file.count('embedding_length') ?? 1, file.count('attention.head_count') ?? 1];
  const headSize = file.count('attention.key_length') ?? Math.floor(hiddenSize / heads);
  return assumedQueryScalar({ layers: file.count('block_count') ?? 1, headSize, hiddenSize, heads }, largest);
}

/** Which layers of a file slide: all but every `period`-th. */
export function layerTypesOfFile(file: GgufFacts, period: number): string[] {
  const every = file.count('attention.sliding_window_pattern') ?? period;
  return Array.from({ length: file.count('block_count') ?? 1 }, (_, layer) =>
    layer % every < every - 1 ? 'sliding_attention' : 'full_attention',
  );
}

/** The period of layers that see everything, undefined where they have none: layer i slides when i % period < period - 1. */
export function periodOf({ slidingWindow, layers }: ModelConfig, assumed: number): number | undefined {
  const fits = (period: number): boolean =>
    slidingWindow.every((window, layer) => (window !== undefined) === layer % period < period - 1);
  // A period beyond the last layer: all slide.
  return [assumed, ...Array.from({ length: layers + 1 }, (_, i) => i + 1)].find(fits);
}

/** What no file of a Gemma 2 or 3 can say. */
export function gemmaInexpressible(config: ModelConfig, { largest, period }: { largest: number; period: number }) {
  const scalar = 1 / config.attentionScale ** 2;
  const assumed = assumedQueryScalar(config, largest);
  return [
    ...(Math.abs(scalar - assumed) < 1e-6 * assumed
      ? []
      : [`query_pre_attn_scalar must be ${assumed}, which llama.cpp assumes, got ${Number(scalar.toPrecision(9))}`]),
    ...(config.biases.length === 0 ? [] : ['attention_bias must be false, got true']),
    ...(periodOf(config, period) === undefined
      ? ['the layers that see everything must be every n-th one, got other layer_types']
      : []),
  ];
}

/** llama.cpp's side of Gemma 2 and 3. */
export const gemmaDialect = {
  tensors: {
    ...PROJECTION_TENSORS,
    attn_norm: 'input_layernorm',
    post_attention_norm: 'post_attention_layernorm',
    ffn_norm: 'pre_feedforward_layernorm',
    post_ffw_norm: 'post_feedforward_layernorm',
  },
  isInterleaved: false,
  normShift: 1,
  hasWindows: true,
  preTokenizers: llama.gguf.preTokenizers,
} as const satisfies Partial<GgufDialect>;
