import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build, type Rolldown } from 'vite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readSignal } from '../feedback/index.ts';
import { createFeedback, type FeedbackOutcome } from './index.ts';

interface Sent {
  readonly headers: Record<string, string | string[] | undefined>;
  readonly signals: readonly Record<string, unknown>[];
}

let server: Server;
let url: string;
let sent: Sent[];
/** What the server does next: a status, or undefined for an answer in its manner. */
let next: (number | 'cut' | undefined)[];
beforeEach(async () => {
  [sent, next] = [[], []];
  server = createServer((request, response) => {
    let text = '';
    request.on('data', (piece: Buffer) => (text += piece.toString()));
    request.on('end', () => {
      const { signals } = JSON.parse(text) as Sent;
      sent.push({ headers: request.headers, signals });
      const how = next.shift();
      if (how === 'cut') return void request.socket.destroy();
      const data = signals.map(({ idempotency_key: id, value }) =>
        value === 'refuse'
          ? { status: 'refused', id: null, error: { message: 'no' } }
          : { status: 'accepted', id: `fb-${String(id)}`, error: null },
      );
      response.writeHead(how ?? 200, { 'content-type': 'application/json', 'retry-after': '0' });
      response.end(JSON.stringify(how === undefined ? { object: 'list', data } : { error: { message: `so ${how}` } }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

function memoryStore() {
  const kept = new Map<string, string>();
  return {
    kept,
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
    removeItem: (key: string) => void kept.delete(key),
  };
}

test('every kind is a signal that the server reads, in one batch, with the key and an idempotency key', async () => {
  const feedback = createFeedback({ url, key: 'pt_live_x', defaults: { user: 'ann' }, storage: null });
  const two = { inference_id: 'c', choice: 1 };
  const all = [
    feedback.thumb('c', true, { comment: 'nice' }),
    feedback.rating(two, 4),
    feedback.comment({ episode_id: 'e' }, 'text'),
    feedback.edit('c', 'better'),
    feedback.compare('c', two, 'b', { strength: 2, left: 'a' }),
    feedback.regenerate('c', 'd'),
    feedback.copy('c'),
    feedback.accept('c'),
    feedback.accept('c', false),
    feedback.outcome({ episode_id: 'e' }, 'solved', true),
  ];
  const outcomes = await Promise.all(all);
  expect(outcomes.map(({ status }) => status)).toEqual(all.map(() => 'accepted'));
  expect([sent.length, sent[0]!.headers['authorization'], feedback.waiting]).toEqual([1, 'Bearer pt_live_x', 0]);
  expect(sent[0]!.signals.map((signal) => readSignal(signal).kind)).toEqual([
    'thumb',
    'rating',
    'comment',
    'edit',
    'comparison',
    'regenerate',
    'copy',
    'accept',
    'accept',
    'outcome',
  ]);
  expect(new Set(sent[0]!.signals.map((signal) => signal['idempotency_key'])).size).toBe(10);
  expect(sent[0]!.signals.every(({ user, at }) => user === 'ann' && typeof at === 'number')).toBe(true);
});

test('it sends again with the same key where the line was cut or the server busy, and loses nothing', async () => {
  next = ['cut', 503, 429];
  const feedback = createFeedback({ url, storage: null });
  const outcome = feedback.thumb('c', true);
  while (feedback.waiting > 0) await feedback.flush();
  expect((await outcome).status).toBe('accepted');
  expect(sent.length).toBe(4);
  expect(new Set(sent.map(({ signals }) => JSON.stringify(signals))).size).toBe(1);
});

test('what is refused is told, and stands in nobody’s way; a key that is refused ends the attempt', async () => {
  const told: FeedbackOutcome[] = [];
  const feedback = createFeedback({
    url,
    storage: null,
    onError: (outcome) => {
      told.push(outcome);
      throw new Error('of the page');
    },
  });
  const both = [feedback.comment('c', 'refuse'), feedback.comment('c', 'fine')];
  expect((await Promise.all(both)).map(({ status }) => status)).toEqual(['refused', 'accepted']);
  next = [401];
  expect(await feedback.thumb('c', true)).toEqual({ status: 'refused', message: 'so 401' });
  expect(told).toEqual([
    { status: 'refused', message: 'no' },
    { status: 'refused', message: 'so 401' },
  ]);
  const circle: Record<string, unknown> = {};
  circle['self'] = circle;
  expect((await feedback.thumb('c', true, { circle })).status).toBe('lost');
});

test('what waits outlives the page, and is sent by the next one with the same keys', async () => {
  const storage = memoryStore();
  const offline = createFeedback({ url: 'http://127.0.0.1:1', storage });
  void offline.edit('c', 'ü'.repeat(25_000));
  void offline.edit('c', 'ä'.repeat(25_000));
  await offline.flush();
  const [place] = storage.kept.keys();
  expect(place).toBe('preftune-feedback http://127.0.0.1:1/v1/preftune/feedback');
  storage.kept.set(`preftune-feedback ${url}v1/preftune/feedback`, storage.kept.get(place!)!);
  const later = createFeedback({ url, storage });
  expect(later.waiting).toBe(2);
  while (later.waiting > 0) await later.flush();
  // Each of them by itself: together they are more than a body may have.
  expect(sent.map(({ signals }) => signals.length)).toEqual([1, 1]);
  expect(storage.kept.size).toBe(1);
  storage.kept.set(`preftune-feedback ${url}v1/preftune/feedback`, '{"broken');
  expect(createFeedback({ url, storage }).waiting).toBe(0);
});

test('it is small: under 3 kB as a page loads it', async () => {
  const entry = join(import.meta.dirname, 'index.ts');
  const built = (await build({
    configFile: false,
    logLevel: 'silent',
    plugins: [
      {
        name: 'entry',
        resolveId: (id) => (id === 'entry' ? '\0entry' : undefined),
        load: (id) =>
          id === '\0entry'
            ? `import { createFeedback } from ${JSON.stringify(entry)}; globalThis.createFeedback = createFeedback;`
            : undefined,
      },
    ],
    build: { write: false, target: 'es2022', modulePreload: false, rollupOptions: { input: 'entry' } },
  })) as Rolldown.RolldownOutput;
  const [chunk] = built.output;
  expect(built.output.length).toBe(1);
  expect(chunk.imports).toEqual([]);
  const bytes = gzipSync(chunk.code).length;
  expect(bytes).toBeGreaterThan(500);
  expect(bytes).toBeLessThan(3000);
});
