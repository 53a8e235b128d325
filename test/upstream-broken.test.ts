import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { JsonObject } from '../src/core/index.ts';
import type { ServeError } from '../src/serve/serve-error.ts';
import { askStub } from './support/ask-stub.ts';
import {
  all,
  chunk,
  events,
  HELLO,
  open,
  startStub,
  STOP,
  streamed,
  unstreamed,
  whole,
  type StubAnswer,
} from './support/stub-upstream.ts';

/** What servers send that no answer can be made of: it is told, and never an answer that looks whole. */

async function failure(answer: StubAnswer, body: JsonObject = {}, isStreamed = true): Promise<ServeError> {
  const error = await askStub(answer, { body, isStreamed }).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toMatchObject({ name: 'ServeError' });
  return error as ServeError;
}

/** A piece of tool calls. */
const calls = (...entries: readonly object[]): object => chunk({ tool_calls: entries });
const USAGE = { choices: [], usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 } };

test('an error in the stream is no empty answer (BerriAI/litellm #40578), whichever form it has', async () => {
  const forms: readonly [object, number, string][] = [
    [{ error: { message: 'queue is full', type: 'rate_limit_error', code: 429 } }, 429, 'queue is full'],
    [{ object: 'error', message: 'engine died', type: 'InternalServerError', code: 500 }, 502, 'engine died'],
    [{ error: 'bad things' }, 502, 'bad things'],
    [{ detail: 'bad things' }, 502, 'bad things'],
    [{ error: { message: 'no such grammar', type: 'invalid_request_error', code: null } }, 400, 'no such grammar'],
  ];
  for (const [form, status, words] of forms)
    for (const before of [[], [chunk({ content: 'a' })]]) {
      const error = await failure({ body: events(...before, form) });
      expect({ form, status: error.status }).toEqual({ form, status });
      expect(error.message).toContain(words);
    }
  const named = await failure({ body: 'event: error\ndata: it broke\n\n' });
  expect(named.message).toBe('The server behind this model failed: it broke');
  const inOnePiece = await failure({ body: { error: { message: 'bad things' } } }, {}, false);
  expect(inOnePiece.message).toContain('bad things');
});

const breaks: StubAnswer = (response) => {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write(`data: ${JSON.stringify(chunk({ content: 'a' }))}\n\n`, () => response.destroy());
};

test('a stream that breaks off is no answer that ended (BerriAI/litellm #33404)', async () => {
  expect(await failure(breaks)).toMatchObject({ status: 502, code: 'upstream_torn' });
  const stops = events(chunk({ content: 'a' })).replace('data: [DONE]\n\n', '');
  expect(await failure({ body: stops })).toMatchObject({ status: 502, code: 'upstream_torn' });
  expect(await failure({ body: `${stops}data: {"choi` })).toMatchObject({ code: 'upstream_malformed' });
  expect(await failure({ body: '' })).toMatchObject({ code: 'upstream_torn' });
  expect(await failure({ body: events(chunk({ content: 'a' }, { finish_reason: 'abort' })) })).toMatchObject({
    code: 'upstream_torn',
  });
});

test('pages, redirects, packed answers, other JSON', async () => {
  const page = { body: '<!doctype html><title>Sign in</title>', headers: { 'content-type': 'text/html' } };
  expect((await failure(page)).message).toBe(
    "The server behind this model gave no answer of OpenAI's API: a page (HTML)",
  );
  expect(await failure({ ...page, status: 502 })).toMatchObject({
    status: 502,
    message: 'The server behind this model failed',
  });
  expect(await failure({ body: '', status: 302, headers: { location: 'http://127.0.0.1:1/' } })).toMatchObject({
    status: 502,
    code: 'upstream_not_found',
  });
  const packed = { body: { choices: [] }, headers: { 'content-encoding': 'gzip' } };
  expect((await failure(packed)).message).toContain('packs its answers (gzip)');
  for (const body of [{ hello: 1 }, { choices: [] }, { choices: {} }])
    expect(await failure({ body }, {}, false)).toMatchObject({ status: 502, code: 'upstream_malformed' });
  const deep = `{"choices":[${'['.repeat(2000)}${']'.repeat(2000)}]}`;
  expect(await failure({ body: `data: ${deep}\n\n` })).toMatchObject({ code: 'upstream_malformed' });
});

test('fewer or more choices than asked for, no log-probabilities, calls without a name', async () => {
  expect((await failure({ body: whole({ content: 'a' }) }, { n: 2 }, false)).message).toContain('1 of 2 choices');
  const second = { choices: [{ index: 1, delta: { content: 'a' } }] };
  expect((await failure({ body: events(chunk({ content: 'a' }), second) })).message).toContain('1 were asked for');
  expect((await failure({ body: whole({ content: 'a' }) }, { logprobs: true }, false)).message).toContain(
    'no log-probabilities',
  );
  const required = { tools: [{ type: 'function', function: { name: 'f' } }], tool_choice: 'required' };
  expect((await failure({ body: whole({ content: 'no' }) }, required, false)).message).toContain(
    'no tool call, which was required',
  );
  expect((await failure({ body: events(calls({ index: 0, function: { arguments: '{}' } })) })).message).toContain(
    'a tool call without a name',
  );
});

test('an answer without an end is cut at its limit', async () => {
  const stub = await startStub((response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    const more = (): void => {
      while (response.writable && response.write('x'.repeat(65_536)));
    };
    response.on('drain', more);
    more();
  });
  const { backend } = open([{ baseUrl: stub.url, maxAnswerBytes: 200_000 }]);
  await expect(all(backend.chat(HELLO, unstreamed()))).rejects.toMatchObject({
    message: "The server behind this model gave no answer of OpenAI's API: an answer of more than 200000 bytes",
  });
});

test('any bytes end with pieces or a ServeError', async () => {
  const seeds = [
    events(chunk({ role: 'assistant' }), chunk({ content: 'a' }), STOP, USAGE),
    JSON.stringify(whole({ content: 'a' })),
  ];
  const stub = await startStub((response, { body }) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.end(Buffer.from(body.messages[0].content as string, 'base64'));
  });
  const { backend } = open([{ baseUrl: stub.url, retries: 0 }], { breaker: { threshold: Infinity } });
  const mutated = fc
    .tuple(fc.constantFrom(...seeds), fc.array(fc.tuple(fc.nat(1000), fc.nat(255)), { maxLength: 4 }), fc.nat(1000))
    .map(([seed, changes, end]) => {
      const bytes = Buffer.from(seed);
      for (const [at, to] of changes) bytes[at % bytes.length] = to;
      return bytes.subarray(0, end < 800 ? bytes.length : end % bytes.length);
    });
  await fc.assert(
    fc.asyncProperty(mutated, fc.boolean(), async (bytes, isStreamed) => {
      const body = { model: 'm', messages: [{ role: 'user', content: bytes.toString('base64') }] };
      const thrown = await all(backend.chat(body, isStreamed ? streamed() : unstreamed())).catch(
        (error: unknown) => error,
      );
      if (!Array.isArray(thrown)) expect(thrown).toMatchObject({ name: 'ServeError' });
    }),
    { numRuns: 300 },
  );
});
