import { badInput } from '../core/index.ts';
import type { ByteSource } from './byte-source.ts';

/** Bytes that one read of a large tensor brings in. */
export const CHUNK_BYTES = 1 << 20;

/** Throws bad-input unless `length` bytes from `offset` lie in a source of `sizeBytes`. */
export function requireRange(source: Pick<ByteSource, 'name' | 'sizeBytes'>, offset: number, length: number): void {
  if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(length) || offset < 0 || length < 0) {
    throw badInput({
      file: source.name,
      message: `a byte range must be made of non-negative integers, got offset ${offset} and length ${length}`,
    });
  }
  if (offset + length > source.sizeBytes) {
    throw badInput({
      file: source.name,
      offsetBytes: offset,
      message: `${length} bytes must follow, got ${Math.max(0, source.sizeBytes - offset)}; the file is truncated, fetch it again`,
    });
  }
}

export interface ChunkedRange {
  readonly offset: number;
  readonly length: number;
  /** Every chunk but the last has this size. */
  readonly chunkBytes: number;
}

/**
 * Calls `visit(bytes, at)` for consecutive chunks of a range, `at` counted from the range's start. The next chunk is read
 * while `visit` works, into the other one of two buffers, so `bytes` is valid only during the call. The buffers start at
 * byte 0 of their memory: views of wider elements need no alignment care when chunkBytes is a multiple of the element.
 */
export async function forEachChunk(
  source: ByteSource,
  range: ChunkedRange,
  visit: (bytes: Uint8Array<ArrayBuffer>, at: number) => void,
): Promise<void> {
  requireRange(source, range.offset, range.length);
  if (range.length === 0) return;
  const size = Math.min(range.chunkBytes, range.length);
  const buffers = [new Uint8Array(size), new Uint8Array(range.length > size ? size : 0)] as const;
  const start = (at: number, turn: number): { bytes: Uint8Array<ArrayBuffer>; done: Promise<void> } => {
    const bytes = buffers[turn === 0 ? 0 : 1].subarray(0, Math.min(size, range.length - at));
    return { bytes, done: source.readInto(range.offset + at, bytes) };
  };
  let turn = 0;
  let pending = start(0, turn);
  for (let at = 0; at < range.length; at += size) {
    await pending.done;
    const { bytes } = pending;
    turn = 1 - turn;
    const next = at + size < range.length ? start(at + size, turn) : undefined;
    try {
      visit(bytes, at);
    } catch (thrown) {
      await next?.done.catch(() => undefined);
      throw thrown;
    }
    if (next !== undefined) pending = next;
  }
}
