/** A server that speaks the chat completions API, for tests: it answers as it is told, and remembers what it was asked. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ServedRequest {
  /** From 1, over all requests. */
  readonly number: number;
  readonly body: {
    readonly model: string;
    readonly messages: readonly { readonly role: string; readonly content: string }[];
    readonly [field: string]: unknown;
  };
  /** The body as it came: equal texts are equal questions. */
  readonly text: string;
  readonly headers: IncomingMessage['headers'];
  readonly atMs: number;
}

/** What the server does with a request. */
export type Served =
  /** A whole answer with this text. */
  | {
      readonly kind: 'answer';
      readonly text: string | null;
      readonly finishReason?: string;
      readonly refusal?: string;
      readonly afterMs?: number;
      /** Held back until then. */
      readonly until?: Promise<unknown>;
    }
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly code?: string;
      readonly message?: string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** Status 200 with these bytes; `isCut` drops the connection after them. */
  | { readonly kind: 'raw'; readonly body: string; readonly isCut?: boolean; readonly type?: string }
  /** Drops the connection without a word. */
  | { readonly kind: 'drop' }
  /** Never answers; with `headers` it begins to. */
  | { readonly kind: 'silence'; readonly headers?: boolean };

export interface JudgeServer {
  /** For `url`: http://127.0.0.1:PORT/v1. */
  readonly url: string;
  readonly requests: readonly ServedRequest[];
  /** Requests under way at the same time, at most. */
  readonly most: number;
  close(): Promise<void>;
}

export async function startJudgeServer(serve: (request: ServedRequest) => Served): Promise<JudgeServer> {
  const requests: ServedRequest[] = [];
  let [open, most] = [0, 0];
  const server = createServer((incoming, response) => {
    let text = '';
    incoming.on('data', (data: Buffer) => (text += data.toString()));
    incoming.on('end', () => {
      most = Math.max(most, ++open);
      response.on('close', () => open--);
      if (incoming.method !== 'POST' || incoming.url !== '/v1/chat/completions') {
        response.writeHead(404).end();
        return;
      }
      const body = JSON.parse(text) as ServedRequest['body'];
      const request = { number: requests.length + 1, body, text, headers: incoming.headers, atMs: Date.now() };
      requests.push(request);
      send(serve(request), request, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    requests,
    get most() {
      return most;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function send(served: Served, { body }: ServedRequest, response: ServerResponse): void {
  const json = (status: number, value: unknown, headers: Readonly<Record<string, string>> = {}): void => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value));
  };
  switch (served.kind) {
    case 'answer': {
      const { text, finishReason = 'stop', refusal = null, afterMs = 0, until } = served;
      const reply = {
        id: 'chatcmpl-1',
        object: 'chat.completion',
        created: 1,
        model: `${body.model}-2026`,
        choices: [
          {
            index: 0,
            message: { role: 'assistant', content: text, refusal },
            finish_reason: finishReason,
            logprobs: null,
          },
        ],
        usage: { prompt_tokens: 100, completion_tokens: 10, total_tokens: 110 },
      };
      if (until !== undefined) void until.then(() => json(200, reply));
      else if (afterMs === 0) json(200, reply);
      else setTimeout(() => json(200, reply), afterMs);
      return;
    }
    case 'status': {
      const { status, code = null, message = 'no', headers } = served;
      return json(status, { error: { message, type: 'error', param: null, code } }, headers);
    }
    case 'raw':
      response.writeHead(200, { 'content-type': served.type ?? 'application/json' });
      if (served.isCut === true) response.write(served.body, () => response.destroy());
      else response.end(served.body);
      return;
    case 'drop':
      response.destroy();
      return;
    case 'silence':
      if (served.headers === true) response.writeHead(200, { 'content-type': 'application/json' }).write('{');
      return;
  }
}

/** The texts between the marks of a judge's question. */
export function shownAnswers({ body }: ServedRequest): { readonly first: string; readonly second: string } {
  const text = body.messages[1]!.content;
  const between = (name: string): string =>
    new RegExp(`<${name} [0-9a-f]{8}>\\n([\\s\\S]*?)\\n</${name} `).exec(text)?.[1] ?? '';
  return { first: between('first-answer'), second: between('second-answer') };
}

/** A judge that honestly prefers by a number that it gives each answer. */
export function preferring(
  value: (answer: string) => number,
  confidence = 0.9,
): (request: ServedRequest) => Served & { kind: 'answer' } {
  return (request) => {
    const { first, second } = shownAnswers(request);
    const difference = value(first) - value(second);
    const winner = difference > 0 ? 'first' : difference < 0 ? 'second' : 'tie';
    return { kind: 'answer', text: JSON.stringify({ rationale: 'by number', winner, confidence }) };
  };
}
