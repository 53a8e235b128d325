import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach } from 'vitest';
import { UPSTREAM_SCHEMA, type UpstreamSettings } from '../../src/serve/backends/upstream/upstream-config.ts';
import { createUpstreamBackends, type UpstreamBackend } from '../../src/serve/backends/upstream/upstream-backend.ts';
import type { Call } from '../../src/serve/backends/backend.ts';
import type { BreakerOptions } from '../../src/serve/backends/upstream/breaker.ts';

export interface StubRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** Undefined where it is no JSON. */
  readonly body: any; // oxlint-disable-line typescript/no-explicit-any -- tests look into it
}

/** What a stub answers: a body, or whatever it does with the response. */
export type StubAnswer =
  | { readonly status?: number; readonly headers?: Record<string, string>; readonly body: string | object }
  | ((response: ServerResponse, request: StubRequest) => void | Promise<void>);

export interface StubUpstream {
  readonly url: string;
  readonly port: number;
  readonly requests: StubRequest[];
  /** Connections that the other side closed before the answer was whole. */
  readonly closedEarly: number;
  readonly connections: number;
  close(): Promise<void>;
}

/** A server on loopback that gives its answers in order, and the last one from then on. */
export async function startStub(...answers: readonly StubAnswer[]): Promise<StubUpstream> {
  const requests: StubRequest[] = [];
  let [closedEarly, connections] = [0, 0];
  const server = createServer(async (incoming, response) => {
    const parts: Buffer[] = [];
    for await (const part of incoming) parts.push(part as Buffer);
    const text = Buffer.concat(parts).toString();
    const request: StubRequest = {
      method: incoming.method!,
      path: incoming.url!,
      headers: incoming.headers,
      body: text === '' ? undefined : JSON.parse(text),
    };
    response.on('close', () => {
      if (!response.writableFinished) closedEarly++;
    });
    const answer = answers[Math.min(requests.push(request), answers.length) - 1]!;
    if (typeof answer === 'function') return void (await answer(response, request));
    const isText = typeof answer.body === 'string';
    response.writeHead(answer.status ?? 200, {
      'content-type': isText ? 'text/event-stream' : 'application/json',
      ...answer.headers,
    });
    response.end(isText ? answer.body : JSON.stringify(answer.body));
  });
  server.on('connection', () => connections++);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/v1`,
    port,
    requests,
    get closedEarly() {
      return closedEarly;
    },
    get connections() {
      return connections;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Starts stubs that end with the test that started them. */
export function startsStubs(): typeof startStub {
  const stubs: StubUpstream[] = [];
  afterEach(async () => {
    for (const stub of stubs.splice(0)) await stub.close();
  });
  return async (...answers) => {
    const stub = await startStub(...answers);
    stubs.push(stub);
    return stub;
  };
}

/** Events of a stream, with [DONE] behind them. */
export function events(...bodies: readonly object[]): string {
  return [...bodies.map((body) => JSON.stringify(body)), '[DONE]'].map((data) => `data: ${data}\n\n`).join('');
}

/** A chunk with one choice. */
export function chunk(delta: object, more: object = {}): object {
  return {
    id: 'chatcmpl-theirs',
    object: 'chat.completion.chunk',
    created: 1,
    model: 'theirs',
    choices: [{ index: 0, delta, finish_reason: null, ...more }],
  };
}

export const STOP = chunk({}, { finish_reason: 'stop' });

/** A whole answer. */
export function whole(message: object, more: object = {}): object {
  return {
    id: 'chatcmpl-theirs',
    object: 'chat.completion',
    created: 1,
    model: 'theirs',
    choices: [
      { index: 0, message: { role: 'assistant', content: null, ...message }, finish_reason: 'stop', logprobs: null },
    ],
    usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
    ...more,
  };
}

export interface Opened {
  readonly backend: UpstreamBackend;
  readonly backends: ReadonlyMap<string, UpstreamBackend>;
  readonly notes: string[];
}

/** Backends for settings with defaults; the first is the one that is asked. */
export function open(
  settings: readonly (Partial<UpstreamSettings> & { readonly baseUrl: string })[],
  {
    environment = {},
    breaker,
  }: { readonly environment?: Record<string, string>; readonly breaker?: BreakerOptions } = {},
): Opened {
  const notes: string[] = [];
  const parsed = settings.map((each, place) => UPSTREAM_SCHEMA.parse({ name: `up${place}`, ...each }));
  const backends = createUpstreamBackends(parsed, { environment, onNote: (note) => notes.push(note), breaker });
  return { backend: backends.get(parsed[0]!.name)!, backends, notes };
}

export function streamed(signal: AbortSignal = new AbortController().signal): Call {
  return { signal, isStreamed: true };
}

export function unstreamed(signal: AbortSignal = new AbortController().signal): Call {
  return { signal, isStreamed: false };
}

export async function all<T>(pieces: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const piece of pieces) list.push(piece);
  return list;
}

export const HELLO = { model: 'client-name', messages: [{ role: 'user', content: 'Hello' }] };
