import { elementCount, internal } from '../core/index.ts';
import { readFiniteFloat32, type Checkpoint, type CheckpointEntry } from '../formats/index.ts';
import {
  EMBEDDING_NAME,
  EMBEDDING_PATH,
  HEAD_NAME,
  HEAD_PATH,
  parameterSpecs,
  type LoraTarget,
  type ModelConfig,
} from '../models/index.ts';
import type { OpenedModel, ReadAdapter } from '../policy/index.ts';
import { mergeInto } from './merge.ts';

/** A model as one set of weights, which are made when they are read. */
export interface MergedModel {
  readonly config: ModelConfig;
  /** config.json of it. */
  readonly json: Readonly<Record<string, unknown>>;
  /** One tensor at a time is in memory. Closing it is the source's business. */
  readonly checkpoint: Checkpoint;
}

/**
 * The adapter inside the weights. Where embedding and head were one matrix and the adapter changed either, they are two afterwards: the
 * head of an adapted embedding is the embedding before, as in PEFT.
 */
export function mergedModel({ files, config }: OpenedModel, adapter: ReadAdapter | undefined): MergedModel {
  const targets = new Map((adapter?.lora.targets ?? []).map((target) => [target.path, target]));
  const isUntied = config.tiedHead && (targets.has(EMBEDDING_PATH) || targets.has(HEAD_PATH));
  const merged: ModelConfig = isUntied ? { ...config, tiedHead: false } : config;
  const json = isUntied ? { ...files.config, tie_word_embeddings: false } : files.config;
  const specs = new Map(parameterSpecs(merged).map((spec) => [spec.name, spec]));
  const entries = new Map(
    [...specs].map(([name, { shape }]): [string, CheckpointEntry] => [
      name,
      { name, storedType: 'F32', shape, sizeBytes: 4 * elementCount(shape) },
    ]),
  );
  const base = files.checkpoint;
  const readFloat32: Checkpoint['readFloat32'] = async (name, into) => {
    const spec = specs.get(name);
    if (spec === undefined) throw internal(`${name} is no weight of the merged model`);
    const values = await readFiniteFloat32(base, isUntied && name === HEAD_NAME ? EMBEDDING_NAME : name);
    const target = targetOf(name, targets);
    if (adapter !== undefined && target !== undefined) {
      const shape = spec.shape as readonly [number, number];
      const isEmbedding = name === EMBEDDING_NAME;
      mergeInto(values, { lora: adapter.lora, target, tensors: adapter.weights, shape, isEmbedding });
    }
    into?.set(values);
    return into ?? values;
  };
  const fingerprint = async (): Promise<string> =>
    [await base.fingerprint(), ...(adapter === undefined ? [] : [adapter.fingerprint])].join('+');
  return { config: merged, json, checkpoint: { entries, readFloat32, fingerprint, close: async () => {} } };
}

function targetOf(name: string, targets: ReadonlyMap<string, LoraTarget>): LoraTarget | undefined {
  return name.endsWith('.weight') ? targets.get(name.slice(0, -'.weight'.length)) : undefined;
}
