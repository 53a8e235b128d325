import { once } from 'node:events';
import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { createBreaker } from '../src/serve/backends/upstream/breaker.ts';
import { createGate } from '../src/serve/backends/upstream/gate.ts';
import { cleanWords } from '../src/serve/backends/upstream/upstream-failure.ts';
import type { ServeError } from '../src/serve/serve-error.ts';
import {
  all,
  chunk,
  events,
  HELLO,
  open,
  startsStubs,
  STOP,
  streamed,
  unstreamed,
  whole,
  type Opened,
  type StubAnswer,
} from './support/stub-upstream.ts';

/** What goes wrong at an upstream, what is tried then, and what the client and the operator hear. */

const start = startsStubs();

const GOOD: StubAnswer = { body: whole({ content: 'good' }) };
const SOON = { 'retry-after-ms': '1' };
const failing = (
  status: number,
  error: unknown = { message: 'no' },
  headers: Record<string, string> = {},
): StubAnswer => ({
  status,
  body: { error },
  headers,
});
const ask = ({ backend }: Opened) => all(backend.chat(HELLO, unstreamed()));
const failure = (opened: Opened): Promise<ServeError> =>
  ask(opened).then(
    () => expect.unreachable(),
    (error: ServeError) => error,
  );
/** An address where nobody listens. */
async function deadUrl(): Promise<string> {
  const server = createTcpServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return `http://127.0.0.1:${port}/v1`;
}

test('failures that may pass are tried again, as often as the settings say', async () => {
  for (const status of [408, 409, 429, 500, 502, 503, 504]) {
    const stub = await start(failing(status, undefined, SOON), failing(status, undefined, SOON), GOOD);
    const opened = open([{ baseUrl: stub.url, retries: 2 }]);
    expect(await ask(opened)).toMatchObject([{ choices: [{ delta: { content: 'good' } }] }]);
    expect({ status, ...opened.backend.state() }).toMatchObject({ status, requests: 3, retries: 2, failures: 2 });
  }
  for (const status of [400, 401, 403, 404, 413, 422, 501]) {
    const stub = await start(failing(status), GOOD);
    await failure(open([{ baseUrl: stub.url, retries: 2 }]));
    expect({ status, requests: stub.requests.length }).toEqual({ status, requests: 1 });
  }
  const stub = await start((response) => void response.destroy(), GOOD);
  expect(await ask(open([{ baseUrl: stub.url, retries: 1 }]))).toHaveLength(1);
});

const toldOf = async (status: number, error: unknown, headers: Record<string, string> = {}) => {
  const stub = await start(failing(status, error, headers));
  const opened = open([{ baseUrl: stub.url, retries: 0, apiKeyEnv: 'KEY' }], {
    environment: { KEY: 'sk-secret-of-ours' },
  });
  const { status: own, message, code, param, retryAfterSeconds, shouldRetry } = await failure(opened);
  expect(`${message} ${opened.notes.join(' ')}`).not.toContain('sk-secret');
  return { status: own, message, code, param, retryAfterSeconds, shouldRetry, notes: opened.notes };
};

test('what a client hears of each status, and what its own fault is not', async () => {
  expect(
    await toldOf(401, { message: 'Incorrect API key provided: sk-secret-of-ours', code: 'invalid_api_key' }),
  ).toEqual({
    status: 502,
    message: 'The server behind this model refuses the key of this server; its operator has to look at it',
    code: 'upstream_auth',
    param: null,
    retryAfterSeconds: undefined,
    shouldRetry: false,
    notes: [
      'upstream up0: it refuses our key; check the variable KEY and what its key may use (status 401: Incorrect API key provided: ***)',
    ],
  });
  expect(await toldOf(403, { message: 'no access' })).toMatchObject({ status: 502, code: 'upstream_auth' });
  expect(await toldOf(404, { message: 'The model `m` does not exist' })).toMatchObject({
    status: 502,
    code: 'upstream_not_found',
    notes: [
      'upstream up0: check baseUrl (it ends with the version, such as /v1) and model (status 404: The model `m` does not exist)',
    ],
  });
  expect(await toldOf(429, { message: 'slow down' }, { 'retry-after': '7' })).toMatchObject({
    status: 429,
    retryAfterSeconds: 7,
    message: 'The server behind this model has too many requests: slow down',
  });
  expect(await toldOf(429, { message: 'pay', code: 'insufficient_quota' })).toMatchObject({
    status: 503,
    code: 'upstream_quota',
    shouldRetry: false,
  });
  expect(
    await toldOf(400, { message: 'temperature: too hot', param: 'temperature', code: 'invalid_value' }),
  ).toMatchObject({
    status: 400,
    message: 'The server behind this model refuses the request: temperature: too hot',
    param: 'temperature',
    code: 'invalid_value',
    notes: [],
  });
  expect(await toldOf(400, { message: 'filtered', code: 'content_filter' })).toMatchObject({
    status: 400,
    code: 'content_filter',
  });
  expect(await toldOf(501, { message: 'no tools here' })).toMatchObject({ status: 400, code: 'unsupported_parameter' });
});

test('every server says in its own words that a prompt is too long; clients get one code', async () => {
  const forms: readonly (readonly [number, unknown])[] = [
    [400, { message: "This model's maximum context length is 8192 tokens.", code: 'context_length_exceeded' }],
    [
      400,
      {
        object: 'error',
        message: 'The prompt (length 9000) is longer than the maximum model length of 8192',
        code: 400,
      },
    ],
    [
      400,
      {
        message: 'the request exceeds the available context size, try increasing it',
        type: 'exceed_context_size_error',
        code: 400,
      },
    ],
    [500, { message: 'input length exceeds the context length' }],
    [
      413,
      { message: 'Trying to keep the first 900 tokens when context the overflows. However, the context length is 512' },
    ],
    [422, { message: '`inputs` tokens + `max_new_tokens` must be <= 4096' }],
  ];
  for (const [status, error] of forms) {
    const stub = await start(failing(status, error), GOOD);
    const { status: own, code, message } = await failure(open([{ baseUrl: stub.url }]));
    expect({ error, own, code, requests: stub.requests.length }).toEqual({
      error,
      own: 400,
      code: 'context_length_exceeded',
      requests: 1,
    });
    expect(message).toContain('t');
  }
});

test('words of a server lose keys, addresses and paths', () => {
  expect(
    cleanWords(
      'Bad key Bearer abcdefgh12 or sk-proj-12345678 at\nhttp://10.0.0.7:8000/v1 in /home/vllm/app.py, and/or C:\\x\\y, our-own-key',
      ['our-own-key'],
    ),
  ).toBe('Bad key *** or *** at (address) in (path) and/or (path) ***');
  expect(cleanWords(`a\u0000b\u2028${'x'.repeat(9999)}`, [])).toHaveLength(500);
});

test('fallbacks answer in order, not each other, and what is told is what happened at the first', async () => {
  const [down, second, third] = [await start(failing(500)), await start(failing(401)), await start(GOOD)];
  const opened = open([
    { baseUrl: down.url, retries: 0, fallbacks: ['up1', 'up2'] },
    { baseUrl: second.url, retries: 0, fallbacks: ['up0'] },
    { baseUrl: third.url, model: 'm3' },
  ]);
  expect(await ask(opened)).toMatchObject([{ choices: [{ delta: { content: 'good' } }] }]);
  expect(third.requests[0]!.body.model).toBe('m3');
  expect(opened.backend.state().fallbacks).toBe(1);
  const both = open([
    { baseUrl: down.url, retries: 0, fallbacks: ['up1'] },
    { baseUrl: second.url, retries: 0 },
  ]);
  expect(await failure(both)).toMatchObject({ status: 502, code: 'upstream_error' });
});

test('nobody waits for a server that wants to be left alone while another can answer', async () => {
  const [limited, other] = [await start(failing(429, undefined, { 'retry-after': '5' })), await start(GOOD)];
  const opened = open([{ baseUrl: limited.url, retries: 3, fallbacks: ['up1'] }, { baseUrl: other.url }]);
  expect(await ask(opened)).toMatchObject([{ answered_by: 'up1' }]);
  expect(limited.requests).toHaveLength(1);
});

test('a fallback that lacks a field of the request is passed over; the first server that lacks it refuses', async () => {
  const [down, ollama] = [await start(failing(500)), await start(GOOD)];
  const opened = open([
    { baseUrl: down.url, kind: 'vllm', retries: 0, fallbacks: ['up1'] },
    { baseUrl: ollama.url, kind: 'ollama' },
  ]);
  const asking = (backend = opened.backend) => all(backend.chat({ ...HELLO, logprobs: true }, unstreamed()));
  await expect(asking()).rejects.toMatchObject({ status: 502, code: 'upstream_error' });
  await expect(asking(opened.backends.get('up1'))).rejects.toMatchObject({
    status: 400,
    param: 'logprobs',
    message: 'logprobs: the server behind this model (Ollama) does not have it; leave it out',
  });
  expect(ollama.requests).toHaveLength(0);
});

test('behind the first piece nothing is tried again: the error comes in the stream', async () => {
  const stub = await start((response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(`data: ${JSON.stringify(chunk({ content: 'a' }))}\n\n`, () => response.destroy());
  });
  const other = await start(GOOD);
  const { backend } = open([{ baseUrl: stub.url, fallbacks: ['up1'] }, { baseUrl: other.url }]);
  const pieces = backend.chat({ ...HELLO, stream: true }, streamed())[Symbol.asyncIterator]();
  expect((await pieces.next()).value).toMatchObject({ choices: [{ delta: { content: 'a' } }] });
  await expect(pieces.next()).rejects.toMatchObject({ status: 502, code: 'upstream_torn' });
  expect({ first: stub.requests.length, other: other.requests.length }).toEqual({ first: 1, other: 0 });
});

test('an error in the stream before the first piece is tried again, also behind a chunk with a role alone', async () => {
  const full = `data: ${JSON.stringify(chunk({ role: 'assistant', content: '' }))}\n\ndata: {"error":{"message":"queue is full","code":503}}\n\n`;
  const stub = await start({ body: full }, { body: events(chunk({ content: 'a' }), STOP) });
  const { backend } = open([{ baseUrl: stub.url, retries: 1 }]);
  expect(await all(backend.chat({ ...HELLO, stream: true }, streamed()))).toHaveLength(2);
});

const silent: StubAnswer = () => undefined;
const pings: StubAnswer = (response) => {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const timer = setInterval(() => response.write(': ping\n\n'), 5);
  response.on('close', () => clearInterval(timer));
};
const stops: StubAnswer = (response) => {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write(`data: ${JSON.stringify(chunk({ content: 'a' }))}\n\n`);
};

const lateBy = async (answer: StubAnswer, times: object, isStreamed = true) => {
  const stub = await start(answer);
  const { backend } = open([{ baseUrl: stub.url, retries: 5, ...times }]);
  const error = await all(backend.chat(HELLO, isStreamed ? streamed() : unstreamed())).catch(
    (thrown: unknown) => thrown,
  );
  while (stub.closedEarly === 0) await new Promise((resolve) => setImmediate(resolve));
  expect(stub.requests).toHaveLength(1);
  return error;
};

const late = (message: string) => ({ status: 504, code: 'upstream_timeout', message });

test('time limits: no answer, silence within one, and the whole', async () => {
  expect(await lateBy(silent, { firstTokenTimeoutMs: 50 })).toMatchObject(
    late('The server behind this model began no answer within 0.05 s'),
  );
  expect(await lateBy(pings, { firstTokenTimeoutMs: 50 })).toMatchObject(
    late('The server behind this model began no answer within 0.05 s'),
  );
  expect(await lateBy(stops, { idleTimeoutMs: 50 })).toMatchObject(
    late('The server behind this model said nothing for 0.05 s within its answer'),
  );
  expect(await lateBy(silent, { timeoutMs: 50 }, false)).toMatchObject(
    late('The server behind this model took longer than 0.05 s'),
  );
});

test('a server that takes connections and says nothing is given up', async () => {
  const mute = createTcpServer().listen(0, '127.0.0.1');
  await once(mute, 'listening');
  const { port } = mute.address() as AddressInfo;
  const opened = open([{ baseUrl: `https://127.0.0.1:${port}/v1`, retries: 0, connectTimeoutMs: 50 }]);
  expect(await failure(opened)).toMatchObject({ status: 502, code: 'upstream_unreachable' });
  expect(opened.notes).toEqual(['upstream up0: no connection: none within 0.05 s']);
  mute.close();
});

test('what a request can bring about does not shut others out', async () => {
  for (const answer of [failing(500), failing(400), failing(429), failing(422)]) {
    const stub = await start(answer);
    const opened = open([{ baseUrl: stub.url, retries: 0 }], { breaker: { threshold: 2 } });
    for (let at = 0; at < 4; at++) await failure(opened);
    expect(stub.requests).toHaveLength(4);
  }
  const stub = await start(failing(503));
  const opened = open([{ baseUrl: stub.url, retries: 0 }], { breaker: { threshold: 2 } });
  for (let at = 0; at < 4; at++) await failure(opened);
  expect(stub.requests).toHaveLength(2);
});

test('a slow reader is no silent server', async () => {
  const stub = await start((response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(`data: ${JSON.stringify(chunk({ content: 'a' }))}\n\n`);
    setTimeout(() => response.end(events(chunk({ content: 'b' }), STOP)), 20);
  });
  const { backend } = open([{ baseUrl: stub.url, idleTimeoutMs: 40 }]);
  let pieces = 0;
  for await (const _ of backend.chat({ ...HELLO, stream: true }, streamed())) {
    pieces++;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  expect(pieces).toBe(3);
});

test('a server that is down is left alone for a while, and let in again by one request', async () => {
  let now = 0;
  const breaker = createBreaker({ threshold: 2, restMs: 1000, nowMs: () => now });
  const enter = (): number => breaker.enter();
  expect(enter()).toBe(0);
  breaker.fail();
  expect([enter(), breaker.state]).toEqual([0, 'closed']);
  breaker.fail();
  expect([enter(), breaker.state]).toEqual([1000, 'open']);
  now = 1000;
  expect([enter(), breaker.state, enter()]).toEqual([0, 'trial', 1000]);
  breaker.fail();
  expect([enter(), breaker.state]).toEqual([2000, 'open']);
  now = 3000;
  expect(enter()).toBe(0);
  // The one that tried was cancelled: another may.
  breaker.leave();
  expect(enter()).toBe(0);
  breaker.succeed();
  expect([enter(), breaker.state]).toEqual([0, 'closed']);

  const [url, other] = [await deadUrl(), await start(GOOD)];
  const opened = open([{ baseUrl: url, retries: 0, fallbacks: ['up1'] }, { baseUrl: other.url }], {
    breaker: { threshold: 3 },
  });
  for (let at = 0; at < 10; at++) expect(await ask(opened)).toHaveLength(1);
  expect(opened.backend.state()).toMatchObject({ requests: 3, failures: 3, breaker: 'open', fallbacks: 10 });
  expect(opened.notes).toHaveLength(1);
  expect(opened.notes[0]).toMatch(/^upstream up0: no connection: .*ECONNREFUSED/);
  const alone = open([{ baseUrl: url, retries: 0 }], { breaker: { threshold: 1 } });
  expect(await failure(alone)).toMatchObject({
    status: 502,
    message: 'The server behind this model cannot be reached',
  });
  const resting = await failure(alone);
  expect(resting).toMatchObject({ status: 503, code: 'upstream_resting' });
  expect(resting.retryAfterSeconds).toBeGreaterThan(4);
});

test('so many at once, so many in line, and no more', async () => {
  const gate = createGate({ most: 1, mostWaiting: 2 });
  const { signal } = new AbortController();
  const leave = await gate.enter(signal);
  const leaving = new AbortController();
  const [second, third] = [gate.enter(leaving.signal), gate.enter(signal)];
  await expect(gate.enter(signal)).rejects.toMatchObject({ code: 'busy' });
  expect([gate.inside, gate.waiting]).toEqual([1, 2]);
  leaving.abort(new Error('gone'));
  await expect(second).rejects.toThrow('gone');
  leave();
  leave();
  (await third)();
  expect([gate.inside, gate.waiting]).toEqual([0, 0]);

  const stub = await start(() => undefined);
  const { backend } = open([{ baseUrl: stub.url, maxConcurrent: 1, maxWaiting: 0 }]);
  const going = new AbortController();
  const first = all(backend.chat(HELLO, unstreamed(going.signal)));
  while (stub.requests.length === 0) await new Promise((resolve) => setImmediate(resolve));
  await expect(all(backend.chat(HELLO, unstreamed()))).rejects.toMatchObject({ code: 'busy' });
  going.abort(new Error('gone'));
  await expect(first).rejects.toThrow('gone');
});

test('health: there, refusing, without the model, not there', async () => {
  const list = { body: { object: 'list', data: [{ id: 'm' }, { id: 'other' }] } };
  const stub = await start(list, list, failing(401), { body: '', headers: { 'content-type': 'text/plain' } });
  const health = (settings: object) => open([{ baseUrl: stub.url, ...settings }]).backend.health();
  expect(await health({ model: 'm' })).toEqual({ isUp: true, latencyMs: expect.any(Number), models: ['m', 'other'] });
  expect(await health({ model: 'x' })).toMatchObject({
    isUp: true,
    problem: 'upstream up0: it does not list the model x; it has m, other',
  });
  expect(await health({})).toMatchObject({
    isUp: false,
    problem: 'upstream up0: it refuses our key; name one by apiKeyEnv (status 401: no)',
  });
  expect(await health({ kind: 'vllm' })).toMatchObject({ isUp: true });
  expect(stub.requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
    'GET /v1/models',
    'GET /v1/models',
    'GET /v1/models',
    'GET /health',
  ]);
  const dead = await open([{ baseUrl: await deadUrl() }]).backend.health();
  expect(dead).toMatchObject({ isUp: false });
  expect(dead.problem).toContain('no connection');
});
