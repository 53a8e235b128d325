/**
 * Quantisation into ggml's blocks of 32, bit for bit as its reference does it: every operation in float32, in the reference's
 * order. The extreme value of a block becomes the integer of greatest magnitude, whose range reaches one farther below zero.
 *
 * Source: quantize_row_q4_0_ref, quantize_row_q5_0_ref and quantize_row_q8_0_ref of ggml.
 */
import { float32ToFloat16 } from '../../core/index.ts';

const f = Math.fround;

/** The value of greatest magnitude of 32, with its sign; the first of equals. */
function extremeOf(x: Float32Array, at: number): number {
  let [extreme, magnitude] = [0, 0];
  for (let j = 0; j < 32; j++) {
    const value = x[at + j]!;
    if (Math.abs(value) > magnitude) [extreme, magnitude] = [value, Math.abs(value)];
  }
  return extreme;
}

function writeHalf(blocks: Uint8Array, at: number, value: number): void {
  const bits = float32ToFloat16(value);
  blocks[at] = bits & 255;
  blocks[at + 1] = bits >> 8;
}

/** x is about d (q - 8), d = extreme / -8. 18 bytes for 32 elements. */
export function quantizeQ40(x: Float32Array, blocks: Uint8Array): void {
  for (let at = 0, to = 0; at < x.length; at += 32, to += 18) {
    const d = f(extremeOf(x, at) / -8);
    const inverse = d === 0 ? 0 : f(1 / d);
    writeHalf(blocks, to, d);
    const level = (value: number): number => Math.min(15, Math.trunc(f(f(value * inverse) + 8.5)));
    for (let j = 0; j < 16; j++) blocks[to + 2 + j] = level(x[at + j]!) | (level(x[at + 16 + j]!) << 4);
  }
}

/** x is about d (q - 16), d = extreme / -16; fifth bits apart. 22 bytes for 32 elements. */
export function quantizeQ50(x: Float32Array, blocks: Uint8Array): void {
  for (let at = 0, to = 0; at < x.length; at += 32, to += 22) {
    const d = f(extremeOf(x, at) / -16);
    const inverse = d === 0 ? 0 : f(1 / d);
    writeHalf(blocks, to, d);
    const level = (value: number): number => Math.min(31, Math.trunc(f(f(value * inverse) + 16.5)));
    let high = 0;
    for (let j = 0; j < 16; j++) {
      const [low, up] = [level(x[at + j]!), level(x[at + 16 + j]!)];
      blocks[to + 6 + j] = (low & 15) | ((up & 15) << 4);
      high |= ((low >> 4) << j) | ((up >> 4) << (j + 16));
    }
    for (let byte = 0; byte < 4; byte++) blocks[to + 2 + byte] = (high >>> (8 * byte)) & 255;
  }
}

/** x is about d q, d = greatest magnitude / 127, halves rounded away from zero. 34 bytes for 32 elements. */
export function quantizeQ80(x: Float32Array, blocks: Uint8Array): void {
  for (let at = 0, to = 0; at < x.length; at += 32, to += 34) {
    const d = f(Math.abs(extremeOf(x, at)) / 127);
    const inverse = d === 0 ? 0 : f(1 / d);
    writeHalf(blocks, to, d);
    for (let j = 0; j < 32; j++) {
      const scaled = f(x[at + j]! * inverse);
      blocks[to + 2 + j] = Math.sign(scaled) * Math.floor(Math.abs(scaled) + 0.5);
    }
  }
}
