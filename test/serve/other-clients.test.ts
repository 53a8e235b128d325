import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { HumanMessage, SystemMessage } from '@langchain/core/messages';
import { ChatOpenAI } from '@langchain/openai';
import { generateText, Output, streamText } from 'ai';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { startTestServer, type TestServer } from '../support/server.ts';

/** Clients of others, unchanged but for their base URL. */
let at: TestServer;
beforeAll(async () => {
  at = await startTestServer();
});
afterAll(() => at.close());

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
  const openai = createOpenAI({ baseURL: at.baseURL, apiKey: 'none' });
  const own = await generateText({ model: openai.chat(MODEL), prompt: QUESTION, temperature: 0, maxRetries: 0 });
  expect(own.text).toBe(text);
});

test("LangChain's ChatOpenAI: invoke, stream, structured output", async () => {
  const model = new ChatOpenAI({
    model: MODEL,
    apiKey: 'none',
    temperature: 0,
    maxRetries: 0,
    configuration: { baseURL: at.baseURL },
  });
  const messages = [new SystemMessage('Be brief.'), new HumanMessage(QUESTION)];
  const { content, usage_metadata } = await model.invoke(messages);
  expect(typeof content).toBe('string');
  const usage = usage_metadata as unknown as Record<string, number>;
  expect(usage['total_tokens']).toBe(usage['input_tokens']! + usage['output_tokens']!);
  let streamed = '';
  for await (const chunk of await model.stream(messages)) streamed += chunk.content as string;
  expect(streamed).toBe(content);
  const thing = await model.withStructuredOutput(THING, { method: 'jsonSchema' }).invoke(QUESTION);
  expect(THING.parse(thing)).toEqual(thing);
});
