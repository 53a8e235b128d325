import { expect, test } from 'vitest';
import type { JsonObject } from '../src/core/index.ts';
import { ChatAccumulator, TextAccumulator } from '../src/serve/openai/accumulate.ts';
import { all, open, streamed, unstreamed } from './support/stub-upstream.ts';

/**
 * llama.cpp's own server behind ours. `PREFTUNE_TEST_LLAMA_SERVER` is its base URL, such as http://127.0.0.1:8080/v1, started with SmolLM2-135M-Instruct and
 * `-np 2 -c 2048 --jinja`.
 */
const baseUrl = process.env['PREFTUNE_TEST_LLAMA_SERVER'];
if (baseUrl === undefined) process.stderr.write('skipped: PREFTUNE_TEST_LLAMA_SERVER names no server of llama.cpp\n');

const HEAD = { id: 'ours', created: 1, model: 'm' };
const MESSAGES = [
  { role: 'developer', content: 'Be short.' },
  { role: 'user', content: 'What is the capital of France?' },
];

interface Answer {
  readonly choices: readonly {
    readonly message: { readonly content: string };
    readonly text: string;
    readonly finish_reason: string;
    readonly logprobs: JsonObject | null;
  }[];
  readonly usage: { readonly prompt_tokens: number; readonly completion_tokens: number };
}

test.skipIf(baseUrl === undefined)('answers, counts, refusals and an early end', { timeout: 300_000 }, async () => {
  const { backend } = open([{ baseUrl: baseUrl!, kind: 'llama.cpp' }]);
  const chat = async (more: JsonObject, isStreamed = true): Promise<Answer> => {
    const gathered = new ChatAccumulator();
    const body = { model: 'm', messages: MESSAGES, temperature: 0, seed: 1, max_tokens: 12, ...more };
    for (const piece of await all(backend.chat(body, isStreamed ? streamed() : unstreamed()))) gathered.add(piece);
    return gathered.whole(HEAD) as unknown as Answer;
  };
  expect(await backend.health()).toMatchObject({ isUp: true });
  const [stream, piece] = [await chat({}), await chat({}, false)];
  expect(stream.choices).toMatchObject([
    { message: { content: 'The capital of France is Paris.' }, finish_reason: 'stop', logprobs: null },
  ]);
  expect(piece.choices).toEqual(stream.choices);
  // Without alternatives where none were asked for, and with two where two were.
  const entries = async (top: number) =>
    (await chat({ logprobs: true, top_logprobs: top, max_tokens: 2 })).choices[0]!.logprobs!['content'] as JsonObject[];
  const none = await entries(0);
  expect(none.map(({ token, top_logprobs: top }) => [token, top])).toEqual([
    ['The', []],
    [' capital', []],
  ]);
  expect((await entries(2)).map(({ top_logprobs: top }) => (top as JsonObject[]).length)).toEqual([2, 2]);
  // Both ways count what both answers took.
  for (const isStreamed of [true, false]) {
    const two = await chat({ n: 2, temperature: 1, max_tokens: 4 }, isStreamed);
    expect(two.choices.map(({ finish_reason: reason }) => reason)).toEqual(['length', 'length']);
    expect(two.usage).toMatchObject({ prompt_tokens: piece.usage.prompt_tokens, completion_tokens: 8 });
  }
  const schema = {
    type: 'object',
    properties: { city: { type: 'string' } },
    required: ['city'],
    additionalProperties: false,
  };
  const held = await chat({
    response_format: { type: 'json_schema', json_schema: { name: 'a', schema } },
    max_tokens: 40,
  });
  expect(Object.keys(JSON.parse(held.choices[0]!.message.content) as object)).toEqual(['city']);
  const tools = [{ type: 'function', function: { name: 'weather', parameters: { type: 'object', properties: {} } } }];
  // The model's template has no tools, and the server passes over them.
  await expect(chat({ tools, tool_choice: 'required' })).rejects.toMatchObject({
    status: 502,
    message: expect.stringContaining('no tool call, which was required'),
  });
  const long = [{ role: 'user', content: 'word '.repeat(3000) }];
  await expect(chat({ messages: long })).rejects.toMatchObject({ status: 400, code: 'context_length_exceeded' });
  await expect(chat({ n: 3 })).rejects.toMatchObject({ status: 400 });

  const text = new TextAccumulator();
  const prompted = { model: 'm', prompt: 'The capital of France is', temperature: 0, max_tokens: 2, logprobs: 1 };
  for (const part of await all(backend.complete(prompted, streamed()))) text.add(part);
  expect((text.whole(HEAD) as unknown as Answer).choices).toMatchObject([
    { text: ' Paris.', finish_reason: 'length', logprobs: { tokens: [' Paris', '.'], text_offset: [0, 6] } },
  ]);
  const words = 'Hé 👋🏽 you';
  const { ids } = await backend.tokenize!({ model: 'm', prompt: words }, unstreamed());
  expect(await backend.detokenize!(ids)).toBe(words);

  const leaving = new AbortController();
  const gone = new Error('the client is gone');
  const read = async (): Promise<void> => {
    let pieces = 0;
    const body = { model: 'm', messages: MESSAGES, max_tokens: 1000, logit_bias: { '2': -100 } };
    for await (const _ of backend.chat(body, streamed(leaving.signal))) if (++pieces === 3) leaving.abort(gone);
  };
  await expect(read()).rejects.toBe(gone);
  const slots = async (): Promise<readonly { readonly is_processing: boolean }[]> =>
    (await (await fetch(new URL('/slots', baseUrl))).json()) as [];
  while ((await slots()).some((slot) => slot.is_processing)) await new Promise((resolve) => setTimeout(resolve, 20));
  expect(backend.state().running).toBe(0);
});
