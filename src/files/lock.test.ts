import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { acquireLock, removeDeadAttempts, type LockOwner } from './lock.ts';
import { isAlive, processStart } from './living.ts';
import { buildProgram, makeTemporaryFolder, removeFolder, startProgram, thrownBy } from './testing/support.ts';

let folder: string;
let program: string;
let path: string;
let count = 0;
beforeAll(async () => {
  folder = makeTemporaryFolder();
  program = await buildProgram(join(import.meta.dirname, 'testing', 'lock-child.ts'), folder);
});
afterAll(() => removeFolder(folder));
beforeEach(() => {
  mkdirSync(join(folder, String(count)));
  path = join(folder, String(count++), '.lock');
});

function owner(change: Partial<LockOwner>): LockOwner {
  return {
    pid: process.pid,
    host: hostname(),
    processStart: processStart(process.pid) ?? '',
    since: 'then',
    ...change,
  };
}

function plantLock(planted: LockOwner): void {
  mkdirSync(path);
  writeFileSync(join(path, 'owner-1.json'), JSON.stringify(planted));
}

test('a held lock is refused with its owner named, and free again after release', async () => {
  const lock = acquireLock(path, 'RUN');
  const error = await thrownBy(() => acquireLock(path, 'RUN'));
  expect(error.code).toBe('bad-input');
  expect(error.message).toMatch(
    new RegExp(
      `^RUN: the folder must not be in use, got a lock of process ${process.pid} on ${hostname()} since 20..-`,
    ),
  );
  expect(error.message).toContain(`If that process does not exist any more, remove ${path}`);
  lock.release();
  lock.release();
  expect(readdirSync(join(path, '..'))).toEqual([]);
  acquireLock(path, 'RUN').release();
});

test('releasing twice does not release the next holder', async () => {
  const first = acquireLock(path, 'RUN');
  first.release();
  const second = acquireLock(path, 'RUN');
  first.release();
  expect((await thrownBy(() => acquireLock(path, 'RUN'))).code).toBe('bad-input');
  second.release();
});

test('the lock of a killed process is taken over', async () => {
  const dying = startProgram([program, path, 'die']);
  await dying.ended;
  expect(dying.output()).toBe('taken\n');
  expect(readdirSync(path)).toHaveLength(1);
  acquireLock(path, 'RUN').release();
});

test('who is alive', () => {
  expect(isAlive(owner({}))).toBe(true);
  expect(isAlive(owner({ pid: 2 ** 22 + 1 }))).toBe(false);
  expect(isAlive(owner({ host: 'another-computer', pid: 2 ** 22 + 1 }))).toBe(true);
  expect(isAlive(owner({ processStart: '' }))).toBe(true);
  // The pid was given to another process since.
  if (process.platform === 'linux') expect(isAlive(owner({ processStart: 'earlier-boot/17' }))).toBe(false);
});

test('a lock of another computer is refused, a torn one is not', async () => {
  plantLock(owner({ host: 'another-computer' }));
  expect((await thrownBy(() => acquireLock(path, 'RUN'))).message).toContain('on another-computer since then');
  writeFileSync(join(path, 'owner-1.json'), '{"pid": 1');
  acquireLock(path, 'RUN').release();
});

test('of twelve processes that race for a dead lock, again and again, exactly one wins', async () => {
  for (let round = 0; round < 3; round++) {
    const rivals = Array.from({ length: 12 }, () => startProgram([program, path]));
    await Promise.all(
      rivals.map(({ child }) => new Promise<void>((resolve) => child.stdout!.once('data', () => resolve()))),
    );
    const outputs = rivals.map(({ output }) => output());
    expect(outputs.filter((text) => text === 'taken\n')).toHaveLength(1);
    expect(outputs.filter((text) => text.startsWith('refused: RUN: the folder must not be in use'))).toHaveLength(11);
    // The winner dies with the lock, so that the next round races for a dead one.
    for (const { child } of rivals) child.kill('SIGKILL');
    await Promise.all(rivals.map(({ ended }) => ended));
  }
  acquireLock(path, 'RUN').release();
});

test('attempts of dead processes are removed, those of living ones are not', () => {
  const parent = join(path, '..');
  for (const [name, planted] of [
    ['.lock-dead', owner({ pid: 2 ** 22 + 1 })],
    ['.lock-living', owner({})],
  ] as const) {
    mkdirSync(join(parent, name));
    writeFileSync(join(parent, name, 'owner-1.json'), JSON.stringify(planted));
  }
  removeDeadAttempts(parent);
  expect(readdirSync(parent)).toEqual(['.lock-living']);
});
