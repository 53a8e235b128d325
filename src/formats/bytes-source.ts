import { requireRange } from './byte-range.ts';
import type { ByteSource } from './byte-source.ts';

/** A ByteSource over bytes in memory. `read` gives views of them, not copies. */
export function bytesSource(bytes: Uint8Array<ArrayBuffer>, name: string): ByteSource {
  const source = { name, sizeBytes: bytes.byteLength };
  return {
    ...source,
    async read(offset, length) {
      requireRange(source, offset, length);
      return bytes.subarray(offset, offset + length);
    },
    async readInto(offset, target) {
      requireRange(source, offset, target.byteLength);
      target.set(bytes.subarray(offset, offset + target.byteLength));
    },
    close: async () => undefined,
  };
}
