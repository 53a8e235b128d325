import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { makeTemporaryFolder, removeFolder, skipBecause, thrownBy, withSmallDisk } from '../files/testing/support.ts';
import { referenceFolder, referenceKey } from './node-reference-store.ts';

const folder = makeTemporaryFolder();
afterAll(() => removeFolder(folder));

const IDENTITY = { weights: 'w', rows: 'r', precision: 'float32' };
const valuesOf = (count: number) => ({ logps: new Float32Array(count).fill(-1) });

test('a cache that cannot be written is a line, and the reference is computed all the same', async () => {
  const file = join(folder, 'file');
  writeFileSync(file, '');
  const told: string[] = [];
  const store = referenceFolder(join(file, 'cache'), { onUnwritable: (text) => told.push(text) });
  const size = { count: 2, width: 1 };
  expect(await store.read(IDENTITY, size)).toBeUndefined();
  await store.write(IDENTITY, valuesOf(2), size);
  expect([store.isKept!(), told]).toEqual([
    false,
    [
      `log-probabilities of the reference are not kept for another time: ${join(file, 'cache')} cannot be written (a file at ${file}); name a folder with --reference-cache that can`,
    ],
  ]);
  const strict = await thrownBy(() => referenceFolder(join(file, 'cache')).read(IDENTITY, size));
  expect(strict.message).toBe(`${join(file, 'cache')}: must be a folder, got a file at ${file}; choose another place`);
});

test('a disk that becomes full stops nothing, and leaves no half', async ({ skip }) => {
  const reason = await withSmallDisk(64, async (disk) => {
    const told: string[] = [];
    const store = referenceFolder(disk, { onUnwritable: (text) => told.push(text) });
    const size = { count: 100_000, width: 1 };
    expect(await store.read(IDENTITY, size)).toBeUndefined();
    await store.write(IDENTITY, valuesOf(100_000), size);
    await store.write(IDENTITY, valuesOf(100_000), size);
    expect([told.length, told[0]]).toEqual([1, expect.stringContaining('cannot be written (no space left)')]);
    expect(existsSync(join(disk, `${referenceKey(IDENTITY)}.safetensors`))).toBe(false);
  });
  skipBecause(skip, reason);
});
