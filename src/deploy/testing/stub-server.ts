import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { z } from 'zod';

export interface StubRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly body: unknown;
}

export interface StubAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

export interface Stub {
  readonly url: string;
  readonly requests: readonly StubRequest[];
  /** Answers in front of the rules; undefined: the rules answer. `hang`: no answer ever. */
  before: (request: StubRequest) => StubAnswer | 'cut' | undefined;
  close(): Promise<void>;
}

/** A server on this machine that stands in for a platform. */
export async function startStub(answer: (request: StubRequest, url: string) => StubAnswer): Promise<Stub> {
  const requests: StubRequest[] = [];
  const server = createServer((incoming, outgoing) => {
    void (async () => {
      const pieces: Buffer[] = [];
      for await (const piece of incoming) pieces.push(piece as Buffer);
      const text = Buffer.concat(pieces).toString();
      const url = new URL(incoming.url!, 'http://stub');
      const isJson = incoming.headers['content-type']?.startsWith('application/json') === true;
      const request: StubRequest = {
        method: incoming.method!,
        path: url.pathname,
        query: url.searchParams,
        headers: incoming.headers,
        text,
        body: isJson && text !== '' ? (JSON.parse(text) as unknown) : undefined,
      };
      requests.push(request);
      const given = stub.before(request) ?? answer(request, stub.url);
      if (given === 'cut') return incoming.socket.destroy();
      outgoing.writeHead(given.status, { 'content-type': 'application/json', ...given.headers });
      return outgoing.end(given.body === undefined ? '' : JSON.stringify(given.body));
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const stub: Stub = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    before: () => undefined,
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
  return stub;
}

/** 422 with each field, as a strict platform tells it; undefined for a body that fits. */
export function unfit(schema: z.ZodType, body: unknown): StubAnswer | undefined {
  const result = schema.safeParse(body);
  if (result.success) return undefined;
  const details = result.error.issues.map(({ path, message }) => ({ path: path.map(String), message }));
  return { status: 422, body: { error: 'Invalid body', details } };
}
