/**
 * How many requests a second a store acknowledges at 1, 16 and 256 at once, beside how often a second this disk flushes a file (fsync of 4 KiB, appended and
 * in place): the bound of a store that flushes for each request alone. The log is written in place once it has been in the file.
 *
 *     npx tsx bench/ledger.ts
 *
 * Writes bench/results/ledger.json. A request is `begin` and `finish` with texts of 1 KB: two acknowledged writes.
 */
import { closeSync, fsyncSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { openLedger } from '../src/ledger/index.ts';
import { machine } from './machine.ts';
import { median } from './statistics.ts';

const SECONDS = 3;
const REPEATS = 3;
const AT_ONCE = [1, 16, 256];

const folder = mkdtempSync(join(import.meta.dirname, '..', '.bench-ledger-'));

const PLACES = 1000;

function flushesPerSecond(isInPlace: boolean): number {
  const path = join(folder, 'flushes');
  const piece = Buffer.alloc(4096, 1);
  writeFileSync(path, isInPlace ? Buffer.alloc(piece.length * PLACES) : '');
  const file = openSync(path, isInPlace ? 'r+' : 'a');
  fsyncSync(file);
  const started = performance.now();
  let flushes = 0;
  while (performance.now() - started < SECONDS * 1000) {
    writeSync(file, piece, 0, piece.length, isInPlace ? (flushes % PLACES) * piece.length : null);
    fsyncSync(file);
    flushes++;
  }
  closeSync(file);
  return (flushes / (performance.now() - started)) * 1000;
}

let nextId = 0;

async function writesPerSecond(atOnce: number): Promise<{ readonly writes: number; readonly p99Ms: number }> {
  const ledger = await openLedger(join(folder, `store-${nextId}`), { log: 'text' });
  const text = 'All work and no play makes Jack a dull boy. '.repeat(23);
  const waits: number[] = [];
  const started = performance.now();
  const worker = async (): Promise<void> => {
    while (performance.now() - started < SECONDS * 1000) {
      const id = `chatcmpl-${nextId++}`;
      const begun = performance.now();
      await ledger.inferences.begin({
        id,
        createdAt: Date.now(),
        route: 'chat',
        requestedModel: 'prod',
        versionId: 'tiny@1',
        backend: 'engine',
        user: `user ${nextId % 100}`,
        parameters: { temperature: 1 },
        request: { messages: [{ role: 'user', content: text }] },
      });
      const between = performance.now();
      await ledger.inferences.finish(id, { status: 'complete', totalMs: 1, response: { content: text } });
      waits.push(between - begun, performance.now() - between);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  const seconds = (performance.now() - started) / 1000;
  await ledger.close();
  return { writes: waits.length / seconds, p99Ms: waits.toSorted((a, b) => a - b)[Math.floor(waits.length * 0.99)]! };
}

try {
  const rows: Record<string, number[]> = {};
  const slow: Record<string, number[]> = {};
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    (rows['fsync of 4 KiB, appended'] ??= []).push(flushesPerSecond(false));
    (rows['fsync of 4 KiB, in place'] ??= []).push(flushesPerSecond(true));
    for (const atOnce of AT_ONCE) {
      const { writes, p99Ms } = await writesPerSecond(atOnce);
      (rows[`${atOnce} at once`] ??= []).push(writes);
      (slow[`${atOnce} at once`] ??= []).push(p99Ms);
    }
  }
  const perSecond = Object.fromEntries(
    Object.entries(rows).map(([name, values]) => [name, Math.round(median(values))]),
  );
  const p99Ms = Object.fromEntries(
    Object.entries(slow).map(([name, values]) => [name, Number(median(values).toFixed(2))]),
  );
  const result = { machine: machine(), acknowledgedPerSecond: perSecond, p99Ms, repeats: REPEATS, seconds: SECONDS };
  writeFileSync(join(import.meta.dirname, 'results', 'ledger.json'), `${JSON.stringify(result, null, 2)}\n`);
  process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
