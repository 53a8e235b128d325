/**
 * Rotary position embeddings: the angle of position p and pair i is p * frequency_i, and cosines and sines are multiplied
 * by `scale` (YaRN's attention factor; 1 elsewhere). Frequencies are computed in float64 and rounded once.
 * Source: Su et al. 2021; the scalings as Transformers' modeling_rope_utils defines them.
 */
export interface RopeConfig {
  /** [rotated / 2] radians per position; elements of a head beyond the rotated ones pass as they are. */
  readonly frequencies: readonly number[];
  readonly scale: number;
  /** What the frequencies are made of: theta^(-2i / rotated) before scaling. */
  readonly theta: number;
  /** Of a longrope: the divisors of the frequencies, [rotated / 2] each. `short` are in `frequencies`. */
  readonly factors?: { readonly short: readonly number[]; readonly long: readonly number[] };
  /** Beyond this many positions the frequencies would change (dynamic scaling, longrope), so longer sequences are refused. */
  readonly positionLimit: number;
}

type Json = Readonly<Record<string, unknown>>;

/** What of its rope a family reads in its own way. */
export interface RopeRules {
  /** Assumed where config.json names none. Default 10000. */
  readonly theta?: number;
  /** Whether partial_rotary_factor may leave the last elements of a head as they are. Default: it must be 1. */
  readonly isPartial?: boolean;
  /** The types that the family takes, by its words for them. Default: ROPE_TYPES by their own names. */
  readonly types?: Readonly<Record<string, RopeType>>;
  /** Assumed of a longrope that does not say how many positions its short factors serve. */
  readonly originalPositions?: number;
  /** Fields of rope_scaling that the family reads itself. */
  readonly ownFields?: readonly string[];
  /** Beyond so many positions the family computes otherwise. Default: what the type says. */
  readonly positionLimit?: number;
}

interface RopeContext extends RopeRules {
  readonly headSize: number;
  readonly maxPositions: number;
  fail(path: string, message: string): void;
}

/** The ways in which frequencies follow from theta. */
export type RopeType = 'default' | 'linear' | 'dynamic' | 'yarn' | 'llama3' | 'longrope' | 'gguf-frequency-factors';

/** Those that every family of Transformers takes. */
const ROPE_TYPES: Readonly<Record<string, RopeType>> = {
  default: 'default',
  linear: 'linear',
  dynamic: 'dynamic',
  yarn: 'yarn',
  llama3: 'llama3',
  'gguf-frequency-factors': 'gguf-frequency-factors',
};

/** Fields of rope_scaling and rope_parameters that are read here, or that say nothing of the frequencies. */
const KNOWN_FIELDS: ReadonlySet<string> = new Set([
  'rope_type',
  'type',
  'rope_theta',
  'partial_rotary_factor',
  'factor',
  'factors',
  'original_max_position_embeddings',
  'low_freq_factor',
  'high_freq_factor',
  'beta_fast',
  'beta_slow',
  'truncate',
  'attention_factor',
  'mscale',
  'mscale_all_dim',
  'short_factor',
  'long_factor',
  'finetuned',
]);

function numberField(source: Json, name: string, context: RopeContext, fallback?: number): number {
  const value = source[name] ?? fallback;
  if (typeof value === 'number' && Number.isFinite(value) && value > 0) return value;
  const path = name === 'rope_theta' ? name : `rope_scaling.${name}`;
  context.fail(path, `${path} must be a number above 0, got ${JSON.stringify(value)}`);
  return 1;
}

function baseFrequencies(theta: number, rotated: number): number[] {
  return Array.from({ length: rotated / 2 }, (_, i) => theta ** ((-2 * i) / rotated));
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

/** Theta and how many elements of a head are turned. */
interface Turned {
  readonly theta: number;
  readonly rotated: number;
}

/** Source: Peng et al. 2023 (YaRN), section 3.4. */
function yarn(
  { theta, rotated }: Turned,
  scaling: Json,
  context: RopeContext,
): { frequencies: number[]; scale: number } {
  const factor = numberField(scaling, 'factor', context);
  const original = numberField(scaling, 'original_max_position_embeddings', context, context.maxPositions);
  const fast = numberField(scaling, 'beta_fast', context, 32);
  const slow = numberField(scaling, 'beta_slow', context, 1);
  const truncate = scaling['truncate'] !== false;
  const dimensionOf = (rotations: number): number =>
    (rotated * Math.log(original / (rotations * 2 * Math.PI))) / (2 * Math.log(theta));
  const [first, last] = [dimensionOf(fast), dimensionOf(slow)];
  const low = Math.max(truncate ? Math.floor(first) : first, 0);
  let high = Math.min(truncate ? Math.ceil(last) : last, rotated - 1);
  if (low === high) high += 0.001;
  const frequencies = baseFrequencies(theta, rotated).map((frequency, i) => {
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

function divisors(field: string, given: unknown, { wanted, context }: { wanted: number; context: RopeContext }) {
  const fits =
    Array.isArray(given) &&
    given.length === wanted &&
    given.every((value) => typeof value === 'number' && Number.isFinite(value) && value > 0);
  if (fits) return given as readonly number[];
  context.fail(`rope_scaling.${field}`, `rope_scaling.${field} must be ${wanted} numbers above 0`);
  return Array.from({ length: wanted }, () => 1);
}

/**
 * Frequencies divided by short_factor, cosines and sines multiplied by sqrt(1 + ln(s) / ln(L)), s the longest length over the original one L.
 * Beyond L positions long_factor would divide, for all positions of a sequence alike: another model, so longer sequences are refused.
 * Source: Ding et al. 2024 (LongRoPE), as Transformers' "longrope" and Phi-3 have it.
 */
function longRope({ theta, rotated }: Turned, scaling: Json, context: RopeContext): RopeConfig {
  const half = rotated / 2;
  const short = divisors('short_factor', scaling['short_factor'], { wanted: half, context });
  const long = divisors('long_factor', scaling['long_factor'], { wanted: half, context });
  const original = numberField(scaling, 'original_max_position_embeddings', context, context.originalPositions);
  const factor = numberField(scaling, 'factor', context, context.maxPositions / original);
  const usual = factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(original));
  return {
    frequencies: baseFrequencies(theta, rotated).map((frequency, i) => frequency / short[i]!),
    scale: numberField(scaling, 'attention_factor', context, usual),
    theta,
    factors: { short, long },
    positionLimit: original,
  };
}

/** How many elements of a head are turned: an even part of it. */
function rotatedSize(config: Json, scaling: Json, { headSize, isPartial = false, fail }: RopeContext): number {
  const given = scaling['partial_rotary_factor'] ?? (isPartial ? config['partial_rotary_factor'] : undefined) ?? 1;
  if (given === 1) return headSize;
  const [path, value] = ['rope_scaling.partial_rotary_factor', JSON.stringify(given)];
  if (!isPartial) {
    fail(path, `${path} must be 1, got ${value}; preftune does not compute this variant`);
    return headSize;
  }
  const rotated = typeof given === 'number' ? Math.floor(headSize * given) : 0;
  if (rotated > 0 && rotated <= headSize && rotated % 2 === 0) return rotated;
  fail('partial_rotary_factor', `partial_rotary_factor must turn an even part of ${headSize} elements, got ${value}`);
  return headSize;
}

function unknownFields(scaling: Json, { fail, ownFields = [] }: RopeContext): void {
  for (const [name, value] of Object.entries(scaling)) {
    if (KNOWN_FIELDS.has(name) || ownFields.includes(name) || value === null || value === false || value === 0)
      continue;
    const path = `rope_scaling.${name}`;
    const text = JSON.stringify(value).slice(0, 60);
    fail(
      path,
      `${path} is not a field that preftune knows, got ${text}; it may turn otherwise, so the model is refused`,
    );
  }
}

/**
 * The rotary embedding of a config.json: `rope_theta` with `rope_scaling`, or Transformers 5's `rope_parameters`. Types
 * default, linear, dynamic, yarn, llama3, longrope where the family has it, and the per-frequency divisors that a GGUF file stores;
 * others, and fields that are not known, go to `fail` by name.
 */
export function parseRope(config: Json, context: RopeContext): RopeConfig {
  const parameters = (config['rope_parameters'] ?? {}) as Json;
  const scaling = (config['rope_scaling'] ?? parameters) as Json;
  unknownFields(scaling, context);
  const rotated = rotatedSize(config, scaling, context);
  const theta = numberField(
    { rope_theta: parameters['rope_theta'] ?? config['rope_theta'] ?? scaling['rope_theta'] },
    'rope_theta',
    context,
    context.theta ?? 10000,
  );
  const word = scaling['rope_type'] ?? scaling['type'] ?? 'default';
  const types = context.types ?? ROPE_TYPES;
  const frequencies = baseFrequencies(theta, rotated);
  const limit = context.positionLimit ?? Infinity;
  const unlimited = { theta, scale: 1, positionLimit: limit };
  switch (typeof word === 'string' && Object.hasOwn(types, word) ? types[word] : undefined) {
    case 'default':
      return { frequencies, ...unlimited };
    case 'linear': {
      const factor = numberField(scaling, 'factor', context);
      return { frequencies: frequencies.map((frequency) => frequency / factor), ...unlimited };
    }
    case 'dynamic':
      return { frequencies, ...unlimited, positionLimit: context.maxPositions };
    case 'llama3':
      return { frequencies: llama3(frequencies, scaling, context), ...unlimited };
    case 'yarn':
      return { ...unlimited, ...yarn({ theta, rotated }, scaling, context) };
    case 'longrope':
      return longRope({ theta, rotated }, scaling, context);
    case 'gguf-frequency-factors': {
      const factors = divisors('factors', scaling['factors'], { wanted: rotated / 2, context });
      return { frequencies: frequencies.map((frequency, i) => frequency / factors[i]!), ...unlimited };
    }
    case undefined:
      context.fail('rope_scaling', `rope_scaling type must be ${typeNames(types)}, got ${JSON.stringify(word)}`);
      return { frequencies, ...unlimited };
  }
}

function typeNames(types: Readonly<Record<string, RopeType>>): string {
  const names = Object.keys(types).filter((name) => name !== 'gguf-frequency-factors');
  return `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`;
}
