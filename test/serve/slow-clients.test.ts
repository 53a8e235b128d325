import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../support/server.ts';
import { chunk, startStub, type StubUpstream } from '../support/stub-upstream.ts';
import { temporaryFolder } from '../support/tiny-model.ts';

/** Clients that send slowly, go in the middle, or stop reading; and bodies that are more than they look. */
const folder = temporaryFolder();
let at: TestServer;
let stub: StubUpstream;
/** Bytes that the other server has got rid of. */
let sent = 0;
const sockets: Socket[] = [];

beforeAll(async () => {
  stub = await startStub(async (response, { method }) => {
    if (method === 'GET') return void response.end('{"object":"list","data":[]}');
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const piece = `data: ${JSON.stringify(chunk({ content: 'x'.repeat(60_000) }))}\n\n`;
    const gone = once(response, 'close');
    // Never ends by itself.
    while (!response.destroyed) {
      sent += piece.length;
      if (response.write(piece)) await sleep(0);
      else await Promise.race([once(response, 'drain'), gone]);
    }
  });
  at = await startTestServer({
    store: folder.path,
    given: {
      bodySeconds: 1,
      uploadSeconds: 2,
      stallSeconds: 1,
      upstreams: [{ name: 'endless', baseUrl: stub.url, model: 'm', retries: 0 }],
    },
  });
});
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});
afterAll(async () => {
  await at.close();
  await stub.close();
  folder.remove();
});

async function client(): Promise<Socket> {
  const { hostname, port } = new URL(at.server.url);
  const socket = connect({ port: Number(port), host: hostname, allowHalfOpen: true });
  socket.on('error', () => undefined);
  sockets.push(socket);
  await new Promise((resolve) => socket.once('connect', resolve));
  return socket;
}

async function received(socket: Socket): Promise<string> {
  let text = '';
  for await (const part of socket) text += (part as Buffer).toString();
  return text;
}

function post(path: string, headers: string, body: string): string {
  return `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${headers}\r\n\r\n${body}`;
}

const JSON_TYPE = 'Content-Type: application/json';
const FORM = 'Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 100000';
const PART = '--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nrows';
/** Our own faults begin with the id of the request. */
const faults = (): string[] => at.notes.filter((note) => note.startsWith('req_'));

async function ask(model: string): Promise<number> {
  const body = JSON.stringify({ model, messages: [{ role: 'user', content: 'Hi' }], max_tokens: 1 });
  const headers = { 'content-type': 'application/json' };
  return (await fetch(`${at.baseURL}/chat/completions`, { method: 'POST', headers, body })).status;
}

async function figure(pattern: RegExp): Promise<number> {
  const text = await (await fetch(`${at.server.url}/metrics`)).text();
  return Number(pattern.exec(text)?.[1] ?? 0);
}

test('slow bodies end with 408, of each route by its own time, while others are answered; no fault of ours is told', async () => {
  const [slow, unasked, upload] = [await client(), await client(), await client()];
  slow.write(post('/v1/chat/completions', `${JSON_TYPE}\r\nTransfer-Encoding: chunked`, '5\r\n{"a":\r\n'));
  unasked.write(post('/v1/models', `${JSON_TYPE}\r\nContent-Length: 1000`, '{'));
  upload.write(post('/v1/files', FORM, PART));
  const drip = setInterval(() => slow.write('1\r\n1\r\n'), 100);
  const began = performance.now();
  const early = received(slow).then((text) => [text.split('\r\n')[0], performance.now() - began < 1900] as const);
  const late = received(upload).then((text) => [text.split('\r\n')[0], performance.now() - began > 1900] as const);
  expect(await ask('embedded-model')).toBe(200);
  // A route that is not there answers before it reads.
  expect((await received(unasked)).split('\r\n')[0]).toBe('HTTP/1.1 404 Not Found');
  expect((await early)[0]).toBe('HTTP/1.1 408 Request Timeout');
  clearInterval(drip);
  expect(await late).toEqual(['HTTP/1.1 408 Request Timeout', true]);
  expect(faults()).toEqual([]);
});

test('clients that go while they send leave nothing behind and are no fault of ours', async () => {
  const [body, upload] = [await client(), await client()];
  body.write(post('/v1/chat/completions', `${JSON_TYPE}\r\nContent-Length: 100`, '{"model":'));
  upload.write(post('/v1/files', FORM, PART));
  await sleep(50);
  body.destroy();
  upload.destroy();
  expect(await ask('embedded-model')).toBe(200);
  while (readdirSync(join(folder.path, 'files')).length > 0) await sleep(5);
  expect(faults()).toEqual([]);
});

test('a client that stops reading an endless stream ends it at the other server, and nothing gathers here', async () => {
  const deaf = await client();
  const body = JSON.stringify({ model: 'endless', messages: [{ role: 'user', content: 'Hi' }], stream: true });
  const before = await figure(/error_type="cancelled"} (\d+)/);
  deaf.write(post('/v1/chat/completions', `${JSON_TYPE}\r\nContent-Length: ${body.length}`, body));
  await new Promise((resolve) => deaf.once('data', resolve));
  deaf.pause();
  while (stub.closedEarly === 0) await sleep(10);
  // What the kernel holds of both connections, and little else.
  expect(sent).toBeLessThan(40 * 2 ** 20);
  const running = /preftune_upstream_requests_running\{upstream="endless"\} (\d+)/;
  while ((await figure(running)) > 0) await sleep(10);
  const { items } = await at.ledger!.inferences.list({ limit: 1, order: 'desc' });
  expect(items).toMatchObject([{ requestedModel: 'endless', status: 'cancelled' }]);
  expect(before).toBe(0);
  expect(await figure(/gen_ai_server_request_duration_seconds_count\{[^}]*model="endless"[^}]*\} (\d+)/)).toBe(1);
});

/** Status and the beginning of the message. */
async function send(
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
): Promise<[number, string]> {
  const answer = await fetch(`${at.baseURL}/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body,
  });
  const { error } = (await answer.json()) as { error?: { message: string } };
  return [answer.status, error?.message.slice(0, 80) ?? ''];
}

test('compressed bodies are refused by name, and bodies of many keys and long texts are read', async () => {
  const bomb = new Uint8Array(gzipSync(Buffer.alloc(10 * 2 ** 20, 32)));
  for (const encoding of ['gzip', 'deflate', 'br', 'identity, gzip'])
    expect(await send(bomb, { 'content-encoding': encoding })).toEqual([
      415,
      `The body must come without a content-encoding, got ${encoding}`,
    ]);
  const keys = Object.fromEntries(Array.from({ length: 100_000 }, (_, place) => [`k${place}`, 1]));
  expect((await send(JSON.stringify(keys)))[0]).toBe(400);
  expect((await send(JSON.stringify({ model: 'x'.repeat(3_000_000), messages: [] })))[0]).toBe(400);
  const messages = Array.from({ length: 100_000 }, () => ({ role: 'user', content: '' }));
  expect((await send(JSON.stringify({ model: 'embedded-model', messages })))[0]).toBe(400);
  expect(await ask('embedded-model')).toBe(200);
  expect(faults()).toEqual([]);
});
