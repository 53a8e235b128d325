import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { bytesOfType, encodeAs, WRITABLE_TYPES, type WritableType } from './quantise.ts';
import { STORED_TYPES } from '../stored-types.ts';

/** Recorded from ggml's own library by record_ggml.py. */
const recorded = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../../test/fixtures/export/quantised.json'), 'utf8'),
) as { values: string; types: Record<string, string>; many: Record<string, string> };

const bytes = Uint8Array.from(Buffer.from(recorded.values, 'base64'));
const values = new Float32Array(bytes.buffer);

function encoded(type: WritableType, x: Float32Array): Uint8Array<ArrayBuffer> {
  const into = new Uint8Array(bytesOfType(type, x.length));
  encodeAs(type, x, { into, what: 'x' });
  return into;
}

test.each(Object.keys(recorded.types) as WritableType[])('%s is what ggml gives, byte for byte', (type) => {
  expect(Buffer.from(encoded(type, values)).toString('base64')).toBe(recorded.types[type]);
});

test.each(Object.keys(recorded.many) as WritableType[])('%s of 262,144 values is what ggml gives', (type) => {
  let state = 12_345;
  const many = Float32Array.from({ length: 1 << 18 }, (_, i) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state / 4_294_967_296 - 0.5) * (((i >> 8) % 7) + 1) * 0.01;
  });
  expect(createHash('sha256').update(encoded(type, many)).digest('hex')).toBe(recorded.many[type]);
});

/** Greatest error over the greatest magnitude of the block that holds the value. */
const LARGEST_ERROR: Readonly<Record<WritableType, number>> = {
  F32: 0,
  F16: 2 ** -11,
  BF16: 2 ** -8,
  Q8_0: 0.5 / 127 + 2 ** -10,
  Q6_K: 1 / 20,
  Q5_0: 1.05 / 16,
  Q4_K: 1 / 3,
  Q4_0: 1.05 / 8,
};

test.each(WRITABLE_TYPES)('%s reads back near what was written', (type) => {
  const back = new Float32Array(values.length);
  STORED_TYPES[type].decode(encoded(type, values), back);
  const { elementsPerBlock } = STORED_TYPES[type];
  let worst = 0;
  for (let at = 0; at < values.length; at += elementsPerBlock) {
    const block = values.subarray(at, at + elementsPerBlock);
    const largest = block.reduce((most, value) => Math.max(most, Math.abs(value)), 2 ** -14);
    block.forEach((value, i) => (worst = Math.max(worst, Math.abs(value - back[at + i]!) / largest)));
  }
  expect(worst).toBeLessThanOrEqual(LARGEST_ERROR[type]);
});

test('a value that a type cannot hold is refused by name', () => {
  const x = Float32Array.from({ length: 32 }, (_, i) => (i === 3 ? 1e6 : 0));
  expect(() => encoded('Q8_0', x)).toThrow(
    'x: values must lie within 65504 to be stored as Q8_0, got 1000000; store BF16 or F32',
  );
});
