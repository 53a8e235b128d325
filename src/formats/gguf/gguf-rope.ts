/** Rope scaling of GGUF metadata in the words of a Hugging Face config. */

import { shortestFloat32, type GgufFields } from './gguf-fields.ts';

export type RopeScaling = Readonly<Record<string, unknown>>;

/** The tensors of a file that divide its rope's frequencies, [rotated / 2] each: rope_freqs, rope_factors_long and rope_factors_short. */
export interface RopeDivisors {
  readonly all?: Float32Array | undefined;
  readonly long?: Float32Array | undefined;
  readonly short?: Float32Array | undefined;
}

/**
 * linear and yarn as Hugging Face spells them; any other type is passed on by name, so that the model refuses it by name.
 * undefined when the metadata scale nothing. llama.cpp multiplies yarn's own attention factor, 0.1 ln(factor) + 1, by
 * attn_factor; Hugging Face's attention_factor is the product, and is left out where it is the default.
 *
 * Source: Peng et al. 2023, "YaRN", section 3.4, for 0.1 ln(s) + 1.
 */
export function ropeScalingOf({ number, text }: Pick<GgufFields, 'number' | 'text'>): RopeScaling | undefined {
  const factor = number('rope.scaling.factor') ?? number('rope.scale_linear');
  const type = text('rope.scaling.type') ?? (factor === undefined ? 'none' : 'linear');
  if (type === 'none' || (type === 'linear' && (factor ?? 1) === 1)) return undefined;
  if (type === 'linear') return { rope_type: 'linear', factor };
  const originalLength = number('rope.scaling.original_context_length');
  const original = originalLength === undefined ? {} : { original_max_position_embeddings: originalLength };
  if (type !== 'yarn') return { rope_type: type, ...(factor === undefined ? {} : { factor }), ...original };
  const betaFast = number('rope.scaling.yarn_beta_fast');
  const betaSlow = number('rope.scaling.yarn_beta_slow');
  // Of DeepSeek and Mistral 3: the attention factor is (0.1 ln(factor) + 1) / (0.1 multiplier ln(factor) + 1).
  const multiplier = number('rope.scaling.yarn_log_multiplier') ?? 0;
  const beta = number('attention.temperature_scale');
  const attention = number('rope.scaling.yarn_attn_factor') ?? number('rope.scaling.attn_factor') ?? 1;
  return {
    rope_type: 'yarn',
    factor: factor ?? 1,
    ...original,
    ...(betaFast === undefined ? {} : { beta_fast: betaFast }),
    ...(betaSlow === undefined ? {} : { beta_slow: betaSlow }),
    ...(multiplier === 0 ? {} : { mscale: 1, mscale_all_dim: shortestFloat32(multiplier) }),
    ...(beta === undefined ? {} : { llama_4_scaling_beta: shortestFloat32(beta) }),
    ...(attention === 1 || multiplier !== 0 ? {} : { attention_factor: attention * (0.1 * Math.log(factor ?? 1) + 1) }),
  };
}

const LLAMA3 = { lowFrequencyFactor: 1, highFrequencyFactor: 4, originalLength: 8192 };
const FACTOR_TOLERANCE = 1e-5;

/**
 * What rope_freqs.weight stands for. llama.cpp stores the divisor of each frequency instead of Llama 3's parameters. Where
 * the divisors are those of Llama 3.1 to 3.3 (low 1, high 4, original length 8192, any factor: their greatest value), the
 * result is Hugging Face's own `llama3` rope; else `gguf-frequency-factors` with the divisors, frequency i being
 * theta^(-2 i / D) / factors[i], D = 2 factors.length.
 *
 * Source: Transformers' "llama3" rope: wavelength w = 2 pi / f; w < L/high gives 1, w > L/low gives the factor, between
 * them 1 / ((1 - s) / factor + s) with s = (L / w - low) / (high - low).
 */
export function ropeScalingOfFactors(factors: Float32Array, theta: number): RopeScaling {
  const { lowFrequencyFactor: low, highFrequencyFactor: high, originalLength } = LLAMA3;
  // Six digits: the divisors are quotients of float32 frequencies.
  const factor = Number(factors.reduce((greatest, value) => Math.max(greatest, value), 1).toPrecision(6));
  const isLlama3 = factors.every((actual, index) => {
    const wavelength = 2 * Math.PI * theta ** (index / factors.length);
    const smooth = Math.min(1, Math.max(0, (originalLength / wavelength - low) / (high - low)));
    const expected = 1 / ((1 - smooth) / factor + smooth);
    return Math.abs(actual - expected) <= FACTOR_TOLERANCE * expected;
  });
  if (!isLlama3) return { rope_type: 'gguf-frequency-factors', factors: [...factors] };
  return {
    rope_type: 'llama3',
    factor,
    low_freq_factor: low,
    high_freq_factor: high,
    original_max_position_embeddings: originalLength,
  };
}

/**
 * A longrope of the divisors below and above its original length. llama.cpp multiplies cosines and sines by attn_factor, which is Hugging Face's
 * attention_factor.
 */
export function longRopeOf(
  { long, short }: Required<Omit<RopeDivisors, 'all'>>,
  { number }: Pick<GgufFields, 'number'>,
): RopeScaling {
  const attention = number('rope.scaling.attn_factor') ?? number('rope.scaling.yarn_attn_factor') ?? 1;
  return {
    rope_type: 'longrope',
    short_factor: Array.from(short ?? [], shortestFloat32),
    long_factor: Array.from(long ?? [], shortestFloat32),
    attention_factor: shortestFloat32(attention),
  };
}
