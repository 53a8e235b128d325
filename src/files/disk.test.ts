import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { diskError, placeErrorOf, requireWritable, whyNotWritable } from './disk.ts';
import { makeTemporaryFolder, removeFolder, skipBecause, thrownBy, withSmallDisk } from './testing/support.ts';

let folder: string;
beforeAll(() => (folder = makeTemporaryFolder()));
afterAll(() => removeFolder(folder));

/** An error as Node throws it. */
function systemError(code: string, more: object = {}): Error {
  return Object.assign(new Error(`${code}: said the system`), { code, syscall: 'open', ...more });
}

test.each([
  ['EACCES', 'bad-input', 'must be writable, got permission denied in @; choose another folder or change its owner'],
  ['EROFS', 'bad-input', 'must be writable, got a file system that is mounted read-only; choose another folder'],
  ['EISDIR', 'bad-input', 'must be a file, got a folder; name a file in it'],
  ['ENOENT', 'bad-input', 'must lie in a folder that exists, got no @/none; make it, or name another'],
  [
    'EDQUOT',
    'run-failed',
    'the disk must have room, got no space left; free some space and run the same command again; nothing half-written was left',
  ],
  ['EIO', 'run-failed', 'must be readable and writable, got EIO: said the system'],
])('%s is told as the place that it is', (code, kind, message) => {
  const path = join(folder, 'none', 'file');
  const error = diskError(path, systemError(code));
  expect([error.code, error.message.replaceAll(folder, '@')]).toEqual([kind, `@/none/file: ${message}`]);
});

test('an untranslated error of the file system is the user’s situation; others are faults of a program', () => {
  const path = join(folder, 'x');
  expect(placeErrorOf(systemError('EROFS', { path }))!.message).toBe(
    `${path}: must be writable, got a file system that is mounted read-only; choose another folder`,
  );
  expect(placeErrorOf(systemError('EXDEV', { path }))).toBeUndefined();
  expect(placeErrorOf(systemError('EACCES', { path: 'y', dest: path }))!.problems[0]!.file).toBe(path);
  // A write to an open file names none.
  expect(placeErrorOf(systemError('ENOSPC'))!.message).toContain('the disk must have room, got no space left');
  expect(placeErrorOf(systemError('EACCES'))).toBeUndefined();
  expect(placeErrorOf(systemError('ENOENT', { path: 'bwrap', syscall: 'spawn bwrap' }))).toBeUndefined();
  expect(placeErrorOf(new TypeError('x is not a function'))).toBeUndefined();
});

test('whether a folder can be written is found before anything is written there', async ({ skip }) => {
  const file = join(folder, 'file');
  writeFileSync(file, '');
  mkdirSync(join(folder, 'free'));
  expect(whyNotWritable(join(folder, 'free', 'a', 'b'))).toBeUndefined();
  expect(readdirSync(join(folder, 'free'))).toEqual([]);
  expect(whyNotWritable(join(file, 'cache'))).toBe(`a file at ${file}`);
  expect((await thrownBy(() => requireWritable(join(file, 'run')))).message).toBe(
    `${join(file, 'run')}: must be a folder, got a file at ${file}; choose another place`,
  );
  const reason = await withSmallDisk(64, (disk) => {
    writeFileSync(join(disk, 'full'), '');
    expect(() => writeFileSync(join(disk, 'full'), Buffer.alloc(100_000))).toThrow('ENOSPC');
    expect(whyNotWritable(join(disk, 'run'))).toBe('no space left');
    expect(readdirSync(disk)).toEqual(['full']);
  });
  skipBecause(skip, reason);
});
