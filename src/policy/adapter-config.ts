import { badInput, type Problem } from '../core/index.ts';
import {
  EMBEDDING_PATH,
  HEAD_PATH,
  loraScale,
  moduleShape,
  PROJECTIONS,
  projectionPath,
  resolveTargets,
  type LoraConfig,
  type LoraStart,
  type LoraTarget,
  type ModelConfig,
} from '../models/index.ts';
import type { LoraSpecification } from '../specification/index.ts';
import { numberProblems, patternValue } from './reading/adapter-numbers.ts';

/** An adapter as PEFT's folders hold it, with the meaning of its configuration resolved. */
export interface Adapter {
  readonly lora: LoraConfig;
  /** What A and B start from, and in an anchored adapter A0 and B0. */
  readonly start: LoraStart;
  /** adapter_config.json as it is written. Of an anchored adapter the rank is twice that of `lora`: A and A0, B and -B0 in one. */
  readonly peftConfig: Readonly<Record<string, unknown>>;
}

/** What of a specification decides an adapter's shape. */
export type NewAdapter = Pick<LoraSpecification, 'rank' | 'alpha' | 'dropout' | 'rankStabilised' | 'targets'> &
  Partial<Pick<LoraSpecification, 'variant' | 'layers' | 'plus'>>;

const STARTS = { lora: 'noise', dora: 'noise', pissa: 'singular', olora: 'orthogonal' } as const satisfies Record<
  LoraSpecification['variant'],
  LoraStart
>;

/** The modules and variant that a specification asks for. Throws bad-input with what does not go together on this model. */
export function newLora(config: ModelConfig, lora: NewAdapter): LoraConfig {
  const { variant = 'lora', plus = false, rank } = lora;
  const paths = resolveTargets(config, lora.targets, lora.layers);
  const problems: Problem[] = [];
  const isAnchored = variant === 'pissa' || variant === 'olora';
  if (paths.includes(EMBEDDING_PATH)) {
    const refused = (path: string, because: string): void =>
      void problems.push({
        path,
        message: `--${path} must not be given with embed_tokens in --lora.targets; ${because}`,
      });
    if (isAnchored)
      refused('lora.variant', `${variant} has no factors of an embedding; take --lora.variant lora or dora`);
    if (plus)
      refused('lora.plus', "an embedding's A starts at zero and not its B, so that the ratio would be upside down");
  }
  const narrow = isAnchored ? paths.filter((path) => Math.min(...moduleShape(config, path)) < rank) : [];
  if (narrow.length > 0) {
    const [out, into] = moduleShape(config, narrow[0]!);
    problems.push({
      path: 'lora.rank',
      message: `--lora.rank must be at most ${Math.min(out, into)} with --lora.variant ${variant}, which takes the adapter out of the weights, got ${rank}; ${narrow[0]} is [${out}, ${into}]`,
    });
  }
  if (problems.length > 0) throw badInput(problems);
  const scale = loraScale(lora);
  return {
    dropout: lora.dropout,
    targets: paths.map((path) => ({ path, rank, scale })),
    ...(variant === 'dora' ? { magnitudes: true } : {}),
    ...(isAnchored ? { anchored: true } : {}),
  };
}

/**
 * The adapter of a specification over a model: PEFT's configuration for it and the modules that it adapts. `base` is how others find the model, a hub id with its revision or a
 * path. Throws as newLora.
 */
export function newAdapter(
  config: ModelConfig,
  lora: NewAdapter,
  base: string | { readonly name: string; readonly revision?: string },
): Adapter {
  const { name: baseModel, revision } = typeof base === 'string' ? { name: base, revision: undefined } : base;
  const resolved = newLora(config, lora);
  const paths = resolved.targets.map(({ path }) => path);
  const peftConfig = {
    peft_type: 'LORA',
    task_type: 'CAUSAL_LM',
    base_model_name_or_path: baseModel,
    ...(revision === undefined ? {} : { revision }),
    inference_mode: true,
    r: lora.rank,
    lora_alpha: lora.alpha,
    lora_dropout: lora.dropout,
    use_rslora: lora.rankStabilised,
    bias: 'none',
    fan_in_fan_out: false,
    init_lora_weights: true,
    modules_to_save: null,
    rank_pattern: {},
    alpha_pattern: {},
    use_dora: resolved.magnitudes === true,
    ...targetFields(config, paths),
  };
  return {
    lora: resolved,
    start: STARTS[lora.variant ?? 'lora'],
    peftConfig: resolved.anchored === true ? doubled(peftConfig) : peftConfig,
  };
}

/** Twice the rank with the same scale: what A and A0, B and -B0 side by side are. */
export function doubled(peft: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const alphaFactor = peft['use_rslora'] === true ? Math.SQRT2 : 2;
  return {
    ...peft,
    init_lora_weights: true,
    r: 2 * Number(peft['r']),
    lora_alpha: alphaFactor * Number(peft['lora_alpha']),
    rank_pattern: multiplied(peft['rank_pattern'], 2),
    alpha_pattern: multiplied(peft['alpha_pattern'], alphaFactor),
  };
}

function multiplied(patterns: unknown, factor: number): Record<string, number> {
  const entries = Object.entries((patterns ?? {}) as Record<string, number>);
  return Object.fromEntries(entries.map(([key, value]) => [key, factor * value]));
}

/**
 * The shortest fields that PEFT resolves to the same paths: names where every layer has them, else names with layers_to_transform where the same
 * names are in each of some layers, else whole paths.
 */
function targetFields(config: ModelConfig, paths: readonly string[]): Record<string, unknown> {
  const chosen = new Set(paths);
  const layersWith = (projection: (typeof PROJECTIONS)[number]): number[] =>
    Array.from({ length: config.layers }, (_, layer) => layer).filter((layer) =>
      chosen.has(projectionPath(layer, projection)),
    );
  const used = PROJECTIONS.filter((projection) => layersWith(projection).length > 0);
  const isOutside = chosen.has(EMBEDDING_PATH) || chosen.has(HEAD_PATH);
  const [first] = used.map(layersWith);
  if (!isOutside && first!.length < config.layers && used.every((one) => layersWith(one).join() === first!.join()))
    return { target_modules: used, layers_to_transform: first };
  const everywhere = PROJECTIONS.filter((projection) => layersWith(projection).length === config.layers);
  const rest = paths.filter((path) => !everywhere.some((projection) => path.endsWith(`.${projection}`)));
  // PEFT saves an embedding that is named by its last part alone beside the adapter.
  return { target_modules: [...everywhere, ...rest], layers_to_transform: null };
}

/** Fields of adapter_config.json that change what is computed, and are computed here only where they are off: absent, null, false, empty. */
const MUST_BE_OFF: Readonly<Record<string, unknown>> = {
  fan_in_fan_out: false,
  use_qalora: false,
  modules_to_save: null,
  lora_bias: false,
  trainable_token_indices: null,
  target_parameters: null,
  layer_replication: null,
  megatron_config: null,
  alora_invocation_tokens: null,
  arrow_config: null,
  ensure_weight_tying: false,
  velora_config: null,
  monteclora_config: null,
  kasa_config: null,
  use_bdlora: null,
};

/** Fields that are read here, or that change nothing of what an adapter computes when it is used. Source: PEFT 0.21, LoraConfig. */
const KNOWN = new Set([
  'alpha_pattern',
  'auto_mapping',
  'base_model_name_or_path',
  'bias',
  'corda_config',
  'eva_config',
  'exclude_modules',
  'inference_mode',
  'init_lora_weights',
  'layers_pattern',
  'layers_to_transform',
  'loftq_config',
  'lora_alpha',
  'lora_dropout',
  'lora_ga_config',
  'megatron_core',
  'peft_type',
  'peft_version',
  'qalora_group_size',
  'r',
  'rank_pattern',
  'revision',
  'runtime_config',
  'target_modules',
  'task_type',
  'use_dora',
  'use_rslora',
]);

const SWITCHES = ['use_dora', 'use_rslora'] as const;

/** Absent, null, false, 0 or empty: what PEFT treats as not asked for. */
function isOff(value: unknown): boolean {
  if (value === null || value === undefined || value === false || value === 0 || value === '') return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}

/** Initialisations that leave the base as it is. */
const PLAIN_STARTS: readonly unknown[] = [true, false, null, undefined, 'gaussian', 'eva', 'orthogonal', 'mica'];

/** Initialisations that replace the base by what is left of it, where that can be computed again. */
const ANCHORED_STARTS: Readonly<Record<string, LoraStart>> = { pissa: 'singular', olora: 'orthogonal' };

/** What in an adapter_config.json preftune does not compute. */
export function configProblems(peft: Readonly<Record<string, unknown>>): string[] {
  const problems: string[] = [];
  const shown = (field: string): string => JSON.stringify(peft[field]);
  if (peft['peft_type'] !== 'LORA') problems.push(`peft_type must be LORA, got ${shown('peft_type')}`);
  if (!isOff(peft['bias']) && peft['bias'] !== 'none')
    problems.push(`bias must be "none", got ${shown('bias')}; preftune does not compute this variant`);
  for (const [field, value] of Object.entries(peft)) {
    if (isOff(value) || KNOWN.has(field)) continue;
    if (Object.hasOwn(MUST_BE_OFF, field))
      problems.push(
        `${field} must be ${JSON.stringify(MUST_BE_OFF[field])}, got ${shown(field)}; preftune does not compute this variant`,
      );
    else
      problems.push(
        `${field} is not a field that preftune knows, got ${shown(field)}; it may change what the adapter computes, take it out if it does not`,
      );
  }
  for (const field of SWITCHES)
    if (!isOff(peft[field]) && peft[field] !== true)
      problems.push(`${field} must be true or false, got ${shown(field)}; a text is no truth value`);
  problems.push(...numberProblems(peft));
  const start = peft['init_lora_weights'];
  if (!PLAIN_STARTS.includes(start) && !Object.hasOwn(ANCHORED_STARTS, String(start)))
    problems.push(
      `init_lora_weights must be one that leaves the base as it is, or pissa or olora, got ${shown('init_lora_weights')}; such an adapter belongs to a changed base: save it with path_initial_model_for_weight_conversion`,
    );
  if (Object.hasOwn(ANCHORED_STARTS, String(start)) && peft['use_dora'] === true)
    problems.push(`use_dora must be false with init_lora_weights ${shown('init_lora_weights')}, got true`);
  return problems;
}

/** The adapter that a checked adapter_config.json describes, with the rank of each adapted module as its tensors have it. */
export function describedAdapter(peft: Readonly<Record<string, unknown>>, ranks: ReadonlyMap<string, number>): Adapter {
  const start = ANCHORED_STARTS[String(peft['init_lora_weights'])];
  const targets = [...ranks].map(([path, rank]): LoraTarget => {
    const alpha = patternValue(peft['alpha_pattern'], path) ?? Number(peft['lora_alpha']);
    return { path, rank, scale: loraScale({ alpha, rank, rankStabilised: peft['use_rslora'] === true }) };
  });
  return {
    lora: {
      dropout: Number(peft['lora_dropout'] ?? 0),
      targets,
      ...(peft['use_dora'] === true ? { magnitudes: true } : {}),
      ...(start === undefined ? {} : { anchored: true }),
    },
    start: start ?? 'noise',
    peftConfig: start === undefined ? peft : doubled(peft),
  };
}
