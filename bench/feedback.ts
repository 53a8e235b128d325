/**
 * Feedback through HTTP while the server is killed: so many signals in batches of 100 by several clients, the server ended by SIGKILL again and again, each batch sent again until
 * it was answered. Then the store is read: what was acknowledged and is not there, and what is there twice. Beside it how often a second this disk flushes a file.
 *
 *     npm run build && npx tsx bench/feedback.ts [--events 1000000] [--kills 20] [--clients 4]
 *
 * Writes bench/results/feedback.json.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, fsyncSync, mkdtempSync, openSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { sql } from '../src/database/index.ts';
import { openLedger } from '../src/ledger/index.ts';
import { machine } from './machine.ts';

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '1000000' },
    kills: { type: 'string', default: '20' },
    clients: { type: 'string', default: '4' },
  },
});
const [events, kills, clients] = [values.events, values.kills, values.clients].map(Number) as [number, number, number];
const BATCH = 100;
const ANSWERS = 2000;
/** On the disk of the repository: a folder for what is temporary may lie in memory. */
const folder = mkdtempSync(join(import.meta.dirname, '..', '.bench-feedback-'));
const store = join(folder, 'store');
const agent = new Agent({ keepAlive: true, maxSockets: 64 });

function flushesPerSecond(): number {
  const file = openSync(join(folder, 'flushes'), 'a');
  const piece = Buffer.alloc(4096, 1);
  const started = performance.now();
  let flushes = 0;
  for (; performance.now() - started < 3000; flushes++) {
    writeSync(file, piece);
    fsyncSync(file);
  }
  closeSync(file);
  return Math.round((flushes / (performance.now() - started)) * 1000);
}

async function fillStore(): Promise<void> {
  const ledger = await openLedger(store);
  await Promise.all(
    Array.from({ length: ANSWERS }, async (_, n) => {
      await ledger.inferences.begin({
        id: `chatcmpl-${n}`,
        createdAt: Date.now(),
        route: 'chat',
        requestedModel: 'prod',
        versionId: 'tiny@1',
        backend: 'engine',
        user: `user ${n % 300}`,
        parameters: {},
      });
      await ledger.inferences.finish(`chatcmpl-${n}`, { status: 'complete', totalMs: 1, finishReasons: ['stop'] });
    }),
  );
  await ledger.close();
}

/** A server without a model of its own: what it would pass requests on to is not there, and nobody asks it. */
async function startServer(): Promise<{ readonly child: ChildProcess; readonly url: string }> {
  const config = join(folder, 'serve.json');
  writeFileSync(config, JSON.stringify({ upstreams: [{ name: 'prod', baseUrl: 'http://127.0.0.1:9/v1' }] }));
  const main = join(import.meta.dirname, '..', 'dist', 'cli', 'main.js');
  const words = ['serve', '--config', config, '--port', '0', '--store', store, '--feedback-per-minute', '100000000'];
  const child = spawn(process.execPath, [main, ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
  let told = '';
  child.stderr.on('data', (text: Buffer) => (told = (told + text.toString()).slice(-4000)));
  return new Promise((resolve, reject) => {
    child.stdout.on('data', (text: Buffer) => {
      const url = /http:\/\/[\d.:]+/.exec(text.toString())?.[0];
      if (url !== undefined) resolve({ child, url });
    });
    child.on('close', () => reject(new Error(`serve ended: ${told}`)));
  });
}

interface Told {
  readonly status: string;
}

function post(url: string, body: string): Promise<readonly Told[]> {
  return new Promise((resolve, reject) => {
    const asked = request(
      `${url}/v1/preftune/feedback`,
      {
        method: 'POST',
        agent,
        headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
      },
      (answer) => {
        let text = '';
        answer.on('data', (piece: Buffer) => (text += piece.toString()));
        answer.on('error', reject);
        answer.on('end', () => {
          if (answer.statusCode !== 200) reject(new Error(`status ${answer.statusCode}: ${text.slice(0, 300)}`));
          else resolve((JSON.parse(text) as { readonly data: readonly Told[] }).data);
        });
      },
    );
    asked.setTimeout(30_000, () => asked.destroy(new Error('no answer')));
    asked.on('error', reject);
    asked.end(body);
  });
}

/** Half of them numbers of outcomes, half of them comments: all different, so that each must be a row. */
function batchOf(first: number): string {
  const signals = Array.from({ length: Math.min(BATCH, events - first) }, (_, place) => {
    const n = first + place;
    const common = { inference_id: `chatcmpl-${n % ANSWERS}`, idempotency_key: `event-${n}` };
    return n % 2 === 0
      ? { kind: 'outcome', name: 'event', value: n, ...common }
      : { kind: 'comment', value: `event ${n}: the second step was missing, otherwise fine`, ...common };
  });
  return JSON.stringify({ signals });
}

try {
  await fillStore();
  const flushes = flushesPerSecond();
  let server = await startServer();
  let restarting: Promise<void> | undefined;
  let [acknowledged, next, killed, repeatedBatches, duplicates, downMs] = [0, 0, 0, 0, 0, 0];
  const acknowledgedBatches = new Set<number>();
  const waits: number[] = [];
  const restart = async (): Promise<void> => {
    const began = performance.now();
    killed++;
    server.child.removeAllListeners('close');
    const gone = new Promise<void>((resolve) => void server.child.on('exit', () => resolve()));
    server.child.kill('SIGKILL');
    await gone;
    server = await startServer();
    downMs += performance.now() - began;
  };
  const client = async (): Promise<void> => {
    while (next < events) {
      const first = next;
      next += BATCH;
      const body = batchOf(first);
      for (let attempt = 0; ; attempt++) {
        await restarting;
        const began = performance.now();
        const told = await post(server.url, body).catch(() => undefined);
        if (told === undefined) {
          repeatedBatches++;
          if (attempt > 200) throw new Error('the server does not answer');
          await new Promise((resolve) => setTimeout(resolve, 20));
          continue;
        }
        waits.push(performance.now() - began);
        const wrong = told.filter(({ status }) => status !== 'accepted' && status !== 'duplicate');
        if (wrong.length > 0) throw new Error(JSON.stringify(wrong[0]));
        duplicates += told.filter(({ status }) => status === 'duplicate').length;
        acknowledged += told.length;
        acknowledgedBatches.add(first);
        break;
      }
      // In the middle of what the other clients have under way.
      if (killed < kills && acknowledged >= ((killed + 1) * events) / (kills + 1) && restarting === undefined)
        restarting = restart().finally(() => {
          restarting = undefined;
        });
    }
  };
  const began = performance.now();
  await Promise.all(Array.from({ length: clients }, client));
  await restarting;
  const totalMs = performance.now() - began;

  // One at a time, as browsers send them.
  const singles = { count: 0, seconds: 5 };
  const until = performance.now() + singles.seconds * 1000;
  await Promise.all(
    Array.from({ length: 16 }, async (_, worker) => {
      while (performance.now() < until) {
        const n = singles.count++;
        const signal = { kind: 'comment', inference_id: `chatcmpl-${n % ANSWERS}`, value: `single ${worker} ${n}` };
        await post(server.url, JSON.stringify({ signals: [signal] }));
      }
    }),
  );
  server.child.removeAllListeners('close');
  const gone = new Promise<void>((resolve) => void server.child.on('exit', () => resolve()));
  server.child.kill('SIGKILL');
  await gone;

  const ledger = await openLedger(store);
  const seen = new Uint8Array(events);
  let twice = 0;
  for (let behind = 0; ;) {
    const rows = await ledger.room.database.read(
      sql('SELECT seq, value, text FROM signals WHERE seq > ? ORDER BY seq LIMIT 20000', behind),
    );
    for (const { value, text } of rows) {
      const n = value === null ? Number(/^event (\d+):/.exec(String(text))?.[1] ?? -1) : Number(value);
      if (n < 0) continue;
      if (seen[n] === 1) twice++;
      seen[n] = 1;
    }
    if (rows.length === 0) break;
    behind = Number(rows.at(-1)!.seq);
  }
  let lost = 0;
  for (const first of acknowledgedBatches)
    for (let n = first; n < Math.min(events, first + BATCH); n++) if (seen[n] !== 1) lost++;
  const listBegan = performance.now();
  await ledger.room.database.read(sql('SELECT * FROM signals WHERE kind = ? ORDER BY seq DESC LIMIT 51', 'comment'));
  const listMs = performance.now() - listBegan;
  const { problems } = await ledger.check();
  await ledger.close();
  waits.sort((a, b) => a - b);
  const result = {
    machine: machine(),
    events,
    kills: killed,
    clients,
    batch: BATCH,
    acknowledged,
    lost,
    twice,
    answeredAsDuplicates: duplicates,
    batchesSentAgain: repeatedBatches,
    problems: problems.map(({ message }) => message),
    eventsPerSecond: Math.round((acknowledged / (totalMs - downMs)) * 1000),
    eventsPerSecondWithRestarts: Math.round((acknowledged / totalMs) * 1000),
    singlesPerSecond: Math.round(singles.count / singles.seconds),
    fsyncsPerSecond: flushes,
    batchMs: {
      median: Number(waits[Math.floor(waits.length / 2)]!.toFixed(1)),
      p99: Number(waits[Math.floor(waits.length * 0.99)]!.toFixed(1)),
    },
    pageOfListMs: Number(listMs.toFixed(1)),
    storeMB: Math.round(statSync(join(store, 'ledger.db')).size / 2 ** 20),
    seconds: Math.round(totalMs / 1000),
  };
  writeFileSync(join(import.meta.dirname, 'results', 'feedback.json'), `${JSON.stringify(result, null, 2)}\n`);
  process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
} finally {
  agent.destroy();
  rmSync(folder, { recursive: true, force: true });
}
