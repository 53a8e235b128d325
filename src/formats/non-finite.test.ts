import { expect, test } from 'vitest';
import { findNonFinite, readFiniteFloat32 } from './non-finite.ts';
import type { Checkpoint } from './checkpoint.ts';

/** All bits but the lowest of the exponent: the largest finite values, whose exponent is next to that of infinity. */
const LARGEST = 3.4028234663852886e38;
const FINITE = [0, -0, 1, -1, LARGEST, -LARGEST, 2 ** -149, -(2 ** -149), 2 ** -126];

test('every finite pattern of exponent bits passes, both signs, fraction all zeros and all ones', () => {
  const words = Uint32Array.from({ length: 255 * 4 }, (_, i) => {
    const [exponent, sign, fraction] = [i >> 2, i & 1 ? 0x80000000 : 0, i & 2 ? 0x7fffff : 0];
    return (sign | (exponent << 23) | fraction) >>> 0;
  });
  expect(findNonFinite(new Float32Array(words.buffer))).toBeUndefined();
  expect(findNonFinite(Float32Array.from(FINITE))).toBeUndefined();
  expect(findNonFinite(new Float32Array(0))).toBeUndefined();
});

test.each([NaN, Infinity, -Infinity])('one %d is found at every place of arrays of odd and even length', (bad) => {
  for (const length of [1, 2, 3, 4, 5]) {
    for (let place = 0; place < length; place++) {
      const values = Float32Array.from({ length }, (_, i) => (i === place ? bad : FINITE[i]!));
      const isNaN = Number.isNaN(bad);
      expect(findNonFinite(values), `${place} of ${length}`).toEqual({
        nanCount: isNaN ? 1 : 0,
        infiniteCount: isNaN ? 0 : 1,
        firstIndex: place,
      });
    }
  }
});

test('reading refuses them with counts and the first place', async () => {
  const checkpoint = {
    readFloat32: () => Promise.resolve(Float32Array.of(1, Infinity, NaN, 2, NaN)),
  } as unknown as Checkpoint;
  await expect(readFiniteFloat32(checkpoint, 'model.norm.weight')).rejects.toThrow(
    'model.norm.weight: weights must be finite, got 2 NaN and 1 infinite of 5 values, the first at element 1; the file is damaged or its training diverged',
  );
});
