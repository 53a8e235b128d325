import { describe, expect, test } from 'vitest';
import {
  bfloat16ToFloat32,
  BYTES_PER_ELEMENT,
  elementCount,
  float16ToFloat32,
  float32Tensor,
  float32ToBfloat16,
  float32ToFloat16,
  hostTensor,
  int32Tensor,
} from './dtype.ts';

const view = new DataView(new ArrayBuffer(4));

function float32OfBits(bits: number): number {
  view.setUint32(0, bits);
  return view.getFloat32(0);
}

/** A number from its parts: (-1)^sign 2^(exponent - bias) (1 + fraction / 2^width), subnormals without the 1. */
function valueOf(bits: number, width: number, exponentBits: number): number {
  const sign = bits >>> (width + exponentBits) === 1 ? -1 : 1;
  const exponent = (bits >>> width) & (2 ** exponentBits - 1);
  const fraction = (bits & (2 ** width - 1)) / 2 ** width;
  const bias = 2 ** (exponentBits - 1) - 1;
  if (exponent === 2 ** exponentBits - 1) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (exponent === 0 ? fraction * 2 ** (1 - bias) : (1 + fraction) * 2 ** (exponent - bias));
}

const FORMATS = [
  { name: 'float16', width: 10, exponentBits: 5, decode: float16ToFloat32, encode: float32ToFloat16 },
  { name: 'bfloat16', width: 7, exponentBits: 8, decode: bfloat16ToFloat32, encode: float32ToBfloat16 },
];

describe.each(FORMATS)('$name', ({ width, exponentBits, decode, encode }) => {
  const infinity = (2 ** exponentBits - 1) << width;

  test('all 65,536 patterns have the value that their parts say, and come back from it', () => {
    const wrong: number[] = [];
    for (let bits = 0; bits < 65_536; bits++) {
      const value = decode(bits);
      if (!Object.is(value, valueOf(bits, width, exponentBits))) wrong.push(bits);
      // NaN has many patterns; it must stay NaN.
      const back = encode(value);
      if (Number.isNaN(value) ? !Number.isNaN(decode(back)) : back !== bits) wrong.push(bits);
    }
    expect(wrong).toEqual([]);
  });

  test('between all neighbours the middle goes to the even one, its float32 neighbours to the nearer one', () => {
    const wrong: number[] = [];
    for (let low = 0; low < infinity - 1; low++) {
      const [below, above] = [decode(low), decode(low + 1)];
      const middle = (below + above) / 2;
      // bfloat16's smallest subnormals are 2^-133: their middle is still a float32.
      view.setFloat32(0, middle);
      const bits = view.getUint32(0);
      const even = low % 2 === 0 ? low : low + 1;
      const wanted = [
        [below, low],
        [float32OfBits(bits - 1), low],
        [middle, even],
        [float32OfBits(bits + 1), low + 1],
        [above, low + 1],
      ] as const;
      const sign = 1 << (width + exponentBits);
      for (const [value, code] of wanted)
        if (encode(value) !== code || encode(-value) !== (sign | code)) wrong.push(low);
    }
    expect(wrong).toEqual([]);
  });

  test('half a step beyond the largest finite number is infinite, anything less is not', () => {
    const largest = decode(infinity - 1);
    const half = (largest - decode(infinity - 2)) / 2;
    view.setFloat32(0, largest + half);
    expect(encode(float32OfBits(view.getUint32(0) - 1))).toBe(infinity - 1);
    expect(encode(largest + half)).toBe(infinity);
    expect([encode(Infinity), encode(-Infinity)]).toEqual([infinity, infinity | (1 << (width + exponentBits))]);
  });
});

test('numbers that everyone knows', () => {
  expect([0x3c00, 0x7bff, 0x0001, 0x3555].map(float16ToFloat32)).toEqual([1, 65504, 2 ** -24, 0.333251953125]);
  expect([0x3f80, 0x4049, 0xc2c8].map(bfloat16ToFloat32)).toEqual([1, 3.140625, -100]);
  expect([0.1, 65519, 65520, 2 ** -25, 1.5 * 2 ** -24].map(float32ToFloat16)).toEqual([0x2e66, 0x7bff, 0x7c00, 0, 2]);
  // A float32 first: 2^-25 (1 + 2^-30) is the tie 2^-25 in float32, and the tie goes to 0.
  expect(float32ToFloat16(2 ** -25 * (1 + 2 ** -30))).toBe(0);
  expect(float32ToFloat16(2 ** -25 * (1 + 2 ** -23))).toBe(1);
});

test('host tensors hold what their shape says', () => {
  expect([[], [3], [2, 3], [4, 0, 2]].map(elementCount)).toEqual([1, 3, 6, 0]);
  expect(float32Tensor([2], [0.1, -0])).toEqual({ dtype: 'float32', shape: [2], data: Float32Array.of(0.1, -0) });
  expect(int32Tensor([], [7])).toEqual({ dtype: 'int32', shape: [], data: Int32Array.of(7) });
  expect(BYTES_PER_ELEMENT).toEqual({ float32: 4, int32: 4, bool: 1, float16: 2, int8: 1, uint8: 1 });
  expect(() => hostTensor('bool', [2, 2], Uint8Array.of(1))).toThrow(
    'hostTensor: data must hold 4 elements for shape [2, 2], got 1',
  );
});
