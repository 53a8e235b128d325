import { join } from 'node:path';
import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { HumanMessage, SystemMessage, type AIMessageChunk } from '@langchain/core/messages';
import { ChatOpenAI } from '@langchain/openai';
import { generateObject, generateText, Output, streamText } from 'ai';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { startTestServer, type TestServer } from '../support/server.ts';
import { temporaryFolder, TOOL_TEMPLATE, writeTinyModel } from '../support/tiny-model.ts';

/** Clients of others, unchanged but for their base URL. */
const folder = temporaryFolder();
let at: TestServer;
beforeAll(async () => {
  const tools = join(folder.path, 'tools');
  // Random weights under a template with tools: what comes as a call comes because it must.
  await writeTinyModel(tools, {
    hidden: 16,
    layers: 1,
    template: TOOL_TEMPLATE,
    config: { max_position_embeddings: 2048 },
  });
  at = await startTestServer({ given: { models: [{ name: 'tools', model: tools }] } });
});
afterAll(async () => {
  await at.close();
  folder.remove();
});

const MODEL = 'embedded-model';
const QUESTION = 'What is a dog?';
const THING = z.object({ kind: z.enum(['animal', 'plant']), legs: z.number().int().min(0).max(8) });

test("Vercel's AI SDK: texts, streams, objects", async () => {
  const compatible = createOpenAICompatible({
    name: 'preftune',
    baseURL: at.baseURL,
    apiKey: 'none',
    supportsStructuredOutputs: true,
  });
  const model = compatible(MODEL);
  const { text, usage, finishReason } = await generateText({ model, prompt: QUESTION, temperature: 0, maxRetries: 0 });
  expect(text).toMatch(/^A dog is /);
  expect(finishReason).toBe('stop');
  expect(usage.totalTokens).toBe(usage.inputTokens! + usage.outputTokens!);
  const stream = streamText({ model, prompt: QUESTION, temperature: 0, maxRetries: 0 });
  let streamed = '';
  for await (const piece of stream.textStream) streamed += piece;
  expect(streamed).toBe(text);
  expect(await stream.finishReason).toBe('stop');
  const { output } = await generateText({
    model,
    prompt: QUESTION,
    temperature: 0,
    maxRetries: 0,
    output: Output.object({ schema: THING }),
  });
  expect(THING.parse(output)).toEqual(output);
  // Deprecated there in favour of the call above, and what most programs still have.
  const { object } = await generateObject({ model, prompt: QUESTION, temperature: 0, maxRetries: 0, schema: THING });
  expect(object).toEqual(output);
  const openai = createOpenAI({ baseURL: at.baseURL, apiKey: 'none' });
  const own = await generateText({ model: openai.chat(MODEL), prompt: QUESTION, temperature: 0, maxRetries: 0 });
  expect(own.text).toBe(text);
});

function langChain(model = MODEL): ChatOpenAI {
  return new ChatOpenAI({
    model,
    apiKey: 'none',
    temperature: 0,
    maxTokens: 300,
    maxRetries: 0,
    configuration: { baseURL: at.baseURL },
  });
}

test("LangChain's ChatOpenAI: invoke, stream, structured output", async () => {
  const model = langChain();
  const messages = [new SystemMessage('Be brief.'), new HumanMessage(QUESTION)];
  const { content, usage_metadata } = await model.invoke(messages);
  expect(typeof content).toBe('string');
  const usage = usage_metadata as unknown as Record<string, number>;
  expect(usage['total_tokens']).toBe(usage['input_tokens']! + usage['output_tokens']!);
  let streamed = '';
  for await (const chunk of await model.stream(messages)) streamed += chunk.content as string;
  expect(streamed).toBe(content);
  const structured = model.withStructuredOutput(THING, { method: 'jsonSchema' });
  const thing = await structured.invoke(QUESTION);
  expect(THING.parse(thing)).toEqual(thing);
  let last: unknown;
  for await (const sofar of await structured.stream(QUESTION)) last = sofar;
  expect(last).toEqual(thing);
});

test("LangChain's bindTools: calls that must come, whole and in pieces that add up to them", async () => {
  const tool = { name: 'describe', description: 'Say what kind of thing it is.', schema: THING };
  const model = langChain('tools');
  const bound = model.bindTools([tool], { tool_choice: 'required', strict: true });
  // The model goes on calling until its tokens are over, in the midst of a call.
  const { tool_calls: calls = [], invalid_tool_calls: cut = [] } = await bound.invoke(QUESTION);
  expect(calls.length).toBeGreaterThan(0);
  for (const { name, args } of calls) expect([name, THING.parse(args)]).toEqual(['describe', args]);
  expect(new Set(calls.map(({ id }) => id)).size).toBe(calls.length);
  const texts: string[] = [];
  let whole: AIMessageChunk | undefined;
  let pieces = 0;
  for await (const chunk of await bound.stream(QUESTION)) {
    for (const { index, args } of chunk.tool_call_chunks ?? []) {
      pieces += 1;
      texts[index!] = (texts[index!] ?? '') + (args ?? '');
    }
    whole = whole?.concat(chunk) ?? chunk;
  }
  expect(pieces).toBeGreaterThan(calls.length);
  const complete = texts.slice(0, calls.length);
  expect(complete.map((text) => JSON.parse(text) as unknown)).toEqual(calls.map(({ args }) => args));
  expect(texts.slice(calls.length)).toEqual(cut.map(({ args }) => args));
  const joined = whole!.tool_calls!.slice(0, calls.length).map(({ name, args }) => ({ name, args }));
  expect(joined).toEqual(calls.map(({ name, args }) => ({ name, args })));
  const single = model.bindTools([tool], { tool_choice: 'required', parallel_tool_calls: false });
  const { tool_calls: one, response_metadata: metadata } = await single.invoke(QUESTION);
  expect(one).toHaveLength(1);
  expect(THING.parse(one![0]!.args)).toEqual(one![0]!.args);
  expect(metadata['finish_reason']).toBe('tool_calls');
  // As LangChain does it for models without structured answers: the answer as a call of a tool that is named.
  const asCall = model.withStructuredOutput(THING, { method: 'functionCalling', name: 'thing' });
  const thing = await asCall.invoke(QUESTION);
  expect(THING.parse(thing)).toEqual(thing);
});
