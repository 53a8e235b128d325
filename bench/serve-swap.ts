/**
 * Asks a server for names of adapters while these are replaced, loaded and unloaded, and compares every answer with that of the version it was admitted to.
 *
 *     npx tsx bench/serve-swap.ts [REQUESTS]
 *
 * Writes bench/results/serve-swap.json.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeSeededAdapter } from '../test/support/adapters.ts';
import { swapUnderLoad } from '../test/support/hot-swap.ts';
import { startTestServer } from '../test/support/server.ts';
import { machine } from './machine.ts';
import { median } from './statistics.ts';

const requests = Number(process.argv[2] ?? 1000);
const folder = mkdtempSync(join(tmpdir(), 'preftune-serve-swap-'));
const at = await startTestServer({ given: { adapterRoot: folder } });
try {
  const adapters = [];
  for (const seed of [1, 2, 3, 4, 5]) adapters.push(await writeSeededAdapter(folder, seed));
  const { loadMs, faults, ...counts } = await swapUnderLoad({ at, adapters, requests, parallel: 8 });
  const result = {
    requests,
    ...counts,
    faults: faults.length,
    examples: faults.slice(0, 10),
    loadMs: { least: Math.min(...loadMs), median: median(loadMs), most: Math.max(...loadMs) },
    machine: machine(),
  };
  writeFileSync(join(import.meta.dirname, 'results', 'serve-swap.json'), `${JSON.stringify(result, null, 2)}\n`);
  process.stdout.write(`${JSON.stringify(result)}\n`);
} finally {
  await at.close();
  rmSync(folder, { recursive: true, force: true });
}
