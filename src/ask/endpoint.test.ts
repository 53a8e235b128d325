import { afterEach, expect, test } from 'vitest';
import { createEndpoint, type EndpointOptions } from './endpoint.ts';
import { startJudgeServer, type JudgeServer, type Served } from '../judge/testing/judge-server.ts';

let server: JudgeServer | undefined;
afterEach(() => server?.close());

async function attempt(served: Served, options: Partial<EndpointOptions> = {}) {
  server = await startJudgeServer(() => served);
  const endpoint = createEndpoint({ url: server.url, model: 'm', apiKey: 'sk-secret', ...options });
  const result = await endpoint.send(endpoint.body([{ role: 'user', content: 'Which?' }], { type: 'object' }));
  return 'message' in result ? { ...result, message: result.message.replace(server.url, 'URL') } : result;
}

test('an answer, and what was sent for it', async () => {
  expect(await attempt({ kind: 'answer', text: '{"a":1}' })).toEqual({
    kind: 'reply',
    reply: {
      text: '{"a":1}',
      finishReason: 'stop',
      usage: { promptTokens: 100, completionTokens: 10 },
      model: 'm-2026',
    },
  });
  const { body, headers } = server!.requests[0]!;
  expect(body).toEqual({
    model: 'm',
    messages: [{ role: 'user', content: 'Which?' }],
    max_tokens: 1024,
    temperature: 0,
    response_format: { type: 'json_schema', json_schema: { name: 'answer', strict: true, schema: { type: 'object' } } },
  });
  expect([headers['authorization'], headers['openai-organization'], headers['openai-project']]).toEqual([
    'Bearer sk-secret',
    undefined,
    undefined,
  ]);
});

test('the body of a request follows the options', () => {
  const base = { url: 'https://api.openai.com/v1/', model: 'o', apiKey: undefined };
  expect(
    createEndpoint({
      ...base,
      temperature: null,
      seed: 3,
      responseFormat: 'json-object',
      extraBody: { reasoning_effort: 'low' },
    }).body([], {}),
  ).toEqual({
    model: 'o',
    messages: [],
    max_completion_tokens: 1024,
    seed: 3,
    response_format: { type: 'json_object' },
    reasoning_effort: 'low',
  });
  expect(createEndpoint({ ...base, responseFormat: 'text', maxTokens: 7 }).body([], {})).toEqual({
    model: 'o',
    messages: [],
    max_completion_tokens: 7,
    temperature: 0,
  });
  expect(() => createEndpoint({ ...base, url: 'ftp://x' })).toThrow(
    'judge: url must begin with http:// or https://, got "ftp://x"',
  );
  expect(() => createEndpoint({ ...base, url: 'https://me:key@host/v1' })).toThrow(
    'judge: url must hold no user and password; put the key into the environment',
  );
});

test.each<[string, Served, object]>([
  [
    '429 with Retry-After in seconds',
    { kind: 'status', status: 429, headers: { 'retry-after': '3' }, message: 'slow down' },
    { kind: 'retry', message: '429: slow down', isRateLimit: true, afterMs: 3000 },
  ],
  [
    '429 with retry-after-ms',
    { kind: 'status', status: 429, headers: { 'retry-after-ms': '40', 'retry-after': '1' } },
    { kind: 'retry', message: '429: no', isRateLimit: true, afterMs: 40 },
  ],
  [
    '429 with a Retry-After that is over',
    { kind: 'status', status: 429, headers: { 'retry-after': 'Mon, 01 Jan 2024 00:00:00 GMT' } },
    { kind: 'retry', message: '429: no', isRateLimit: true, afterMs: 0 },
  ],
  [
    '429 with nonsense in Retry-After',
    { kind: 'status', status: 429, headers: { 'retry-after': 'soon' } },
    { kind: 'retry', message: '429: no', isRateLimit: true },
  ],
  [
    'an empty account',
    { kind: 'status', status: 429, code: 'insufficient_quota', message: 'You exceeded your quota' },
    { kind: 'failed', message: 'URL answered 429: You exceeded your quota; the account has nothing left' },
  ],
  ['500', { kind: 'status', status: 500, message: 'oops' }, { kind: 'retry', message: '500: oops' }],
  [
    '503',
    { kind: 'status', status: 503, headers: { 'retry-after': '0' } },
    { kind: 'retry', message: '503: no', afterMs: 0 },
  ],
  [
    'a wrong key, which the message does not repeat',
    { kind: 'status', status: 401, message: 'Incorrect API key provided: sk-secret.' },
    {
      kind: 'failed',
      message:
        'URL answered 401: Incorrect API key provided: ***.; check the key in the environment and what it may use',
    },
  ],
  [
    'an unknown model',
    { kind: 'status', status: 404, message: 'The model m does not exist' },
    {
      kind: 'failed',
      message:
        'URL answered 404: The model m does not exist; check the address (it ends with the version, such as /v1) and the name of the model',
    },
  ],
  [
    'no structured output',
    { kind: 'status', status: 400, message: 'response_format is not supported' },
    {
      kind: 'failed',
      message:
        'URL answered 400: response_format is not supported; the server has no structured output: try --response-format json-object, or text (responseFormat in --judges)',
    },
  ],
  [
    'no temperature',
    { kind: 'status', status: 400, message: "Unsupported value: 'temperature'" },
    {
      kind: 'failed',
      message:
        'URL answered 400: Unsupported value: \'temperature\'; the model takes no temperature: pass --judge-temperature none ("temperature": null in --judges)',
    },
  ],
  [
    'a prompt that is too long',
    { kind: 'status', status: 400, code: 'context_length_exceeded', message: 'maximum context length is 8' },
    { kind: 'refused', reason: 'too-long', message: '400: maximum context length is 8' },
  ],
  [
    'a filtered prompt',
    { kind: 'status', status: 400, code: 'content_filter', message: 'filtered' },
    { kind: 'refused', reason: 'refusal', message: '400: filtered' },
  ],
  [
    'a page instead of JSON',
    { kind: 'raw', body: '<html>' },
    { kind: 'retry', message: expect.stringMatching(/^the reply was no JSON \(Unexpected token/) as string },
  ],
  [
    'JSON that is no completion',
    { kind: 'raw', body: '{"choices":[]}' },
    {
      kind: 'retry',
      message:
        'the reply was no chat completion (choices: Too small: expected array to have >=1 items), got {"choices":[]}',
    },
  ],
  [
    'a page where a login stands before the server',
    { kind: 'raw', body: '<!DOCTYPE html><html>Sign in</html>', type: 'text/html' },
    {
      kind: 'failed',
      message:
        'URL must answer with JSON, got an HTML page (text/html) that begins "<!DOCTYPE html><html>Sign in</html>"; check the address (it ends with the version, such as /v1), and whether a proxy or a login stands before it',
    },
  ],
  [
    'a stream that nobody asked for',
    { kind: 'raw', body: 'data: {"choices":[]}\n\ndata: [DONE]\n\n', type: 'text/event-stream' },
    {
      kind: 'failed',
      message:
        'URL must answer with JSON, got an event stream (text/event-stream) that begins "data: {\\"choices\\":[]}\\n\\ndata: [DONE]"; the server must answer in one piece: switch its streaming off, or add {"stream": false} as extraBody',
    },
  ],
  [
    'a word instead of JSON',
    { kind: 'raw', body: 'Ollama is running', type: 'text/plain' },
    {
      kind: 'failed',
      message:
        'URL must answer with JSON, got a text that begins "Ollama is running"; check the address (it ends with the version, such as /v1)',
    },
  ],
  [
    'an error with status 200, its code a status',
    { kind: 'raw', body: '{"error":{"message":"No endpoints found for m","code":404}}' },
    {
      kind: 'failed',
      message:
        'URL answered 404: No endpoints found for m; check the address (it ends with the version, such as /v1) and the name of the model',
    },
  ],
  [
    'a rate limit with status 200',
    { kind: 'raw', body: '{"error":{"message":"Provider is busy","code":429}}' },
    { kind: 'retry', message: '429: Provider is busy', isRateLimit: true },
  ],
  [
    'an empty account with status 200',
    { kind: 'raw', body: '{"error":{"message":"Quota is used up","code":"insufficient_quota"}}' },
    {
      kind: 'failed',
      message:
        'URL answered 400: Quota is used up; the request is not one that this server takes; extraBody in --judges adds fields to it',
    },
  ],
  [
    'an error that is a text',
    { kind: 'raw', body: '{"error":"model m is not loaded"}' },
    {
      kind: 'failed',
      message:
        'URL answered 400: model m is not loaded; the request is not one that this server takes; extraBody in --judges adds fields to it',
    },
  ],
  [
    'half a body',
    { kind: 'raw', body: '{"choices":[', isCut: true },
    { kind: 'retry', message: expect.stringMatching(/UND_ERR_SOCKET|terminated/) as string },
  ],
  [
    'no answer',
    { kind: 'drop' },
    { kind: 'retry', message: expect.stringMatching(/other side closed|ECONNRESET|socket/) as string },
  ],
])('%s', async (_name, served, expected) => {
  expect(await attempt(served)).toEqual(expected);
});

test('time is up for an answer that does not come, and for one that does not end', async () => {
  const late = { kind: 'retry', message: 'no answer within 0.2 s' };
  expect(await attempt({ kind: 'silence' }, { timeoutMs: 200 })).toEqual(late);
  await server!.close();
  expect(await attempt({ kind: 'silence', headers: true }, { timeoutMs: 200 })).toEqual(late);
});

test('nobody there; an answer without end', async () => {
  server = await startJudgeServer(() => ({ kind: 'drop' }));
  const { url } = server;
  await server.close();
  const nobody = createEndpoint({ url, model: 'm', apiKey: undefined });
  expect(await nobody.send(nobody.body([]))).toEqual({
    kind: 'retry',
    message: expect.stringMatching(/ECONNREFUSED/) as string,
  });
  expect(await attempt({ kind: 'raw', body: 'x'.repeat(9 * 2 ** 20) })).toEqual({
    kind: 'retry',
    message: 'the reply had more than 8388608 bytes',
  });
});

/** A reply whose message has this content. */
const reply = (content: unknown): Served => ({
  kind: 'raw',
  body: JSON.stringify({ model: 'm', choices: [{ finish_reason: 'stop', message: { content } }] }),
});

test('content in parts: the text is the answer, thoughts are not; a refusal may be a part', async () => {
  const expected = { text: 'yes', finishReason: 'stop', usage: { promptTokens: 0, completionTokens: 0 }, model: 'm' };
  const thought = { type: 'thinking', thinking: [{ type: 'text', text: 'no?' }] };
  const said = [
    { type: 'text', text: 'ye' },
    { type: 'text', text: 's' },
  ];
  expect(await attempt(reply([thought, ...said]))).toEqual({ kind: 'reply', reply: expected });
  await server!.close();
  expect(await attempt(reply([{ type: 'refusal', refusal: 'I will not' }]))).toEqual({
    kind: 'reply',
    reply: { ...expected, text: '', refusal: 'I will not' },
  });
});

test('a server that wants max_completion_tokens is asked again with it, and with it at once from then on', async () => {
  server = await startJudgeServer(({ body }) =>
    body['max_tokens'] === undefined
      ? { kind: 'answer', text: `up to ${String(body['max_completion_tokens'])}` }
      : {
          kind: 'status',
          status: 400,
          code: 'unsupported_parameter',
          message: "'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
        },
  );
  const endpoint = createEndpoint({ url: server.url, model: 'm', apiKey: 'none', maxTokens: 70 });
  const body = endpoint.body([]);
  const texts = (await Promise.all([endpoint.send(body), endpoint.send(body)])).map(
    (one) => one.kind === 'reply' && one.reply.text,
  );
  expect(texts).toEqual(['up to 70', 'up to 70']);
  await endpoint.send(body);
  expect(server.requests.length).toBe(5);
  // What names a stored answer does not change.
  expect(endpoint.body([])).toEqual(body);
});
