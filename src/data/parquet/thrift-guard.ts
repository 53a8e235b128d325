/** Structs inside each other; Parquet's own nest eight deep. */
const MAX_DEPTH = 24;
/** A 64-bit number in groups of seven bits. */
const MAX_VARINT_BYTES = 10;

/**
 * The offset behind the struct in Thrift's compact protocol that starts at `start`. Numbers longer than 64 bits, lists longer
 * than the bytes that are left and structs without end are refused here, because a parser that trusts them never returns.
 * Throws a plain Error; `truncated` is its message where more bytes might mend it.
 * Source: Apache Thrift, "Thrift compact protocol encoding".
 */
export function endOfThriftStruct(bytes: Uint8Array, start: number): number {
  let at = start;
  const take = (): number => {
    const byte = bytes[at++];
    if (byte === undefined) throw new Error(TRUNCATED);
    return byte;
  };
  const varint = (): number => {
    let value = 0;
    for (let count = 0; count < MAX_VARINT_BYTES; count++) {
      const byte = take();
      value += (byte & 0x7f) * 2 ** (7 * count);
      if (byte < 0x80) return value;
    }
    throw new Error(`a number must have at most ${MAX_VARINT_BYTES} bytes`);
  };
  const skip = (sizeBytes: number): void => {
    at += sizeBytes;
    if (at > bytes.length) throw new Error(TRUNCATED);
  };
  const element = (type: number, depth: number): void => {
    if (depth > MAX_DEPTH) throw new Error(`structs must nest at most ${MAX_DEPTH} deep`);
    switch (type) {
      case 1:
      case 2:
        return;
      case 3:
        return skip(1);
      case 4:
      case 5:
      case 6:
        return void varint();
      case 7:
        return skip(8);
      case 8:
        return skip(varint());
      case 9:
        return list(depth + 1);
      case 12:
        return struct(depth + 1);
      default:
        throw new Error(`a field must have a known type, got ${type}`);
    }
  };
  const list = (depth: number): void => {
    const head = take();
    const count = head >> 4 === 15 ? varint() : head >> 4;
    const type = head & 15;
    if (count > bytes.length - at) throw new Error(TRUNCATED);
    // In a list a truth value takes a byte.
    for (let i = 0; i < count; i++) element(type <= 2 ? 3 : type, depth);
  };
  const struct = (depth: number): void => {
    for (;;) {
      const head = take();
      if ((head & 15) === 0) return;
      if (head >> 4 === 0) varint();
      element(head & 15, depth);
    }
  };
  struct(0);
  return at;
}

export const TRUNCATED = 'the bytes end inside it';
