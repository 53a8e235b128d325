/**
 * Dequantisation of ggml's blocks of 32: a float16 scale (and minimum) and packed small integers.
 *
 * Bit-exact without a rounding after each operation: scale times quant is exact in float32 (11 bits times at most 8), so
 * only the addition of the minimum rounds, and a sum of two float32 rounded from float64 to float32 is the float32 sum.
 * Whether a C compiler fuses multiply and add changes nothing for the same reason.
 *
 * Source: the block layouts of ggml (block_q4_0 ... block_q8_0); two nibbles of a byte are elements j and j + 16.
 */
import { float16Table } from '../stored-floats.ts';

/** Q4_0: scale, 16 bytes of nibbles; x = d (q - 8). `blocks` holds 18 bytes for 32 elements of `into`. */
export function dequantizeQ40(blocks: Uint8Array, into: Float32Array): void {
  const half = float16Table();
  for (let from = 0, at = 0; at < into.length; from += 18, at += 32) {
    const d = half[blocks[from]! | (blocks[from + 1]! << 8)]!;
    for (let j = 0; j < 16; j++) {
      const pair = blocks[from + 2 + j]!;
      into[at + j] = d * ((pair & 15) - 8);
      into[at + j + 16] = d * ((pair >> 4) - 8);
    }
  }
}

/** Q4_1: scale, minimum, 16 bytes of nibbles; x = d q + m. 20 bytes for 32 elements. */
export function dequantizeQ41(blocks: Uint8Array, into: Float32Array): void {
  const half = float16Table();
  for (let from = 0, at = 0; at < into.length; from += 20, at += 32) {
    const d = half[blocks[from]! | (blocks[from + 1]! << 8)]!;
    const m = half[blocks[from + 2]! | (blocks[from + 3]! << 8)]!;
    for (let j = 0; j < 16; j++) {
      const pair = blocks[from + 4 + j]!;
      into[at + j] = d * (pair & 15) + m;
      into[at + j + 16] = d * (pair >> 4) + m;
    }
  }
}

/** Q5_0: scale, 32 fifth bits, 16 bytes of nibbles; x = d (q - 16). 22 bytes for 32 elements. */
export function dequantizeQ50(blocks: Uint8Array, into: Float32Array): void {
  const half = float16Table();
  for (let from = 0, at = 0; at < into.length; from += 22, at += 32) {
    const d = half[blocks[from]! | (blocks[from + 1]! << 8)]!;
    const high = word(blocks, from + 2);
    for (let j = 0; j < 16; j++) {
      const pair = blocks[from + 6 + j]!;
      into[at + j] = d * (((pair & 15) | ((high >>> j) & 1 ? 16 : 0)) - 16);
      into[at + j + 16] = d * (((pair >> 4) | ((high >>> (j + 16)) & 1 ? 16 : 0)) - 16);
    }
  }
}

/** Q5_1: scale, minimum, 32 fifth bits, 16 bytes of nibbles; x = d q + m. 24 bytes for 32 elements. */
export function dequantizeQ51(blocks: Uint8Array, into: Float32Array): void {
  const half = float16Table();
  for (let from = 0, at = 0; at < into.length; from += 24, at += 32) {
    const d = half[blocks[from]! | (blocks[from + 1]! << 8)]!;
    const m = half[blocks[from + 2]! | (blocks[from + 3]! << 8)]!;
    const high = word(blocks, from + 4);
    for (let j = 0; j < 16; j++) {
      const pair = blocks[from + 8 + j]!;
      into[at + j] = d * ((pair & 15) | ((high >>> j) & 1 ? 16 : 0)) + m;
      into[at + j + 16] = d * ((pair >> 4) | ((high >>> (j + 16)) & 1 ? 16 : 0)) + m;
    }
  }
}

/** Q8_0: scale, 32 signed bytes; x = d q. 34 bytes for 32 elements. */
export function dequantizeQ80(blocks: Uint8Array, into: Float32Array): void {
  const half = float16Table();
  for (let from = 0, at = 0; at < into.length; from += 34, at += 32) {
    const d = half[blocks[from]! | (blocks[from + 1]! << 8)]!;
    for (let j = 0; j < 32; j++) into[at + j] = d * ((blocks[from + 2 + j]! << 24) >> 24);
  }
}

function word(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}
