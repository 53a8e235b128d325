import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { endOrphan } from './job-folder.ts';

const folder = mkdtempSync(join(tmpdir(), 'preftune-orphan-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('a run that another computer has is left to it, with words', async () => {
  const run = join(folder, 'foreign');
  mkdirSync(join(run, '.lock'), { recursive: true });
  const owner = { pid: process.pid, host: 'another.example', processStart: '', since: '2026-12-01T00:00:00.000Z' };
  writeFileSync(join(run, '.lock', 'owner-1.json'), JSON.stringify(owner));
  await expect(endOrphan(run)).rejects.toThrow(`process ${process.pid} of another.example has it`);
});

test('a process that was left over gets one signal, and is waited for', async () => {
  const run = join(folder, 'own');
  mkdirSync(run);
  const lock = JSON.stringify(join(run, '.lock'));
  const files = JSON.stringify(join(import.meta.dirname, '..', '..', 'files', 'index.ts'));
  const script = `
    const { acquireLock } = await import(${files});
    const lock = acquireLock(${lock}, 'run');
    let signals = 0;
    process.on('SIGTERM', () => {
      if (++signals === 1) setTimeout(() => { lock.release(); process.exit(signals); }, 500);
    });
    setInterval(() => undefined, 1000);
    console.log('held');`;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
    cwd: join(import.meta.dirname, '..', '..', '..'),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise((resolve) => child.on('close', resolve));
  await new Promise((resolve) => child.stdout.once('data', resolve));
  await endOrphan(run);
  expect(await ended).toBe(1);
  await endOrphan(run);
  await endOrphan(join(folder, 'nowhere'));
});
