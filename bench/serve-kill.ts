/**
 * Kills a server under load at random moments, and looks for every id that a client has seen in its store.
 *
 *     npm run build && npx tsx bench/serve-kill.ts [ROUNDS]
 *
 * Writes bench/results/serve-kill.json.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openLedger } from '../src/ledger/index.ts';
import { machine } from './machine.ts';

const ROOT = join(import.meta.dirname, '..');
const rounds = Number(process.argv[2] ?? 100);
const folder = mkdtempSync(join(tmpdir(), 'preftune-serve-kill-'));
const store = join(folder, 'store');
const CLIENTS = 6;

async function start(): Promise<{ url: string; kill: () => Promise<void> }> {
  const main = join(ROOT, 'dist', 'cli', 'main.js');
  const words = [
    'serve',
    '--model',
    join(ROOT, 'assets', 'embedded-model'),
    '--port',
    '0',
    '--store',
    store,
    '--log',
    'text',
  ];
  const child = spawn(process.execPath, [main, ...words], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()));
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout.on('data', (data: Buffer) => {
      const found = /http:\/\/[\d.:]+/.exec(data.toString())?.[0];
      if (found !== undefined) resolve(found);
    });
    void ended.then(() => reject(new Error('the server ended before it answered')));
  });
  return {
    url,
    kill: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** Ids that a client has seen, whole answers and streams in turn, until the server is gone. */
async function ask(url: string, seen: Set<string>, whole: Set<string>): Promise<void> {
  for (let turn = 0; ; turn++) {
    const isStreamed = turn % 2 === 0;
    try {
      const answer = await fetch(`${url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          model: 'embedded-model',
          messages: [{ role: 'user', content: `What is a dog? (${turn})` }],
          max_tokens: 12,
          stream: isStreamed,
        }),
      });
      let text = '';
      for await (const part of answer.body!) {
        text += Buffer.from(part).toString();
        const id = /"id":"(chatcmpl-[0-9a-f]+)"/.exec(text)?.[1];
        if (id === undefined) continue;
        seen.add(id);
        if (isStreamed ? text.includes('[DONE]') : text.endsWith('}')) whole.add(id);
      }
    } catch {
      return;
    }
  }
}

const totals = { rounds, seen: 0, whole: 0, missing: 0, incomplete: 0, problems: 0 };
try {
  for (let round = 0; round < rounds; round++) {
    const { url, kill } = await start();
    const [seen, whole] = [new Set<string>(), new Set<string>()];
    const clients = Array.from({ length: CLIENTS }, () => ask(url, seen, whole));
    await new Promise((resolve) => setTimeout(resolve, 50 + Math.random() * 1500));
    await kill();
    await Promise.all(clients);
    const ledger = await openLedger(store);
    try {
      for (const id of seen) if ((await ledger.inferences.get(id)) === undefined) totals.missing++;
      // Whoever had the whole answer finds it as such.
      for (const id of whole) if ((await ledger.inferences.get(id))?.status !== 'complete') totals.incomplete++;
      totals.problems += (await ledger.check()).problems.length;
    } finally {
      await ledger.close();
    }
    totals.seen += seen.size;
    totals.whole += whole.size;
    process.stdout.write(`${round + 1} of ${rounds}: ${JSON.stringify(totals)}\n`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
writeFileSync(
  join(import.meta.dirname, 'results', 'serve-kill.json'),
  `${JSON.stringify({ ...totals, machine: machine() }, null, 2)}\n`,
);
