import { badInput, messageOf, type PreftuneError } from '../../core/index.ts';
import type { ByteSource } from '../byte-source.ts';

/** A header may reach this far into a file; the largest vocabularies need a few megabytes. */
export const MAX_GGUF_HEADER_BYTES = 1 << 29;
const WINDOW_BYTES = 1 << 20;

/**
 * Reads little-endian values one after another through a window of the source. Before a take, `need` must have been called
 * for its bytes; it gives undefined (nothing to wait for) when the window holds them already, so that a loop over 150,000
 * strings does not wait 150,000 times.
 */
export interface GgufCursor {
  position(): number;
  /** Bytes from here to the end of the file. */
  remaining(): number;
  /** Makes the next `bytes` available; rejects with bad-input when the file ends before. `what` names them in the message. */
  need(bytes: number, what: string): Promise<void> | undefined;
  takeUint8(): number;
  takeInt8(): number;
  takeUint16(): number;
  takeInt16(): number;
  takeUint32(): number;
  takeInt32(): number;
  takeFloat32(): number;
  takeFloat64(): number;
  /** A number where it is exact, else a bigint. */
  takeUint64(): number | bigint;
  takeInt64(): number | bigint;
  /** `length` bytes as UTF-8; throws bad-input when they are not. */
  takeText(length: number, what: string): string;
  /** A bad-input error at the cursor's place. */
  fail(message: string): PreftuneError;
}

export function createGgufCursor(source: ByteSource): GgufCursor {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let bytes = new Uint8Array(0);
  let view = new DataView(bytes.buffer);
  let start = 0;
  let at = 0;
  const position = (): number => start + at;
  const fail = (message: string): PreftuneError => badInput({ file: source.name, offsetBytes: position(), message });
  const refill = async (needed: number): Promise<void> => {
    start = position();
    at = 0;
    bytes = await source.read(start, Math.min(Math.max(needed, WINDOW_BYTES), source.sizeBytes - start));
    view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  };
  const step = (size: number): number => (at += size) - size;
  return {
    position,
    remaining: () => source.sizeBytes - position(),
    need(needed, what) {
      if (at + needed <= bytes.byteLength) return undefined;
      if (needed > source.sizeBytes - position()) {
        const rest = source.sizeBytes - position();
        throw fail(`${what} needs ${needed} bytes, got ${rest} up to the end; the file is truncated or damaged`);
      }
      if (position() + needed > MAX_GGUF_HEADER_BYTES) {
        throw fail(`the header must end within ${MAX_GGUF_HEADER_BYTES} bytes, got more; the file is damaged`);
      }
      return refill(needed);
    },
    takeUint8: () => view.getUint8(step(1)),
    takeInt8: () => view.getInt8(step(1)),
    takeUint16: () => view.getUint16(step(2), true),
    takeInt16: () => view.getInt16(step(2), true),
    takeUint32: () => view.getUint32(step(4), true),
    takeInt32: () => view.getInt32(step(4), true),
    takeFloat32: () => view.getFloat32(step(4), true),
    takeFloat64: () => view.getFloat64(step(8), true),
    takeUint64: () => exact(view.getBigUint64(step(8), true)),
    takeInt64: () => exact(view.getBigInt64(step(8), true)),
    takeText(length, what) {
      const from = step(length);
      try {
        return decoder.decode(bytes.subarray(from, from + length));
      } catch (thrown) {
        throw fail(`${what} must be UTF-8, got ${messageOf(thrown)}; the file is damaged`);
      }
    },
    fail,
  };
}

function exact(value: bigint): number | bigint {
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}
