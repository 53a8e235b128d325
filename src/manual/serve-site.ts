import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { badUsage, messageOf } from '../core/index.ts';

const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
};

/** Nothing from elsewhere, nothing inline. */
const HEADERS = {
  'content-security-policy':
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-cache',
};

export interface ServedSite {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Serves files by their names to this computer alone, on a port of 127.0.0.1 (0: one that is free). Requests that name another host are refused, so that no page elsewhere can read
 * them. Throws bad-usage when the port is taken.
 */
export async function serveSite(files: ReadonlyMap<string, string>, port: number): Promise<ServedSite> {
  const server = createServer(({ url = '/', method, headers: { host = '' } }, response) => {
    const isHere = /^(?:127\.0\.0\.1|localhost)(?::\d+)?$/.test(host);
    const name = decodedPath(url);
    const content = isHere ? files.get(name === '' ? 'index.html' : name) : undefined;
    const isRead = method === 'GET' || method === 'HEAD';
    const status = !isHere ? 403 : !isRead ? 405 : content === undefined ? 404 : 200;
    const type = status === 200 ? TYPES[/\.(\w+)$/.exec(name === '' ? 'index.html' : name)?.[1] ?? ''] : undefined;
    response.writeHead(status, { ...HEADERS, 'content-type': type ?? 'text/plain; charset=utf-8' });
    response.end(method === 'HEAD' ? undefined : status === 200 ? content : MESSAGES[status]);
  });
  await listen(server, port);
  const { port: own } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${own}/`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const MESSAGES: Readonly<Record<number, string>> = {
  403: 'This server answers on this computer alone.\n',
  404: 'There is no such page. The first one is /index.html.\n',
  405: 'Pages are only read.\n',
};

function decodedPath(url: string): string {
  try {
    return decodeURIComponent(url.replace(/[?#].*$/s, '')).replace(/^\//, '');
  } catch {
    return url;
  }
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: Error & { code?: string }) => {
      const why = error.code === 'EADDRINUSE' ? 'it is taken' : messageOf(error);
      reject(badUsage({ path: 'port', message: `--port must be one that is free, got ${port}: ${why}; name another` }));
    });
    server.listen(port, '127.0.0.1', resolve);
  });
}
