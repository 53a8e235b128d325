import fc from 'fast-check';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { mutatedRequest } from '../support/mutated-bodies.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { temporaryFolder } from '../support/tiny-model.ts';

const folder = temporaryFolder();
let at: TestServer;
beforeAll(async () => {
  at = await startTestServer({
    store: folder.path,
    log: 'text',
    given: { adapterRoot: join(folder.path), maxTokens: 4, maxBodyBytes: 200_000, requestSeconds: 30 },
  });
});
afterAll(async () => {
  await at.close();
  folder.remove();
});

async function send(path: string, body: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
  return fetch(`${at.server.url}${path}`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', ...headers },
  });
}

async function isWell(): Promise<void> {
  const health = await fetch(`${at.server.url}/health`);
  expect(await health.json()).toEqual({ status: 'ok' });
}

test('mutated requests are answered or refused, never with a fault of ours', { timeout: 120_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(mutatedRequest, async ({ path, body }) => {
      const answer = await send(path, body);
      const text = await answer.text();
      expect([answer.status, text.slice(0, 500)]).toEqual([
        expect.toSatisfy((status) => status < 500),
        text.slice(0, 500),
      ]);
      // No path of this machine.
      expect(text).not.toContain(folder.path);
      expect(text).not.toContain('node_modules');
    }),
    { numRuns: 500 },
  );
  expect(at.notes.filter((note) => note.startsWith('req_'))).toEqual([]);
  await isWell();
});

/** What comes back for bytes as they are, until the server closes or says something. */
async function raw(bytes: string): Promise<string> {
  const { hostname, port } = new URL(at.server.url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.write(bytes));
    let text = '';
    socket.on('data', (data) => {
      text += data.toString();
      socket.end();
    });
    socket.on('close', () => resolve(text));
    socket.on('error', reject);
  });
}

test('shapes of HTTP that two servers may read in two ways are refused', async () => {
  const head = `POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n`;
  const shapes = [
    `${head}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello`,
    `${head}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    `${head}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`,
    `${head}Content-Length: -1\r\n\r\n`,
    `${head}Content-Length : 5\r\n\r\nhello`,
    'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: a\rb\r\n\r\n',
    'NONSENSE\r\n\r\n',
    `GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
  ];
  const [flood] = (await raw(shapes.at(-1)!)).split('\r\n');
  expect(flood).toBe('HTTP/1.1 431 Request Header Fields Too Large');
  for (const shape of shapes) {
    const answer = await raw(shape);
    expect([shape.slice(0, 200), answer.split('\r\n')[0]]).toEqual([
      shape.slice(0, 200),
      expect.stringMatching(/^HTTP\/1\.1 4\d\d /),
    ]);
  }
  await isWell();
});

test('bodies that are too large or too deep are refused before they are read whole', async () => {
  expect((await send('/v1/chat/completions', `"${'x'.repeat(300_000)}"`)).status).toBe(413);
  expect((await send('/v1/chat/completions', '['.repeat(100_000))).status).toBe(400);
  expect((await send('/v1/chat/completions', `{"a":${'{"a":'.repeat(1000)}1${'}'.repeat(1001)}`)).status).toBe(400);
  await isWell();
});

async function ask(more: object): Promise<[number, string]> {
  const answer = await send(
    '/v1/chat/completions',
    JSON.stringify({ model: 'embedded-model', messages: [{ role: 'user', content: 'x' }], max_tokens: 1, ...more }),
  );
  return [answer.status, ((await answer.json()) as { error?: { param: string } }).error?.param ?? ''];
}

test('a template cannot be given, nor its variables be structures', async () => {
  const template = '{% for a in range(999999999) %}{% endfor %}';
  expect(await ask({ chat_template: template })).toEqual([400, 'chat_template']);
  for (const kwargs of [{ chat_template: template }, { messages: 1 }, { a: {} }, { A: true }, { a: 'x'.repeat(65) }])
    expect([kwargs, ...(await ask({ chat_template_kwargs: kwargs }))]).toEqual([kwargs, 400, 'chat_template_kwargs']);
  expect((await ask({ chat_template_kwargs: { enable_thinking: false } }))[0]).toBe(200);
});

async function load(path: string): Promise<[number, string]> {
  const answer = await send('/v1/load_lora_adapter', JSON.stringify({ lora_name: 'a', lora_path: path }));
  const { error } = (await answer.json()) as { error: { message: string } };
  return [answer.status, error.message];
}

test('names are no paths: nothing outside the folder of adapters is reached', async () => {
  for (const path of ['/etc', '../..', `${folder.path}/../..`, '..%2f..', '/etc/passwd\0', '~/.ssh', '.'])
    expect([path, ...(await load(path))]).toEqual([
      path,
      404,
      'No adapter is found there below a folder of --adapter-root',
    ]);
  // A folder of the store is inside, but no adapter: it is refused without its place.
  const [status, message] = await load('files');
  expect(status).toBeGreaterThanOrEqual(400);
  expect(status).toBeLessThan(500);
  expect(message).toBeTruthy();
});

test('hostile texts come back as they are, and leave the store whole', async () => {
  const texts = [
    "'; DROP TABLE inferences; --",
    '" OR 1=1',
    '\u202e\u0000\ufffd',
    '<script>alert(1)</script>',
    '💥'.repeat(50),
  ];
  for (const content of texts) {
    const answer = await send(
      '/v1/chat/completions',
      JSON.stringify({
        model: 'embedded-model',
        messages: [{ role: 'user', content }],
        max_tokens: 1,
        user: content,
        metadata: { [content.slice(0, 60)]: content },
      }),
    );
    const { id } = (await answer.json()) as { id: string };
    const kept = await fetch(`${at.baseURL}/chat/completions/${id}/messages`);
    const { data } = (await kept.json()) as { data: { content: string }[] };
    expect(data.map((message) => message.content)).toEqual([content]);
  }
  for (const name of ["x' OR '1'='1", '%00', '..', 'chatcmpl-x;DROP TABLE'])
    expect((await fetch(`${at.baseURL}/files/${encodeURIComponent(name)}`)).status).toBe(404);
});
