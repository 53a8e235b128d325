import OpenAI, { APIError, AuthenticationError, BadRequestError, NotFoundError, RateLimitError } from 'openai';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../support/server.ts';
import { temporaryFolder } from '../support/tiny-model.ts';

/** OpenAI's own client, unchanged but for its base URL. */
const folder = temporaryFolder();
let at: TestServer;
let client: OpenAI;
beforeAll(async () => {
  at = await startTestServer({ store: folder.path, log: 'text', given: { maxChoices: 4 } });
  client = new OpenAI({ baseURL: at.baseURL, apiKey: 'none', maxRetries: 0, timeout: 20_000 });
});
afterAll(async () => {
  await at.close();
  folder.remove();
});

const MODEL = 'embedded-model';
const ASK = { model: MODEL, messages: [{ role: 'user' as const, content: 'What is a dog?' }], temperature: 0 };

test('a stream and a whole answer are the same, in the shape that the client knows', async () => {
  const whole = await client.chat.completions.create(ASK);
  expect(whole.object).toBe('chat.completion');
  expect(whole.id).toMatch(/^chatcmpl-[0-9a-f]{24}$/);
  const [choice] = whole.choices;
  expect(choice).toMatchObject({
    index: 0,
    finish_reason: 'stop',
    logprobs: null,
    message: { role: 'assistant', refusal: null },
  });
  expect(choice!.message.content).toMatch(/^A dog is /);
  expect(whole.usage!.total_tokens).toBe(whole.usage!.prompt_tokens + whole.usage!.completion_tokens);
  const chunks = [];
  const stream = await client.chat.completions.create({
    ...ASK,
    stream: true,
    stream_options: { include_usage: true },
  });
  for await (const chunk of stream) chunks.push(chunk);
  // One id and one time in all of them.
  expect(new Set(chunks.map(({ id, created, object }) => `${id} ${created} ${object}`)).size).toBe(1);
  const deltas = chunks.flatMap(({ choices }) => choices);
  expect(deltas.map(({ delta }) => delta.content ?? '').join('')).toBe(choice!.message.content);
  // The role comes first and once, the reason last and once.
  expect(deltas.map(({ delta }) => delta.role).filter(Boolean)).toEqual(['assistant']);
  expect(deltas[0]!.delta.role).toBe('assistant');
  expect(deltas.map((delta) => delta.finish_reason).filter(Boolean)).toEqual(['stop']);
  expect(deltas.at(-1)!.finish_reason).toBe('stop');
  // Usage is the last chunk's alone, which has no choices.
  expect(chunks.at(-1)).toMatchObject({ choices: [], usage: whole.usage });
  expect(chunks.slice(0, -1).every(({ usage }) => usage === null)).toBe(true);
});

test('without include_usage no chunk speaks of usage', async () => {
  for await (const chunk of await client.chat.completions.create({ ...ASK, stream: true, max_completion_tokens: 3 }))
    expect('usage' in chunk).toBe(false);
});

async function draw(seed: number): Promise<(string | null)[]> {
  const { choices } = await client.chat.completions.create({ ...ASK, temperature: 1, n: 3, seed, max_tokens: 12 });
  expect(choices.map(({ index }) => index)).toEqual([0, 1, 2]);
  return choices.map(({ message }) => message.content);
}

test('several answers to one question, drawn from a seed, are the same again', async () => {
  const first = await draw(7);
  expect(new Set(first).size).toBeGreaterThan(1);
  expect(await draw(7)).toEqual(first);
  expect(await draw(8)).not.toEqual(first);
});

test('stop, length and log-probabilities', async () => {
  const whole = (await client.chat.completions.create(ASK)).choices[0]!.message.content!;
  const stop = whole.slice(8, 12);
  const stopped = (await client.chat.completions.create({ ...ASK, stop: [stop, 'never'] })).choices[0]!;
  expect([stopped.message.content, stopped.finish_reason]).toEqual([whole.slice(0, whole.indexOf(stop)), 'stop']);
  const { choices, usage } = await client.chat.completions.create({
    ...ASK,
    max_completion_tokens: 5,
    logprobs: true,
    top_logprobs: 2,
  });
  expect([choices[0]!.finish_reason, usage!.completion_tokens]).toEqual(['length', 5]);
  const logprobs = choices[0]!.logprobs!.content!;
  expect(logprobs.map(({ token }) => token).join('')).toBe(choices[0]!.message.content);
  for (const { token, logprob, bytes, top_logprobs: top } of logprobs) {
    // Greedy: the likeliest token is the one that came.
    expect(top.map((one) => one.token)[0]).toBe(token);
    expect(top[0]!.logprob).toBe(logprob);
    expect(top[1]!.logprob).toBeLessThanOrEqual(logprob);
    expect(Buffer.from(bytes!).toString()).toBe(token);
  }
});

test('penalties and biases change what comes', async () => {
  const plain = (await client.chat.completions.create(ASK)).choices[0]!.message.content!;
  const { tokens } = (await (
    await fetch(`${at.server.url}/tokenize`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: MODEL, prompt: plain.slice(0, 1) }),
    })
  ).json()) as { tokens: number[] };
  const banned = await client.chat.completions.create({ ...ASK, logit_bias: { [tokens[0]!]: -100 } });
  expect(banned.choices[0]!.message.content!.startsWith(plain.slice(0, 1))).toBe(false);
  // A token of 8 times in a row is worth 16 less than at its first.
  const repeat = async (penalty: number): Promise<number> => {
    const only = { [tokens[0]!]: 100, [tokens[0]! + 1]: 95 };
    const { usage, choices } = await client.completions.create({
      model: MODEL,
      prompt: 'A',
      temperature: 0,
      max_tokens: 8,
      logit_bias: only,
      frequency_penalty: penalty,
    });
    expect(usage!.completion_tokens).toBe(8);
    return choices[0]!.text.split(plain.slice(0, 1)).length - 1;
  };
  expect(await repeat(0)).toBe(8);
  expect(await repeat(2)).toBeLessThan(8);
});

test('a schema holds the answer, and what cannot be held is refused by name', async () => {
  const schema = {
    type: 'object',
    properties: { kind: { enum: ['animal', 'plant'] }, legs: { type: 'integer', minimum: 0, maximum: 8 } },
    required: ['kind', 'legs'],
    additionalProperties: false,
  };
  const { choices } = await client.chat.completions.create({
    ...ASK,
    response_format: { type: 'json_schema', json_schema: { name: 'thing', strict: true, schema } },
  });
  const thing = JSON.parse(choices[0]!.message.content!) as { kind: string; legs: number };
  expect(Object.keys(thing)).toEqual(['kind', 'legs']);
  expect(['animal', 'plant']).toContain(thing.kind);
  expect(thing.legs).toBeGreaterThanOrEqual(0);
  const refused = client.chat.completions.create({
    ...ASK,
    response_format: { type: 'json_schema', json_schema: { name: 'thing', schema: { not: {}, uniqueItems: true } } },
  });
  await expect(refused).rejects.toMatchObject({ status: 400, param: 'response_format', code: 'unsupported_schema' });
  await expect(refused).rejects.toThrow(/\$\.not .*/);
});

test('errors are the classes that the client has for them', async () => {
  await expect(client.chat.completions.create({ ...ASK, model: 'nope' })).rejects.toThrow(NotFoundError);
  await expect(client.chat.completions.create({ ...ASK, temperature: 3 })).rejects.toThrow(BadRequestError);
  await expect(client.chat.completions.create({ ...ASK, n: 5 })).rejects.toThrow('n: must be at most 4 here, got 5');
  await expect(client.chat.completions.create({ ...ASK, foo: 1 } as never)).rejects.toThrow(
    'The model does not take "foo"; leave it out',
  );
  const silent = { modalities: ['text', 'audio'], service_tier: 'flex', stream_options: { include_obfuscation: true } };
  await expect(client.chat.completions.create({ ...ASK, stream: true, ...silent } as never)).rejects.toThrow(
    /service_tier: must be auto or default .*modalities: must be \["text"\] .*include_obfuscation: must be false/,
  );
  const image = { type: 'image_url' as const, image_url: { url: 'https://example.com/a.png' } };
  await expect(
    client.chat.completions.create({ ...ASK, messages: [{ role: 'user', content: [image] }] }),
  ).rejects.toThrow(
    'messages[0].content[0]: must be a part of type text, which is all that the model reads, got "image_url"',
  );
  const long = 'dog '.repeat(1000);
  await expect(
    client.chat.completions.create({ ...ASK, messages: [{ role: 'user', content: long }] }),
  ).rejects.toMatchObject({ status: 400, code: 'context_length_exceeded' });
  await expect(
    client.chat.completions.create({ ...ASK, api_base: 'http://169.254.169.254/' } as never),
  ).rejects.toThrow('other servers are named by the configuration alone');
  const error = await client.models.retrieve('nope').catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(APIError);
  expect((error as APIError).requestID).toMatch(/^req_/);
});

test('keys: without one 401, with one of another scope 403, revoked 401', async () => {
  const store = temporaryFolder();
  const guarded = await startTestServer({ store: store.path });
  try {
    const { key, record } = await guarded.ledger!.keys.create({ name: 'app', scopes: ['infer'] });
    const reader = await guarded.ledger!.keys.create({ name: 'reader', scopes: ['read'] });
    const as = (apiKey: string): OpenAI => new OpenAI({ baseURL: guarded.baseURL, apiKey, maxRetries: 0 });
    const short = { ...ASK, max_tokens: 1 };
    await expect(as('none').chat.completions.create(short)).rejects.toThrow(AuthenticationError);
    await expect(as(reader.key).chat.completions.create(short)).rejects.toMatchObject({ status: 403 });
    expect((await as(key).chat.completions.create(short)).choices).toHaveLength(1);
    await guarded.ledger!.keys.revoke(record.id);
    await expect(as(key).chat.completions.create(short)).rejects.toThrow(AuthenticationError);
    // Without any key left the server does not open again.
    await guarded.ledger!.keys.revoke(reader.record.id);
    await expect(as('none').chat.completions.create(short)).rejects.toThrow(AuthenticationError);
  } finally {
    await guarded.close();
    store.remove();
  }
});

test('a limit of requests is 429, with the time to wait', async () => {
  const limited = await startTestServer({ given: { requestsPerMinute: 1 } });
  try {
    const own = new OpenAI({ baseURL: limited.baseURL, apiKey: 'none', maxRetries: 0 });
    await own.chat.completions.create({ ...ASK, max_tokens: 1 });
    const error = await own.chat.completions.create({ ...ASK, max_tokens: 1 }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(RateLimitError);
    const wait = Number((error as RateLimitError).headers.get('retry-after-ms'));
    expect(wait).toBeGreaterThan(30_000);
    expect(wait).toBeLessThanOrEqual(60_000);
  } finally {
    await limited.close();
  }
});

test('answers that were kept are listed, read, changed and erased', async () => {
  const { id } = await client.chat.completions.create({
    ...ASK,
    messages: [{ role: 'user', content: 'Write to me@example.com' }],
    metadata: { task: 'kept', episode_id: 'e1' },
    user: 'someone',
  });
  const listed = [];
  for await (const one of client.chat.completions.list({ metadata: { task: 'kept' } })) listed.push(one.id);
  expect(listed).toEqual([id]);
  const kept = await client.chat.completions.retrieve(id);
  expect(kept).toMatchObject({ id, object: 'chat.completion', metadata: { task: 'kept' } });
  const { data: messages } = await client.chat.completions.messages.list(id);
  expect(messages.map(({ content }) => content)).toEqual([expect.not.stringContaining('me@example.com')]);
  expect(await client.chat.completions.update(id, { metadata: { task: 'done' } })).toMatchObject({
    metadata: { task: 'done' },
  });
  // A request that must leave no text leaves none.
  const { id: silent } = await client.chat.completions.create({ ...ASK, store: false });
  const { choices } = (await client.chat.completions.retrieve(silent)) as { choices: { message: unknown }[] };
  expect(choices.map(({ message }) => message)).toEqual([null]);
  expect(await client.chat.completions.delete(id)).toMatchObject({ id, deleted: true });
  await expect(client.chat.completions.retrieve(id)).rejects.toThrow(NotFoundError);
});

test('texts are continued, and echoed with numeric log-probabilities', async () => {
  const echoed = await client.completions.create({
    model: MODEL,
    prompt: ['What is a dog?', 'A cat'],
    echo: true,
    logprobs: 1,
    max_tokens: 0,
  });
  const [first, second] = echoed.choices;
  expect(first!.text).toBe('What is a dog?');
  const { tokens, token_logprobs: logps, text_offset: offsets, top_logprobs: top } = first!.logprobs!;
  expect(tokens!.join('')).toBe(first!.text);
  expect(logps![0]).toBeNull();
  expect(logps!.slice(1).every((logp) => logp! < 0)).toBe(true);
  expect(offsets).toEqual(tokens!.map((_, place) => tokens!.slice(0, place).join('').length));
  // The token itself stands among the likeliest.
  expect(tokens!.slice(1).every((token, place) => token in top![place + 1]!)).toBe(true);
  expect(second!.index).toBe(1);
  // An answer that ends at once has an entry for what ended it: the harness that asks for one token takes the last entry off.
  const ended = await client.completions.create({
    model: MODEL,
    prompt: '<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello!',
    echo: true,
    logprobs: 1,
    max_tokens: 1,
    temperature: 0,
    logit_bias: { 2: 100 },
  });
  expect(ended.choices[0]!.finish_reason).toBe('stop');
  expect(ended.choices[0]!.logprobs!.tokens!.at(-1)).toBe('<|im_end|>');
  expect(ended.choices[0]!.text.endsWith('Hello!')).toBe(true);
  const continued = await client.completions.create({
    model: MODEL,
    prompt: 'A dog is',
    max_tokens: 4,
    temperature: 0,
  });
  expect(continued.choices[0]).toMatchObject({ finish_reason: 'length' });
  expect(continued.usage!.completion_tokens).toBe(4);
});

/** Waits until an answer has ended, and says how. */
async function statusOf(id: string): Promise<string> {
  for (;;) {
    const status = (await at.ledger!.inferences.get(id))?.status;
    if (status !== undefined) return status;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

// Without what ends a turn answers run to their limit.
const ENDLESS = { ...ASK, max_tokens: 450, logit_bias: { 0: -100, 2: -100 } };

test('a client of a stream that goes away ends its answer, and the record says so', async () => {
  const controller = new AbortController();
  let id = '';
  try {
    const stream = await client.chat.completions.create({ ...ENDLESS, stream: true }, { signal: controller.signal });
    for await (const chunk of stream) {
      ({ id } = chunk);
      controller.abort();
    }
  } catch {
    // Aborted.
  }
  expect(await statusOf(id)).toBe('cancelled');
  expect(await (await fetch(`${at.server.url}/metrics`)).text()).toMatch(/^preftune_requests_running 0$/m);
});

/** Answers that were begun for a task. */
async function begun(task: string): Promise<string[]> {
  const { items } = await at.ledger!.inferences.list({ limit: 10, order: 'desc', metadata: { task } });
  return items.map(({ id }) => id);
}

test('a client that goes away before its whole answer ends it too', async () => {
  const controller = new AbortController();
  const asked = client.chat.completions.create(
    { ...ENDLESS, metadata: { task: 'left' } },
    { signal: controller.signal },
  );
  while ((await begun('left')).length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  controller.abort();
  await expect(asked).rejects.toThrow();
  expect(await statusOf((await begun('left'))[0]!)).toBe('cancelled');
});
