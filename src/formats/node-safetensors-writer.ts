/** Writes safetensors files, tensor by tensor. */
import { join } from 'node:path';
import { elementCount, internal, runFailed } from '../core/index.ts';
import { CHUNK_BYTES } from './byte-range.ts';
import { streamFileAtomic, writeFileAtomic, type WritableFile } from '../files/index.ts';
import {
  divideIntoShards,
  layoutSafetensors,
  shardIndex,
  type SafetensorsType,
  type WritableTensor,
} from './safetensors-layout.ts';
import { encodeBfloat16, encodeFloat16 } from './stored-floats.ts';

export interface WriteSafetensorsOptions {
  /** Default F32. */
  readonly type?: SafetensorsType;
  readonly metadata?: Readonly<Record<string, string>>;
}

export interface WriteShardedOptions extends WriteSafetensorsOptions {
  /** Bytes of tensors in one file, at most; default 5 GB, as Transformers writes. */
  readonly maxShardBytes?: number;
  /** The files' name without `.safetensors`; default `model`. */
  readonly stem?: string;
}

const DEFAULT_MAX_SHARD_BYTES = 5e9;
/** One write call takes at most this much. */
const MAX_WRITE_BYTES = 1 << 28;

/**
 * Writes one safetensors file: complete under `path` or not at all. One tensor at a time is in memory. Throws bad-input for
 * bad names or shapes, and run-failed when a finite value does not fit into F16 or the disk is full.
 */
export async function writeSafetensors(
  path: string,
  tensors: readonly WritableTensor[],
  options: WriteSafetensorsOptions = {},
): Promise<void> {
  const type = options.type ?? 'F32';
  const layout = layoutSafetensors(tensors, type, options.metadata);
  await streamFileAtomic(path, async (file) => {
    await writeAll(file, layout.header);
    for (const tensor of layout.tensors) await writeTensor(file, tensor, type);
  });
}

/**
 * Writes `tensors` into `folder` as `<stem>.safetensors`, or as shards with `<stem>.safetensors.index.json` when they need
 * more than `maxShardBytes`; the index is written last. Gives the files' names. Throws as writeSafetensors does.
 */
export async function writeShardedSafetensors(
  folder: string,
  tensors: readonly WritableTensor[],
  options: WriteShardedOptions = {},
): Promise<string[]> {
  const { type = 'F32', stem = 'model', maxShardBytes = DEFAULT_MAX_SHARD_BYTES } = options;
  const shards = divideIntoShards(tensors, { stem, type, maxShardBytes });
  for (const shard of shards) await writeSafetensors(join(folder, shard.file), shard.tensors, options);
  const files = shards.map((shard) => shard.file);
  if (shards.length === 1) return files;
  const index = `${stem}.safetensors.index.json`;
  writeFileAtomic(join(folder, index), shardIndex(shards, type));
  return [...files, index];
}

async function writeTensor(file: WritableFile, tensor: WritableTensor, type: SafetensorsType): Promise<void> {
  const values = await tensor.read();
  const count = elementCount(tensor.shape);
  if (values.length !== count) throw internal(`${tensor.name} has ${count} elements, its read() gave ${values.length}`);
  if (type === 'F32') {
    await writeAll(file, new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    return;
  }
  const buffer = new Uint16Array(Math.min(CHUNK_BYTES / 2, count));
  for (let at = 0; at < count; at += buffer.length) {
    const chunk = values.subarray(at, at + buffer.length);
    const bits = buffer.subarray(0, chunk.length);
    if (type === 'F16') {
      encodeFloat16(chunk, bits);
      requireNoOverflow(tensor.name, chunk, bits);
    } else {
      encodeBfloat16(chunk, bits);
    }
    await writeAll(file, new Uint8Array(bits.buffer, bits.byteOffset, bits.byteLength));
  }
}

/** A finite value above 65504 would silently become infinite in F16. */
function requireNoOverflow(name: string, values: Float32Array, bits: Uint16Array): void {
  const at = bits.findIndex((word, index) => (word & 0x7fff) === 0x7c00 && Number.isFinite(values[index]));
  if (at < 0) return;
  throw runFailed(`${name}: values must lie within 65504 to be stored as F16, got ${values[at]}; store BF16 or F32`);
}

async function writeAll(file: WritableFile, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.byteLength;) {
    const { bytesWritten } = await file.write(bytes, done, Math.min(MAX_WRITE_BYTES, bytes.byteLength - done));
    done += bytesWritten;
  }
}
