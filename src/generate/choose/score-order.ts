const DIGIT_BITS = 11;
const DIGITS = 2 ** DIGIT_BITS;
/** The digits of a key, the lowest first: 33 bits hold one of 32. */
const SHIFTS = [0, DIGIT_BITS, 2 * DIGIT_BITS];
const HIGHEST_DIGIT = 2 * DIGIT_BITS;

const MINUS_ZERO = -0x8000_0000;

/** The bits of a float32 score, signed, as 32 bits that fall, read without sign, as the score rises; 0 and -0 have the same. No branch on the sign, which is random. */
function keyOf(bits: number): number {
  return bits === MINUS_ZERO ? 0x7fff_ffff : bits ^ (~(bits >> 31) & 0x7fff_ffff);
}

function bitsOf({ buffer, byteOffset, length }: Float32Array): Int32Array {
  return new Int32Array(buffer, byteOffset, length);
}

/** The ids by falling score, those of equal scores as they stand: a radix sort, whose time grows with their number alone. */
export function byScore(scores: Float32Array, ids: Int32Array): Int32Array {
  const bits = bitsOf(scores);
  const count = ids.length;
  let from = ids;
  let to: Int32Array = new Int32Array(count);
  const places = new Uint32Array(DIGITS);
  for (const shift of SHIFTS) {
    places.fill(0);
    for (let i = 0; i < count; i++) places[(keyOf(bits[from[i]!]!) >>> shift) & (DIGITS - 1)]!++;
    let next = 0;
    for (let digit = 0; digit < DIGITS; digit++) {
      const many = places[digit]!;
      places[digit] = next;
      next += many;
    }
    for (let i = 0; i < count; i++) {
      const id = from[i]!;
      to[places[(keyOf(bits[id]!) >>> shift) & (DIGITS - 1)]!++] = id;
    }
    [from, to] = [to, from === ids ? new Int32Array(count) : from];
  }
  return from;
}

/**
 * The ids of the `count` highest scores, highest first, the lower id of equal ones; of all scores, or of `ids` (rising). All of them where there are no more. Two
 * passes over the scores and a sort of a few of them.
 */
export function likeliest(scores: Float32Array, count: number, ids?: Int32Array): Int32Array {
  const bits = bitsOf(scores);
  const total = ids?.length ?? scores.length;
  const tallies = new Uint32Array(DIGITS);
  for (let i = 0; i < total; i++) tallies[keyOf(bits[ids === undefined ? i : ids[i]!]!) >>> HIGHEST_DIGIT]!++;
  let near = 0;
  let last = 0;
  for (; last < DIGITS; last++) {
    near += tallies[last]!;
    if (near >= count) break;
  }
  const found = new Int32Array(near);
  let place = 0;
  for (let i = 0; i < total; i++) {
    const id = ids === undefined ? i : ids[i]!;
    if (keyOf(bits[id]!) >>> HIGHEST_DIGIT <= last) found[place++] = id;
  }
  return byScore(scores, found).subarray(0, count);
}
