/** Checkpoints in safetensors: one file, or shards with an index. */
import { badInput, PreftuneError, type Problem } from '../core/index.ts';
import type { ByteSource } from './byte-source.ts';
import type { Checkpoint } from './checkpoint.ts';
import { describeValue, parseJsonObject } from './json.ts';
import { checkpointOf, type LocatedTensor } from './located-tensors.ts';
import { readSafetensorsHeader } from './safetensors-header.ts';
import type { CreateHash } from './streaming-hash.ts';

/** Files that an index may name. */
export const MAX_SHARDS = 4096;

export type SafetensorsCheckpoint = Checkpoint & {
  /** The free-form __metadata__ of the file; of the first shard where there are several. */
  readonly metadata: ReadonlyMap<string, string>;
};

/**
 * Opens one safetensors file; its header is read and checked, its tensors are read on request. The checkpoint's `close`
 * closes `source`; when opening fails the source is left open. Types other than F32, F16 and BF16 stand in `entries` and
 * are refused by name when read. Throws bad-input with every problem of the header.
 */
export async function openSafetensors(source: ByteSource, createHash: CreateHash): Promise<SafetensorsCheckpoint> {
  const { metadata, tensors } = await locate(source);
  const checkpoint = checkpointOf(tensors, createHash);
  // A file without tensors has no source that checkpointOf could close.
  return { ...checkpoint, metadata, close: () => source.close() };
}

export interface ShardedSafetensors {
  /** The text of model.safetensors.index.json and its name for messages. */
  readonly indexText: string;
  readonly indexName: string;
  /** Opens a shard that stands beside the index; `file` has no folder part. */
  readonly openShard: (file: string) => Promise<ByteSource>;
  readonly createHash: CreateHash;
}

/**
 * Opens the shards that an index names and checks both against each other: every tensor of the index stands in its shard,
 * every tensor of a shard in the index, none in two shards. metadata.total_size is not compared: published indexes count
 * tied weights in different ways, and every range is already checked against its file. On failure all shards are closed
 * again. Throws bad-input with the problems of all files.
 */
export async function openShardedSafetensors(options: ShardedSafetensors): Promise<SafetensorsCheckpoint> {
  const { indexText, indexName, openShard, createHash } = options;
  const weightMap = readWeightMap(indexText, indexName);
  const problems: Problem[] = [];
  const sources: ByteSource[] = [];
  const tensors: LocatedTensor[] = [];
  let metadata: ReadonlyMap<string, string> = new Map();
  const found = new Map<string, string>();
  for (const file of new Set(weightMap.values())) {
    try {
      const source = await openShard(file);
      sources.push(source);
      const shard = await locate(source);
      if (sources.length === 1) metadata = shard.metadata;
      for (const tensor of shard.tensors) {
        problems.push(...crossCheck(tensor, file, { weightMap, found }));
        found.set(tensor.entry.name, file);
        tensors.push(tensor);
      }
    } catch (thrown) {
      if (!(thrown instanceof PreftuneError)) throw thrown;
      problems.push(...thrown.problems);
    }
  }
  // A shard that did not open has its own problem; its tensors need not be reported one by one.
  if (problems.length === 0) {
    for (const [name, file] of weightMap) {
      if (!found.has(name)) {
        problems.push({
          file: indexName,
          message: `${describeValue(name)}: must stand in ${file}, got a file without it`,
        });
      }
    }
  }
  if (problems.length > 0) {
    await Promise.all(sources.map((source) => source.close()));
    throw badInput(problems);
  }
  const close = async (): Promise<void> => void (await Promise.all(sources.map((source) => source.close())));
  return { ...checkpointOf(tensors, createHash), metadata, close };
}

async function locate(
  source: ByteSource,
): Promise<{ tensors: LocatedTensor[]; metadata: ReadonlyMap<string, string> }> {
  const { metadata, tensors } = await readSafetensorsHeader(source);
  return {
    metadata,
    tensors: tensors.map(({ name, type, shape, offsetBytes, sizeBytes }) => ({
      entry: { name, storedType: type, shape, sizeBytes },
      source,
      offsetBytes,
    })),
  };
}

function crossCheck(
  tensor: LocatedTensor,
  file: string,
  maps: { readonly weightMap: ReadonlyMap<string, string>; readonly found: ReadonlyMap<string, string> },
): Problem[] {
  const { name } = tensor.entry;
  const indexed = maps.weightMap.get(name);
  const other = maps.found.get(name);
  const problem = (message: string): Problem[] => [
    { file: tensor.source.name, message: `${describeValue(name)}: ${message}` },
  ];
  if (other !== undefined) return problem(`must stand in one shard, got ${other} and ${file}`);
  if (indexed === undefined) return problem('must be named by the index, got a tensor that is not');
  if (indexed !== file) return problem(`must stand in ${indexed} as the index says, got ${file}`);
  return [];
}

function readWeightMap(text: string, file: string): Map<string, string> {
  const { weight_map: value } = parseJsonObject(text, file, { uniqueKeys: true });
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw badInput({
      file,
      path: 'weight_map',
      message: `weight_map must map names to files, got ${describeValue(value)}`,
    });
  }
  const problems: Problem[] = [];
  const weightMap = new Map<string, string>();
  for (const [name, shard] of Object.entries(value)) {
    // A file name only: an index must not reach outside of its folder.
    if (typeof shard === 'string' && /^[^/\\\0]+\.safetensors$/.test(shard)) weightMap.set(name, shard);
    else
      problems.push({
        file,
        message: `weight_map.${name}: must be the name of a .safetensors file beside the index, got ${describeValue(shard)}`,
      });
  }
  const shards = new Set(weightMap.values()).size;
  if (shards > MAX_SHARDS) problems.push({ file, message: `must name at most ${MAX_SHARDS} files, got ${shards}` });
  if (weightMap.size === 0 && problems.length === 0) {
    problems.push({ file, message: 'weight_map must name at least one tensor, got none' });
  }
  if (problems.length > 0) throw badInput(problems);
  return weightMap;
}
