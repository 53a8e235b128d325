/**
 * Sends mutated requests to a server with the embedded model, and counts what comes back: everything but a status below 500 is a fault of ours.
 *
 *     npx tsx bench/serve-fuzz.ts [REQUESTS] [SEED]
 *
 * Writes bench/results/serve-fuzz.json.
 */
import fc from 'fast-check';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mutatedRequest } from '../test/support/mutated-bodies.ts';
import { startTestServer } from '../test/support/server.ts';

const requests = Number(process.argv[2] ?? 100_000);
const seed = Number(process.argv[3] ?? Date.now() % 2 ** 31);
const folder = mkdtempSync(join(tmpdir(), 'preftune-serve-fuzz-'));
const statuses = new Map<number, number>();
const faults: unknown[] = [];
const at = await startTestServer({
  store: folder,
  log: 'text',
  given: { adapterRoot: folder, maxTokens: 4, maxBodyBytes: 200_000, requestSeconds: 30, maxWaiting: 512 },
});
const began = performance.now();
const rssBefore = process.memoryUsage.rss();
try {
  let sent = 0;
  const parallel = 8;
  const next = fc.sample(mutatedRequest, { numRuns: 0 });
  for (let batch = 0; sent < requests; batch++) {
    const group = fc.sample(mutatedRequest, { numRuns: Math.min(1000, requests - sent), seed: seed + batch });
    next.push(...group);
    sent += group.length;
    const work = async (): Promise<void> => {
      for (let one = next.pop(); one !== undefined; one = next.pop()) {
        const { path, body } = one;
        const answer = await fetch(`${at.server.url}${path}`, {
          method: 'POST',
          body,
          headers: { 'content-type': 'application/json' },
        }).catch((error: unknown) => error as Error);
        const status = answer instanceof Error ? 0 : answer.status;
        const text = answer instanceof Error ? answer.message : await answer.text();
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        if (status === 0 || status >= 500 || text.includes(folder))
          faults.push({ path, body: body.slice(0, 2000), status, text: text.slice(0, 1000) });
      }
    };
    await Promise.all(Array.from({ length: parallel }, work));
    if (batch % 10 === 9) process.stdout.write(`${sent} sent, ${faults.length} faults\n`);
  }
} finally {
  await at.close();
  rmSync(folder, { recursive: true, force: true });
}
const result = {
  requests,
  seed,
  statuses: Object.fromEntries([...statuses].toSorted(([a], [b]) => a - b)),
  faults: faults.length,
  examples: faults.slice(0, 10),
  notes: at.notes.slice(0, 10),
  seconds: Math.round((performance.now() - began) / 1000),
  rssMib: { before: Math.round(rssBefore / 2 ** 20), after: Math.round(process.memoryUsage.rss() / 2 ** 20) },
  node: process.version,
  platform: `${process.platform} ${process.arch}`,
};
writeFileSync(join(import.meta.dirname, 'results', 'serve-fuzz.json'), `${JSON.stringify(result, null, 2)}\n`);
process.stdout.write(`${JSON.stringify({ ...result, examples: undefined })}\n`);
