/**
 * Dequantisation of ggml's super-blocks of 256 elements ("K quants"): float16 scales of scales, packed small integers.
 *
 * Bit-exact without a rounding after each operation. In Q2_K, Q3_K, Q4_K and Q5_K the products (scale, sub-scale, quant: at
 * most 11 + 6 + 5 bits) are exact in float32, so only the subtraction of the minimum rounds; in Q6_K the scale times
 * sub-scale is exact (19 bits) and the last product rounds once. A C compiler that fuses multiply and add gets the same.
 *
 * Source: the block layouts of ggml (block_q2_K ... block_q6_K, QK_K = 256).
 */
import { float16Table } from '../stored-floats.ts';

/** Q2_K: 16 bytes of 4-bit scale and minimum, 64 bytes of 2-bit quants, d, dmin; x = d s q - dmin m. 84 bytes. */
export function dequantizeQ2K(blocks: Uint8Array, into: Float32Array): void {
  const half = float16Table();
  for (let from = 0, at = 0; at < into.length; from += 84, at += 256) {
    const d = half[blocks[from + 80]! | (blocks[from + 81]! << 8)]!;
    const dmin = half[blocks[from + 82]! | (blocks[from + 83]! << 8)]!;
    for (let group = 0; group < 16; group++) {
      const packed = blocks[from + group]!;
      const scale = d * (packed & 15);
      const minimum = dmin * (packed >> 4);
      // Eight groups of 16 share 32 bytes: two groups a shift, four shifts.
      const quants = from + 16 + (group >> 3) * 32 + (group & 1) * 16;
      const shift = ((group >> 1) & 3) * 2;
      for (let j = 0; j < 16; j++) {
        into[at + group * 16 + j] = scale * ((blocks[quants + j]! >> shift) & 3) - minimum;
      }
    }
  }
}

/** Q3_K: 32 bytes of third bits (set: no offset), 64 bytes of 2-bit quants, 16 6-bit scales, d; x = d (s - 32) q. 110 bytes. */
export function dequantizeQ3K(blocks: Uint8Array, into: Float32Array): void {
  const half = float16Table();
  for (let from = 0, at = 0; at < into.length; from += 110, at += 256) {
    const d = half[blocks[from + 108]! | (blocks[from + 109]! << 8)]!;
    const scales = from + 96;
    for (let group = 0; group < 16; group++) {
      const low = blocks[scales + (group & 7)]! >> (group < 8 ? 0 : 4);
      const high = blocks[scales + 8 + (group & 3)]! >> ((group >> 2) * 2);
      const scale = d * (((low & 15) | ((high & 3) << 4)) - 32);
      const masks = from + (group & 1) * 16;
      const quants = from + 32 + (group >> 3) * 32 + (group & 1) * 16;
      const shift = ((group >> 1) & 3) * 2;
      const bit = 1 << (group >> 1);
      for (let j = 0; j < 16; j++) {
        const offset = blocks[masks + j]! & bit ? 0 : 4;
        into[at + group * 16 + j] = scale * (((blocks[quants + j]! >> shift) & 3) - offset);
      }
    }
  }
}

/** Q4_K: d, dmin, eight 6-bit scales and minimums, 128 bytes of nibbles; x = d s q - dmin m. 144 bytes. */
export function dequantizeQ4K(blocks: Uint8Array, into: Float32Array): void {
  const half = float16Table();
  for (let from = 0, at = 0; at < into.length; from += 144, at += 256) {
    const d = half[blocks[from]! | (blocks[from + 1]! << 8)]!;
    const dmin = half[blocks[from + 2]! | (blocks[from + 3]! << 8)]!;
    for (let group = 0; group < 8; group++) {
      const scale = d * subScale(blocks, from + 4, group);
      const minimum = dmin * subMinimum(blocks, from + 4, group);
      const quants = from + 16 + (group >> 1) * 32;
      const shift = (group & 1) * 4;
      for (let j = 0; j < 32; j++) {
        into[at + group * 32 + j] = scale * ((blocks[quants + j]! >> shift) & 15) - minimum;
      }
    }
  }
}

/** Q5_K: as Q4_K with 32 bytes of fifth bits before the nibbles, bit g of byte j for element j of group g. 176 bytes. */
export function dequantizeQ5K(blocks: Uint8Array, into: Float32Array): void {
  const half = float16Table();
  for (let from = 0, at = 0; at < into.length; from += 176, at += 256) {
    const d = half[blocks[from]! | (blocks[from + 1]! << 8)]!;
    const dmin = half[blocks[from + 2]! | (blocks[from + 3]! << 8)]!;
    for (let group = 0; group < 8; group++) {
      const scale = d * subScale(blocks, from + 4, group);
      const minimum = dmin * subMinimum(blocks, from + 4, group);
      const quants = from + 48 + (group >> 1) * 32;
      const shift = (group & 1) * 4;
      for (let j = 0; j < 32; j++) {
        const fifth = ((blocks[from + 16 + j]! >> group) & 1) << 4;
        into[at + group * 32 + j] = scale * (((blocks[quants + j]! >> shift) & 15) | fifth) - minimum;
      }
    }
  }
}

/** Q6_K: 128 bytes of low nibbles, 64 bytes of high bit pairs, 16 signed scales, d; x = d s (q - 32). 210 bytes. */
export function dequantizeQ6K(blocks: Uint8Array, into: Float32Array): void {
  const half = float16Table();
  for (let from = 0, at = 0; at < into.length; from += 210, at += 256) {
    const d = half[blocks[from + 208]! | (blocks[from + 209]! << 8)]!;
    for (let group = 0; group < 16; group++) {
      // Eight groups make a half of 128 elements: 64 bytes of nibbles, 32 bytes of pairs, a quarter of 32 elements a shift.
      const quarter = (group >> 1) & 3;
      const scale = d * ((blocks[from + 192 + group]! << 24) >> 24);
      const low = from + (group >> 3) * 64 + (quarter & 1) * 32 + (group & 1) * 16;
      const lowShift = (quarter >> 1) * 4;
      const high = from + 128 + (group >> 3) * 32 + (group & 1) * 16;
      const highShift = quarter * 2;
      for (let j = 0; j < 16; j++) {
        const quant = ((blocks[low + j]! >> lowShift) & 15) | (((blocks[high + j]! >> highShift) & 3) << 4);
        into[at + group * 16 + j] = scale * (quant - 32);
      }
    }
  }
}

/** The 6-bit scale of `group` in 12 bytes: the first four stand whole, the others in a nibble and two spare bits. */
function subScale(blocks: Uint8Array, from: number, group: number): number {
  if (group < 4) return blocks[from + group]! & 63;
  return (blocks[from + group + 4]! & 15) | ((blocks[from + group - 4]! >> 6) << 4);
}

/** The 6-bit minimum of `group`, packed as the scales are, four bytes on. */
function subMinimum(blocks: Uint8Array, from: number, group: number): number {
  if (group < 4) return blocks[from + group + 4]! & 63;
  return (blocks[from + group + 4]! >> 4) | ((blocks[from + group]! >> 6) << 4);
}
