import { badInput } from '../core/index.ts';
import type { Checkpoint } from './checkpoint.ts';

export interface NonFinite {
  readonly nanCount: number;
  readonly infiniteCount: number;
  /** Index of the first one in row-major order. */
  readonly firstIndex: number;
}

/** The exponent bits of a float32, all of which are set in NaN and the infinities alone. */
const FULL_EXPONENT = 0x7f800000;
/** Added to exponent bits that are all set, this carries into the sign bit; added to any others it does not. */
const LOWEST_EXPONENT_BIT = 0x00800000;

/** Whether any word is NaN or an infinity. Without a branch a word, which is half of the time for good weights: all of them, nearly always. */
function hasFullExponent(words: Uint32Array): boolean {
  let [a, b] = [0, 0];
  const even = words.length & ~1;
  for (let i = 0; i < even; i += 2) {
    a |= (words[i]! & FULL_EXPONENT) + LOWEST_EXPONENT_BIT;
    b |= (words[i + 1]! & FULL_EXPONENT) + LOWEST_EXPONENT_BIT;
  }
  if (even < words.length) a |= (words[even]! & FULL_EXPONENT) + LOWEST_EXPONENT_BIT;
  return (a | b) < 0;
}

/** Counts NaN and infinities; undefined when every value is finite. One pass over the bits of finite values. */
export function findNonFinite(values: Float32Array): NonFinite | undefined {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  if (!hasFullExponent(words)) return undefined;
  let count = 0;
  for (let i = 0; i < words.length; i++) count += (words[i]! & FULL_EXPONENT) === FULL_EXPONENT ? 1 : 0;
  const nanCount = values.reduce((sum, value) => sum + (Number.isNaN(value) ? 1 : 0), 0);
  const firstIndex = values.findIndex((value) => !Number.isFinite(value));
  return { nanCount, infiniteCount: count - nanCount, firstIndex };
}

/**
 * Checkpoint.readFloat32 that refuses NaN and infinite weights. Throws bad-input naming the tensor, the counts and the
 * first place; `into` then holds the bad values.
 */
export async function readFiniteFloat32(
  checkpoint: Checkpoint,
  name: string,
  into?: Float32Array<ArrayBuffer>,
): Promise<Float32Array<ArrayBuffer>> {
  const values = await checkpoint.readFloat32(name, into);
  const bad = findNonFinite(values);
  if (bad === undefined) return values;
  throw badInput(
    `${name}: weights must be finite, got ${bad.nanCount} NaN and ${bad.infiniteCount} infinite of ${values.length} values, ` +
      `the first at element ${bad.firstIndex}; the file is damaged or its training diverged`,
  );
}
