import { badInput, PreftuneError, type HostTensor, type Problem } from '../core/index.ts';
import { readFiniteFloat32, type Checkpoint } from '../formats/index.ts';
import {
  HEAD_NAME,
  parameterSpecs,
  type BasePrecision,
  type BasePurpose,
  type ModelConfig,
  type ParameterSpec,
} from '../models/index.ts';
import type { Device, DeviceTensor } from '../runtime/index.ts';
import { createBaseStore, type ReadWeight, type StoredBase } from './frozen-base.ts';

/** A model's weights on a device, under their Hugging Face names. */
export interface ResidentModel {
  readonly config: ModelConfig;
  readonly weights: ReadonlyMap<string, DeviceTensor>;
  /** What programs take as constants of their session: the compact matrices of a model to decode with. Empty otherwise. */
  readonly constants: ReadonlyMap<string, DeviceTensor>;
  /** How the projections are kept, where it is not in float32. */
  readonly base?: StoredBase;
  dispose(): Promise<void>;
}

/** Weights that some checkpoints carry and no forward pass of ours reads. */
function isIdle(name: string, config: ModelConfig): boolean {
  return (
    name.endsWith('.rotary_emb.inv_freq') ||
    /^rope_(freqs|factors_long|factors_short)\.weight$/.test(name) ||
    // An equal copy of the embedding: resolveHead has looked.
    (config.tiedHead && name === HEAD_NAME)
  );
}

/** What is missing, surplus, or of another shape than the configuration asks for. */
export function checkWeights(config: ModelConfig, checkpoint: Checkpoint): Problem[] {
  const problems: Problem[] = [];
  const wanted = new Set<string>();
  for (const { name, shape } of parameterSpecs(config)) {
    wanted.add(name);
    const entry = checkpoint.entries.get(name);
    if (entry === undefined)
      problems.push({ message: `weights: ${name} [${shape.join(', ')}] must be there, it is missing` });
    else if (entry.shape.join() !== shape.join()) {
      problems.push({
        message: `weights: ${name} must have the shape [${shape.join(', ')}] of config.json, got [${entry.shape.join(', ')}]`,
      });
    }
  }
  for (const name of checkpoint.entries.keys()) {
    if (!wanted.has(name) && !isIdle(name, config))
      problems.push({
        message: `weights: ${name} is no weight of this architecture; the model may not be what config.json says`,
      });
  }
  return problems;
}

async function readWeight(checkpoint: Checkpoint, spec: ParameterSpec): Promise<ReadWeight> {
  const data = await readFiniteFloat32(checkpoint, spec.name);
  return { spec, tensor: { dtype: 'float32', shape: spec.shape, data } satisfies HostTensor<'float32'> };
}

/**
 * Reads every weight in float32 and hands it to the device, one at a time; the projections' in `precision`, so that the float32 model is
 * never there as a whole. Throws bad-input with all problems: missing, surplus and misshapen weights, and weights that hold NaN or
 * infinities or that the precision cannot hold; bad-usage for another precision than float32 on another device than the CPU.
 */
export async function loadModel(
  device: Device,
  config: ModelConfig,
  checkpoint: Checkpoint,
  { precision = 'float32', purpose = 'training' }: LoadModelOptions = {},
): Promise<ResidentModel> {
  const problems = checkWeights(config, checkpoint);
  if (problems.length > 0) throw badInput(problems);
  const store = await createBaseStore(device, { config, precision, purpose });
  const collect = (thrown: unknown): undefined => {
    if (!(thrown instanceof PreftuneError)) throw thrown;
    problems.push(...thrown.problems);
  };
  const [weights, constants] = [new Map<string, DeviceTensor>(), new Map<string, DeviceTensor>()];
  for (const spec of parameterSpecs(config)) {
    const stored = await readWeight(checkpoint, spec)
      .then((weight) => store.store(weight))
      .catch(collect);
    for (const { name, tensor, isCompact } of stored ?? []) {
      const target = isCompact && purpose === 'decoding' ? constants : weights;
      target.set(name, await device.upload(tensor, { transfer: true }));
    }
  }
  const model = residentModel(config, weights, { base: store.base(), constants });
  if (problems.length === 0) return model;
  await model.dispose();
  throw badInput(problems);
}

export interface LoadModelOptions {
  /** In what the projections are kept. Default float32. */
  readonly precision?: BasePrecision | undefined;
  /** To decode, the head is kept compactly too, and compact matrices are `constants`. Default training. */
  readonly purpose?: BasePurpose;
}

export function residentModel(
  config: ModelConfig,
  weights: ReadonlyMap<string, DeviceTensor>,
  {
    base,
    constants = new Map(),
  }: {
    readonly base?: StoredBase | undefined;
    readonly constants?: ReadonlyMap<string, DeviceTensor>;
  } = {},
): ResidentModel {
  return {
    config,
    weights,
    constants,
    ...(base === undefined ? {} : { base }),
    dispose: async () => {
      for (const tensor of [...weights.values(), ...constants.values()]) await tensor.dispose();
    },
  };
}
