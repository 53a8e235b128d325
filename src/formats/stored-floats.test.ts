import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bitsOf } from '../../test/fixtures/formats/support.ts';
import { bfloat16ToFloat32, float16ToFloat32, float32ToBfloat16, float32ToFloat16 } from '../core/index.ts';
import { decodeBfloat16, decodeFloat16, encodeBfloat16, encodeFloat16 } from './stored-floats.ts';

const EVERY_PATTERN = Uint16Array.from({ length: 0x10000 }, (_, bits) => bits);

test('all 65,536 patterns decode as core decodes them, and encode back to themselves', () => {
  const cases = [
    {
      decode: decodeFloat16,
      encode: encodeFloat16,
      one: float16ToFloat32,
      isNaNPattern: (bits: number) => (bits & 0x7fff) > 0x7c00,
    },
    {
      decode: decodeBfloat16,
      encode: encodeBfloat16,
      one: bfloat16ToFloat32,
      isNaNPattern: (bits: number) => (bits & 0x7fff) > 0x7f80,
    },
  ];
  for (const { decode, encode, one, isNaNPattern } of cases) {
    const values = new Float32Array(0x10000);
    decode(EVERY_PATTERN, values);
    expect(bitsOf(values)).toEqual(bitsOf(Float32Array.from(EVERY_PATTERN, one)));
    const back = new Uint16Array(0x10000);
    encode(values, back);
    const wrong = EVERY_PATTERN.filter((bits) =>
      isNaNPattern(bits) ? !isNaNPattern(back[bits]!) : back[bits] !== bits,
    );
    expect([...wrong]).toEqual([]);
  }
});

test('arrays of any float32 encode as core encodes single values', () => {
  fc.assert(
    fc.property(fc.float32Array({ maxLength: 40 }), (values) => {
      const half = new Uint16Array(values.length);
      encodeFloat16(values, half);
      expect([...half]).toEqual(Array.from(values, float32ToFloat16));
      encodeBfloat16(values, half);
      expect([...half]).toEqual(Array.from(values, float32ToBfloat16));
    }),
  );
});
