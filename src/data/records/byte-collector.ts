/** Collects the pieces of one record across chunks, up to a limit; beyond it the bytes are dropped and only counted. */
export interface ByteCollector {
  readonly sizeBytes: number;
  readonly overflowed: boolean;
  append(piece: Uint8Array): void;
  /** The bytes so far; the collector is empty afterwards. */
  take(): Uint8Array;
}

export function createByteCollector(maxBytes: number): ByteCollector {
  let pieces: Uint8Array[] = [];
  let sizeBytes = 0;
  return {
    get sizeBytes() {
      return sizeBytes;
    },
    get overflowed() {
      return sizeBytes > maxBytes;
    },
    append(piece) {
      sizeBytes += piece.length;
      if (sizeBytes > maxBytes) pieces = [];
      // A chunk may be reused by its producer: what outlives it is copied.
      else if (piece.length > 0) pieces.push(piece.slice());
    },
    take() {
      const whole = pieces.length === 1 ? pieces[0]! : concatenate(pieces);
      pieces = [];
      sizeBytes = 0;
      return whole;
    },
  };
}

function concatenate(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
