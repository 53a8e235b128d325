import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeSeededAdapter } from '../support/adapters.ts';
import { swapUnderLoad } from '../support/hot-swap.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { temporaryFolder } from '../support/tiny-model.ts';

const folder = temporaryFolder();
let at: TestServer;
beforeAll(async () => {
  at = await startTestServer({ given: { adapterRoot: folder.path } });
});
afterAll(async () => {
  await at.close();
  folder.remove();
});

test(
  'adapters are replaced, loaded and unloaded under load: every answer is that of the version it was admitted to',
  { timeout: 120_000 },
  async () => {
    const adapters = [
      await writeSeededAdapter(folder.path, 1),
      await writeSeededAdapter(folder.path, 2),
      await writeSeededAdapter(folder.path, 3),
    ];
    const { answered, absent, swaps, leaving, faults } = await swapUnderLoad({
      at,
      adapters,
      requests: 120,
      parallel: 6,
    });
    expect(faults).toEqual([]);
    expect(answered + absent).toBe(120);
    expect(answered).toBeGreaterThanOrEqual(90);
    expect(swaps).toBeGreaterThanOrEqual(3);
    expect(leaving).toBeGreaterThanOrEqual(1);
    // Nothing that was replaced stays in memory.
    const names = at.server.book.list().map(({ name }) => name);
    expect(names).toEqual(['embedded-model', 'swapped']);
    const metrics = await (await fetch(`${at.server.url}/metrics`)).text();
    expect(metrics).toMatch(/^preftune_requests_running 0$/m);
  },
);
