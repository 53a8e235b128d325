import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createReceiver, type Receiver } from '../receive-records.ts';

/** What a home server does instead of taking a request: a status with headers, or `cut`: it takes it and the answer is lost. */
export type Mischief =
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string }
  | 'cut';

export interface HomeServer {
  readonly url: string;
  readonly receiver: Receiver;
  /** Ids of each request, in their order. */
  readonly requests: { readonly ids: readonly string[]; readonly headers: IncomingMessage['headers'] }[];
  /** Asked for each request; undefined: it is taken. */
  mischief: (ids: readonly string[], body: string) => Mischief | undefined;
  close(): Promise<void>;
}

/** A home server over the real receiver, for tests of the spool. */
export async function startHome(folder: string, port = 0): Promise<HomeServer> {
  const receiver = createReceiver({ folder });
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    const text = Buffer.concat(pieces).toString();
    const body = JSON.parse(text) as { readonly records: readonly { readonly id: string }[] };
    const ids = body.records.map(({ id }) => id);
    home.requests.push({ ids, headers: request.headers });
    const mischief = home.mischief(ids, text);
    if (mischief !== undefined && mischief !== 'cut') {
      response.writeHead(mischief.status, mischief.headers).end(mischief.body ?? '');
      return;
    }
    const received = await receiver.receive(body as never);
    if (mischief === 'cut') request.socket.destroy();
    else response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(received));
  };
  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const home: HomeServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/preftune/records`,
    receiver,
    requests: [],
    mischief: () => undefined,
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      receiver.dispose();
    },
  };
  return home;
}
