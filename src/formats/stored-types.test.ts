import { expect, test } from 'vitest';
import { bitsOf, bytesOfBase64, fixtureJson, floatsOfBase64 } from '../../test/fixtures/formats/support.ts';
import { READABLE_TYPES, STORED_TYPES } from './stored-types.ts';

const blocks = fixtureJson<Record<string, { blocks: string; values: string }>>('blocks.json');

for (const name of READABLE_TYPES) {
  test(`${name} gives the recorded values of ggml's dequantisation, bit for bit`, () => {
    const stored = bytesOfBase64(blocks[name]!.blocks);
    const expected = floatsOfBase64(blocks[name]!.values);
    const { elementsPerBlock, bytesPerBlock, decode } = STORED_TYPES[name];
    expect((stored.byteLength / bytesPerBlock) * elementsPerBlock).toBe(expected.length);
    const values = new Float32Array(expected.length);
    decode(stored, values);
    expect(bitsOf(values)).toEqual(bitsOf(expected));
  });
}

test('16-bit words at an odd address are decoded as well', () => {
  const shifted = new Uint8Array([9, 0x00, 0x3c, 0x00, 0xc0]).subarray(1);
  const values = new Float32Array(2);
  STORED_TYPES.F16.decode(shifted, values);
  expect([...values]).toEqual([1, -2]);
});

test('Q4_K by hand: the sixth group takes its scale from a nibble and two spare bits', () => {
  // d = 1, dmin = 2; group 5: scale = 0b110011 = 51, minimum = 0b100001 = 33; quant 7 in the high nibble of byte 64.
  const block = new Uint8Array(144);
  block.set([0x00, 0x3c, 0x00, 0x40]);
  block[4 + 1] = 0b11 << 6;
  block[4 + 5] = 0b10 << 6;
  block[4 + 9] = (0b0001 << 4) | 0b0011;
  block[16 + 64] = 7 << 4;
  const values = new Float32Array(256);
  STORED_TYPES.Q4_K.decode(block, values);
  expect(values[5 * 32]).toBe(51 * 7 - 2 * 33);
  expect(values[5 * 32 + 1]).toBe(-66);
});
