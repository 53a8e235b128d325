import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { streamText } from 'ai';
import OpenAI, { BadRequestError, InternalServerError, type APIError } from 'openai';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseServeSettings, startServer, type RunningServer } from '../../src/serve/index.ts';
import {
  chunk,
  events,
  startStub,
  STOP,
  whole,
  type StubAnswer,
  type StubRequest,
  type StubUpstream,
} from '../support/stub-upstream.ts';

/** Another server behind ours, asked by clients that know neither. */

type StubResponse = Parameters<Extract<StubAnswer, (...given: never[]) => unknown>>[0];
let answer: StubAnswer;
let stub: StubUpstream;
let server: RunningServer;
let client: OpenAI;
const notes: string[] = [];

beforeAll(async () => {
  stub = await startStub(async (response, request) => {
    if (request.method === 'GET') return void response.end('{"object":"list","data":[{"id":"their-model"}]}');
    if (typeof answer === 'function') return void (await answer(response, request));
    const isText = typeof answer.body === 'string';
    response.writeHead(answer.status ?? 200, { 'content-type': isText ? 'text/event-stream' : 'application/json' });
    response.end(isText ? answer.body : JSON.stringify(answer.body));
  });
  const environment = { THEIR_KEY: 'sk-their-secret-key', OUR_KEY: 'our-own-key-of-clients' };
  const upstream = { baseUrl: stub.url, model: 'their-model', apiKeyEnv: 'THEIR_KEY', retries: 0 };
  const settings = parseServeSettings(
    {
      port: 0,
      store: 'none',
      apiKeyEnv: 'OUR_KEY',
      keepAliveSeconds: 1,
      upstreams: [
        { ...upstream, name: 'big', kind: 'vllm' },
        { ...upstream, name: 'down', baseUrl: 'http://127.0.0.1:9/v1', fallbacks: ['big'] },
      ],
    },
    environment,
  );
  server = await startServer({
    settings,
    ledger: undefined,
    command: [],
    environment,
    resolve: async (model) => model,
    onNote: (note) => notes.push(note),
    version: '0.0.0',
  });
  await server.ready;
  client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: environment.OUR_KEY, maxRetries: 0, timeout: 10_000 });
});
afterAll(async () => {
  await server.close(0);
  await stub.close();
});

const ASK = { model: 'big', messages: [{ role: 'user' as const, content: 'Hello' }] };
const last = (): StubRequest => stub.requests.filter(({ method }) => method === 'POST').at(-1)!;
const USAGE = { choices: [], usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 } };
const calling = (...entries: readonly object[]): object => chunk({ tool_calls: entries });

test("OpenAI's client: whole and streamed, under our ids and names; its key stays here", async () => {
  answer = { body: { ...whole({ content: 'Hello' }), timings: { n: 1 } } };
  const got = await client.chat.completions.create({ ...ASK, user: 'me', metadata: { a: 'b' } });
  expect(got).toMatchObject({
    id: expect.stringMatching(/^chatcmpl-[0-9a-f]{24}$/),
    model: 'big',
    timings: { n: 1 },
    choices: [{ finish_reason: 'stop', message: { content: 'Hello' } }],
    usage: { total_tokens: 5 },
  });
  expect(last().headers.authorization).toBe('Bearer sk-their-secret-key');
  expect(last().body).toEqual({ model: 'their-model', messages: ASK.messages });
  answer = {
    body: events(
      chunk({ role: 'assistant', content: '' }),
      chunk({ content: 'Hel' }),
      chunk({ content: 'lo' }),
      STOP,
      USAGE,
    ),
  };
  const chunks = [];
  const stream = await client.chat.completions.create({
    ...ASK,
    stream: true,
    stream_options: { include_usage: true },
  });
  for await (const one of stream) chunks.push(one);
  expect(
    chunks.map(({ choices: [choice], usage }) => [choice?.delta, choice?.finish_reason, usage?.total_tokens]),
  ).toEqual([
    [{ role: 'assistant', content: 'Hel' }, null, undefined],
    [{ content: 'lo' }, null, undefined],
    [{}, 'stop', undefined],
    [undefined, undefined, 5],
  ]);
  expect(new Set(chunks.map(({ id, model }) => `${id} ${model}`)).size).toBe(1);
});

test("OpenAI's client and Vercel's put mended tool calls together", async () => {
  const tools = [
    { type: 'function' as const, function: { name: 'weather', parameters: { type: 'object', properties: {} } } },
  ];
  answer = {
    body: events(
      calling({ index: 0, id: 'a', function: { name: 'weather', arguments: { city: 'Rome' } } }),
      calling({ index: 0, id: 'b', function: { name: 'weather', arguments: '{"city":' } }),
      calling({ index: 0, id: 'c', function: { arguments: '"Oslo"}' } }),
      STOP,
      USAGE,
    ),
  };
  const final = await client.chat.completions.stream({ ...ASK, tools }).finalChatCompletion();
  expect(final.choices[0]).toMatchObject({
    finish_reason: 'tool_calls',
    message: {
      tool_calls: [
        { id: 'a', function: { name: 'weather', arguments: '{"city":"Rome"}' } },
        { id: 'b', function: { name: 'weather', arguments: '{"city":"Oslo"}' } },
      ],
    },
  });
  const provider = createOpenAICompatible({
    name: 'preftune',
    baseURL: `${server.url}/v1`,
    apiKey: 'our-own-key-of-clients',
  });
  const streaming = streamText({ model: provider('big'), prompt: 'Hello' });
  expect((await streaming.toolCalls).map(({ toolCallId, input }) => [toolCallId, input])).toEqual([
    ['a', { city: 'Rome' }],
    ['b', { city: 'Oslo' }],
  ]);
  expect(await streaming.finishReason).toBe('tool-calls');
});

test('errors: of the request, of our key, and in the middle of a stream', async () => {
  answer = { status: 400, body: { error: { message: 'maximum context length is 10 tokens', code: 400 } } };
  const long = await client.chat.completions.create(ASK).catch((error: unknown) => error);
  expect(long).toBeInstanceOf(BadRequestError);
  expect(long).toMatchObject({ status: 400, code: 'context_length_exceeded' });
  answer = { status: 401, body: { error: { message: 'wrong key sk-their-secret-key' } } };
  const refused = await client.chat.completions.create(ASK).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(InternalServerError);
  expect(refused).toMatchObject({ status: 502, code: 'upstream_auth' });
  expect((refused as APIError).headers!.get('x-should-retry')).toBe('false');
  answer = { body: events(chunk({ content: 'a' }), { error: { message: 'engine died', code: 500 } }) };
  const stream = await client.chat.completions.create({ ...ASK, stream: true });
  const read = async (): Promise<void> => {
    for await (const _ of stream);
  };
  await expect(read()).rejects.toThrow('The server behind this model failed: engine died');
  expect(notes.join('\n')).not.toContain('sk-their-secret-key');
});

test('while a long prompt is read a stream says that it lives; what fails then is an error in the stream', async () => {
  const waiting = new Map<string, StubResponse>();
  answer = (response, { body }) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    waiting.set((body as typeof ASK).messages[0]!.content, response);
  };
  const told = async (content: string, body: string): Promise<string> => {
    const got = await fetch(`${server.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: 'Bearer our-own-key-of-clients', 'content-type': 'application/json' },
      body: JSON.stringify({ ...ASK, messages: [{ role: 'user', content }], stream: true }),
    });
    const reader = got.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = (await reader.read()).value!;
    expect([got.status, text]).toEqual([200, ': still working\n\n']);
    waiting.get(content)!.end(body);
    for (let next = await reader.read(); !next.done; next = await reader.read()) text += next.value;
    return text;
  };
  const [good, bad] = await Promise.all([
    told('good', events(chunk({ content: 'a' }), STOP, USAGE)),
    told('bad', events({ error: { message: 'engine died', code: 500 } })),
  ]);
  expect(good).toMatch(/"content":"a"[^]*data: \[DONE\]\n\n$/);
  expect(bad).toMatch(/data: \{"error":\{"message":"The server behind this model failed: engine died"[^]*\n\n$/);
  expect(bad).not.toContain('[DONE]');
});

test('a client that goes is gone for the server too', async () => {
  answer = (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(`data: ${JSON.stringify(chunk({ content: 'a' }))}\n\n`);
  };
  const before = stub.closedEarly;
  const stream = await client.chat.completions.create({ ...ASK, stream: true });
  for await (const _ of stream) break;
  stream.controller.abort();
  while (stub.closedEarly === before) await new Promise((resolve) => setTimeout(resolve, 1));
  answer = () => undefined;
  const leaving = new AbortController();
  const posts = stub.requests.length;
  const waiting = client.chat.completions.create(ASK, { signal: leaving.signal });
  while (stub.requests.length === posts) await new Promise((resolve) => setTimeout(resolve, 1));
  leaving.abort();
  await expect(waiting).rejects.toThrow('aborted');
  while (stub.closedEarly === before + 1) await new Promise((resolve) => setTimeout(resolve, 1));
  expect(stub.closedEarly).toBe(before + 2);
});

test('a fallback says its name; figures tell what happened where', async () => {
  answer = { body: whole({ content: 'Hello' }) };
  expect(await client.chat.completions.create({ ...ASK, model: 'down' })).toMatchObject({
    model: 'down',
    answered_by: 'big',
  });
  const response = await fetch(`${server.url}/metrics`, {
    headers: { authorization: 'Bearer our-own-key-of-clients' },
  });
  const figures = await response.text();
  expect(figures).toContain('preftune_upstream_fallbacks{upstream="down"} 1\n');
  expect(figures).toContain('preftune_upstream_failures{upstream="down"} 1\n');
  expect(figures).toContain('preftune_upstream_up{upstream="big"} 1\n');
  expect(figures).toMatch(/preftune_upstream_mends\{upstream="big"\} [1-9]/);
  expect(notes.some((note) => note.startsWith('upstream down: no connection'))).toBe(true);
});
