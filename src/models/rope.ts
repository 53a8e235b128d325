/**
 * Rotary position embeddings: the angle of position p and pair i is p * frequency_i, and cosines and sines are multiplied
 * by `scale` (YaRN's attention factor; 1 elsewhere). Frequencies are computed in float64 and rounded once.
 * Source: Su et al. 2021; the scalings as Transformers' modeling_rope_utils defines them.
 */
export interface RopeConfig {
  /** [rotated / 2] radians per position; elements of a head beyond the rotated ones pass as they are. */
  readonly frequencies: readonly number[];
  readonly scale: number;
  /** Beyond this many positions the frequencies would change (dynamic scaling), so longer sequences are refused. */
  readonly positionLimit: number;
}

interface RopeContext {
  readonly headSize: number;
  readonly maxPositions: number;
  fail(path: string, message: string): void;
}

type Json = Readonly<Record<string, unknown>>;

function numberField(source: Json, name: string, context: RopeContext, fallback?: number): number {
  const value = source[name] ?? fallback;
  if (typeof value === 'number' && Number.isFinite(value) && value > 0) return value;
  const path = name === 'rope_theta' ? name : `rope_scaling.${name}`;
  context.fail(path, `${path} must be a number above 0, got ${JSON.stringify(value)}`);
  return 1;
}

function baseFrequencies(theta: number, headSize: number): number[] {
  return Array.from({ length: headSize / 2 }, (_, i) => theta ** ((-2 * i) / headSize));
}

/** Source: Llama 3.1's scaling by wavelength: short waves kept, long ones divided by the factor, a smooth step between. */
function llama3(frequencies: readonly number[], scaling: Json, context: RopeContext): number[] {
  const factor = numberField(scaling, 'factor', context);
  const low = numberField(scaling, 'low_freq_factor', context);
  const high = numberField(scaling, 'high_freq_factor', context);
  const original = numberField(scaling, 'original_max_position_embeddings', context);
  return frequencies.map((frequency) => {
    const wavelength = (2 * Math.PI) / frequency;
    if (wavelength < original / high) return frequency;
    if (wavelength > original / low) return frequency / factor;
    const smooth = (original / wavelength - low) / (high - low);
    return ((1 - smooth) * frequency) / factor + smooth * frequency;
  });
}

/** Source: Peng et al. 2023 (YaRN), section 3.4. */
function yarn(theta: number, scaling: Json, context: RopeContext): { frequencies: number[]; scale: number } {
  const { headSize } = context;
  const factor = numberField(scaling, 'factor', context);
  const original = numberField(scaling, 'original_max_position_embeddings', context, context.maxPositions);
  const fast = numberField(scaling, 'beta_fast', context, 32);
  const slow = numberField(scaling, 'beta_slow', context, 1);
  const truncate = scaling['truncate'] !== false;
  const dimensionOf = (rotations: number): number =>
    (headSize * Math.log(original / (rotations * 2 * Math.PI))) / (2 * Math.log(theta));
  const [first, last] = [dimensionOf(fast), dimensionOf(slow)];
  const low = Math.max(truncate ? Math.floor(first) : first, 0);
  let high = Math.min(truncate ? Math.ceil(last) : last, headSize - 1);
  if (low === high) high += 0.001;
  const frequencies = baseFrequencies(theta, headSize).map((frequency, i) => {
    const ramp = Math.min(Math.max((i - low) / (high - low), 0), 1);
    return (frequency / factor) * ramp + frequency * (1 - ramp);
  });
  const magnitude = (multiplier: number): number => (factor <= 1 ? 1 : 0.1 * multiplier * Math.log(factor) + 1);
  const [mscale, mscaleAll] = [scaling['mscale'], scaling['mscale_all_dim']];
  const given = scaling['attention_factor'];
  const scale =
    typeof given === 'number'
      ? given
      : typeof mscale === 'number' && typeof mscaleAll === 'number' && mscale !== 0 && mscaleAll !== 0
        ? magnitude(mscale) / magnitude(mscaleAll)
        : magnitude(1);
  return { frequencies, scale };
}

function divisors(given: unknown, context: RopeContext): readonly number[] {
  const wanted = context.headSize / 2;
  const fits =
    Array.isArray(given) &&
    given.length === wanted &&
    given.every((value) => typeof value === 'number' && Number.isFinite(value) && value > 0);
  if (fits) return given as number[];
  context.fail('rope_scaling.factors', `rope_scaling.factors must be ${wanted} numbers above 0`);
  return Array.from({ length: wanted }, () => 1);
}

/**
 * The rotary embedding of a config.json: `rope_theta` with `rope_scaling`, or Transformers 5's `rope_parameters`. Types
 * default, linear, dynamic, yarn, llama3, and the per-frequency divisors that a GGUF file stores; others go to `fail` by name.
 */
export function parseRope(config: Json, context: RopeContext): RopeConfig {
  const parameters = (config['rope_parameters'] ?? {}) as Json;
  const scaling = (config['rope_scaling'] ?? parameters) as Json;
  const rotated = scaling['partial_rotary_factor'] ?? 1;
  if (rotated !== 1) {
    context.fail(
      'rope_scaling.partial_rotary_factor',
      `rope_scaling.partial_rotary_factor must be 1, got ${JSON.stringify(rotated)}; preftune does not compute this variant`,
    );
  }
  const theta = numberField(
    { rope_theta: parameters['rope_theta'] ?? config['rope_theta'] ?? scaling['rope_theta'] },
    'rope_theta',
    context,
    10000,
  );
  const type = scaling['rope_type'] ?? scaling['type'] ?? 'default';
  const frequencies = baseFrequencies(theta, context.headSize);
  const unlimited = { scale: 1, positionLimit: Infinity };
  switch (type) {
    case 'default':
      return { frequencies, ...unlimited };
    case 'linear': {
      const factor = numberField(scaling, 'factor', context);
      return { frequencies: frequencies.map((frequency) => frequency / factor), ...unlimited };
    }
    case 'dynamic':
      return { frequencies, scale: 1, positionLimit: context.maxPositions };
    case 'llama3':
      return { frequencies: llama3(frequencies, scaling, context), ...unlimited };
    case 'yarn':
      return { ...yarn(theta, scaling, context), positionLimit: Infinity };
    case 'gguf-frequency-factors': {
      const factors = divisors(scaling['factors'], context);
      return { frequencies: frequencies.map((frequency, i) => frequency / factors[i]!), ...unlimited };
    }
    default:
      context.fail(
        'rope_scaling',
        `rope_scaling type must be default, linear, dynamic, yarn or llama3, got ${JSON.stringify(type)}`,
      );
      return { frequencies, ...unlimited };
  }
}
