import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { watchBody, type BodyLimits } from './body-deadline.ts';
import { limitConnections, refuseConnection, type ConnectionLimits } from './connections.ts';

export interface ServerLimits extends ConnectionLimits, BodyLimits {
  /** Milliseconds from the connection, or from the first byte behind an earlier request, to the last byte of the headers. */
  readonly headerMs: number;
  /** Milliseconds for which a connection is kept that asks nothing. */
  readonly idleMs: number;
}

export interface LimitedServerOptions {
  readonly limits: ServerLimits;
  /** Requests that bring a file, by method and path. */
  readonly isUpload: (method: string, path: string) => boolean;
  readonly listener: RequestListener;
}

/** Node's server with limits on what a client may take before anybody looks at its request: headers, bodies, connections, the reading of answers. */
export function createLimitedServer({ limits, isUpload, listener }: LimitedServerOptions): Server {
  const { headerMs, idleMs } = limits;
  const server = createServer({
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout: headerMs,
    // What holds for bodies is watched by the kind of the request.
    requestTimeout: 0,
    connectionsCheckingInterval: Math.min(1000, headerMs),
    keepAliveTimeout: idleMs,
  });
  server.maxHeadersCount = MAX_HEADERS;
  const admit = limitConnections(server, limits);
  server.on('request', (incoming, response) => {
    if (!admit(incoming, response)) return;
    watchBody(incoming, limits, {
      isUpload: isUpload(incoming.method ?? '', pathOf(incoming)),
      onSlow: (reason) => {
        // Where the answer has begun its end is all that can be said.
        if (response.headersSent) incoming.socket.destroy();
        else refuseConnection(incoming.socket, '408 Request Timeout', reason);
      },
    });
    listener(incoming, response);
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const [status, message] = CLIENT_FAULTS[error.code ?? ''] ?? ['400 Bad Request', 'This is no HTTP/1.1 request'];
    refuseConnection(socket as Socket, status, message);
  });
  return server;
}

function pathOf({ url = '' }: IncomingMessage): string {
  return url.split('?', 1)[0]!;
}

/** What is no request at all, by Node's codes. */
const CLIENT_FAULTS: Readonly<Record<string, readonly [status: string, message: string]>> = {
  HPE_HEADER_OVERFLOW: ['431 Request Header Fields Too Large', 'The headers must have at most 16 KiB'],
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'The headers must come sooner'],
};

const MAX_HEADER_BYTES = 16 * 2 ** 10;
const MAX_HEADERS = 100;
