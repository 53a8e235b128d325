import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { messageFrom, temporaryFolder } from '../../test/fixtures/formats/support.ts';
import { forEachChunk } from './byte-range.ts';
import { bytesSource } from './bytes-source.ts';
import { openFileSource } from './node-file-source.ts';

const bytes = Uint8Array.from({ length: 10 }, (_, index) => index);

test('files and buffers give the same bytes and the same errors', async () => {
  const path = join(temporaryFolder(), 'bytes.bin');
  writeFileSync(path, bytes);
  for (const source of [bytesSource(bytes, path), await openFileSource(path)]) {
    expect(source.sizeBytes).toBe(10);
    expect([...(await source.read(3, 4))]).toEqual([3, 4, 5, 6]);
    const target = new Uint8Array(2);
    await source.readInto(8, target);
    expect([...target]).toEqual([8, 9]);
    expect(await messageFrom(() => source.read(8, 3))).toBe(
      `${path} at byte 8: 3 bytes must follow, got 2; the file is truncated, fetch it again`,
    );
    expect(await messageFrom(() => source.readInto(-1, target))).toBe(
      `${path}: a byte range must be made of non-negative integers, got offset -1 and length 2`,
    );
    await source.close();
    await source.close();
  }
});

test('a file that shrinks after it was opened is an error, not zeros', async () => {
  const path = join(temporaryFolder(), 'shrinks.bin');
  writeFileSync(path, bytes);
  const source = await openFileSource(path);
  writeFileSync(path, bytes.subarray(0, 4));
  expect(await messageFrom(() => source.read(2, 6))).toBe(
    `${path} at byte 2: 6 bytes must follow, got 2; the file is truncated, fetch it again`,
  );
  await source.close();
});

test('missing files and folders are refused with the path', async () => {
  const folder = temporaryFolder();
  expect(await messageFrom(() => openFileSource(folder))).toBe(
    `${folder}: must be a file, got a folder; name a file in it`,
  );
  expect(await messageFrom(() => openFileSource(join(folder, 'none')))).toBe(
    `${join(folder, 'none')}: must exist, got nothing at this path; check the spelling`,
  );
});

test('chunks come in order, the last one shorter, and a failing visitor stops them', async () => {
  const source = bytesSource(bytes, 'memory');
  const seen: number[][] = [];
  await forEachChunk(source, { offset: 1, length: 8, chunkBytes: 3 }, (chunk, at) => void seen.push([at, ...chunk]));
  expect(seen).toEqual([
    [0, 1, 2, 3],
    [3, 4, 5, 6],
    [6, 7, 8],
  ]);
  const failing = forEachChunk(source, { offset: 0, length: 10, chunkBytes: 2 }, (_, at) => {
    if (at === 4) throw new RangeError('at 4');
  });
  await expect(failing).rejects.toThrow('at 4');
});
