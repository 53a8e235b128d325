/** The element types of weight files: their block sizes, and how blocks become float32. */
import { dequantizeQ2K, dequantizeQ3K, dequantizeQ4K, dequantizeQ5K, dequantizeQ6K } from './blocks/dequantize-k.ts';
import {
  dequantizeQ40,
  dequantizeQ41,
  dequantizeQ50,
  dequantizeQ51,
  dequantizeQ80,
} from './blocks/dequantize-legacy.ts';
import { decodeBfloat16, decodeFloat16 } from './stored-floats.ts';

/** Turns whole blocks of stored bytes into float32: `into` has exactly the blocks' number of elements. */
export type DecodeBlocks = (blocks: Uint8Array<ArrayBuffer>, into: Float32Array<ArrayBuffer>) => void;

export interface StoredType {
  readonly elementsPerBlock: number;
  readonly bytesPerBlock: number;
  readonly decode: DecodeBlocks;
}

export const READABLE_TYPES = [
  'F32',
  'F16',
  'BF16',
  'Q4_0',
  'Q4_1',
  'Q5_0',
  'Q5_1',
  'Q8_0',
  'Q2_K',
  'Q3_K',
  'Q4_K',
  'Q5_K',
  'Q6_K',
] as const;
export type ReadableType = (typeof READABLE_TYPES)[number];

export const STORED_TYPES: Readonly<Record<ReadableType, StoredType>> = {
  F32: { elementsPerBlock: 1, bytesPerBlock: 4, decode: copyFloat32 },
  F16: { elementsPerBlock: 1, bytesPerBlock: 2, decode: (blocks, into) => decodeFloat16(halves(blocks), into) },
  BF16: { elementsPerBlock: 1, bytesPerBlock: 2, decode: (blocks, into) => decodeBfloat16(halves(blocks), into) },
  Q4_0: { elementsPerBlock: 32, bytesPerBlock: 18, decode: dequantizeQ40 },
  Q4_1: { elementsPerBlock: 32, bytesPerBlock: 20, decode: dequantizeQ41 },
  Q5_0: { elementsPerBlock: 32, bytesPerBlock: 22, decode: dequantizeQ50 },
  Q5_1: { elementsPerBlock: 32, bytesPerBlock: 24, decode: dequantizeQ51 },
  Q8_0: { elementsPerBlock: 32, bytesPerBlock: 34, decode: dequantizeQ80 },
  Q2_K: { elementsPerBlock: 256, bytesPerBlock: 84, decode: dequantizeQ2K },
  Q3_K: { elementsPerBlock: 256, bytesPerBlock: 110, decode: dequantizeQ3K },
  Q4_K: { elementsPerBlock: 256, bytesPerBlock: 144, decode: dequantizeQ4K },
  Q5_K: { elementsPerBlock: 256, bytesPerBlock: 176, decode: dequantizeQ5K },
  Q6_K: { elementsPerBlock: 256, bytesPerBlock: 210, decode: dequantizeQ6K },
};

export function isReadableType(name: string): name is ReadableType {
  return Object.hasOwn(STORED_TYPES, name);
}

function copyFloat32(blocks: Uint8Array<ArrayBuffer>, into: Float32Array<ArrayBuffer>): void {
  new Uint8Array(into.buffer, into.byteOffset, into.byteLength).set(blocks);
}

/** The 16-bit words of `bytes`, copied only where they are not aligned. */
function halves(bytes: Uint8Array<ArrayBuffer>): Uint16Array {
  const aligned = bytes.byteOffset % 2 === 0 ? bytes : bytes.slice();
  return new Uint16Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 2);
}
