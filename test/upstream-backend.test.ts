import { expect, test } from 'vitest';
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
  type StubAnswer,
} from './support/stub-upstream.ts';
import { ChatAccumulator } from '../src/serve/openai/accumulate.ts';

const start = startsStubs();

test('a stream: role once, pieces as they come, why it ended and usage last; unknown fields travel along', async () => {
  const stub = await start({
    body: events(
      chunk({ role: 'assistant', content: '' }),
      { ...chunk({ content: 'Hel' }), service_tier: 'flex', system_fingerprint: 'fp_1' },
      chunk({ content: 'lo' }, { content_filter_results: { hate: { filtered: false } } }),
      STOP,
      { choices: [], usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 }, timings: { n: 1 } },
    ),
  });
  const { backend, notes } = open([{ baseUrl: stub.url, model: 'm', apiKeyEnv: 'KEY' }], {
    environment: { KEY: 'sk-secret-of-ours' },
  });
  expect(await all(backend.chat({ ...HELLO, stream: true }, streamed()))).toEqual([
    {
      service_tier: 'flex',
      system_fingerprint: 'fp_1',
      choices: [{ index: 0, delta: { role: 'assistant', content: 'Hel' }, finish_reason: null }],
    },
    {
      system_fingerprint: 'fp_1',
      choices: [
        {
          index: 0,
          delta: { content: 'lo' },
          finish_reason: null,
          content_filter_results: { hate: { filtered: false } },
        },
      ],
    },
    {
      system_fingerprint: 'fp_1',
      timings: { n: 1 },
      choices: [{ index: 0, delta: {}, finish_reason: 'stop' }],
      usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
    },
  ]);
  const [{ path, headers, body }] = stub.requests as [(typeof stub.requests)[number]];
  expect(path).toBe('/v1/chat/completions');
  expect(headers.authorization).toBe('Bearer sk-secret-of-ours');
  expect(body).toEqual({
    model: 'm',
    messages: [{ role: 'user', content: 'Hello' }],
    stream: true,
    stream_options: { include_usage: true },
  });
  expect(notes).toEqual([]);
  expect(backend.state()).toMatchObject({ requests: 1, failures: 0, retries: 0, running: 0, mends: {} });
});

test('a whole answer is one piece, which the same accumulator puts together', async () => {
  const stub = await start({ body: whole({ content: 'Hello', annotations: [] }) });
  const { backend } = open([{ baseUrl: stub.url }]);
  const pieces = await all(backend.chat(HELLO, unstreamed()));
  expect(pieces).toHaveLength(1);
  const gathered = new ChatAccumulator();
  gathered.add(pieces[0]!);
  expect(gathered.whole({ id: 'ours', created: 7, model: 'client-name' })).toEqual({
    id: 'ours',
    object: 'chat.completion',
    created: 7,
    model: 'client-name',
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: 'Hello', refusal: null },
        logprobs: null,
        finish_reason: 'stop',
      },
    ],
    usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
  });
  expect(stub.requests[0]!.body).toEqual({ model: 'up0', messages: HELLO.messages });
});

test('requests in a row use one connection, streams included', async () => {
  const stub = await start({ body: events(chunk({ content: 'a' }), STOP) });
  const { backend } = open([{ baseUrl: stub.url }]);
  for (let at = 0; at < 5; at++) await all(backend.chat({ ...HELLO, stream: true }, streamed()));
  expect(stub.requests).toHaveLength(5);
  // The end of an answer may come a moment behind its [DONE].
  expect(stub.connections).toBeLessThanOrEqual(2);
});

/** Begins, and never ends. */
const hang: StubAnswer = (response) => {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write(`data: ${JSON.stringify(chunk({ content: 'a' }))}\n\n`);
};

test('a client that goes ends the request at the server at once, streamed or not, waiting or not', async () => {
  const stub = await start(hang, () => undefined);
  const { backend } = open([{ baseUrl: stub.url, retries: 3 }]);
  const closed = async (count: number): Promise<void> => {
    while (stub.closedEarly < count) await new Promise((resolve) => setImmediate(resolve));
  };
  const leaving = new AbortController();
  const reason = new Error('the client is gone');
  const pieces = backend.chat({ ...HELLO, stream: true }, streamed(leaving.signal))[Symbol.asyncIterator]();
  expect((await pieces.next()).value).toMatchObject({ choices: [{ delta: { content: 'a' } }] });
  const next = pieces.next();
  leaving.abort(reason);
  await expect(next).rejects.toBe(reason);
  await closed(1);
  const second = new AbortController();
  const answer = all(backend.chat(HELLO, unstreamed(second.signal)));
  while (stub.requests.length < 2) await new Promise((resolve) => setImmediate(resolve));
  second.abort(reason);
  await expect(answer).rejects.toBe(reason);
  await closed(2);
  expect(stub.requests).toHaveLength(2);
  expect(backend.state()).toMatchObject({ running: 0, breaker: 'closed' });
});

test('a consumer that stops reading ends it too', async () => {
  const stub = await start(hang);
  const { backend } = open([{ baseUrl: stub.url }]);
  for await (const _ of backend.chat({ ...HELLO, stream: true }, streamed())) break;
  while (stub.closedEarly < 1) await new Promise((resolve) => setImmediate(resolve));
  expect(backend.state().running).toBe(0);
});
