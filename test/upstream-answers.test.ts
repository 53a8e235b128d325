import { expect, test } from 'vitest';
import type { JsonObject } from '../src/core/index.ts';
import { askStub, askStubForText, type Got } from './support/ask-stub.ts';
import { chunk, events, STOP, whole, type StubAnswer } from './support/stub-upstream.ts';

/** What servers send that is not what OpenAI's API says, each as reports of users describe it, rebuilt. */

async function ask(answer: StubAnswer, body: JsonObject = {}, isStreamed = true): Promise<Got> {
  const got = await askStub(answer, { body, isStreamed });
  // The last piece alone has reasons.
  expect(
    got.reasons
      .slice(0, -1)
      .flat()
      .filter((reason) => reason !== null),
  ).toEqual([]);
  return got;
}

/** A piece of tool calls. */
const calls = (...entries: readonly object[]): object => chunk({ tool_calls: entries });
const USAGE = { choices: [], usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 } };
const TOOL = { tools: [{ type: 'function', function: { name: 'weather', parameters: {} } }] };

test('tool calls that share the index 0 are told apart (Ollama, LM Studio)', async () => {
  const { message, finish, mends } = await ask(
    {
      body: events(
        calls({ index: 0, id: 'call_a', type: 'function', function: { name: 'weather', arguments: '{"c":"Rome"}' } }),
        calls({ index: 0, id: 'call_b', type: 'function', function: { name: 'weather', arguments: '{"c":' } }),
        calls({ index: 0, function: { arguments: '"Oslo"}' } }),
        STOP,
        USAGE,
      ),
    },
    TOOL,
  );
  expect(message['tool_calls']).toEqual([
    { id: 'call_a', type: 'function', function: { name: 'weather', arguments: '{"c":"Rome"}' } },
    { id: 'call_b', type: 'function', function: { name: 'weather', arguments: '{"c":"Oslo"}' } },
  ]);
  expect(finish).toBe('tool_calls');
  expect(mends).toEqual(['tool calls that share an index', 'finish_reason stop behind tool calls']);
});

test('a new id in each piece: the first one stays (BerriAI/litellm #37792, #40040)', async () => {
  const { message, mends } = await ask({
    body: events(
      calls({ index: 0, id: 'call_1', type: 'function', function: { name: 'weather', arguments: '' } }),
      calls({ index: 0, id: 'call_2', function: { name: null, arguments: '{"c":' } }),
      calls({ index: 0, id: 'call_3', function: { name: '', arguments: '"Rome"}' } }),
      chunk({}, { finish_reason: 'tool_calls' }),
      USAGE,
    ),
  });
  expect(message['tool_calls']).toEqual([
    { id: 'call_1', type: 'function', function: { name: 'weather', arguments: '{"c":"Rome"}' } },
  ]);
  expect(mends).toEqual(['tool calls with a new id in each piece']);
});

/** A piece that says everything again. */
const repeated = (index: number, text: string) => ({
  index,
  id: 'ab'[index],
  type: 'function',
  function: { name: 'f', arguments: text },
});

test('id and name in each piece, and pieces of two calls that take turns', async () => {
  const { message } = await ask({
    body: events(
      calls(repeated(0, '{"x'), repeated(1, '{')),
      calls(repeated(1, '"y":2')),
      calls(repeated(0, '":1}')),
      calls(repeated(1, '}')),
      STOP,
      USAGE,
    ),
  });
  expect(message['tool_calls']).toMatchObject([
    { id: 'a', function: { name: 'f', arguments: '{"x":1}' } },
    { id: 'b', function: { name: 'f', arguments: '{"y":2}' } },
  ]);
});

test('arguments as an object, no id, no index, tool_call misspelt (ml-explore/mlx-lm #782)', async () => {
  const { message, finish, mends } = await ask(
    {
      body: whole(
        {
          tool_calls: [
            { function: { name: 'weather', arguments: { c: 'Rome' } } },
            { function: { name: 'weather', arguments: { c: 'Oslo' } } },
          ],
        },
        {},
      ),
    },
    TOOL,
    false,
  );
  expect(message['tool_calls']).toEqual([
    {
      id: expect.stringMatching(/^call_[0-9a-f]{24}$/),
      type: 'function',
      function: { name: 'weather', arguments: '{"c":"Rome"}' },
    },
    {
      id: expect.stringMatching(/^call_[0-9a-f]{24}$/),
      type: 'function',
      function: { name: 'weather', arguments: '{"c":"Oslo"}' },
    },
  ]);
  expect(new Set((message['tool_calls'] as readonly JsonObject[]).map(({ id }) => id)).size).toBe(2);
  expect(finish).toBe('tool_calls');
  expect(mends).toContain('tool calls with arguments that are no text');
  const misspelt = await ask({
    body: events(
      calls({ index: 0, id: 'a', function: { name: 'f', arguments: '' } }),
      chunk({}, { finish_reason: 'tool_call' }),
      USAGE,
    ),
  });
  expect(misspelt.finish).toBe('tool_calls');
  // A call without arguments has none, rather than a text that is no JSON.
  expect(misspelt.message['tool_calls']).toMatchObject([{ function: { arguments: '{}' } }]);
});

/** A piece of one call, without a name. */
const going = (text: string) => calls({ index: 0, function: { arguments: text } });

test('arguments that are said again in each piece, or once more at the end (vercel/ai #12052)', async () => {
  const begin = calls({ index: 0, id: 'a', function: { name: 'f', arguments: '' } });
  const read = async (...texts: readonly string[]) => {
    const { message, mends } = await ask({ body: events(begin, ...texts.map(going), STOP, USAGE) });
    const [{ function: called }] = message['tool_calls'] as unknown as [{ function: JsonObject }];
    return [called['arguments'], mends.includes('tool calls that repeat their arguments')];
  };
  expect(await read('{"c', '{"city": "Ro', '{"city": "Rome"}')).toEqual(['{"city": "Rome"}', true]);
  expect(await read('{', '{"a"', '{"a": {', '{"a": {}', '{"a": {}}')).toEqual(['{"a": {}}', true]);
  expect(await read('{"a":', '1}', '{"a":1}')).toEqual(['{"a":1}', true]);
  // What looks like it and is none: an object inside another with the same key.
  expect(await read('{"a":', '{"a":1}', '}')).toEqual(['{"a":{"a":1}}', false]);
  expect(await read('{"a":"', '{"a":"', '"}')).toEqual(['{"a":""}', true]);
});

test('a name in pieces, an empty object in front of the arguments, an index that begins at 1 (BerriAI/litellm #11407)', async () => {
  const { message } = await ask({
    body: events(
      calls({ index: 1, id: 'a', function: { name: 'get_' } }),
      calls({ index: 1, function: { name: 'weather', arguments: null } }),
      calls({ index: 1, function: { arguments: '{"c":1}' } }),
      calls({ index: 2, id: 'b', function: { name: 'f', arguments: '{}' } }),
      calls({ index: 2, function: { arguments: '{"d":2}' } }),
      calls({ index: 3, id: 'c', function: { name: 'g', arguments: '{}' } }),
      STOP,
      USAGE,
    ),
  });
  expect(message['tool_calls']).toEqual([
    { id: 'a', type: 'function', function: { name: 'get_weather', arguments: '{"c":1}' } },
    { id: 'b', type: 'function', function: { name: 'f', arguments: '{"d":2}' } },
    { id: 'c', type: 'function', function: { name: 'g', arguments: '{}' } },
  ]);
  const cut = await ask({
    body: events(calls({ index: 0, id: 'a', function: { name: 'f' } }), chunk({}, { finish_reason: 'length' }), USAGE),
  });
  expect(cut.message['tool_calls']).toEqual([{ id: 'a', type: 'function', function: { name: 'f', arguments: '' } }]);
});

test('a call that the limit cut off ended by length, whatever the server says (vllm-project/vllm #53269)', async () => {
  const cut = calls({ index: 0, id: 'a', function: { name: 'f', arguments: '{"text":"Once up' } });
  const body = events(cut, chunk({}, { finish_reason: 'tool_calls' }), {
    choices: [],
    usage: { prompt_tokens: 3, completion_tokens: 8, total_tokens: 11 },
  });
  expect((await ask({ body }, { max_tokens: 8 })).finish).toBe('length');
  expect((await ask({ body }, { max_tokens: 9 })).finish).toBe('tool_calls');
  const said = events(cut, chunk({}, { finish_reason: 'length' }), USAGE);
  expect(await ask({ body: said })).toMatchObject({ finish: 'length', mends: [] });
});

test('Azure: a first chunk without choices, and one behind the end without delta (AbanteAI/mentat #429, microsoft/autogen #6465)', async () => {
  const filter = { hate: { filtered: false, severity: 'safe' } };
  const body = events(
    {
      id: '',
      object: '',
      created: 0,
      model: '',
      choices: [],
      prompt_filter_results: [{ prompt_index: 0, content_filter_results: filter }],
    },
    chunk({ role: 'assistant', content: '' }),
    chunk({ content: 'Hello' }),
    STOP,
    {
      id: '',
      choices: [
        {
          index: 0,
          finish_reason: null,
          content_filter_offsets: { start_offset: 0 },
          content_filter_results: filter,
        },
      ],
    },
    USAGE,
  );
  const { answer, message, finish, mends } = await ask({ body });
  expect({ content: message['content'], finish, mends }).toEqual({ content: 'Hello', finish: 'stop', mends: [] });
  expect(answer).toMatchObject({
    id: 'ours',
    created: 7,
    model: 'client-name',
    prompt_filter_results: [{ prompt_index: 0, content_filter_results: filter }],
    choices: [{ content_filter_offsets: { start_offset: 0 }, content_filter_results: filter }],
  });
});

test('[DONE] without a reason to end (vllm-project/vllm #27572), a reason without [DONE], and words for reasons', async () => {
  expect(await ask({ body: events(chunk({ content: 'a' }), USAGE) })).toMatchObject({
    finish: 'stop',
    mends: ['choices without finish_reason'],
  });
  const unended = events(chunk({ content: 'a' }), STOP, USAGE).replace('data: [DONE]\n\n', '');
  expect(await ask({ body: unended })).toMatchObject({ finish: 'stop', mends: [] });
  const ended = (reason: string) => ask({ body: events(chunk({ content: 'a' }, { finish_reason: reason }), USAGE) });
  expect((await ended('eos_token')).finish).toBe('stop');
  expect((await ended('MAX_TOKENS')).finish).toBe('length');
  const own = await ended('repetition');
  expect(own.finish).toBe('stop');
  expect(own.answer).toMatchObject({ choices: [{ native_finish_reason: 'repetition' }] });
  expect((await ended('tool_calls')).finish).toBe('stop');
});

const counted = (completion: number) => ({
  ...chunk({ content: 'a' }),
  usage: { prompt_tokens: 3, completion_tokens: completion, total_tokens: 3 + completion },
});

test('usage in every chunk, with missing counts, or never (ggml-org/llama.cpp #22659)', async () => {
  expect((await ask({ body: events(counted(1), counted(2), STOP) })).answer['usage']).toEqual({
    prompt_tokens: 3,
    completion_tokens: 2,
    total_tokens: 5,
  });
  const lacking = await ask({
    body: events(chunk({ content: 'a' }), STOP, {
      choices: [],
      usage: { prompt_tokens: 3, completion_tokens: 2, prompt_tokens_details: null },
    }),
  });
  expect(lacking.answer['usage']).toEqual({ prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 });
  const never = await ask({ body: events(chunk({ content: 'a' }), STOP) });
  expect(never.answer).not.toHaveProperty('usage');
  expect(never.mends).toEqual(['answers without usage']);
});

test('reasoning under either name, once; roles in each chunk; content in parts; message for delta', async () => {
  const { message } = await ask({
    body: events(
      chunk({ role: 'assistant', content: null, reasoning: 'Let', reasoning_content: 'Let' }),
      chunk({ role: 'assistant', reasoning: ' me' }),
      chunk({ role: 'assistant', content: [{ type: 'thinking', thinking: [{ type: 'text', text: ' see' }] }] }),
      chunk({
        role: 'assistant',
        content: [
          { type: 'text', text: 'He' },
          { type: 'text', text: 'llo' },
        ],
      }),
      { choices: [{ index: 0, message: { role: 'assistant', content: '!' }, finish_reason: 'stop' }] },
      USAGE,
    ),
  });
  expect(message).toEqual({ role: 'assistant', content: 'Hello!', refusal: null, reasoning_content: 'Let me see' });
});

test('a stream where a whole answer was asked for (BerriAI/litellm #25766), and the other way round', async () => {
  const stream = events(chunk({ content: 'Hel' }), chunk({ content: 'lo' }), STOP, USAGE);
  for (const type of ['text/event-stream', 'text/plain', 'application/json'])
    expect(await ask({ body: stream, headers: { 'content-type': type } }, {}, false)).toMatchObject({
      message: { content: 'Hello' },
      finish: 'stop',
    });
  expect(await ask({ body: whole({ content: 'Hello' }) }, { stream: true })).toMatchObject({
    message: { content: 'Hello' },
    finish: 'stop',
  });
});

const saying = (content: string) => ({ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' });
const scored = (logprob: number | null) => ({ id: 5, token: 'a', logprob, bytes: [97] });
const clean = (logprob: number) => ({ token: 'a', logprob, bytes: [97] });

test('several choices with one index in a whole answer; log-probabilities with more alternatives than wanted', async () => {
  const { answer } = await ask({ body: { choices: [saying('a'), saying('b')] } }, { n: 2 }, false);
  expect(answer['choices']).toMatchObject([
    { index: 0, message: { content: 'a' } },
    { index: 1, message: { content: 'b' } },
  ]);
  const logprobs = { content: [{ ...scored(-0.5), top_logprobs: [scored(-0.5), scored(null), scored(-3.4e38)] }] };
  const body = events(chunk({ content: 'a' }, { logprobs }), STOP, USAGE);
  const read = async (top: number) =>
    ((await ask({ body }, { logprobs: true, top_logprobs: top })).answer['choices'] as unknown as [JsonObject])[0][
      'logprobs'
    ];
  expect(await read(0)).toEqual({ content: [{ ...clean(-0.5), top_logprobs: [] }], refusal: null });
  expect(await read(3)).toEqual({
    content: [{ ...clean(-0.5), top_logprobs: [clean(-0.5), clean(-9999), clean(-9999)] }],
    refusal: null,
  });
});

test('fields for those who look for faults in a server stay away', async () => {
  const { answer } = await ask({ body: { ...whole({ content: 'a' }), __verbose: { prompt: 'secret' } } }, {}, false);
  expect(answer).not.toHaveProperty('__verbose');
});

const text = (value: string, more: object = {}) => ({
  choices: [{ index: 0, text: value, finish_reason: null, ...more }],
});

test('completions: streamed and whole, with numeric log-probabilities', async () => {
  const logprobs = { tokens: ['a'], token_logprobs: [-1], top_logprobs: [{ a: -1 }], text_offset: [0] };
  const expected = {
    id: 'ours',
    object: 'text_completion',
    created: 7,
    model: 'client-name',
    choices: [
      {
        index: 0,
        text: 'ab',
        logprobs: {
          tokens: ['a', 'b'],
          token_logprobs: [-1, -2],
          top_logprobs: [{ a: -1 }, { b: -2 }],
          text_offset: [0, 1],
        },
        finish_reason: 'length',
      },
    ],
    usage: USAGE.usage,
  };
  const b = { tokens: ['b'], token_logprobs: [-2], top_logprobs: [{ b: -2 }], text_offset: [1] };
  const body = events(
    text('a', { logprobs }),
    text('b', { logprobs: b }),
    text('', { finish_reason: 'length' }),
    USAGE,
  );
  expect(await askStubForText({ body }, { body: { logprobs: 1 } })).toEqual(expected);
  const [choice] = expected.choices;
  expect(
    await askStubForText({ body: { ...expected, choices: [choice] } }, { body: { logprobs: 1 }, isStreamed: false }),
  ).toEqual(expected);
});

const entry = (token: string, logprob: number) => ({
  id: 1,
  token,
  bytes: [97],
  logprob,
  top_logprobs: [
    { token, logprob },
    { token: 'z', logprob: -9 },
  ],
});

test("completions: log-probabilities in the chat's form, as llama.cpp gives them, are numeric ones", async () => {
  const body = events(
    text('aé', { logprobs: { content: [entry('aé', -1)] } }),
    text('b', { logprobs: { content: [entry('b', -2)] }, finish_reason: 'stop' }),
    USAGE,
  );
  expect((await askStubForText({ body }, { body: { logprobs: 1 } }))['choices']).toMatchObject([
    {
      logprobs: {
        tokens: ['aé', 'b'],
        token_logprobs: [-1, -2],
        top_logprobs: [{ aé: -1 }, { b: -2 }],
        text_offset: [0, 2],
      },
    },
  ]);
});

const numbered = (index: number) => ({ index, text: `t${index}`, finish_reason: 'stop' });

test('completions: a choice for each prompt', async () => {
  const body = { choices: [numbered(1), numbered(0), numbered(3), numbered(2)] };
  const answer = await askStubForText({ body }, { body: { prompt: ['a', 'b'], n: 2 }, isStreamed: false });
  expect(answer['choices']).toMatchObject([{ text: 't0' }, { text: 't1' }, { text: 't2' }, { text: 't3' }]);
  await expect(
    askStubForText({ body: { choices: [numbered(0)] } }, { body: { prompt: ['a', 'b'] }, isStreamed: false }),
  ).rejects.toMatchObject({
    message: "The server behind this model gave no answer of OpenAI's API: 1 of 2 choices",
  });
});

const piece = (index: number, delta: object, reason: string | null = null) => ({
  choices: [{ index, delta, finish_reason: reason }],
});

test('llama.cpp counts each of several answers by itself: they are asked for as a stream, and their tokens added', async () => {
  const body = events(
    piece(0, { content: 'a' }),
    piece(1, { content: 'b' }),
    piece(0, {}, 'stop'),
    USAGE,
    piece(1, {}, 'length'),
    USAGE,
  );
  const got = await askStub({ body }, { body: { n: 2 }, isStreamed: false, settings: { kind: 'llama.cpp' } });
  expect(got.answer['usage']).toEqual({ prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 });
  expect(got.answer['choices']).toMatchObject([{ finish_reason: 'stop' }, { finish_reason: 'length' }]);
});
