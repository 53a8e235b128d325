import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { writeFixtureEvents } from '../../test/fixtures/tensorboard/write.ts';
import { crc32c, maskedCrc32c } from './crc32c.ts';
import { frameRecord, TensorboardEvents, tensorboardTag } from './tensorboard.ts';
import { makeTemporaryFolder, removeFolder, thrownBy, withSmallDisk, skipBecause } from '../files/testing/support.ts';

let folder: string;
beforeEach(() => (folder = makeTemporaryFolder()));
afterEach(() => removeFolder(folder));

test('CRC-32C of the examples of RFC 3720 B.4 and of the usual check string', () => {
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
  expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
  expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e);
  expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
  // 0xe3069283 rotated right by 15 is 0x2507c60d; plus 0xa282ead8 is 0xc78ab0e5.
  expect(maskedCrc32c(Buffer.from('123456789'))).toBe(0xc78ab0e5);
});

test('a record is length, its CRC, data, their CRC', () => {
  const record = Buffer.from(frameRecord(Buffer.from('123456789')));
  expect(record.readBigUInt64LE(0)).toBe(9n);
  expect(record.readUInt32LE(8)).toBe(maskedCrc32c(record.subarray(0, 8)));
  expect(record.toString('latin1', 12, 21)).toBe('123456789');
  expect(record.readUInt32LE(21)).toBe(0xc78ab0e5);
  expect(record.length).toBe(25);
});

test('the bytes of an event with one scalar, by hand', () => {
  const events = new TensorboardEvents({ folder, wallTimeSeconds: () => 2 });
  events.append({ step: 300, loss: 0.5, 'logps/chosen': null });
  events.dispose();
  const bytes = readFileSync(events.path);
  const header = frameRecord(Buffer.from([0x09, 0, 0, 0, 0, 0, 0, 0, 0x40, 0x1a, 13, ...Buffer.from('brain.Event:2')]));
  const value = [0x0a, 10, ...Buffer.from('train/loss'), 0x15, 0, 0, 0, 0x3f];
  const event = frameRecord(
    Buffer.from([
      0x09,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0x40,
      0x10,
      0xac,
      0x02,
      0x2a,
      value.length + 2,
      0x0a,
      value.length,
      ...value,
    ]),
  );
  expect(bytes.equals(Buffer.concat([header, event]))).toBe(true);
});

test("TensorBoard's own reader saw every scalar, and after a resume only what is still true", () => {
  writeFixtureEvents(folder);
  const seen = JSON.parse(
    readFileSync(join(import.meta.dirname, '../../test/fixtures/tensorboard/seen.json'), 'utf8'),
  ) as { files: Record<string, string>; scalars: Record<string, [number, number, number][]> };
  const files = readdirSync(folder).map((name) => [
    name.split('.').slice(0, 5).join('.'),
    createHash('sha256')
      .update(readFileSync(join(folder, name)))
      .digest('hex'),
  ]);
  expect(Object.fromEntries(files)).toEqual(seen.files);
  const ofTag = (tag: string) => seen.scalars[tag]!.map(([, step, value]) => [step, value]);
  expect(ofTag('train/loss')).toEqual([
    [1, 1],
    [2, 0.5],
    [3, 13],
    [4, 14],
  ]);
  expect(ofTag('eval/rewards/accuracies')).toEqual([[4, 0.875]]);
  expect(ofTag('train/rewards/margins')).toEqual([
    [1, -0.5],
    [2, -1],
  ]);
  expect(ofTag('train/epoch')).toEqual([
    [1, 0.25],
    [2, 0.5],
  ]);
  expect(ofTag('train/grad_norm').map(([step]) => step)).toEqual([1, 2]);
});

test('two files of the same second have different names, in order', () => {
  for (let i = 0; i < 3; i++) new TensorboardEvents({ folder, wallTimeSeconds: () => 5.5 }).dispose();
  expect(readdirSync(folder).map((name) => name.split('.').slice(3, 5))).toEqual([
    ['0000000005', '000'],
    ['0000000005', '001'],
    ['0000000005', '002'],
  ]);
});

test('names as in Transformers', () => {
  expect(tensorboardTag('loss')).toBe('train/loss');
  expect(tensorboardTag('rewards/chosen')).toBe('train/rewards/chosen');
  expect(tensorboardTag('eval_rewards/chosen')).toBe('eval/rewards/chosen');
});

test('a full disk fails the run', async ({ skip }) => {
  const reason = await withSmallDisk(8, async (disk) => {
    const events = new TensorboardEvents({ folder: disk });
    const error = await thrownBy(() => {
      for (let step = 1; ; step++) events.append({ step, loss: 1 });
    });
    expect(error.code).toBe('run-failed');
    expect(error.message).toContain('the disk must have room, got no space left');
    events.dispose();
  });
  skipBecause(skip, reason);
});
