import { badInput, PreftuneError, type HostTensor, type Problem } from '../core/index.ts';
import { readFiniteFloat32, type Checkpoint } from '../formats/index.ts';
import { EMBEDDING_NAME, HEAD_NAME, parameterSpecs, type BasePrecision, type ModelConfig } from '../models/index.ts';
import type { Device, DeviceTensor } from '../runtime/index.ts';
import { createBaseStore, type StoredBase } from './frozen-base.ts';

/** A model's weights on a device, under their Hugging Face names. */
export interface ResidentModel {
  readonly config: ModelConfig;
  readonly weights: ReadonlyMap<string, DeviceTensor>;
  /** How the projections are kept, where it is not in float32. */
  readonly base?: StoredBase;
  dispose(): Promise<void>;
}

/** Weights that some checkpoints carry and no forward pass of ours reads. */
function isIdle(name: string, config: ModelConfig): boolean {
  return (
    name.endsWith('.rotary_emb.inv_freq') || name === 'rope_freqs.weight' || (config.tiedHead && name === HEAD_NAME)
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

/**
 * Reads every weight in float32 and hands it to the device, one at a time; the projections' in `precision`, so that the float32 model is
 * never there as a whole. Throws bad-input with all problems: missing, surplus and misshapen weights, and weights that hold NaN or
 * infinities or that the precision cannot hold; bad-usage for another precision than float32 on another device than the CPU.
 */
export async function loadModel(
  device: Device,
  config: ModelConfig,
  checkpoint: Checkpoint,
  precision: BasePrecision = 'float32',
): Promise<ResidentModel> {
  const store = await createBaseStore(device, precision);
  const problems = checkWeights(config, checkpoint);
  if (problems.length > 0) throw badInput(problems);
  const weights = new Map<string, DeviceTensor>();
  for (const spec of parameterSpecs(config)) {
    const { name, shape } = spec;
    const read = async () => {
      const data = await readFiniteFloat32(checkpoint, name);
      const tensor: HostTensor<'float32'> = { dtype: 'float32', shape, data };
      return store.tensorsOf(spec, tensor);
    };
    const tensors = await read().catch((thrown: unknown) => {
      if (!(thrown instanceof PreftuneError)) throw thrown;
      problems.push(...thrown.problems);
      return undefined;
    });
    for (const [key, tensor] of tensors ?? []) weights.set(key, await device.upload(tensor, { transfer: true }));
  }
  const model = residentModel(config, weights, store.base());
  if (problems.length === 0) return model;
  await model.dispose();
  throw badInput(problems);
}

export function residentModel(
  config: ModelConfig,
  weights: ReadonlyMap<string, DeviceTensor>,
  base?: StoredBase,
): ResidentModel {
  return {
    config,
    weights,
    ...(base === undefined ? {} : { base }),
    dispose: async () => {
      for (const tensor of weights.values()) await tensor.dispose();
    },
  };
}

/** The vocabulary of the weights must hold every id that the tokenizer can give. */
export function checkVocabulary(config: ModelConfig, vocabularySize: number): void {
  if (vocabularySize <= config.vocabularySize) return;
  throw badInput(
    `tokenizer: its ids must be below the ${config.vocabularySize} rows of ${EMBEDDING_NAME}, it has ${vocabularySize}; the tokenizer belongs to another model`,
  );
}
