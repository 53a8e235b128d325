/** A Checkpoint over tensors whose places in byte sources are known: what every format ends in. */
import { badInput, elementCount, internal, runFailed } from '../core/index.ts';
import { CHUNK_BYTES, forEachChunk } from './byte-range.ts';
import type { ByteSource } from './byte-source.ts';
import type { Checkpoint, CheckpointEntry } from './checkpoint.ts';
import { isReadableType, READABLE_TYPES, STORED_TYPES, type StoredType } from './stored-types.ts';
import type { CreateHash } from './streaming-hash.ts';

export interface LocatedTensor {
  readonly entry: CheckpointEntry;
  readonly source: ByteSource;
  /** Where its bytes start in `source`. */
  readonly offsetBytes: number;
  /** Heads whose rows stand interleaved for the rope of llama.cpp or llama2.c, see rowOrder; absent for plain tensors. */
  readonly interleavedHeads?: number;
  /** What was added to every element before it was stored, and is taken away again; absent for plain tensors. */
  readonly shift?: number;
}

/** Bytes that one step of a fingerprint reads. */
const FINGERPRINT_CHUNK_BYTES = 1 << 22;

/** The Checkpoint of `tensors`, which stand in file order; `close` closes every source once. */
export function checkpointOf(tensors: readonly LocatedTensor[], createHash: CreateHash): Checkpoint {
  const byName = new Map(tensors.map((tensor) => [tensor.entry.name, tensor]));
  const sources = new Set(tensors.map((tensor) => tensor.source));
  let fingerprint: Promise<string> | undefined;
  return {
    entries: new Map(tensors.map(({ entry }) => [entry.name, entry])),
    async readFloat32(name, into) {
      const tensor = byName.get(name);
      if (tensor === undefined) {
        throw badInput(`${name}: must be a tensor of the checkpoint, got a name that is not among its ${byName.size}`);
      }
      return readTensor(tensor, into);
    },
    fingerprint() {
      fingerprint ??= hashTensors(tensors, createHash).catch((thrown: unknown) => {
        fingerprint = undefined;
        throw thrown;
      });
      return fingerprint;
    },
    async close() {
      await Promise.all([...sources].map((source) => source.close()));
    },
  };
}

async function readTensor(
  tensor: LocatedTensor,
  given: Float32Array<ArrayBuffer> | undefined,
): Promise<Float32Array<ArrayBuffer>> {
  const { entry, source, offsetBytes } = tensor;
  if (!isReadableType(entry.storedType)) {
    throw badInput({
      file: source.name,
      message: `${entry.name}: a weight's type must be one of ${READABLE_TYPES.join(', ')}, got ${entry.storedType}; convert the file`,
    });
  }
  const count = elementCount(entry.shape);
  const into = given ?? allocate(entry.name, count);
  if (into.length !== count) {
    throw internal(`${entry.name} has ${count} elements and is read into an array of ${into.length}`);
  }
  const type = STORED_TYPES[entry.storedType];
  if (tensor.interleavedHeads !== undefined) {
    await readRows(tensor, type, into);
  } else if (entry.storedType === 'F32') {
    await source.readInto(offsetBytes, new Uint8Array(into.buffer, into.byteOffset, into.byteLength));
  } else {
    const chunkBytes = Math.floor(CHUNK_BYTES / type.bytesPerBlock) * type.bytesPerBlock;
    await forEachChunk(source, { offset: offsetBytes, length: entry.sizeBytes, chunkBytes }, (bytes, at) => {
      const start = (at / type.bytesPerBlock) * type.elementsPerBlock;
      const elements = (bytes.byteLength / type.bytesPerBlock) * type.elementsPerBlock;
      type.decode(bytes, into.subarray(start, start + elements));
    });
  }
  const { shift = 0 } = tensor;
  if (shift !== 0) for (let i = 0; i < count; i++) into[i]! -= shift;
  return into;
}

/** Reads chunks of whole rows and decodes each row straight into its place. */
async function readRows(tensor: LocatedTensor, type: StoredType, into: Float32Array<ArrayBuffer>): Promise<void> {
  const { entry, source, offsetBytes } = tensor;
  const rows = entry.shape[0]!;
  const columns = into.length / rows;
  const rowBytes = entry.sizeBytes / rows;
  const order = rowOrder(rows, tensor.interleavedHeads!);
  const chunkBytes = Math.max(1, Math.floor(CHUNK_BYTES / rowBytes)) * rowBytes;
  await forEachChunk(source, { offset: offsetBytes, length: entry.sizeBytes, chunkBytes }, (bytes, at) => {
    for (let start = 0; start < bytes.byteLength; start += rowBytes) {
      const row = order[(at + start) / rowBytes]!;
      type.decode(bytes.subarray(start, start + rowBytes), into.subarray(row * columns, (row + 1) * columns));
    }
  });
}

/**
 * The row of a Hugging Face projection for each stored row, where rope rotates neighbours (2i, 2i + 1) of a head in the file
 * and halves (i, i + size / 2) in Hugging Face: order[head size + 2 i + j] = head size + j size / 2 + i.
 * `heads` divides `rows` into heads of even size.
 */
export function rowOrder(rows: number, heads: number): Int32Array {
  const size = rows / heads;
  if (!Number.isInteger(size) || size % 2 !== 0) throw internal(`${rows} rows do not make ${heads} heads of even size`);
  return Int32Array.from({ length: rows }, (_, row) => {
    const within = row % size;
    return row - within + (within % 2) * (size / 2) + Math.floor(within / 2);
  });
}

function allocate(name: string, count: number): Float32Array<ArrayBuffer> {
  try {
    return new Float32Array(count);
  } catch (thrown) {
    throw runFailed(
      `${name}: ${count * 4} bytes of memory are needed for this tensor, got too few; use a smaller model`,
      {
        cause: thrown,
      },
    );
  }
}

/**
 * SHA-256 over one line a tensor, sorted by name: [name, type, shape, row order, SHA-256 of its bytes] as JSON. Neither the
 * order in the file nor the division into shards changes it.
 */
async function hashTensors(tensors: readonly LocatedTensor[], createHash: CreateHash): Promise<string> {
  const lines: { readonly name: string; readonly line: string }[] = [];
  for (const { entry, source, offsetBytes, interleavedHeads } of tensors) {
    const hash = createHash();
    const range = { offset: offsetBytes, length: entry.sizeBytes, chunkBytes: FINGERPRINT_CHUNK_BYTES };
    await forEachChunk(source, range, (bytes) => hash.update(bytes));
    const parts = [entry.name, entry.storedType, entry.shape, interleavedHeads ?? null, hash.digestHex()];
    lines.push({ name: entry.name, line: `${JSON.stringify(parts)}\n` });
  }
  lines.sort((a, b) => (a.name < b.name ? -1 : 1));
  const whole = createHash();
  const encoder = new TextEncoder();
  for (const { line } of lines) whole.update(encoder.encode(line));
  return whole.digestHex();
}
