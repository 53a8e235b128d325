/** The element types that GGUF files are written in, and how float32 becomes each. */
import { runFailed } from '../../core/index.ts';
import { quantizeQ4K, quantizeQ6K } from './quantise-k.ts';
import { quantizeQ40, quantizeQ50, quantizeQ80 } from './quantise-legacy.ts';
import { encodeBfloat16, encodeFloat16 } from '../stored-floats.ts';
import { STORED_TYPES, type ReadableType } from '../stored-types.ts';

export const WRITABLE_TYPES = [
  'F32',
  'F16',
  'BF16',
  'Q4_0',
  'Q5_0',
  'Q8_0',
  'Q4_K',
  'Q6_K',
] as const satisfies readonly ReadableType[];
export type WritableType = (typeof WRITABLE_TYPES)[number];

/** Turns whole blocks of elements into their bytes. */
type EncodeBlocks = (values: Float32Array, blocks: Uint8Array) => void;

const ENCODERS: Readonly<Record<WritableType, EncodeBlocks>> = {
  F32: (values, blocks) => blocks.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength)),
  F16: (values, blocks) => encodeFloat16(values, words(blocks)),
  BF16: (values, blocks) => encodeBfloat16(values, words(blocks)),
  Q4_0: quantizeQ40,
  Q5_0: quantizeQ50,
  Q8_0: quantizeQ80,
  Q4_K: quantizeQ4K,
  Q6_K: quantizeQ6K,
};

function words(bytes: Uint8Array): Uint16Array {
  return new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2);
}

/** Bytes of `count` elements, which are whole blocks. */
export function bytesOfType(type: WritableType, count: number): number {
  const { elementsPerBlock, bytesPerBlock } = STORED_TYPES[type];
  return (count / elementsPerBlock) * bytesPerBlock;
}

/**
 * `values`, whole blocks of them, as `type`. `into` has bytesOfType bytes at an even place. Throws run-failed, naming `what`, for a value
 * that the type cannot hold: beyond 65504 in F16 and as the scale of a block of the others.
 */
export function encodeAs(
  type: WritableType,
  values: Float32Array,
  { into, what }: { into: Uint8Array; what: string },
): void {
  if (type !== 'F32' && type !== 'BF16') {
    const at = values.findIndex((value) => !(Math.abs(value) <= 65_504));
    if (at >= 0)
      throw runFailed(
        `${what}: values must lie within 65504 to be stored as ${type}, got ${values[at]}; store BF16 or F32`,
      );
  }
  ENCODERS[type](values, into);
}
