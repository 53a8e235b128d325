import { Hono } from 'hono';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { asServeError, errorBody } from './errors.ts';
import { checkBody, MAX_BODY_DEPTH, readBody } from './json-body.ts';

const app = new Hono();
app.post('/', async (context) => context.json(await readBody(context, 1000)));
app.onError((thrown, context) => {
  const error = asServeError(thrown);
  return context.json(errorBody(error), error.status as 400);
});

async function send(body: string | Uint8Array<ArrayBuffer>, type = 'application/json'): Promise<[number, string]> {
  const answer = await app.request('/', { method: 'POST', body, headers: { 'content-type': type } });
  const value = (await answer.json()) as { error?: { message: string } };
  return [answer.status, value.error?.message ?? JSON.stringify(value)];
}

function nested(depth: number): string {
  return `{"a":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`;
}

test('a body is a JSON object of bounded size and depth', async () => {
  expect(await send('{"a":[1,"x"]}')).toEqual([200, '{"a":[1,"x"]}']);
  expect(await send('{"a":1}', 'application/json; charset=utf-8')).toEqual([200, '{"a":1}']);
  expect(await send(`{"a":"${'x'.repeat(1000)}"}`)).toEqual([413, 'The body must have at most 1000 bytes']);
  expect(await send('[1]')).toEqual([400, 'The body must be a JSON object']);
  expect((await send('{"a":'))[1]).toMatch(/^The body must be JSON: /);
  expect(await send(Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x7d))).toEqual([400, 'The body must be UTF-8, and is not']);
  expect((await send('{}', 'text/plain'))[0]).toBe(415);
  expect((await send(nested(MAX_BODY_DEPTH)))[0]).toBe(200);
  expect(await send(nested(MAX_BODY_DEPTH + 1))).toEqual([400, 'The body must nest at most 64 levels']);
  // Brackets in texts are no depth.
  expect((await send(JSON.stringify({ a: `"[\\${'['.repeat(200)}` })))[0]).toBe(200);
});

test('everything wrong is told, with the first field as param', () => {
  const schema = z.strictObject({ model: z.string(), messages: z.array(z.object({ role: z.enum(['user']) })) });
  let thrown: unknown;
  try {
    checkBody(schema, { model: 1, messages: [{ role: 'user' }, { role: 'x' }], more: 2 });
  } catch (error) {
    thrown = error;
  }
  const { error } = errorBody(asServeError(thrown));
  expect(error.param).toBe('model');
  expect(error.message).toContain('model: ');
  expect(error.message).toContain('messages[1].role: ');
  expect(error.message).toContain('more');
});
