/**
 * The server of soak.ts, in a process of its own: what is measured is the server alone. Says where it is, and on `sample` what it holds.
 */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { getHeapSnapshot } from 'node:v8';
import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { openLedger } from '../src/ledger/index.ts';
import { parseServeSettings, startServer } from '../src/serve/index.ts';

const ROOT = join(import.meta.dirname, '..');
const [folder = ''] = process.argv.slice(2);
const store = join(folder, 'store');

/** What a server holds at one moment. Sizes in MiB. */
export interface Sample {
  readonly seconds: number;
  readonly rssMib: number;
  /** Behind a full collection. */
  readonly heapMib: number;
  readonly externalMib: number;
  readonly handles: number;
  readonly descriptors: number;
  readonly databaseMib: number;
  readonly logMib: number;
  readonly cpuSeconds: number;
  /** Handles by kind. */
  readonly kinds: Readonly<Record<string, number>>;
}

const ledger = await openLedger(store, { log: 'text' });
const { key } = await ledger.keys.create({ name: 'soak', scopes: ['admin'] });
const server = await startServer({
  settings: parseServeSettings({
    model: join(ROOT, 'assets', 'embedded-model'),
    port: 0,
    threads: 1,
    jobThreads: 1,
    store,
    log: 'text',
    adapterRoot: folder,
  }),
  ledger,
  command: [process.execPath, join(ROOT, 'dist', 'cli', 'main.js')],
  environment: process.env,
  resolve: async (model) => model,
  onNote: (note) => process.stderr.write(`${note}\n`),
  version: '0.0.0',
});
await server.ready;
const began = performance.now();
process.send!({ url: server.url, key });

function mib(bytes: number): number {
  return Math.round((bytes / 2 ** 20) * 100) / 100;
}

function sizeOf(name: string): number {
  try {
    return mib(statSync(join(store, name)).size);
  } catch {
    return 0;
  }
}

function sample(): Sample {
  // The resident size is that of a server that nobody collects for.
  const { rss } = process.memoryUsage();
  globalThis.gc!();
  const { heapUsed, external } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  const kinds: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) kinds[kind] = (kinds[kind] ?? 0) + 1;
  return {
    seconds: Math.round((performance.now() - began) / 1000),
    rssMib: mib(rss),
    heapMib: mib(heapUsed),
    externalMib: mib(external),
    handles: Object.values(kinds).reduce((sum, count) => sum + count, 0),
    descriptors: readdirSync('/proc/self/fd').length,
    databaseMib: sizeOf('ledger.db'),
    logMib: sizeOf('ledger.db-wal'),
    cpuSeconds: Math.round((user + system) / 1e4) / 100,
    kinds,
  };
}

process.on('message', (message: { readonly do: 'sample' | 'snapshot' | 'stop'; readonly path?: string }) => {
  if (message.do === 'sample') process.send!(sample());
  else if (message.do === 'snapshot') {
    globalThis.gc!();
    void pipeline(getHeapSnapshot(), createWriteStream(message.path!)).then(() => process.send!('written'));
  } else
    void server
      .close(2000)
      .then(() => ledger.close())
      .then(() => process.exit(0));
});
