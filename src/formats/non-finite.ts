import { badInput } from '../core/index.ts';
import type { Checkpoint } from './checkpoint.ts';

export interface NonFinite {
  readonly nanCount: number;
  readonly infiniteCount: number;
  /** Index of the first one in row-major order. */
  readonly firstIndex: number;
}

/** Counts NaN and infinities; undefined when every value is finite. One pass over the bits. */
export function findNonFinite(values: Float32Array): NonFinite | undefined {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  let count = 0;
  for (let i = 0; i < words.length; i++) count += (words[i]! & 0x7f800000) === 0x7f800000 ? 1 : 0;
  if (count === 0) return undefined;
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
