/** Writes GGUF files, a tensor at a time. */
import { elementCount, internal } from '../../core/index.ts';
import { CHUNK_BYTES } from '../byte-range.ts';
import { layoutGguf, type GgufWriteTensor, type GgufWriteValue } from './gguf-write.ts';
import { streamFileAtomic, type WritableFile } from '../../files/index.ts';
import { bytesOfType, encodeAs } from '../blocks/quantise.ts';
import { STORED_TYPES } from '../stored-types.ts';

export interface GgufContent {
  readonly metadata: ReadonlyMap<string, GgufWriteValue>;
  readonly tensors: readonly GgufWriteTensor[];
  /** Called after each tensor with the bytes of the file that are written. */
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
}

/**
 * Writes a GGUF file: complete under `path` or not at all. One tensor is in memory at a time, and is encoded in pieces. Throws bad-input
 * as layoutGguf, run-failed when the disk is full or a value does not fit its type.
 */
export async function writeGguf(path: string, { metadata, tensors, onProgress }: GgufContent): Promise<void> {
  const { header, places, sizeBytes } = layoutGguf(metadata, tensors);
  await streamFileAtomic(path, async (file) => {
    await writeBytes(file, header);
    let done = header.byteLength;
    for (const [index, tensor] of tensors.entries()) {
      await writeTensor(file, tensor);
      const place = places[index]!;
      await writeBytes(file, new Uint8Array(place.paddingBytes));
      done += place.sizeBytes + place.paddingBytes;
      onProgress?.(done, sizeBytes);
    }
  });
}

async function writeTensor(file: WritableFile, { name, shape, type, read }: GgufWriteTensor): Promise<void> {
  const values = await read();
  const count = elementCount(shape);
  if (values.length !== count) throw internal(`${name} has ${count} elements, its read() gave ${values.length}`);
  const { elementsPerBlock } = STORED_TYPES[type];
  const step = Math.floor(CHUNK_BYTES / 4 / elementsPerBlock) * elementsPerBlock;
  const buffer = new Uint8Array(bytesOfType(type, Math.min(step, count)));
  for (let at = 0; at < count; at += step) {
    const chunk = values.subarray(at, at + step);
    const bytes = buffer.subarray(0, bytesOfType(type, chunk.length));
    encodeAs(type, chunk, { into: bytes, what: name });
    await writeBytes(file, bytes);
  }
}

async function writeBytes(file: WritableFile, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.byteLength;) {
    const { bytesWritten } = await file.write(bytes, done, bytes.byteLength - done);
    done += bytesWritten;
  }
}
