import OpenAI, { APIError, APIUserAbortError, BadRequestError, ConflictError, InternalServerError } from 'openai';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Backend, ChatPiece } from '../../src/serve/backends/backend.ts';
import { parseServeSettings, ServeError, startServer, type RunningServer } from '../../src/serve/index.ts';
import { chunk, events, startStub, STOP, whole, type StubAnswer, type StubUpstream } from '../support/stub-upstream.ts';

/** The rules by which OpenAI's client repeats requests, by the client itself. It waits at least half a second where nothing is said, so that each refusal here says how long. */
let stub: StubUpstream;
let server: RunningServer;
let client: OpenAI;
/** What the server behind ours answers, one after the other; the last one from then on. */
let answers: StubAnswer[] = [];
/** What the backend that fails does for each request. */
let failures: (() => AsyncIterable<ChatPiece>)[] = [];
let attempts = 0;
const ended: string[] = [];

const GOOD: StubAnswer = { body: whole({ content: 'Hello' }) };
const PIECE: ChatPiece = { choices: [{ index: 0, delta: { role: 'assistant', content: 'Hel' }, finish_reason: null }] };
const DONE: ChatPiece = { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] };

async function* good(): AsyncGenerator<ChatPiece> {
  yield PIECE;
  yield DONE;
}
/** Fails before the first piece. */
const refusing = (error: ServeError) => (): AsyncIterable<ChatPiece> => ({
  [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(error) }),
});
async function* breaking(): AsyncGenerator<ChatPiece> {
  yield PIECE;
  throw new Error('/home/operator/secret: a matrix fell over');
}

const FAILING: Backend = {
  kind: 'engine',
  async *chat(_body, { signal }) {
    signal.addEventListener('abort', () => ended.push('aborted'));
    yield* (failures.length > 1 ? failures.shift()! : failures[0]!)();
  },
  async *complete() {},
};

beforeAll(async () => {
  stub = await startStub(async (response, request) => {
    if (request.method === 'GET') return void response.end('{"object":"list","data":[{"id":"their-model"}]}');
    const answer = answers.length > 1 ? answers.shift()! : answers[0]!;
    if (typeof answer === 'function') return void (await answer(response, request));
    const isText = typeof answer.body === 'string';
    response.writeHead(answer.status ?? 200, {
      'content-type': isText ? 'text/event-stream' : 'application/json',
      ...answer.headers,
    });
    response.end(isText ? answer.body : JSON.stringify(answer.body));
  });
  server = await startServer({
    settings: parseServeSettings(
      { port: 0, store: 'none', upstreams: [{ name: 'big', baseUrl: stub.url, model: 'their-model', retries: 0 }] },
      {},
    ),
    ledger: undefined,
    command: [],
    environment: {},
    resolve: async (model) => model,
    onNote: () => undefined,
    version: '0.0.0',
  });
  await server.ready;
  const version = {
    id: 'failing@1',
    name: 'failing',
    kind: 'model',
    parent: undefined,
    root: 'x',
    createdAt: 0,
  } as const;
  server.book.put({ ...version, maxTokens: undefined, backend: FAILING }, async () => undefined);
  client = new OpenAI({
    baseURL: `${server.url}/v1`,
    apiKey: 'none',
    maxRetries: 2,
    timeout: 10_000,
    fetch: (url, init) => {
      attempts++;
      return fetch(url, init);
    },
  });
});
afterAll(async () => {
  await server.close(0);
  await stub.close();
});
beforeEach(() => {
  attempts = 0;
});

const messages = [{ role: 'user' as const, content: 'Hello' }];
const ask = (model: string) => client.chat.completions.create({ model, messages });

test.each([
  ['408', 408],
  ['409', 409],
  ['429', 429],
  ['500', 500],
  ['503', 503],
])('%s is repeated after the time that is said, and then answered', async (_name, status) => {
  const error = new ServeError(status, 'not now', { retryAfterSeconds: 0.02 });
  failures = [refusing(error), refusing(error), good];
  const { data, response } = await ask('failing').withResponse();
  expect([attempts, data.choices[0]!.message.content]).toEqual([3, 'Hel']);
  expect(response.headers.get('x-should-retry')).toBeNull();
});

test('retry-after-ms says it to the millisecond, retry-after in whole seconds for those who know no other', async () => {
  failures = [refusing(new ServeError(429, 'not now', { retryAfterSeconds: 0.02 })), good];
  const own = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none', maxRetries: 0 });
  const error = (await own.chat.completions
    .create({ model: 'failing', messages })
    .catch((thrown: unknown) => thrown)) as APIError;
  expect([error.headers!.get('retry-after-ms'), error.headers!.get('retry-after')]).toEqual(['20', '1']);
});

test('other 4xx are told at once', async () => {
  for (const status of [400, 401, 403, 404, 413, 422]) {
    attempts = 0;
    failures = [refusing(new ServeError(status, 'never'))];
    await expect(ask('failing')).rejects.toMatchObject({ status, message: `${status} never` });
    expect([status, attempts]).toEqual([status, 1]);
  }
  attempts = 0;
  await expect(client.chat.completions.create({ model: 'failing', messages: [] })).rejects.toThrow(BadRequestError);
  expect(attempts).toBe(1);
});

test('x-should-retry decides either way', async () => {
  failures = [refusing(new ServeError(409, 'it is so', { shouldRetry: false }))];
  await expect(ask('failing')).rejects.toThrow(ConflictError);
  expect(attempts).toBe(1);
  failures = [refusing(new ServeError(503, 'nobody can mend it', { shouldRetry: false }))];
  attempts = 0;
  await expect(ask('failing')).rejects.toThrow(InternalServerError);
  expect(attempts).toBe(1);
  failures = [refusing(new ServeError(404, 'not yet', { shouldRetry: true, retryAfterSeconds: 0.02 })), good];
  attempts = 0;
  expect((await ask('failing')).choices[0]!.message.content).toBe('Hel');
  expect(attempts).toBe(2);
});

test('what another server says of waiting reaches the client, and is kept to', async () => {
  const busy: StubAnswer = {
    status: 429,
    headers: { 'retry-after-ms': '20' },
    body: { error: { message: 'slow down', type: 'rate_limit_error', code: 'rate_limit_exceeded' } },
  };
  answers = [busy, GOOD];
  expect((await ask('big')).choices[0]!.message.content).toBe('Hello');
  expect(attempts).toBe(2);
});

/** What a client has of a stream, and what it throws. */
async function read(model: string): Promise<[string, APIError]> {
  let text = '';
  try {
    for await (const one of await client.chat.completions.create({ model, messages, stream: true }))
      text += one.choices[0]?.delta.content ?? '';
  } catch (thrown) {
    return [text, thrown as APIError];
  }
  throw new Error('the stream ended as if it were whole');
}

test('a failure in the middle of a stream is thrown in the middle, once, without our paths', async () => {
  failures = [breaking];
  const [text, error] = await read('failing');
  expect([text, attempts]).toEqual(['Hel', 1]);
  expect(error).toBeInstanceOf(APIError);
  expect(error.message).toBe('The server had a fault of its own while it answered; its log says more');
  expect([error.code, error.type]).toEqual(['internal_error', 'server_error']);
});

test('so is another server that breaks off, or says in the middle that it failed', async () => {
  answers = [
    (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(events(chunk({ content: 'Hel' })).replace('data: [DONE]\n\n', ''), () => response.destroy());
    },
  ];
  const [torn, broken] = await read('big');
  expect([torn, broken instanceof APIError, broken.type]).toEqual(['Hel', true, 'server_error']);
  answers = [{ body: `${events(chunk({ content: 'Hel' }), { error: { message: 'CUDA died', code: 500 } })}` }];
  const [told, failed] = await read('big');
  expect([told, failed instanceof APIError, failed.code]).toEqual(['Hel', true, 'upstream_error']);
  expect(attempts).toBe(2);
  // The next one is answered as ever.
  answers = [{ body: events(chunk({ content: 'Hello' }), STOP) }];
  let text = '';
  for await (const one of await client.chat.completions.create({ model: 'big', messages, stream: true }))
    text += one.choices[0]?.delta.content ?? '';
  expect(text).toBe('Hello');
});

/** Says something, and then nothing. */
async function* slow(): AsyncGenerator<ChatPiece> {
  yield PIECE;
  await new Promise((resolve) => setTimeout(resolve, 10_000).unref());
}

test('a time limit and an abort of the client end the answer on the server', async () => {
  failures = [slow];
  ended.length = 0;
  const late = client.chat.completions.create({ model: 'failing', messages }, { timeout: 50, maxRetries: 0 });
  await expect(late).rejects.toThrow('Request timed out.');
  await expect.poll(() => ended).toEqual(['aborted']);
  const controller = new AbortController();
  const stream = await client.chat.completions.create(
    { model: 'failing', messages, stream: true },
    { signal: controller.signal, maxRetries: 0 },
  );
  const reading = (async () => {
    for await (const _ of stream) controller.abort();
  })();
  await reading.catch((thrown: unknown) => expect(thrown).toBeInstanceOf(APIUserAbortError));
  await expect.poll(() => ended).toEqual(['aborted', 'aborted']);
});
