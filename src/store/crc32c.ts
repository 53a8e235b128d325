/** Remainders of every byte under the reflected Castagnoli polynomial. */
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit++) remainder = (remainder >>> 1) ^ (remainder & 1 ? 0x82f63b78 : 0);
  return remainder;
});

/** CRC-32C of bytes, unsigned. Source: RFC 3720, section 12.1 (polynomial 0x1EDC6F41, reflected, inverted at both ends). */
export function crc32c(bytes: Uint8Array): number {
  let remainder = 0xffffffff;
  for (const byte of bytes) remainder = (remainder >>> 8) ^ TABLE[(remainder ^ byte) & 0xff]!;
  return (remainder ^ 0xffffffff) >>> 0;
}

/**
 * The CRC as TFRecord files store it: rotated right by 15 bits, plus 0xa282ead8, modulo 2^32; so that the CRC of bytes that hold a CRC stays useful.
 * Source: TensorFlow's guide to the TFRecord format.
 */
export function maskedCrc32c(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
