import { Decompress } from 'fzstd';
import { badInput, messageOf, PreftuneError } from '../../core/index.ts';
import { createUnpackGuard } from './unpack-guard.ts';

/** A frame may refer back so far; the zstd command's own limit without --long. Source: RFC 8878, section 3.1.1.1.2. */
const MAX_WINDOW_BYTES = 128 * 2 ** 20;
/** Bytes that are unpacked at a time: a block of four bytes may become two million. */
const SLICE_BYTES = 4096;

/** The first bytes of a zstd frame, and of one that is to be skipped (whose first four bits vary). */
export function isZstd(head: Uint8Array): boolean {
  const [first, second, third, fourth] = head;
  const isFrame = first === 0x28 && second === 0xb5 && third === 0x2f && fourth === 0xfd;
  return isFrame || (first! >> 4 === 5 && second === 0x2a && third === 0x4d && fourth === 0x18);
}

/**
 * Unpacks zstd, frame after frame, as bytes come. Throws bad-input for damaged and cut data, windows beyond 128 MiB, and bombs.
 * Checksums of frames are not looked at. Source: RFC 8878.
 */
export async function* unpackZstd(chunks: AsyncIterable<Uint8Array>, file: string): AsyncGenerator<Uint8Array> {
  const guard = createUnpackGuard(file);
  let ready: Uint8Array[] = [];
  const stream = new Decompress((block) => {
    const windowBytes = windowOf(stream);
    if (windowBytes > MAX_WINDOW_BYTES)
      throw badInput({
        file,
        message: `zstd windows must be at most ${MAX_WINDOW_BYTES} bytes, got ${windowBytes}; unpack it, or pack it without --long`,
      });
    guard.unpacked(block.length);
    if (block.length > 0) ready.push(block);
  });
  const push = (bytes: Uint8Array, isLast: boolean): void => {
    try {
      stream.push(bytes, isLast);
    } catch (error) {
      if (error instanceof PreftuneError) throw error;
      const message = `zstd must be whole, got ${messageOf(error)}; unpack it or fetch the file again`;
      throw badInput({ file, message }, { cause: error });
    }
  };
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += SLICE_BYTES) {
      // The stream keeps pieces for later, and a chunk may be used again by its producer.
      const piece = new Uint8Array(chunk.subarray(at, at + SLICE_BYTES));
      guard.packed(piece.length);
      push(piece, false);
      yield* ready;
      ready = [];
    }
  }
  push(new Uint8Array(0), true);
  yield* ready;
}

/** The window of the frame that the stream is in; it reserves one without asking, and fills it when a block is done. */
function windowOf(stream: Decompress): number {
  const frame = (stream as unknown as { readonly s: { readonly e?: number } | number | undefined }).s;
  return typeof frame === 'object' ? (frame.e ?? 0) : 0;
}
