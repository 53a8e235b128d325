/** A small hub for tests that takes files: creating, listing, preupload, Git LFS (basic and in parts) and commits, with faults on demand. */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface PushServer {
  readonly endpoint: string;
  /** `METHOD path` of each request. */
  readonly requests: string[];
  readonly created: Record<string, unknown>[];
  /** What stands in the repository, and what has been sent to its large-file store. */
  readonly files: Map<string, { readonly oid: string; readonly size: number; readonly isLarge: boolean }>;
  readonly store: Map<string, Buffer>;
  /** The paths of each commit. */
  readonly commits: string[][];
  /** Answers the next request that matches instead of the hub: true when it was handled. */
  fault: ((request: IncomingMessage, response: ServerResponse) => boolean) | undefined;
  close(): Promise<void>;
}

/** Files of this many bytes are large, and are sent in parts of half of it when larger than twice that. */
export const LARGE_FROM = 1000;
const PART_BYTES = 500_000;
export const TOKEN = 'hf_test';

export async function startPushServer(): Promise<PushServer> {
  const parts = new Map<string, Buffer[]>();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      hub.requests.push(`${request.method} ${request.url}`);
      if (hub.fault?.(request, response) === true) return;
      answer(hub, { request, response, body: Buffer.concat(chunks), parts });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const hub: PushServer = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: [],
    created: [],
    files: new Map(),
    store: new Map(),
    commits: [],
    fault: undefined,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
  return hub;
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly body: Buffer;
  readonly parts: Map<string, Buffer[]>;
}

function answer(hub: PushServer, exchange: Exchange): void {
  const { request, response, body } = exchange;
  const path = new URL(request.url!, hub.endpoint).pathname;
  const isUpload = path.startsWith('/store/');
  if (!isUpload && request.headers.authorization !== `Bearer ${TOKEN}`)
    return send(response, 401, { error: 'Invalid token' });
  if (path === '/api/repos/create') {
    if (hub.created.length > 0) return send(response, 409, { error: 'You already created this model repo' });
    hub.created.push(JSON.parse(body.toString()) as Record<string, unknown>);
    return send(response, 200, { url: `${hub.endpoint}/owner/name`, id: '1' });
  }
  if (path.includes('/tree/')) {
    const entries = [...hub.files].map(([name, { oid, size, isLarge }]) =>
      isLarge
        ? { type: 'file', path: name, oid: '0'.repeat(40), size, lfs: { oid, size, pointerSize: 134 } }
        : { type: 'file', path: name, oid, size },
    );
    return send(response, 200, entries);
  }
  if (path.includes('/preupload/')) {
    const { files } = JSON.parse(body.toString()) as { files: { path: string; size: number }[] };
    return send(response, 200, {
      files: files.map((file) => ({
        path: file.path,
        uploadMode: file.size >= LARGE_FROM ? 'lfs' : 'regular',
        shouldIgnore: false,
      })),
    });
  }
  if (path.endsWith('/info/lfs/objects/batch')) return send(response, 200, batch(hub, body));
  if (isUpload) return takeUpload(hub, path, exchange);
  if (path.includes('/commit/')) return takeCommit(hub, exchange);
  return send(response, 404, { error: `no ${path}` });
}

function send(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

function batch(hub: PushServer, body: Buffer): unknown {
  const { objects } = JSON.parse(body.toString()) as { objects: { oid: string; size: number }[] };
  return {
    transfer: 'multipart',
    objects: objects.map(({ oid, size }) => {
      if (hub.store.has(oid)) return { oid, size };
      const href = `${hub.endpoint}/store/${oid}`;
      if (size <= PART_BYTES) return { oid, size, actions: { upload: { href } } };
      const numbers = Array.from({ length: Math.ceil(size / PART_BYTES) }, (_, i) => String(i + 1).padStart(5, '0'));
      const header = {
        chunk_size: String(PART_BYTES),
        ...Object.fromEntries(numbers.map((number) => [number, `${href}/${number}`])),
      };
      return { oid, size, actions: { upload: { href: `${href}/done`, header } } };
    }),
  };
}

function takeUpload(hub: PushServer, path: string, { request, response, body, parts }: Exchange): void {
  const [, , oid, part] = path.split('/') as [string, string, string, string | undefined];
  if (request.method === 'PUT' && part !== undefined) {
    const kept = parts.get(oid) ?? [];
    kept[Number(part) - 1] = body;
    parts.set(oid, kept);
    response.writeHead(200, { etag: `"${part}"` }).end();
    return;
  }
  const whole = part === undefined ? body : Buffer.concat(parts.get(oid) ?? []);
  if (createHash('sha256').update(whole).digest('hex') !== oid) return send(response, 400, { error: 'checksum' });
  hub.store.set(oid, whole);
  return send(response, 200, {});
}

function takeCommit(hub: PushServer, { response, body }: Exchange): void {
  const lines = body
    .toString()
    .split('\n')
    .map(
      (line) =>
        JSON.parse(line) as { key: string; value: { path: string; oid: string; size: number; content: string } },
    );
  const paths: string[] = [];
  for (const { key, value } of lines) {
    if (key === 'lfsFile') {
      if (!hub.store.has(value.oid)) return send(response, 400, { error: `large file ${value.path} was not sent` });
      hub.files.set(value.path, { oid: value.oid, size: value.size, isLarge: true });
      paths.push(value.path);
    } else if (key === 'file') {
      const content = Buffer.from(value.content, 'base64');
      const oid = createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex');
      hub.files.set(value.path, { oid, size: content.length, isLarge: false });
      paths.push(value.path);
    }
  }
  hub.commits.push(paths);
  return send(response, 200, {
    commitOid: String(hub.commits.length).padStart(40, '0'),
    commitUrl: `${hub.endpoint}/commit`,
  });
}
