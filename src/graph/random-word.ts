/**
 * The counter-based random numbers of `randomUniform`: word i for a seed is a pure function, so a run that is resumed or
 * cut into other batches of work draws the same numbers. Two rounds of multiply-and-xor-shift (the finaliser of MurmurHash3,
 * Appleby) over the counter mixed with the seed.
 */

/** The 32-bit multipliers; the lowering to ONNX uses the same. */
export const RANDOM_MULTIPLIERS = [0x9e3779b1, 0x85ebca6b, 0xc2b2ae35] as const;

/** 32 random bits for a position and a seed, both taken modulo 2^32. */
export function randomWord(position: number, seed: number): number {
  let word = (Math.imul(position, RANDOM_MULTIPLIERS[0]) + seed) >>> 0;
  for (let round = 0; round < 2; round++) {
    word = Math.imul(word ^ (word >>> 16), RANDOM_MULTIPLIERS[1]) >>> 0;
    word = Math.imul(word ^ (word >>> 13), RANDOM_MULTIPLIERS[2]) >>> 0;
    word = (word ^ (word >>> 16)) >>> 0;
  }
  return word;
}

/** Uniform in [0, 1): the top 24 bits, exact in float32. */
export function randomUniformAt(position: number, seed: number): number {
  return (randomWord(position, seed) >>> 8) / 2 ** 24;
}
