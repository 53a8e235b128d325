import { badInput, type HostTensor, type Problem } from '../core/index.ts';
import { readAdapterFolder, readFiniteFloat32, writeAdapterFolder, type WritableTensor } from '../formats/index.ts';
import {
  loraNames,
  loraParameterSpecs,
  loraScale,
  PROJECTIONS,
  projectionPath,
  resolveTargets,
  type LoraConfig,
  type LoraTarget,
  type ModelConfig,
} from '../models/index.ts';
import type { LoraSpecification } from './specification.ts';

/** An adapter as PEFT's folders hold it, with the meaning of its configuration resolved. */
export interface Adapter {
  readonly lora: LoraConfig;
  /** adapter_config.json, written back as it is. */
  readonly peftConfig: Readonly<Record<string, unknown>>;
}

const PREFIX = 'base_model.model.';

/** Fields of adapter_config.json that only these values leave a plain LoRA. */
const FIXED: Readonly<Record<string, readonly unknown[]>> = {
  bias: ['none', undefined],
  fan_in_fan_out: [false, undefined],
  use_dora: [false, undefined],
  use_qalora: [false, undefined],
  modules_to_save: [null, undefined],
  lora_bias: [false, undefined],
  trainable_token_indices: [null, undefined],
  target_parameters: [null, undefined],
  layer_replication: [null, undefined],
  megatron_config: [null, undefined],
  alora_invocation_tokens: [null, undefined],
  arrow_config: [null, undefined],
};

/** The adapter of a specification over a model: PEFT's configuration for it and the projections that it adapts. */
export function newAdapter(config: ModelConfig, lora: LoraSpecification, baseModel: string): Adapter {
  const paths = resolveTargets(config, lora.targets);
  const scale = loraScale(lora);
  return {
    lora: { dropout: lora.dropout, targets: paths.map((path) => ({ path, rank: lora.rank, scale })) },
    peftConfig: {
      peft_type: 'LORA',
      task_type: 'CAUSAL_LM',
      base_model_name_or_path: baseModel,
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
      use_dora: false,
      target_modules: targetModules(config, paths),
    },
  };
}

/** The shortest list that PEFT resolves to the same paths: projection names where every layer has them, else whole paths. */
function targetModules(config: ModelConfig, paths: readonly string[]): string[] {
  const chosen = new Set(paths);
  const everywhere = PROJECTIONS.filter((projection) =>
    Array.from({ length: config.layers }, (_, layer) => projectionPath(layer, projection)).every((path) =>
      chosen.has(path),
    ),
  );
  const rest = paths.filter((path) => !everywhere.some((projection) => path.endsWith(`.${projection}`)));
  return [...everywhere, ...rest];
}

function patternValue(patterns: unknown, path: string): number | undefined {
  const entries = Object.entries((patterns ?? {}) as Record<string, number>);
  // PEFT's rule: the first key that matches the end of the path as a regular expression.
  return entries.find(([key]) => new RegExp(`(^|.*\\.)(?:${key})$`, 'u').test(path))?.[1];
}

function targetOf(path: string, rank: number, peft: Readonly<Record<string, unknown>>): LoraTarget {
  const alpha = patternValue(peft['alpha_pattern'], path) ?? Number(peft['lora_alpha']);
  return { path, rank, scale: loraScale({ alpha, rank, rankStabilised: peft['use_rslora'] === true }) };
}

/**
 * Reads a PEFT LoRA folder for a model. The projections and ranks are those of the stored tensors. Throws bad-input with all
 * problems: another kind of adapter, options that preftune does not compute, tensors that do not fit the model, NaN.
 */
export async function readAdapter(
  path: string,
  config: ModelConfig,
): Promise<Adapter & { readonly weights: ReadonlyMap<string, HostTensor>; readonly fingerprint: string }> {
  const { config: peft, checkpoint } = await readAdapterFolder(path);
  try {
    const problems: Problem[] = [];
    const fail = (message: string): void => void problems.push({ file: path, message });
    if (peft['peft_type'] !== 'LORA') fail(`peft_type must be LORA, got ${JSON.stringify(peft['peft_type'])}`);
    for (const [field, allowed] of Object.entries(FIXED)) {
      if (!allowed.includes(peft[field]))
        fail(
          `${field} must be ${JSON.stringify(allowed[0])}, got ${JSON.stringify(peft[field])}; preftune does not compute this variant`,
        );
    }
    if (!(Number(peft['lora_alpha']) > 0))
      fail(`lora_alpha must be a number above 0, got ${JSON.stringify(peft['lora_alpha'])}`);
    const known = Array.from({ length: config.layers }, (_, layer) =>
      PROJECTIONS.map((projection) => projectionPath(layer, projection)),
    ).flat();
    const targets = known.flatMap((projection) => {
      const entry = checkpoint.entries.get(`${PREFIX}${loraNames(projection).a}`);
      return entry === undefined ? [] : [targetOf(projection, entry.shape[0] ?? 0, peft)];
    });
    const dropout = Number(peft['lora_dropout'] ?? 0);
    const lora: LoraConfig = { dropout, targets };
    const specs = loraParameterSpecs(config, lora);
    const wanted = new Map(specs.map(({ name, shape }) => [`${PREFIX}${name}`, shape]));
    for (const [name, entry] of checkpoint.entries) {
      const shape = wanted.get(name);
      if (shape === undefined)
        fail(
          `tensor ${name} must belong to a projection of the model, it does not; the adapter was made for another model`,
        );
      else if (shape.join() !== entry.shape.join())
        fail(`tensor ${name} must have the shape [${shape.join(', ')}], got [${entry.shape.join(', ')}]`);
    }
    for (const name of wanted.keys())
      if (!checkpoint.entries.has(name)) fail(`tensor ${name} must be there, it is missing`);
    if (targets.length === 0 && problems.length === 0)
      fail('the adapter must adapt at least one projection, it holds none');
    if (problems.length > 0) throw badInput(problems);
    const weights = new Map<string, HostTensor>();
    for (const { name, shape } of specs) {
      weights.set(name, { dtype: 'float32', shape, data: await readFiniteFloat32(checkpoint, `${PREFIX}${name}`) });
    }
    return { lora, peftConfig: peft, weights, fingerprint: await checkpoint.fingerprint() };
  } finally {
    await checkpoint.close();
  }
}

/** Writes a PEFT folder that PEFT's own loader reads. `read` gives a tensor by its name without prefix. */
export async function writeAdapter(
  path: string,
  { adapter, config, read }: { adapter: Adapter; config: ModelConfig; read: (name: string) => Promise<Float32Array> },
): Promise<void> {
  const tensors: WritableTensor[] = loraParameterSpecs(config, adapter.lora).map(({ name, shape }) => ({
    name: `${PREFIX}${name}`,
    shape,
    read: () => read(name),
  }));
  await writeAdapterFolder(path, { config: adapter.peftConfig, tensors, overwrite: true });
}
