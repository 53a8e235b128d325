import { join } from 'node:path';
import OpenAI from 'openai';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../support/server.ts';
import { temporaryFolder, TEMPLATE, TOOL_TEMPLATE, writeTinyModel } from '../support/tiny-model.ts';

const folder = temporaryFolder();
let at: TestServer;
let client: OpenAI;
beforeAll(async () => {
  // Random weights: what comes as a call comes because it must.
  const config = { max_position_embeddings: 2048 };
  await writeTinyModel(join(folder.path, 'model'), { hidden: 16, layers: 1, template: TOOL_TEMPLATE, config });
  await writeTinyModel(join(folder.path, 'plain'), { hidden: 16, layers: 1, template: TEMPLATE, config });
  at = await startTestServer({
    given: {
      model: join(folder.path, 'model'),
      servedModelName: 'tiny',
      models: [{ name: 'plain', model: join(folder.path, 'plain') }],
    },
  });
  client = new OpenAI({ baseURL: at.baseURL, apiKey: 'none', maxRetries: 0, timeout: 20_000 });
});
afterAll(async () => {
  await at.close();
  folder.remove();
});

const WEATHER = {
  type: 'function' as const,
  function: {
    name: 'weather',
    strict: true,
    parameters: {
      type: 'object',
      properties: { city: { enum: ['Oslo', 'Rome'] }, days: { type: 'integer', minimum: 1, maximum: 9 } },
      required: ['city', 'days'],
      additionalProperties: false,
    },
  },
};
const TIME = { type: 'function' as const, function: { name: 'time', parameters: { type: 'object', properties: {} } } };
const ASK = {
  model: 'tiny',
  messages: [{ role: 'user' as const, content: 'Weather?' }],
  tools: [WEATHER, TIME],
  max_completion_tokens: 400,
  seed: 3,
};

function checkWeather(text: string): void {
  const { city, days } = JSON.parse(text) as { city: string; days: number };
  expect(['Oslo', 'Rome']).toContain(city);
  expect(days).toBeGreaterThanOrEqual(1);
  expect(days).toBeLessThanOrEqual(9);
}

test('a call that must come comes, whole and streamed, and fits its schema', async () => {
  const named = { type: 'function' as const, function: { name: 'weather' } };
  const body = { ...ASK, tool_choice: named, parallel_tool_calls: false };
  const { choices } = await client.chat.completions.create(body);
  const [choice] = choices;
  expect([choice!.finish_reason, choice!.message.content]).toEqual(['tool_calls', '']);
  const [call] = choice!.message.tool_calls!;
  expect(call).toMatchObject({
    type: 'function',
    id: expect.stringMatching(/^call_\w{24}$/),
    function: { name: 'weather' },
  });
  // Arguments are a text of JSON.
  if (call!.type !== 'function') throw new Error('no function');
  checkWeather(call!.function.arguments);
  const deltas = [];
  for await (const chunk of await client.chat.completions.create({ ...body, stream: true }))
    deltas.push(...chunk.choices);
  expect(deltas.map((delta) => delta.finish_reason).filter(Boolean)).toEqual(['tool_calls']);
  const calls = deltas.flatMap(({ delta }) => delta.tool_calls ?? []);
  expect(calls.map(({ index }) => index)).toEqual(calls.map(() => 0));
  expect(calls.map(({ id }) => id).filter(Boolean)).toHaveLength(1);
  expect(calls.map((one) => one.function?.name).filter(Boolean)).toEqual(['weather']);
  const pieces = calls.map((one) => one.function?.arguments ?? '');
  expect([calls[0]!.function?.name, pieces[0], pieces.join('')]).toEqual(['weather', '', call!.function.arguments]);
  // The model draws bytes, so that a city comes in several pieces.
  expect(pieces.length).toBeGreaterThan(8);
});

test('required: one of the tools; none: text', async () => {
  const { choices } = await client.chat.completions.create({
    ...ASK,
    tool_choice: 'required',
    parallel_tool_calls: false,
  });
  const [call] = choices[0]!.message.tool_calls!;
  if (call!.type !== 'function') throw new Error('no function');
  expect(['weather', 'time']).toContain(call!.function.name);
  const none = await client.chat.completions.create({ ...ASK, tool_choice: 'none', max_completion_tokens: 20 });
  expect(none.choices[0]!.message.tool_calls).toBeUndefined();
});

test('calls and results of earlier turns reach the template', async () => {
  const messages = [
    ...ASK.messages,
    {
      role: 'assistant' as const,
      content: null,
      tool_calls: [
        {
          id: 'call_1',
          type: 'function' as const,
          function: { name: 'weather', arguments: '{"city":"Oslo","days":2}' },
        },
      ],
    },
    { role: 'tool' as const, tool_call_id: 'call_1', content: 'rain' },
  ];
  const { choices } = await client.chat.completions.create({ ...ASK, messages, max_completion_tokens: 5 });
  expect(choices).toHaveLength(1);
  const tokens = await fetch(`${at.server.url}/tokenize`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'tiny', messages }),
  });
  const { tokens: ids } = (await tokens.json()) as { tokens: number[] };
  const back = await fetch(`${at.server.url}/detokenize`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'tiny', tokens: ids }),
  });
  expect(((await back.json()) as { prompt: string }).prompt).toContain(
    '<tool_call>\n{"name": "weather", "arguments": {"city": "Oslo", "days": 2}}\n</tool_call>',
  );
  const broken = messages.with(1, {
    ...messages[1]!,
    tool_calls: [{ id: 'call_1', type: 'function' as const, function: { name: 'weather', arguments: '{"city":' } }],
  } as never);
  await expect(client.chat.completions.create({ ...ASK, messages: broken })).rejects.toThrow(
    'messages[1].tool_calls[0].function.arguments',
  );
});

test('what a model cannot do with tools is refused by name', async () => {
  await expect(client.chat.completions.create({ ...ASK, model: 'plain' })).rejects.toMatchObject({
    status: 400,
    param: 'tools',
  });
  const nobody = { type: 'function' as const, function: { name: 'nobody' } };
  await expect(client.chat.completions.create({ ...ASK, tool_choice: nobody })).rejects.toThrow(
    'tool_choice: must name one of the tools (weather, time), got "nobody"',
  );
  await expect(client.chat.completions.create({ ...ASK, response_format: { type: 'json_object' } })).rejects.toThrow(
    'an answer is held to a format or may call tools',
  );
});
