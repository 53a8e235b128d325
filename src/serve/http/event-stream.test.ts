import { expect, test } from 'vitest';
import { ServeError } from '../serve-error.ts';
import { eventStream } from './event-stream.ts';

const QUIET = { stallMs: 60_000, keepAliveMs: 60_000, onGone: () => undefined };

async function textOf(stream: ReadableStream): Promise<string> {
  return new Response(stream).text();
}

async function* words(): AsyncGenerator<{ a: string }> {
  yield { a: 'line\nbreak' };
  yield { a: 'ö' };
}

async function* oneThen(thrown: Error): AsyncGenerator<{ a: number }> {
  yield { a: 1 };
  throw thrown;
}

test('objects are events, and [DONE] is behind the last', async () => {
  expect(await textOf(eventStream(words(), QUIET))).toBe(
    'data: {"a":"line\\nbreak"}\n\ndata: {"a":"ö"}\n\ndata: [DONE]\n\n',
  );
});

test('a failure in the middle is an error object, without [DONE] and without our own words', async () => {
  const told = await textOf(eventStream(oneThen(new ServeError(504, 'too long', { code: 'timeout' })), QUIET));
  expect(told).toBe(
    'data: {"a":1}\n\ndata: {"error":{"message":"too long","type":"server_error","param":null,"code":"timeout"}}\n\n',
  );
  const own = await textOf(eventStream(oneThen(new Error('/home/me/model: broken')), QUIET));
  expect(own).not.toContain('/home/me');
  expect(own).toContain('"code":"internal_error"');
});

test('a client that goes away ends the answer', async () => {
  let isEnded = false;
  let isGone = false;
  async function* events(): AsyncGenerator<{ a: number }> {
    try {
      for (let a = 0; ; a++) yield { a };
    } finally {
      isEnded = true;
    }
  }
  const reader = eventStream(events(), { ...QUIET, onGone: () => (isGone = true) }).getReader();
  await reader.read();
  await reader.cancel();
  expect([isEnded, isGone]).toEqual([true, true]);
});

test('a client that reads nothing is let go, and what stands behind the stream ends; one who reads on is told', async () => {
  const ended: { say?: () => void } = {};
  const isEnded = new Promise<void>((resolve) => (ended.say = resolve));
  async function* events(): AsyncGenerator<{ a: number }> {
    try {
      for (let a = 0; ; a++) yield { a };
    } finally {
      ended.say!();
    }
  }
  let stream: ReadableStream | undefined;
  await new Promise<void>((resolve) => {
    // Held by nobody who reads.
    stream = eventStream(events(), { ...QUIET, stallMs: 5, onGone: resolve });
  });
  await isEnded;
  expect(await textOf(stream!)).toBe(
    'data: {"a":0}\n\ndata: {"error":{"message":"The answer was not read for 0.005 s","type":"invalid_request_error","param":null,"code":"not_read"}}\n\n',
  );
});

test('a stream with nothing to say says so, before its first event too, and loses none', async () => {
  const teller: { say?: (value: { a: number }) => void } = {};
  async function* events(): AsyncGenerator<{ a: number }> {
    yield new Promise<{ a: number }>((resolve) => (teller.say = resolve));
  }
  const reader = eventStream(events(), { ...QUIET, keepAliveMs: 5, isLate: true })
    .pipeThrough(new TextDecoderStream())
    .getReader();
  const read = async (): Promise<string | undefined> => (await reader.read()).value;
  expect([await read(), await read(), await read()]).toEqual(Array(3).fill(': still working\n\n'));
  teller.say!({ a: 1 });
  let next = await read();
  while (next?.startsWith(':')) next = await read();
  expect([next, await read(), await read()]).toEqual(['data: {"a":1}\n\n', 'data: [DONE]\n\n', undefined]);
});
