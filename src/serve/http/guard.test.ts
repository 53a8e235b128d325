import { beforeAll, expect, test } from 'vitest';
import type { Scope } from '../../api/index.ts';
import type { KeyRecord } from '../../ledger/index.ts';
import { parseServeSettings } from '../config/serve-config.ts';
import { createModelBook } from '../models/model-book.ts';
import { serveRoutes } from '../routes.ts';
import type { ServeServices } from '../services.ts';
import { createAllowance } from './allowance.ts';
import { createApp, type ServeApp } from './app.ts';
import { createMetrics } from './metrics.ts';
import { createSessions, type Sessions } from './session.ts';

const KEYS: Readonly<Record<string, Partial<KeyRecord> & { readonly scopes: readonly Scope[] }>> = {
  infer: { scopes: ['infer'] },
  read: { scopes: ['read'] },
  train: { scopes: ['train'] },
  admin: { scopes: ['admin'] },
  page: { scopes: ['feedback'], origins: ['https://shop.example'] },
};

const findKey = (key: string): KeyRecord | undefined => {
  const found = KEYS[key];
  return found && { id: `key_${key}`, name: key, createdAt: 0, ...found };
};

const OPEN = [
  'GET /health',
  'GET /ready',
  'GET /login/x',
  'GET /v1/preftune/session',
  'POST /v1/preftune/session',
  'GET /',
  'GET /ui',
  'GET /ui/',
  'GET /ui/x',
];
/** For whoever has any key or session. */
const ANYBODY = ['GET /openapi.json', 'PUT /v1/preftune/session', 'DELETE /v1/preftune/session'];

let sessions: Sessions;
beforeAll(async () => {
  sessions = await createSessions({
    room: undefined,
    keyOf: (id) => findKey(id.replace('key_', '')),
    isClosed: () => true,
  });
});

function serveApp(more: { readonly hasKeys?: boolean; readonly auth?: 'keys' | 'upstream' } = {}): ServeApp {
  const services: ServeServices = {
    book: createModelBook(),
    ledger: undefined,
    forwarder: undefined,
    receiver: undefined,
    access: { sessions, findKey, needsKey: () => true },
    experiments: undefined,
    arms: undefined,
    metrics: createMetrics({ gauges: () => ({ running: 0, waiting: 0 }) }),
    limits: parseServeSettings({ model: 'm' }),
    jobs: undefined,
    adapters: {
      load: () => Promise.reject(new Error('not here')),
      unload: () => Promise.reject(new Error('not here')),
    },
    feedback: undefined,
    feedbackAllowance: createAllowance({}),
    requireRoom: () => undefined,
    spend: () => undefined,
    tellFault: () => undefined,
    isReady: () => true,
  };
  return createApp({
    services,
    version: '1.2.3',
    routes: serveRoutes({ services, adapterRoots: [] }),
    auth: more.auth ?? 'keys',
    findKey,
    findSession: (token) => sessions.find(token),
    hasKeys: () => more.hasKeys ?? true,
    allowedHosts: new Set(['localhost']),
    allowedOrigins: new Set(['https://app.example']),
  });
}

async function ask(
  { app }: ServeApp,
  where: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<[number, string | null]> {
  const [method, path] = where.split(' ') as [string, string];
  const answer = await app.request(`http://localhost${path}`, {
    method,
    headers: { host: 'localhost', 'content-type': 'application/json', ...headers },
    ...(method === 'GET' || method === 'DELETE' || method === 'OPTIONS' ? {} : { body: '{}' }),
  });
  const { error } = (await answer.json().catch(() => ({}))) as { error?: { code: string | null } };
  return [answer.status, error?.code ?? null];
}

/** Every route of the router, not of a list of ours, with a value for each of its names. */
function everyRoute({ app }: ServeApp): string[] {
  const routes = app.routes.filter(({ method, path }) => method !== 'ALL' && path !== '*');
  return [...new Set(routes.map(({ method, path }) => `${method} ${path.replaceAll(/:\w+(\{[^}]*\})?/g, 'x')}`))];
}

/** Probes, and the files of the page, which hold nothing of anybody. */

test('every route but the probes is closed to whoever has no key, and to a key of another scope', async () => {
  const server = serveApp();
  const routes = everyRoute(server);
  expect(routes.length).toBeGreaterThan(12);
  const open: string[] = [];
  const wrong: string[] = [];
  for (const route of routes) {
    const [, code] = await ask(server, route);
    // A link or a key that is wrong is refused by the routes that take them.
    if (code !== 'invalid_api_key') open.push(route);
    const [status] = await ask(server, route, { authorization: 'Bearer page' });
    if (status !== 403) wrong.push(route);
  }
  expect(open.toSorted()).toEqual(OPEN.toSorted());
  // The browser's key may send feedback and read what routes there are, and nothing else.
  const own = [...ANYBODY, 'POST /feedback', 'POST /v1/preftune/feedback'];
  expect(wrong.toSorted()).toEqual([...OPEN, ...own].toSorted());
});

test('a session has the scopes of its key, from the page of the server alone, until it ends', async () => {
  const server = serveApp();
  const { token, session } = await sessions.begin({ keyId: 'key_read', scopes: ['read'] });
  const cookie = { cookie: `other=1; preftune=${token}` };
  const own = { ...cookie, origin: 'http://localhost', 'sec-fetch-site': 'same-origin' };
  expect(await ask(server, 'GET /v1/chat/completions', own)).toEqual([404, 'not_stored']);
  expect(await ask(server, 'GET /v1/chat/completions', cookie)).toEqual([404, 'not_stored']);
  expect(await ask(server, 'POST /v1/chat/completions', own)).toEqual([403, 'insufficient_scope']);
  expect(await ask(server, 'DELETE /v1/chat/completions/x', own)).toEqual([404, 'not_stored']);
  // Without an origin nobody knows which page asks; other ports of this machine, and origins that may ask with a key, are other pages.
  const foreign = [
    cookie,
    { ...cookie, 'sec-fetch-site': 'none' },
    { ...cookie, origin: 'https://app.example' },
    { ...own, 'sec-fetch-site': 'same-site' },
  ];
  for (const headers of foreign) expect((await ask(server, 'DELETE /v1/chat/completions/x', headers))[1]).toBe('csrf');
  expect(await ask(server, 'GET /v1/chat/completions', { ...cookie, 'sec-fetch-site': 'same-site' })).toEqual([
    403,
    'csrf',
  ]);
  // Behind TLS only the cookie that no other host can have set counts; of another port it is another server's.
  expect((await ask(server, 'GET /v1/models', { ...cookie, 'x-forwarded-proto': 'https' }))[0]).toBe(401);
  expect((await ask(server, 'GET /v1/models', { ...cookie, host: 'localhost:8000' }))[0]).toBe(401);
  await sessions.end(session);
  expect((await ask(server, 'GET /v1/chat/completions', own))[0]).toBe(401);
  // A session of rights that are gone.
  const lost = await sessions.begin({ keyId: 'key_gone', scopes: ['admin'] });
  expect((await ask(server, 'GET /v1/models', { cookie: `preftune=${lost.token}` }))[0]).toBe(401);
});

test('where no key is asked for, a session keeps to its own scopes', async () => {
  const server = serveApp({ hasKeys: false });
  const { token } = await sessions.begin({ keyId: 'owner', scopes: ['label'] });
  expect((await ask(server, 'GET /v1/preftune/audit', { cookie: `preftune=${token}` }))[0]).toBe(403);
});

test('scopes: infer asks, read reads, train takes adapters out, admin may all', async () => {
  const server = serveApp();
  const reach = async (key: string): Promise<string[]> => {
    const reached: string[] = [];
    for (const route of everyRoute(server)) {
      const [status] = await ask(server, route, { authorization: `Bearer ${key}` });
      if (status !== 401 && status !== 403) reached.push(route);
    }
    return reached.filter((route) => ![...OPEN, ...ANYBODY].includes(route));
  };
  expect(await reach('infer')).toEqual([
    'POST /v1/chat/completions',
    'POST /v1/completions',
    'GET /v1/models',
    'GET /v1/models/x',
    'POST /tokenize',
    'POST /detokenize',
  ]);
  const read = await reach('read');
  expect(read).toContain('GET /v1/chat/completions/x');
  expect(read).not.toContain('POST /v1/chat/completions');
  expect((await reach('train')).filter((route) => route.startsWith('DELETE'))).toContain('DELETE /v1/models/x');
  const all = everyRoute(server).length - OPEN.length - ANYBODY.length;
  // Without folders of adapters loading is refused for another reason.
  expect(await reach('admin')).toHaveLength(all);
});

test('what is no route is 404 for those who may ask, and 401 for others', async () => {
  const server = serveApp();
  const strange = ['GET /v1', 'POST /v1/models', 'GET /v1/chat/completions/../models', 'PUT /v1/completions'];
  for (const where of strange) expect([where, (await ask(server, where))[0]]).toEqual([where, 401]);
  for (const where of ['GET /nope', 'GET /.env', 'POST /v1/models', 'GET /%2e%2e/%2e%2e/etc/passwd'])
    expect([where, await ask(server, where, { authorization: 'Bearer admin' })]).toEqual([where, [404, 'unknown_url']]);
});

test('keys come as Bearer or as Azure sends them; anything else is none', async () => {
  const server = serveApp();
  const of = async (headers: Readonly<Record<string, string>>): Promise<number> =>
    (await ask(server, 'GET /v1/models', headers))[0];
  expect(await of({ authorization: 'Bearer infer' })).toBe(200);
  expect(await of({ authorization: 'bearer infer' })).toBe(200);
  expect(await of({ 'api-key': 'infer' })).toBe(200);
  for (const authorization of ['Basic infer', 'Bearer', 'Bearer infer x', "Bearer ' OR 1=1 --", 'infer'])
    expect([authorization, await of({ authorization })]).toEqual([authorization, 401]);
});

test('a server without keys is open to this machine, by its own names and pages alone', async () => {
  const server = serveApp({ hasKeys: false });
  expect(await ask(server, 'GET /v1/models')).toEqual([200, null]);
  expect(await ask(server, 'GET /v1/models', { host: 'localhost:8000' })).toEqual([200, null]);
  expect(await ask(server, 'GET /v1/models', { host: 'LOCALHOST.' })).toEqual([200, null]);
  for (const host of ['evil.example', 'localhost.evil.example', 'evil.example:8000', '', '127.0.0.1.nip.io'])
    expect([host, await ask(server, 'GET /v1/models', { host })]).toEqual([host, [403, 'host_not_allowed']]);
  const origins: [string, number][] = [
    ['http://localhost', 200],
    ['https://app.example', 200],
    ['https://evil.example', 403],
    ['https://app.example.evil.example', 403],
    ['null', 403],
  ];
  for (const [origin, status] of origins)
    expect([origin, (await ask(server, 'GET /v1/models', { origin }))[0]]).toEqual([origin, status]);
  expect(await ask(server, 'GET /v1/models', { 'sec-fetch-site': 'cross-site' })).toEqual([403, 'origin_not_allowed']);
});

test('where what stands in front asks for keys, none is asked for here', async () => {
  expect((await ask(serveApp({ auth: 'upstream' }), 'GET /v1/models'))[0]).toBe(200);
});

test('browsers are told which origins may ask, and no other', async () => {
  const { app } = serveApp();
  const preflight = async (origin: string): Promise<string | null> => {
    const answer = await app.request('http://localhost/v1/models', {
      method: 'OPTIONS',
      headers: { host: 'localhost', origin, 'access-control-request-method': 'GET' },
    });
    return answer.headers.get('access-control-allow-origin');
  };
  expect(await preflight('https://app.example')).toBe('https://app.example');
  expect(await preflight('https://evil.example')).toBeNull();
});

test('every route stands in /openapi.json', async () => {
  const server = serveApp({ hasKeys: false });
  const answer = await server.app.request('http://localhost/openapi.json', { headers: { host: 'localhost' } });
  const { paths } = (await answer.json()) as { paths: Record<string, Record<string, unknown>> };
  const told = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replaceAll(/\{\w+\}/g, 'x')}`),
  );
  expect(told.toSorted()).toEqual(
    everyRoute(server)
      .filter((route) => route !== 'GET /openapi.json')
      .toSorted(),
  );
});

test('every answer has an id and headers that keep browsers from guessing', async () => {
  const { app } = serveApp();
  const { headers } = await app.request('http://localhost/v1/models', { headers: { host: 'localhost' } });
  expect(headers.get('x-request-id')).toMatch(/^req_[0-9a-f]{24}$/);
  expect(headers.get('x-content-type-options')).toBe('nosniff');
  expect(headers.get('www-authenticate')).toBe('Bearer');
});
