import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeTemporaryFolder, removeFolder, skipBecause, thrownBy, withReadOnly } from '../files/testing/support.ts';
import { resolveHubModel, type HubOptions } from './hub.ts';
import { locateModel } from './locate.ts';
import { startHubServer, type HubServer, type ServedFile } from './testing/hub-server.ts';

const WEIGHTS = Buffer.alloc(5000, 7);
const TINY: Record<string, ServedFile> = {
  'config.json': { bytes: Buffer.from('{"architectures":["LlamaForCausalLM"]}') },
  'model.safetensors': { bytes: WEIGHTS, isLarge: true },
};

let hub: HubServer;
let cacheDir: string;
beforeEach(async () => {
  cacheDir = makeTemporaryFolder();
  hub = await startHubServer();
  hub.repos.set('models/org/tiny', TINY);
});
afterEach(async () => {
  await hub.close();
  removeFolder(cacheDir);
});

function options(more: Partial<HubOptions> = {}): HubOptions {
  return { endpoint: hub.endpoint, cacheDir, token: undefined, retryDelaysMs: [1], ...more };
}

test('a cache that cannot be written is told with what to do; one that has the model is enough', async ({ skip }) => {
  const file = join(cacheDir, 'file');
  writeFileSync(file, '');
  const nowhere = await thrownBy(() => resolveHubModel('org/tiny', options({ cacheDir: join(file, 'hub') })));
  expect([nowhere.code, nowhere.message]).toEqual([
    'bad-input',
    `${join(file, 'hub')}: the hub's cache must be writable to download org/tiny, got a file at ${file}; set HF_HOME to a folder that can be written`,
  ]);
  const { path } = await resolveHubModel('org/tiny', options());
  const reason = await withReadOnly(cacheDir, async (shared) => {
    const found = await resolveHubModel('org/tiny', options({ cacheDir: shared }));
    expect(found.path).toBe(path.replace(cacheDir, shared));
    expect(found.cachedBecause).toBeUndefined();
    // The branch has gone on, and cannot be brought.
    hub.repos.set('models/org/tiny', { ...TINY, 'config.json': { bytes: Buffer.from('{}') } });
    const older = await resolveHubModel('org/tiny', options({ cacheDir: shared }));
    expect(older.cachedBecause).toBe(`${shared} cannot be written (a file system that is mounted read-only)`);
  });
  skipBecause(skip, reason);
});

test('without a cache a model comes into the temporary folder, with a line', async () => {
  const file = join(cacheDir, 'file');
  writeFileSync(file, '');
  mkdirSync(join(cacheDir, 'tmp'));
  const before = process.env['TMPDIR'];
  process.env['TMPDIR'] = join(cacheDir, 'tmp');
  const told: string[] = [];
  try {
    const located = await locateModel('org/tiny', {
      environment: { HF_HOME: join(file, 'home'), HF_ENDPOINT: hub.endpoint },
      signal: new AbortController().signal,
      terminal: {
        note: () => {},
        warn: (line) => told.push(line),
        progress: () => ({ update: () => {}, finish: () => {} }),
      },
    });
    expect(located.path.startsWith(join(cacheDir, 'tmp', 'preftune-hub'))).toBe(true);
    expect(readFileSync(join(located.path, 'model.safetensors')).equals(WEIGHTS)).toBe(true);
    expect(told).toEqual([
      expect.stringMatching(/the hub's cache must be writable .*got a file at .*Until then it goes to/),
    ]);
  } finally {
    if (before === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = before;
  }
});
