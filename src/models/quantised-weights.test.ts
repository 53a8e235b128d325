import { describe, expect, test } from 'vitest';
import { createRandom, type HostTensor } from '../core/index.ts';
import { BLOCK_WIDTH } from '../graph/index.ts';
import { readMatrix, storeMatrix, type DenseMatrix } from './quantised-weights.ts';

function matrix(shape: readonly [number, number], values: readonly number[]): DenseMatrix {
  return { name: 'w', shape, data: Float32Array.from(values) };
}

function normals(shape: readonly [number, number]): DenseMatrix {
  const random = createRandom(3, 'weights');
  return matrix(
    shape,
    Array.from({ length: shape[0] * shape[1] }, () => random.nextNormal()),
  );
}

const dataOf = (parts: readonly HostTensor[]): number[][] => parts.map(({ data }) => Array.from(data));

/** sqrt(sum (w - stored)^2 / sum w^2) */
function relativeError({ data, shape }: DenseMatrix, storage: 'float16' | 'int8' | 'int4'): number {
  const stored = readMatrix(storage, storeMatrix(storage, { name: 'w', shape, data }), shape);
  const sum = (of: (i: number) => number): number => data.reduce((total, _value, i) => total + of(i) ** 2, 0);
  return Math.sqrt(sum((i) => data[i]! - stored[i]!) / sum((i) => data[i]!));
}

describe('int8', () => {
  test('by hand: a scale a row, the largest magnitude becomes 127, a row of zeros stays', () => {
    // Row 0: scale 2, row 1: scale 0.5 with halves rounded up, row 2: zeros.
    const parts = storeMatrix('int8', matrix([3, 3], [254, -2, 3.9, -63.5, 0.25, -0.25, 0, 0, 0]));
    expect(dataOf(parts)).toEqual([
      [127, -1, 2, -127, 1, 0, 0, 0, 0],
      [2, 0.5, 1],
    ]);
    expect(Array.from(readMatrix('int8', parts, [3, 3]))).toEqual([254, -2, 4, -63.5, 0.5, 0, 0, 0, 0]);
  });

  test('7 bits where products of 8 would saturate', () => {
    const parts = storeMatrix('int8', matrix([1, 3], [126, -126, 4]), { int8Limit: 63 });
    expect(dataOf(parts)).toEqual([[63, -63, 2], [2]]);
  });

  test('no element is farther from its value than half a step', () => {
    const dense = normals([8, 300]);
    const parts = storeMatrix('int8', dense);
    const stored = readMatrix('int8', parts, dense.shape);
    const scale = parts[1]!.data;
    dense.data.forEach((value, i) =>
      expect(Math.abs(value - stored[i]!)).toBeLessThanOrEqual(0.5001 * scale[Math.floor(i / 300)]!),
    );
  });
});

describe('int4', () => {
  test('by hand: the extreme of a block becomes -8, even columns stand in the low bits, what is missing is 0', () => {
    // Extreme -8 makes steps of 1: bits are value + 8. The second block has one column, 3, which becomes -8 of step -3/8.
    const values = [-8, 7, 0, -1, ...Array.from({ length: BLOCK_WIDTH - 4 }, () => 0), 3];
    const parts = storeMatrix('int4', matrix([1, BLOCK_WIDTH + 1], values));
    const zeros = Array.from({ length: 14 }, () => 0x88);
    expect(dataOf(parts)).toEqual([
      [0xf0, 0x78, ...zeros, 0x80, ...zeros, 0x88],
      [1, -0.375],
    ]);
    expect(Array.from(readMatrix('int4', parts, [1, BLOCK_WIDTH + 1]))).toEqual(values);
  });

  test('the scale is the least squares one for the bits', () => {
    // Extreme 8 gives steps of -1, so 7.6 becomes 7 of them (the end): scale = (64 + 7.6 * 7) / (64 + 49).
    const parts = storeMatrix('int4', matrix([1, 2], [8, -7.6]));
    expect(parts[1]!.data[0]).toBe(Math.fround(-(64 + 7.6 * 7) / (64 + 49)));
  });
});

describe('float16', () => {
  test('what float16 holds is exact', () => {
    const values = [1, -0.5, 65504, 2 ** -24];
    const parts = storeMatrix('float16', matrix([2, 2], values));
    expect(Array.from(readMatrix('float16', parts, [2, 2]))).toEqual(values);
  });

  test('what it cannot hold is refused by name', () => {
    expect(() => storeMatrix('float16', matrix([1, 2], [1, -65536]))).toThrow(
      'weights: w must lie within +-65504 to be kept in float16, got -65536; keep the base in float32 or int8',
    );
  });
});

test('relative errors of normal weights: of the size that the steps say', () => {
  const dense = normals([16, 576]);
  // float16: 2^-11 / sqrt(3) of a power of two at most. int8: a step is about 3.1 / 127 deviations, its rounding error 1 / sqrt(12) of that.
  expect(relativeError(dense, 'float16')).toBeLessThan(2.9e-4);
  expect(relativeError(dense, 'int8')).toBeCloseTo(0.007, 3);
  expect(relativeError(dense, 'int4')).toBeGreaterThan(0.06);
  expect(relativeError(dense, 'int4')).toBeLessThan(0.09);
});
