import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { buildCli } from './support/built-cli.ts';
import { temporaryFolder, tinyPairs, writeRows, writeTinyModel } from './support/tiny-model.ts';

/** Memory of a run as the system sees it. */
const folder = temporaryFolder();
const HAS_PROC = process.platform === 'linux';
if (!HAS_PROC) process.stderr.write('memory.test.ts: skipped: only Linux has /proc, where resident memory stands\n');

beforeAll(async () => {
  await writeTinyModel(join(folder.path, 'model'), { hidden: 16, layers: 1 });
  writeRows(join(folder.path, 'pairs.jsonl'), tinyPairs(12));
});
afterAll(folder.remove);

/** Undefined when the process has just ended. */
function residentMegabytes(pid: number): number | undefined {
  const status = `/proc/${pid}/status`;
  const found = existsSync(status) ? /^VmRSS:\s+(\d+)/m.exec(readFileSync(status, 'utf8')) : null;
  return found === null ? undefined : Number(found[1]) / 1024;
}

/** Garbage is collected in every thread several times a second, so that what is seen is what the program keeps. */
const COLLECTING = ['--expose-gc', '--import', 'data:text/javascript,setInterval(gc,200).unref()'];

it.skipIf(!HAS_PROC)('does not grow with the number of steps', { timeout: 300_000 }, async () => {
  const words = '--model model --data pairs.jsonl --threads 1 --rank 2 --batch-size 4 --epochs 500 --output run';
  const child = spawn(process.execPath, [...COLLECTING, buildCli(), 'dpo', ...words.split(' ')], {
    cwd: folder.path,
    env: { ...process.env, XDG_CACHE_HOME: join(folder.path, 'cache') },
    stdio: 'ignore',
  });
  const metrics = join(folder.path, 'run', 'metrics.jsonl');
  const stepsDone = (): number => (existsSync(metrics) ? readFileSync(metrics, 'utf8').split('\n').length - 1 : 0);
  const seen: { readonly step: number; readonly megabytes: number }[] = [];
  while (child.exitCode === null && child.signalCode === null) {
    const megabytes = residentMegabytes(child.pid!);
    if (megabytes !== undefined) seen.push({ step: stepsDone(), megabytes });
    await setTimeout(100);
  }
  expect(child.exitCode).toBe(0);
  const settled = seen.filter(({ step }) => step >= 500);
  const [first, last] = [settled[0]!, settled.at(-1)!];
  expect(last.step - first.step).toBeGreaterThan(900);
  // A step that keeps 20 kB keeps 20 MB and more.
  expect(last.megabytes - first.megabytes).toBeLessThan(20);
});
