import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createSpool, type Spool, type SpoolOptions } from './spool.ts';
import { startHome, type HomeServer } from './testing/home-server.ts';

let folder: string;
let home: HomeServer;
const spools: Spool[] = [];
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'preftune-spool-'));
  home = await startHome(join(folder, 'home'));
});
afterEach(async () => {
  for (const spool of spools.splice(0)) await spool.dispose();
  await home.close().catch(() => undefined);
  rmSync(folder, { recursive: true, force: true });
});

function open(options: Partial<SpoolOptions> = {}): Spool {
  const spool = createSpool({
    folder: join(folder, 'spool'),
    url: home.url,
    key: 'pt_live_secret',
    retryMs: { first: 2, most: 20 },
    ...options,
  });
  spools.push(spool);
  return spool;
}

/** What has arrived, in its order. */
function arrived(): { id: string; record: { number: number } }[] {
  const text = readFileSync(join(folder, 'home', 'records.jsonl'), 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { id: string; record: { number: number } });
}

const record = (number: number) => ({ type: 'inference', number });
const numbers = (count: number) => Array.from({ length: count }, (_, number) => number);

it('delivers in order, in batches, with the key and an id of the batch', async () => {
  const spool = open({ batchRecords: 10 });
  const ids = await Promise.all(numbers(25).map((number) => spool.push(record(number))));
  expect(await spool.drain(5000)).toBe(0);
  expect(arrived().map(({ record: { number } }) => number)).toEqual(numbers(25));
  expect(arrived().map(({ id }) => id)).toEqual(ids);
  expect(home.requests.map(({ ids: some }) => some.length).every((length) => length <= 10)).toBe(true);
  expect(home.requests[0]!.headers['authorization']).toBe('Bearer pt_live_secret');
  expect(home.requests[0]!.headers['idempotency-key']).toMatch(/^[0-9a-f]{32}$/);
  expect(spool.stats()).toMatchObject({ sent: 25, waiting: 0, waitingBytes: 0, refused: 0, dropped: 0 });
});

it('waits out a server that is down, and says so once', async () => {
  const notes: string[] = [];
  const { url } = home;
  await home.close();
  const spool = open({ onNote: (note) => notes.push(note) });
  for (const number of numbers(5)) await spool.push(record(number));
  expect(await spool.drain(50)).toBe(5);
  home = await startHome(join(folder, 'home'), Number(new URL(url).port));
  expect(await spool.drain(5000)).toBe(0);
  expect(arrived().map(({ record: { number } }) => number)).toEqual(numbers(5));
  expect(notes.filter((note) => note.includes('did not take them')).length).toBe(1);
  expect(notes.at(-1)).toBe('forward: the home server takes records again');
});

it('takes up what an earlier process left, and goes on counting', async () => {
  home.mischief = () => ({ status: 503 });
  const first = open();
  for (const number of numbers(7)) await first.push(record(number));
  await first.dispose();
  expect(first.stats().problem).toBe('503');
  home.mischief = () => undefined;
  const second = open();
  expect(await second.drain(5000)).toBe(0);
  await second.dispose();
  expect(arrived().map(({ record: { number } }) => number)).toEqual(numbers(7));
  expect(open().stats()).toMatchObject({ sent: 7, waiting: 0 });
});

it('loses nothing and doubles nothing when answers are lost', async () => {
  let request = 0;
  home.mischief = () => (request++ % 2 === 0 ? 'cut' : undefined);
  const spool = open({ batchRecords: 3 });
  await Promise.all(numbers(20).map((number) => spool.push(record(number))));
  expect(await spool.drain(5000)).toBe(0);
  expect(arrived().map(({ record: { number } }) => number)).toEqual(numbers(20));
});

it('a record that is refused stands in nobody else’s way', async () => {
  const notes: string[] = [];
  // A home server that answers a whole request with 400, as a proxy or an older version would.
  home.mischief = (_, body) =>
    body.includes('"number":13') ? { status: 400, body: '{"error":{"message":"number 13"}}' } : undefined;
  const spool = open({ onNote: (note) => notes.push(note) });
  await Promise.all(numbers(30).map((number) => spool.push(record(number))));
  await spool.push({ kind: 'without a type' });
  expect(await spool.drain(5000)).toBe(0);
  expect(arrived().map(({ record: { number } }) => number)).toEqual(numbers(30).filter((number) => number !== 13));
  expect(spool.stats()).toMatchObject({ sent: 29, refused: 2, waiting: 0 });
  await spool.dispose();
  const refused = readFileSync(join(folder, 'spool', 'refused.jsonl'), 'utf8')
    .trim()
    .split('\n');
  expect(refused.map((line) => JSON.parse(line) as object)).toMatchObject([
    { reason: '400 number 13', record: { number: 13 } },
    { reason: 'record must be an object with a type', record: { kind: 'without a type' } },
  ]);
  expect(notes.filter((note) => note.includes('was refused')).length).toBe(2);
});

it.each([
  [401, 'the key is unknown there; give one that is, by --forward-key-env'],
  [403, 'the key lacks the scope feedback'],
  [404, 'the address takes no records; it ends with /v1/preftune/records'],
  [308, 'the address leads elsewhere, which is not followed'],
])('keeps records that a wrong setting holds up: %d', async (status, advice) => {
  home.mischief = () => ({ status, headers: { location: 'http://127.0.0.1:1/' } });
  const spool = open();
  await spool.push(record(1));
  expect(await spool.drain(60)).toBe(1);
  expect(spool.stats()).toMatchObject({ problem: `${status} ${advice}`, refused: 0 });
  expect(home.requests.length).toBeGreaterThan(0);
});

it('an answer that is not the receiver’s counts for nothing', async () => {
  for (const body of ['<html>', '{}', '{"accepted":[]}']) {
    home.mischief = () => ({ status: 200, body });
    const spool = open();
    await spool.push(record(1));
    expect(await spool.drain(40)).toBeGreaterThan(0);
    expect(spool.stats().sent).toBe(0);
    await spool.dispose();
  }
});

it('a full spool refuses, with what to do, and keeps what it has', async () => {
  home.mischief = () => ({ status: 503 });
  const spool = open({ mostBytes: 2000, segmentBytes: 500 });
  const pushed: number[] = [];
  let problem: unknown;
  for (const number of numbers(100)) {
    try {
      await spool.push({ ...record(number), text: 'x'.repeat(60) });
      pushed.push(number);
    } catch (thrown) {
      problem = thrown;
      break;
    }
  }
  expect(problem).toMatchObject({ code: 'busy' });
  expect(String(problem)).toMatch(/at most 2000 bytes may wait for http.*got 1\d records that wait/);
  expect(spool.stats()).toMatchObject({ turnedAway: 1, dropped: 0, waiting: pushed.length });
  home.mischief = () => undefined;
  expect(await spool.drain(5000)).toBe(0);
  expect(arrived().map(({ record: { number } }) => number)).toEqual(pushed);
});

it('a full spool gives up the oldest where that was chosen, counted across restarts and told to the home server', async () => {
  home.mischief = () => ({ status: 503 });
  const notes: string[] = [];
  const options = { mostBytes: 2000, segmentBytes: 500, whenFull: 'drop-oldest' as const };
  const spool = open({ ...options, onNote: (note) => notes.push(note) });
  for (const number of numbers(60)) await spool.push({ ...record(number), text: 'x'.repeat(60) });
  const { dropped, waiting } = spool.stats();
  expect(dropped + waiting).toBe(60);
  expect(dropped).toBeGreaterThan(40);
  expect(notes.some((note) => note.endsWith(`${dropped} in all`))).toBe(true);
  await spool.dispose();
  let told: unknown;
  home.mischief = (_, body) => {
    told = (JSON.parse(body) as { dropped: number }).dropped;
    return undefined;
  };
  const again = open(options);
  expect(await again.drain(5000)).toBe(0);
  expect(told).toBe(dropped);
  expect(arrived().map(({ record: { number } }) => number)).toEqual(numbers(60).slice(dropped));
  expect(again.stats()).toMatchObject({ dropped, sent: waiting });
  // Segments go with their records.
  expect(readdirSync(join(folder, 'spool')).filter((name) => name.endsWith('.jsonl'))).toEqual([]);
});

it('Retry-After is honoured, and a clock that jumps changes nothing', async () => {
  const real = Date.now;
  let jump = 0;
  Date.now = () => real() + jump;
  try {
    home.mischief = () => ({ status: 429, headers: { 'retry-after': '1' } });
    const spool = open();
    await spool.push(record(1));
    while (home.requests.length === 0) await new Promise((resolve) => setImmediate(resolve));
    home.mischief = () => undefined;
    // A year ahead and a year back: neither hurries nor holds up.
    jump = 365 * 86_400_000;
    await spool.push(record(2));
    jump = -jump;
    await spool.push(record(3));
    expect(home.requests.length).toBe(1);
    expect(await spool.drain(5000)).toBe(0);
    expect(arrived().map(({ record: { number } }) => number)).toEqual([1, 2, 3]);
  } finally {
    Date.now = real;
  }
});

it.each([
  ['http://home.example/v1/preftune/records', /must begin with https:\/\/ beyond this machine/],
  ['https://user:secret@home.example/', /must hold no password/],
  ['home.example', /must be an address such as https/],
  ['file:///etc/passwd', /must be an address such as https/],
])('refuses the address %s', (url, message) => {
  expect(() => open({ url })).toThrow(message);
});

it('a folder has one process', () => {
  open();
  expect(() => open()).toThrow(/the spool/);
});

it('a record beyond 1 MiB is refused at once', async () => {
  await expect(open().push({ type: 'x', text: 'x'.repeat(2 ** 20) })).rejects.toThrow(/must be at most 1048576 bytes/);
});

it(
  'killed again and again, it delivers every record that push had acknowledged, each once',
  { timeout: 30_000 },
  async () => {
    const acknowledged: string[] = [];
    for (let round = 0; round < 3; round++) {
      // Every second answer is lost, so that kills fall between delivery and its note.
      home.mischief = () => (home.requests.length % 2 === 0 ? 'cut' : undefined);
      const child = spawn(
        process.execPath,
        ['--import', 'tsx', join(import.meta.dirname, 'testing', 'pusher.ts'), join(folder, 'spool'), home.url],
        { stdio: ['ignore', 'pipe', 'inherit'] },
      );
      let out = '';
      await new Promise<void>((resolve) => {
        child.stdout.on('data', (data: Buffer) => {
          out += data.toString();
          if (out.length > 900 + round * 1500) child.kill('SIGKILL');
        });
        child.on('close', () => resolve());
      });
      acknowledged.push(...out.split('\n').slice(0, -1));
    }
    home.mischief = () => undefined;
    expect(await open().drain(10_000)).toBe(0);
    const ids = arrived().map(({ id }) => id);
    expect(acknowledged.length).toBeGreaterThan(50);
    expect(new Set(ids).size).toBe(ids.length);
    expect(acknowledged.filter((id) => !ids.includes(id))).toEqual([]);
  },
);
