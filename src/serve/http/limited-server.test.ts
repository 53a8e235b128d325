import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { createLimitedServer, type ServerLimits } from './limited-server.ts';

const LIMITS: ServerLimits = {
  headerMs: 60_000,
  bodyMs: 60_000,
  uploadMs: 60_000,
  uploadBytesPerSecond: 0,
  windowMs: 60_000,
  idleMs: 60_000,
  stallMs: 60_000,
  maxConnections: 1000,
  maxPerAddress: 1000,
};

const open: (Socket | Server)[] = [];
/** Requests that have arrived and get no answer. */
const arrived = { hanging: 0 };
afterEach(async () => {
  arrived.hanging = 0;
  for (const one of open.splice(0))
    if ('closeAllConnections' in one) {
      one.closeAllConnections();
      await new Promise((resolve) => one.close(resolve));
    } else one.destroy();
});

/** Reads the body whole and says how long it was, unless the path wants something else. */
async function answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
  if (incoming.url === '/hangs') return void arrived.hanging++;
  if (incoming.url === '/endless') {
    const more = (): void => {
      while (response.writable && response.write('x'.repeat(65_536)));
      response.once('drain', more);
    };
    return more();
  }
  let size = 0;
  try {
    for await (const part of incoming) size += (part as Buffer).length;
  } catch {
    return;
  }
  response.end(String(size));
}

async function start(limits: Partial<ServerLimits>): Promise<number> {
  const server = createLimitedServer({
    limits: { ...LIMITS, ...limits },
    isUpload: (method, path) => method === 'POST' && path === '/files',
    listener: (incoming, response) => void answer(incoming, response),
  });
  open.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

interface Client {
  readonly socket: Socket;
  text: string;
  /** All that came, when the server has ended the connection. */
  readonly closed: Promise<string>;
}

/** A client that never ends its side by itself, from any address of loopback. */
async function client(port: number, from = '127.0.0.1'): Promise<Client> {
  const socket = connect({ port, host: '127.0.0.1', localAddress: from, allowHalfOpen: true });
  open.push(socket);
  const closed = new Promise<string>((resolve) => {
    const end = (): void => resolve(one.text);
    socket.on('end', end).on('close', end);
  });
  const one: Client = { socket, text: '', closed };
  socket.on('data', (data) => (one.text += data.toString()));
  socket.on('error', () => undefined);
  await new Promise((resolve) => socket.once('connect', resolve).once('error', resolve));
  return one;
}

function isGone({ socket }: Client): boolean {
  return socket.destroyed || socket.readableEnded;
}

async function ask(one: Client, path = '/'): Promise<string> {
  const before = one.text.length;
  one.socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
  while (!isGone(one) && !one.text.slice(before).endsWith('\r\n0')) await sleep(1);
  return one.text.slice(before).split('\r\n')[0]!;
}

async function connectionsOf(server: Server): Promise<number> {
  return new Promise((resolve, reject) =>
    server.getConnections((error, count) => (error === null ? resolve(count) : reject(error))),
  );
}

/** Until nobody is connected, however the clients hold on. */
async function untilEmpty(): Promise<void> {
  const server = open.find((one): one is Server => 'closeAllConnections' in one)!;
  while ((await connectionsOf(server)) > 0) await sleep(5);
}

test('headers that do not come, or come byte by byte, are told so and cut', async () => {
  const port = await start({ headerMs: 150 });
  const [silent, slow] = [await client(port), await client(port)];
  const drip = setInterval(() => slow.socket.write('X'), 20);
  slow.socket.write('GET / HTTP/1.1\r\nHost: a\r\nX: ');
  for (const one of [silent, slow]) expect((await one.closed).split('\r\n')[0]).toBe('HTTP/1.1 408 Request Timeout');
  clearInterval(drip);
  await untilEmpty();
});

test('a body that comes too slowly is told so, also where nobody reads it; one in time is answered', async () => {
  const port = await start({ bodyMs: 150 });
  const good = await client(port);
  good.socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe');
  await sleep(20);
  good.socket.write('llo');
  const slow = await client(port);
  slow.socket.write('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
  const drip = setInterval(() => slow.socket.write('1\r\nx\r\n'), 20);
  const unread = await client(port);
  unread.socket.write('GET /hangs HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nx');
  for (const one of [slow, unread]) {
    const text = await one.closed;
    expect(text.split('\r\n')[0]).toBe('HTTP/1.1 408 Request Timeout');
    expect(JSON.parse(text.split('\r\n\r\n')[1]!)).toEqual({
      error: {
        message: 'The body must be there within 0.15 s; try again',
        type: 'invalid_request_error',
        param: null,
        code: null,
      },
    });
  }
  clearInterval(drip);
  expect(good.text).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n5\b/);
});

test('an upload may take longer, but must come at a least rate', async () => {
  const port = await start({ bodyMs: 50, uploadMs: 400, uploadBytesPerSecond: 1000, windowMs: 100 });
  const post = async (bytes: number): Promise<Client> => {
    const one = await client(port);
    one.socket.write('POST /files?a=b HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n');
    const drip = setInterval(() => one.socket.write('x'.repeat(bytes)), 20);
    void one.closed.then(() => clearInterval(drip));
    return one;
  };
  // 50 and 25,000 bytes a second.
  const [slow, endless] = [await post(1), await post(500)];
  expect(await slow.closed).toContain('A file must come with at least 1000 bytes a second');
  expect(await endless.closed).toContain('The body must be there within 0.4 s');
});

test('a client that takes nothing of an endless answer is let go; one whose answer is being made is not', async () => {
  const port = await start({ stallMs: 150 });
  const [deaf, patient] = [await client(port), await client(port)];
  patient.socket.write('GET /hangs HTTP/1.1\r\nHost: a\r\n\r\n');
  deaf.socket.pause();
  deaf.socket.write('GET /endless HTTP/1.1\r\nHost: a\r\n\r\n');
  const server = open.find((one): one is Server => 'closeAllConnections' in one)!;
  while ((await connectionsOf(server)) > 1) await sleep(5);
  await sleep(200);
  expect(isGone(patient)).toBe(false);
});

test('a connection that asks nothing more is closed', async () => {
  const port = await start({ idleMs: 50 });
  const one = await client(port);
  expect(await ask(one)).toBe('HTTP/1.1 200 OK');
  await one.closed;
  await untilEmpty();
});

test('three hundred idle connections keep nobody out, nor do those of one address take the room of others', async () => {
  const port = await start({ maxConnections: 100, maxPerAddress: 60 });
  const idle = await Promise.all(Array.from({ length: 300 }, (_, place) => client(port, `127.0.0.${2 + (place % 6)}`)));
  const good = await client(port);
  expect(await ask(good)).toBe('HTTP/1.1 200 OK');
  while (idle.filter((one) => !isGone(one)).length > 99) await sleep(5);
  // Those that were idle for longest went; the good one is of another address and asked last.
  expect(isGone(good)).toBe(false);
  const busy = await Promise.all(Array.from({ length: 60 }, () => client(port, '127.0.0.9')));
  for (const { socket } of busy) socket.write('GET /hangs HTTP/1.1\r\nHost: a\r\n\r\n');
  while (arrived.hanging < 60) await sleep(5);
  expect((await (await client(port, '127.0.0.9')).closed).split('\r\n')[0]).toBe('HTTP/1.1 429 Too Many Requests');
  const others = await Promise.all(Array.from({ length: 40 }, () => client(port, '127.0.0.10')));
  for (const { socket } of others) socket.write('GET /hangs HTTP/1.1\r\nHost: a\r\n\r\n');
  while (arrived.hanging < 100) await sleep(5);
  expect((await (await client(port)).closed).split('\r\n')[0]).toBe('HTTP/1.1 503 Service Unavailable');
  // One of them ends, and there is room again.
  busy[0]!.socket.destroy();
  await sleep(20);
  expect(await ask(await client(port))).toBe('HTTP/1.1 200 OK');
});

test('requests that pile up on one connection end it', async () => {
  const port = await start({});
  const one = await client(port);
  one.socket.write('GET /hangs HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(40));
  expect((await one.closed).split('\r\n')[0]).toBe('HTTP/1.1 429 Too Many Requests');
});

test('what is no HTTP is refused, and cut though the client holds on', async () => {
  const port = await start({});
  const head = 'GET / HTTP/1.1\r\nHost: a\r\n';
  const shapes = {
    NONSENSE: '400 Bad Request',
    [`${head}X: ${'x'.repeat(20_000)}`]: '431 Request Header Fields Too Large',
  };
  for (const [bytes, status] of Object.entries(shapes)) {
    const one = await client(port);
    one.socket.write(`${bytes}\r\n\r\n`);
    expect((await one.closed).split('\r\n')[0]).toBe(`HTTP/1.1 ${status}`);
  }
  await untilEmpty();
});
