import { badInput } from '../../core/index.ts';

/** What compressed data may unpack to before the ratio counts. */
const FREE_BYTES = 64 * 2 ** 20;
/** Text unpacks to 3 to 20 times its size; gzip can reach 1032 and zstd 30000. */
const MAX_RATIO = 300;

/** Watches how much comes out of how little. */
export interface UnpackGuard {
  packed(sizeBytes: number): void;
  /** Throws bad-input when so much cannot be honest. */
  unpacked(sizeBytes: number): void;
}

export function createUnpackGuard(file: string): UnpackGuard {
  let packedBytes = 0;
  let unpackedBytes = 0;
  return {
    packed(sizeBytes) {
      packedBytes += sizeBytes;
    },
    unpacked(sizeBytes) {
      unpackedBytes += sizeBytes;
      if (unpackedBytes <= FREE_BYTES || unpackedBytes <= MAX_RATIO * packedBytes) return;
      const message = `compressed data must unpack to at most ${MAX_RATIO} times its size, got ${unpackedBytes} bytes from ${packedBytes}; if it is honest, unpack it first`;
      throw badInput({ file, message });
    },
  };
}
