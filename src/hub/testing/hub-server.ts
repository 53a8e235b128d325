/** A small hub for tests: the pages of its API that preftune asks for, with faults on demand. */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export const COMMIT = 'c0ffee'.padEnd(40, '0');
/** The commit of the branch that holds the hub's own Parquet of a data set. */
export const CONVERTED_COMMIT = 'facade'.padEnd(40, '0');
const CONVERTED_REVISION = 'refs/convert/parquet';

export interface ServedFile {
  readonly bytes: Buffer;
  /** Listed with a SHA-256, as large files are. */
  readonly isLarge?: boolean;
}

/** What the next matching request gets instead of its answer. Return true when it was handled. */
export type Fault = (request: IncomingMessage, response: ServerResponse) => boolean;

export interface HubServer {
  readonly endpoint: string;
  /** Method, path and what the tests look at of each request. */
  readonly requests: {
    readonly url: string;
    readonly range: string | undefined;
    readonly authorization: string | undefined;
  }[];
  readonly faults: Fault[];
  /** Files by repository (`models/owner/name`; `datasets/owner/name@refs/convert/parquet`) and path. */
  readonly repos: Map<string, Record<string, ServedFile>>;
  /** Another place that large files are redirected to, when set. */
  redirectTo: string | undefined;
  close(): Promise<void>;
}

export async function startHubServer(): Promise<HubServer> {
  const repos = new Map<string, Record<string, ServedFile>>();
  const requests: HubServer['requests'] = [];
  const faults: Fault[] = [];
  const server = createServer((request, response) => {
    requests.push({ url: request.url!, range: request.headers.range, authorization: request.headers.authorization });
    const fault = faults.findIndex((candidate) => candidate(request, response));
    if (fault >= 0) faults.splice(fault, 1);
    else answer(hub, request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const hub: HubServer = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    faults,
    repos,
    redirectTo: undefined,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
  return hub;
}

function answer(hub: HubServer, request: IncomingMessage, response: ServerResponse): void {
  const url = new URL(request.url!, hub.endpoint);
  const path = decodeURIComponent(url.pathname);
  // A revision with slashes comes with them encoded.
  const api = /^\/api\/((?:models|datasets)\/.+?)\/(revision|tree)\/([^/]+)/.exec(url.pathname);
  if (api !== null)
    return answerApi(hub, api.slice(1).map(decodeURIComponent) as [string, string, string], { url, response });
  const file = /^\/(datasets\/)?(.+?)\/resolve\/([^/]+)\/(.+)$/.exec(path);
  const branch = file?.[3] === CONVERTED_COMMIT ? `@${CONVERTED_REVISION}` : '';
  const repo = file === null ? undefined : `${file[1] === undefined ? 'models/' : 'datasets/'}${file[2]}${branch}`;
  const served = repo === undefined ? undefined : hub.repos.get(repo)?.[file![4]!];
  if (served === undefined) return fail(response, 404, 'EntryNotFound');
  if (served.isLarge === true && hub.redirectTo !== undefined) {
    response.writeHead(302, { location: hub.redirectTo + request.url! }).end();
    return;
  }
  sendBytes(served.bytes, request, response);
}

/** Answers with the bytes that the request asks for. */
export function sendBytes(bytes: Buffer, request: IncomingMessage, response: ServerResponse): void {
  const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
  const from = Number(range?.[1] ?? 0);
  const to = Math.min(range?.[2] ? Number(range[2]) : Infinity, bytes.length - 1);
  if (from >= bytes.length && from > 0) {
    response.writeHead(416, { 'content-range': `bytes */${bytes.length}` }).end();
    return;
  }
  const body = bytes.subarray(from, to + 1);
  const place = range === null ? {} : { 'content-range': `bytes ${from}-${to}/${bytes.length}` };
  response.writeHead(range === null ? 200 : 206, { 'content-length': body.length, ...place }).end(body);
}

export function fail(response: ServerResponse, status: number, code?: string): void {
  response.writeHead(status, code === undefined ? {} : { 'x-error-code': code }).end('no');
}

function answerApi(
  hub: HubServer,
  [repo, page, revision]: [string, string, string],
  { url, response }: { url: URL; response: ServerResponse },
): void {
  const isConverted = revision === CONVERTED_REVISION || revision === CONVERTED_COMMIT;
  if (!hub.repos.has(repo)) return fail(response, 401, 'RepoNotFound');
  const files = hub.repos.get(isConverted ? `${repo}@${CONVERTED_REVISION}` : repo);
  const isKnown = isConverted || revision === 'main' || revision === COMMIT;
  if (files === undefined || !isKnown) return fail(response, 404, 'RevisionNotFound');
  const name = repo.slice(repo.indexOf('/') + 1);
  if (page === 'revision')
    return json(response, {
      _id: '1',
      id: name,
      sha: isConverted ? CONVERTED_COMMIT : COMMIT,
      lastModified: '2026-01-01T00:00:00.000Z',
    });
  const isDeep = url.searchParams.get('recursive') === 'true';
  const entries = Object.entries(files)
    .filter(([path]) => isDeep || !path.includes('/'))
    .map(([path, { bytes, isLarge }]) => ({
      type: 'file',
      path,
      size: bytes.length,
      oid: gitOid(bytes),
      ...(isLarge === true ? { lfs: { oid: sha256(bytes), size: bytes.length, pointerSize: 130 } } : {}),
    }));
  // Two pages, as the hub does with long listings.
  const half = Math.ceil(entries.length / 2);
  if (url.searchParams.has('cursor')) return json(response, entries.slice(half));
  response.setHeader('link', `<${hub.endpoint}${url.pathname}?recursive=${isDeep}&cursor=2>; rel="next"`);
  json(response, entries.slice(0, half));
}

function json(response: ServerResponse, value: unknown): void {
  response.setHeader('content-type', 'application/json').end(JSON.stringify(value));
}

export function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Source: git's object format. */
export function gitOid(bytes: Buffer): string {
  return createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
}
