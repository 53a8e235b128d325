import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Scope } from '../../api/index.ts';
import { openFeedback } from '../../feedback/index.ts';
import { answered } from '../../feedback/testing/answers.ts';
import { openLedger, type Ledger } from '../../ledger/index.ts';
import { createAllowance } from '../http/allowance.ts';
import { createApp, type ServeApp } from '../http/app.ts';
import type { ServeServices } from '../services.ts';
import { feedbackRoutes } from './feedback-routes.ts';
import { rowRoutes } from './row-routes.ts';

const SHOP = 'https://shop.example';
let folder: string;
let ledger: Ledger;
let app: ServeApp['app'];
const keys: Record<string, string> = {};

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'preftune-feedback-routes-'));
  ledger = await openLedger(join(folder, 'store'), { log: 'text' });
  const make = async (name: string, scopes: Scope[], origins?: string[]): Promise<void> => {
    keys[name] = (await ledger.keys.create({ name, scopes, ...(origins && { origins }) })).key;
  };
  await make('server', ['feedback']);
  await make('page', ['feedback'], [SHOP]);
  await make('fast', ['feedback']);
  await make('reader', ['read']);
  await make('trainer', ['train']);
  await make('infer', ['infer'], ['https://other.example']);
  const services = {
    limits: { maxBodyBytes: 2 ** 20 },
    feedback: openFeedback(ledger),
    feedbackAllowance: createAllowance({ tokensPerMinute: 150, what: 'signals' }),
    tellFault: () => undefined,
  } as unknown as ServeServices;
  ({ app } = createApp({
    services,
    version: '1.0.0',
    routes: [...feedbackRoutes(services), ...rowRoutes(services)],
    auth: 'keys',
    findKey: (key) => ledger.keys.find(key),
    hasKeys: () => true,
    findSession: () => undefined,
    allowedHosts: new Set(['localhost']),
    allowedOrigins: new Set(),
    pageOrigins: async () => new Set([SHOP]),
  }));
  for (const id of ['c1', 'c2', 'c3']) await answered(ledger, { id, user: 'ann', answers: ['a', 'b'] });
});
afterAll(async () => {
  await ledger.close();
  rmSync(folder, { recursive: true });
});

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
}

async function ask(where: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  const [method, path] = where.split(' ') as [string, string];
  const key = headers['key'] ?? 'server';
  const answer = await app.request(`http://localhost${path}`, {
    method,
    headers: {
      host: 'localhost',
      ...(method === 'OPTIONS' ? {} : { authorization: `Bearer ${keys[key]!}`, 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, body: text === '' ? {} : (JSON.parse(text) as never) };
}

const OURS = 'POST /v1/preftune/feedback';
const thumb = (id: string, more: object = {}): object => ({ kind: 'thumb', inference_id: id, value: true, ...more });

test("TensorZero's route answers with the id, checks without keeping, and refuses what it does not know", async () => {
  const said = { metric_name: 'thumb', inference_id: 'c1', value: true };
  const dry = await ask('POST /feedback', { ...said, dryrun: true });
  expect(dry.body).toEqual({ feedback_id: expect.stringMatching(/^fb-[0-9a-f]{24}$/) });
  const first = await ask('POST /feedback', said);
  const again = await ask('POST /feedback', said);
  expect(first.body['feedback_id']).not.toBe(dry.body['feedback_id']);
  expect(again.body).toEqual(first.body);
  const unknown = await ask('POST /feedback', { ...said, inference_id: 'chatcmpl-0' });
  expect([unknown.status, unknown.headers.get('x-should-retry')]).toEqual([404, 'false']);
  expect(unknown.body['error']).toMatchObject({ code: 'not_found', param: 'inference_id' });
  expect((await ask('POST /feedback', { ...said, extra: 1 })).status).toBe(400);
  expect((await ask('POST /feedback', { ...said, episode_id: 'e' })).body['error']).toMatchObject({
    code: 'invalid_value',
    param: 'episode_id',
  });
});

test('one signal, or many of which each is told on its own', async () => {
  const one = await ask(OURS, thumb('c2'), { 'idempotency-key': 'abc' });
  expect([one.status, one.body]).toEqual([
    200,
    { object: 'preftune.feedback.taken', status: 'accepted', id: expect.any(String), warnings: [], error: null },
  ]);
  expect((await ask(OURS, thumb('c2'), { 'idempotency-key': 'abc' })).body['status']).toBe('duplicate');
  const reused = await ask(OURS, thumb('c3'), { 'idempotency-key': 'abc' });
  expect([reused.status, reused.headers.get('x-should-retry')]).toEqual([409, 'false']);
  const { status, body } = await ask(OURS, {
    signals: [thumb('c3'), { kind: 'thumb' }, thumb('nobody'), thumb('c3'), 7],
  });
  const data = body['data'] as { status: string; id: string | null; error: { status: number; param: string } | null }[];
  expect(status).toBe(200);
  expect(data.map((each) => [each.status, each.error?.status, each.error?.param])).toEqual([
    ['accepted', undefined, undefined],
    ['refused', 400, 'value'],
    ['refused', 404, 'inference_id'],
    ['duplicate', undefined, undefined],
    ['refused', 400, 'body'],
  ]);
  expect(data[3]!.id).toBe(data[0]!.id);
  expect((await ask(OURS, { signals: [] })).status).toBe(400);
  expect((await ask(OURS, { signals: Array.from({ length: 101 }, () => thumb('c1')) })).status).toBe(400);
});

test('bodies of more than 64 KiB, and feedback beyond the limit of a key, are refused', async () => {
  const long = await ask(OURS, { signals: Array.from({ length: 3 }, () => ({ value: 'x'.repeat(32_000) })) });
  expect([long.status, (long.body['error'] as { code: string }).code]).toEqual([413, 'body_too_large']);
  const many = { signals: Array.from({ length: 100 }, (_, i) => thumb('c1', { value: i % 2 === 0 })) };
  const statuses: number[] = [];
  for (let turn = 0; turn < 3; turn++) statuses.push((await ask(OURS, many, { key: 'fast' })).status);
  expect(statuses).toEqual([200, 200, 429]);
  const refused = await ask(OURS, thumb('c1'), { key: 'fast' });
  expect([refused.status, Number(refused.headers.get('retry-after')) > 0]).toEqual([429, true]);
});

test('the list is for readers: filtered, newest first, page by page', async () => {
  expect((await ask('GET /v1/preftune/feedback')).status).toBe(403);
  const list = async (query: string): Promise<Record<string, unknown>[]> => {
    const { status, body } = await ask(`GET /v1/preftune/feedback${query}`, undefined, { key: 'reader' });
    expect([query, status]).toEqual([query, 200]);
    return body['data'] as Record<string, unknown>[];
  };
  const c2 = await list('?inference_id=c2');
  expect(c2).toEqual([
    expect.objectContaining({ object: 'preftune.feedback', kind: 'thumb', value: 1, model: 'prod', version: 'tiny@1' }),
  ]);
  expect(c2[0]!['user_hash']).toBe(ledger.room.hashUser('ann'));
  const all = await list('?limit=100');
  const first = await list('?limit=2');
  const next = await list(`?limit=2&after=${String(first[1]!['id'])}`);
  expect([...first, ...next].map(({ id }) => id)).toEqual(all.slice(0, 4).map(({ id }) => id));
  expect((await list('?user=ann&kind=thumb&current=true&limit=100')).length).toBe(3);
  expect(await list('?until=1')).toEqual([]);
  expect(await list('?model=nope')).toEqual([]);
  const wrong = await ask('GET /v1/preftune/feedback?color=red', undefined, { key: 'reader' });
  expect([wrong.status, (wrong.body['error'] as { param: string }).param]).toEqual([400, 'color']);
});

test('a page of exactly its origin may send, after asking first; it may not read, nor ask elsewhere', async () => {
  const preflight = (path: string, origin: string, method = 'POST'): Promise<Answer> =>
    ask(`OPTIONS ${path}`, undefined, { origin, 'access-control-request-method': method });
  for (const path of ['/feedback', '/v1/preftune/feedback']) {
    const { status, headers } = await preflight(path, SHOP);
    expect([
      path,
      status,
      headers.get('access-control-allow-origin'),
      headers.get('access-control-allow-methods'),
    ]).toEqual([path, 204, SHOP, 'POST']);
    expect(headers.get('access-control-allow-headers')).toBe('authorization, content-type, idempotency-key');
    expect(headers.get('access-control-allow-credentials')).toBe(null);
  }
  const refused = [
    await preflight('/feedback', 'https://shop.example.evil'),
    await preflight('/feedback', 'http://shop.example'),
    await preflight('/feedback', 'null'),
    await preflight('/feedback', SHOP, 'GET'),
    await preflight('/v1/chat/completions', SHOP),
    await preflight('/openapi.json', SHOP),
  ];
  expect(refused.map(({ status, headers }) => [status, headers.get('access-control-allow-origin')])).toEqual(
    refused.map(() => [403, null]),
  );
  const sent = await ask(OURS, thumb('c1', { user: 'anybody' }), { key: 'page', origin: SHOP });
  expect([sent.status, sent.headers.get('access-control-allow-origin'), sent.headers.get('vary')]).toEqual([
    200,
    SHOP,
    'origin',
  ]);
  // A page reads why it was refused, too.
  const wrong = await ask(OURS, {}, { key: 'page', origin: SHOP });
  expect([wrong.status, wrong.headers.get('access-control-allow-origin')]).toEqual([400, SHOP]);
  // Another's key does not open it from there, nor this key from elsewhere.
  expect((await ask(OURS, thumb('c1'), { key: 'server', origin: SHOP })).status).toBe(403);
  expect((await ask(OURS, thumb('c1'), { key: 'page', origin: 'https://other.example' })).status).toBe(403);
  expect((await ask('GET /v1/preftune/feedback', undefined, { key: 'page', origin: SHOP })).status).toBe(403);
});

test('rows are made, read with what they came from, and decided on, each by its scope', async () => {
  await answered(ledger, { id: 'dictated', user: 'eve', prompt: 'Say hooray', answers: ['Hooray!'] });
  await ask(OURS, thumb('dictated'));
  expect((await ask('POST /v1/preftune/rows/build', {})).status).toBe(403);
  const built = await ask('POST /v1/preftune/rows/build', { max_per_user: 50 }, { key: 'trainer' });
  expect(built.body).toMatchObject({ object: 'preftune.rows.build', quarantined: { dictates_answer: 1 }, waiting: 1 });
  const list = await ask('GET /v1/preftune/rows?state=quarantined', undefined, { key: 'reader' });
  const [row] = list.body['data'] as { id: string; reasons: string[] }[];
  expect(row).toMatchObject({
    object: 'preftune.row',
    kind: 'single',
    reasons: ['dictates_answer'],
    state: 'quarantined',
  });
  const whole = await ask(`GET /v1/preftune/rows/${row!.id}`, undefined, { key: 'reader' });
  expect(whole.body['lineage']).toMatchObject({ inferences: ['dictated'], users: [ledger.room.hashUser('eve')] });
  const review = `POST /v1/preftune/rows/${row!.id}/review`;
  expect((await ask(review, { verdict: 'rejected' }, { key: 'reader' })).status).toBe(403);
  expect((await ask(review, { verdict: 'perhaps' }, { key: 'trainer' })).status).toBe(400);
  expect((await ask(review, { verdict: 'rejected', note: 'no' }, { key: 'trainer' })).body).toMatchObject({
    state: 'rejected',
    note: 'no',
  });
  expect((await ask('POST /v1/preftune/rows/row-0/review', { verdict: 'approved' }, { key: 'trainer' })).status).toBe(
    404,
  );
});

test('a form, a text and what is no JSON are refused', async () => {
  expect((await ask(OURS, 'kind=thumb', { 'content-type': 'text/plain' })).status).toBe(415);
  expect((await ask(OURS, '{"kind":')).status).toBe(400);
  expect((await ask(OURS, '[]')).status).toBe(400);
  expect((await ask(OURS, '['.repeat(9000), {})).status).toBe(400);
});
