import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

export interface ConnectionLimits {
  /** Connections in all, and from one address. */
  readonly maxConnections: number;
  readonly maxPerAddress: number;
  /** Milliseconds for which a client may take no byte of what is being sent to it. */
  readonly stallMs: number;
}

/** A connection, and what it has under way. */
interface Connection {
  readonly socket: Socket;
  readonly address: string;
  requests: number;
}

/** Whether a request may be looked at; one that may not has been answered. */
export type Admit = (incoming: IncomingMessage, response: ServerResponse) => boolean;

/** Requests on one connection that may wait for the answer of the one before. Clients send the next when they have that. */
const MOST_PIPELINED = 16;
/** A client gets so long to read why it was refused, before its connection is cut. */
const LINGER_MS = 1000;

/**
 * Bounds what connections may take. When there are too many, of one address or in all, the one that has had no request under way for the longest time makes room for the
 * new one, so that idle ones keep nobody out; where all are at work, the new one is refused with 503 (429 where its address has too many). A client that takes nothing
 * of its answer is let go. Gives what must be asked for every request.
 */
export function limitConnections(server: Server, { maxConnections, maxPerAddress, stallMs }: ConnectionLimits): Admit {
  const connections = new Map<Socket, Connection>();
  const counts = new Map<string, number>();
  // Those without a request, the one that has been so for longest first.
  const idle = new Set<Connection>();

  const makeRoom = (address: string | undefined): boolean => {
    for (const connection of idle)
      if (address === undefined || connection.address === address) {
        forget(connection);
        connection.socket.destroy();
        return true;
      }
    return false;
  };
  const forget = (connection: Connection): void => {
    if (!connections.delete(connection.socket)) return;
    idle.delete(connection);
    const count = counts.get(connection.address)! - 1;
    if (count === 0) counts.delete(connection.address);
    else counts.set(connection.address, count);
  };

  server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? '';
    if ((counts.get(address) ?? 0) >= maxPerAddress && !makeRoom(address))
      return refuseConnection(socket, '429 Too Many Requests', 'Too many connections of this address are at work');
    if (connections.size >= maxConnections && !makeRoom(undefined))
      return refuseConnection(socket, '503 Service Unavailable', 'Too many connections are at work');
    const connection = { socket, address, requests: 0 };
    connections.set(socket, connection);
    counts.set(address, (counts.get(address) ?? 0) + 1);
    idle.add(connection);
    socket.once('close', () => forget(connection));
  });
  // Node counts a write of which a part was taken as a sign of life.
  server.setTimeout(stallMs, (socket) => {
    const isAnswering = (connections.get(socket)?.requests ?? 0) > 0;
    // The engine may be at work on the answer, and nothing of it waits for the client.
    if (isAnswering && socket.writableLength === 0) return;
    socket.destroy();
  });
  return ({ socket }, response) => {
    const connection = connections.get(socket);
    // It was refused, and what it sent meanwhile is read no more.
    if (connection === undefined) return false;
    idle.delete(connection);
    connection.requests++;
    response.once('close', () => {
      connection.requests--;
      if (connection.requests === 0 && connections.has(socket)) idle.add(connection);
    });
    if (connection.requests <= MOST_PIPELINED) return true;
    forget(connection);
    refuseConnection(socket, '429 Too Many Requests', 'Too many requests wait on this connection');
    return false;
  };
}

/** Says why on a connection that answers nothing more, and cuts it when the client has had time to read that. */
export function refuseConnection(socket: Socket, status: string, message: string): void {
  const body = JSON.stringify({
    error: {
      message: `${message}; try again`,
      type: Number(status.slice(0, 3)) < 500 ? 'invalid_request_error' : 'server_error',
      param: null,
      code: null,
    },
  });
  if (socket.writable)
    socket.end(
      `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nretry-after: 1\r\nconnection: close\r\n\r\n${body}`,
    );
  const cut = setTimeout(() => socket.destroy(), LINGER_MS);
  cut.unref();
  socket.once('close', () => clearTimeout(cut));
}
