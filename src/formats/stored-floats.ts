/**
 * Whole arrays between float32 and the 16-bit floats of weight files. The host is little-endian, as every platform of
 * Node and every browser is.
 */
import { bfloat16ToFloat32, float16ToFloat32, float32ToBfloat16, float32ToFloat16 } from '../core/index.ts';

let table: Float32Array | undefined;

/** The float32 value of each of the 65,536 binary16 bit patterns, built on first use. */
export function float16Table(): Float32Array {
  table ??= Float32Array.from({ length: 0x10000 }, (_, bits) => float16ToFloat32(bits));
  return table;
}

/** into[i] = the float32 value of binary16 bits[i]; exact. */
export function decodeFloat16(bits: Uint16Array, into: Float32Array): void {
  const values = float16Table();
  for (let i = 0; i < bits.length; i++) into[i] = values[bits[i]!]!;
}

/** into[i] = the float32 value of bfloat16 bits[i]: the same bits followed by sixteen zeros; exact, NaN payloads kept. */
export function decodeBfloat16(bits: Uint16Array, into: Float32Array): void {
  const words = new Uint32Array(into.buffer, into.byteOffset, into.length);
  for (let i = 0; i < bits.length; i++) words[i] = bits[i]! << 16;
}

/** into[i] = the binary16 bits nearest to values[i], ties to even; beyond 65504 becomes infinity. */
export function encodeFloat16(values: Float32Array, into: Uint16Array): void {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < words.length; i++) {
    const bits = words[i]!;
    const magnitude = bits & 0x7fffffff;
    // Normal in binary16 after rounding; the rest (subnormal, infinite, NaN) is rare.
    if (magnitude >= 0x38800000 && magnitude < 0x477ff000) {
      const rounded = magnitude + 0xfff + ((magnitude >>> 13) & 1);
      into[i] = ((bits >>> 16) & 0x8000) | ((rounded - 0x38000000) >>> 13);
    } else {
      into[i] = float32ToFloat16(values[i]!);
    }
  }
}

/** into[i] = the bfloat16 bits nearest to values[i], ties to even; NaN stays NaN. */
export function encodeBfloat16(values: Float32Array, into: Uint16Array): void {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < words.length; i++) {
    const bits = words[i]!;
    into[i] =
      (bits & 0x7fffffff) > 0x7f800000 ? float32ToBfloat16(values[i]!) : (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
  }
}

/** One value as it reads back after it was stored as `type`. */
export function roundTo(type: 'F32' | 'F16' | 'BF16', value: number): number {
  if (type === 'F16') return float16ToFloat32(float32ToFloat16(value));
  if (type === 'BF16') return bfloat16ToFloat32(float32ToBfloat16(value));
  return Math.fround(value);
}
