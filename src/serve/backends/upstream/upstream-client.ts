import { Agent, request as requestPlain, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { Agent as SecureAgent, request as requestSecure } from 'node:https';
import { checkedLookup, RefusedAddressError } from './address.ts';
import { malformed, tooLate, torn, unreachable, UpstreamFailure } from './upstream-failure.ts';
import type { UpstreamSettings } from './upstream-config.ts';

export interface UpstreamRequest {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  /** JSON text. */
  readonly body?: string | undefined;
  readonly signal: AbortSignal;
  /** From the request to the end of the answer. */
  readonly timeoutMs: number;
  /** The time that was given for all attempts, for the message. */
  readonly limitMs?: number;
  /** From the request to the first call of `isAlive`; undefined where the whole time alone counts. */
  readonly firstTokenTimeoutMs?: number | undefined;
  /** Silence between chunks. */
  readonly idleTimeoutMs?: number | undefined;
}

export interface UpstreamAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Throws UpstreamFailure for what goes wrong on the way, and the signal's reason where it was aborted. Leaving it early closes the connection. */
  readonly chunks: AsyncIterable<Uint8Array>;
  /** A piece has come: from now on silence counts. */
  isAlive(): void;
  /** Everything that matters has come: what is left is read in the background, so that the connection can serve again. */
  release(): void;
  /** Ends the connection; who waits for a chunk gets an error. */
  close(): void;
}

export interface UpstreamClient {
  send(request: UpstreamRequest): Promise<UpstreamAnswer>;
  dispose(): void;
}

const KEEP_ALIVE_MS = 4000;
const DRAIN_MS = 1000;

/**
 * Requests to one server: connections that stay open, addresses checked as they are connected to, no redirects, no compression, time limits, and an end at once where the
 * caller goes. Nothing of a client's headers is ever sent; the key is the configuration's.
 */
export function createUpstreamClient(settings: UpstreamSettings, key: string | undefined): UpstreamClient {
  const { name, kind, baseUrl, headers, maxConcurrent, maxAnswerBytes } = settings;
  const url = new URL(baseUrl);
  const isSecure = url.protocol === 'https:';
  const agentOptions = {
    keepAlive: true,
    keepAliveMsecs: KEEP_ALIVE_MS,
    // Probes and questions for token ids pass the line.
    maxSockets: maxConcurrent + 8,
    maxFreeSockets: Math.min(maxConcurrent, 64),
    // The socket that was used last is the least likely to have been closed by the other side.
    scheduling: 'lifo' as const,
  };
  const agent = isSecure ? new SecureAgent(agentOptions) : new Agent(agentOptions);
  const request = isSecure ? requestSecure : requestPlain;
  const lookup = checkedLookup({ host: url.hostname, allowsPrivateAddress: settings.allowsPrivateAddress });
  const fixed: Record<string, string> = {
    ...headers,
    accept: 'application/json, text/event-stream',
    'accept-encoding': 'identity',
    'content-type': 'application/json',
    'user-agent': 'preftune',
    ...(key !== undefined && (kind === 'azure' ? { 'api-key': key } : { authorization: `Bearer ${key}` })),
  };

  const send = ({
    method,
    url: target,
    body,
    signal,
    timeoutMs,
    limitMs = timeoutMs,
    ...times
  }: UpstreamRequest): Promise<UpstreamAnswer> =>
    new Promise((resolve, reject) => {
      if (signal.aborted) return void reject(signal.reason as Error);
      /** Why it ended, where somebody ended it. */
      let ended: unknown;
      let answer: IncomingMessage | undefined;
      let isSettled = false;
      const outgoing = request(target, {
        method,
        agent,
        lookup,
        headers: body === undefined ? fixed : { ...fixed, 'content-length': String(Buffer.byteLength(body)) },
      });
      const end = (why: unknown): void => {
        ended ??= why;
        const error = why instanceof Error ? why : new Error('ended');
        reject(error);
        answer?.destroy(error);
        outgoing.destroy(error);
        settle();
      };
      const onAbort = (): void => end(signal.reason);
      signal.addEventListener('abort', onAbort, { once: true });
      const whole = setTimeout(
        () => end(tooLate(name, `took longer than ${limitMs / 1000} s`, { isOutage: answer === undefined })),
        timeoutMs,
      );
      const first = setTimer(times.firstTokenTimeoutMs, (ms) => {
        end(tooLate(name, `began no answer within ${ms / 1000} s`));
      });
      let idle: NodeJS.Timeout | undefined;
      /** Silence counts only while somebody waits for the server. */
      let isWaiting = false;
      const settle = (): void => {
        isSettled = true;
        signal.removeEventListener('abort', onAbort);
        clearTimeout(whole);
        clearTimeout(first);
        clearTimeout(idle);
      };
      outgoing.on('socket', (socket) => {
        if (!socket.connecting) return;
        const error = new Error(`none within ${settings.connectTimeoutMs / 1000} s`);
        const timer = setTimeout(() => end(unreachable(name, error)), settings.connectTimeoutMs);
        const stop = (): void => clearTimeout(timer);
        socket.once(isSecure ? 'secureConnect' : 'connect', stop);
        socket.once('close', stop);
      });
      outgoing.on('error', (error) => {
        settle();
        reject(error instanceof RefusedAddressError ? refused(name, error) : unreachable(name, error));
      });
      outgoing.on('response', (incoming) => {
        answer = incoming;
        // Told by what reads the chunks; without a listener the process would end.
        incoming.on('error', () => undefined);
        const { statusCode: status = 0, headers: answered } = incoming;
        const encoding = answered['content-encoding'];
        if (encoding !== undefined && encoding !== 'identity')
          return void end(malformed(name, `it packs its answers (${encoding.slice(0, 20)}), which it was told not to`));
        let isReleased = false;
        const chunks = async function* (): AsyncGenerator<Uint8Array> {
          let size = 0;
          try {
            isWaiting = true;
            for await (const chunk of incoming.iterator({ destroyOnReturn: false })) {
              isWaiting = false;
              size += (chunk as Buffer).length;
              if (size > maxAnswerBytes) throw malformed(name, `an answer of more than ${maxAnswerBytes} bytes`);
              yield chunk as Buffer;
              if (!isSettled) idle?.refresh();
              isWaiting = true;
            }
            if (ended !== undefined) throw ended;
            if (!incoming.complete) throw torn(name, 'the connection broke');
          } catch (error) {
            if (ended !== undefined) throw ended;
            throw error instanceof UpstreamFailure ? error : torn(name, 'the connection broke');
          } finally {
            isWaiting = false;
            settle();
            if (isReleased) drain(incoming);
            else if (!incoming.readableEnded) outgoing.destroy();
          }
        };
        resolve({
          status,
          headers: answered,
          chunks: chunks(),
          isAlive: () => {
            if (isSettled || idle !== undefined) return;
            clearTimeout(first);
            idle = setTimer(times.idleTimeoutMs, (ms) => {
              if (isWaiting) end(tooLate(name, `said nothing for ${ms / 1000} s within its answer`));
              else idle?.refresh();
            });
          },
          release: () => {
            isReleased = true;
          },
          close: () => end(torn(name, 'it was closed')),
        });
      });
      outgoing.end(body);
    });

  return { send, dispose: () => agent.destroy() };
}

/** Reads what is left, for a moment: a connection whose answer was not read whole cannot serve again. */
function drain(incoming: IncomingMessage): void {
  if (incoming.readableEnded) return;
  const timer = setTimeout(() => incoming.destroy(), DRAIN_MS);
  timer.unref();
  incoming.on('close', () => clearTimeout(timer));
  incoming.resume();
}

function refused(name: string, error: Error): UpstreamFailure {
  return new UpstreamFailure(unreachable(name, error).error, {
    remedy: 'next',
    note: `upstream ${name}: ${error.message}, which is refused; allowsPrivateAddress: true allows private ones`,
  });
}

function setTimer(ms: number | undefined, work: (ms: number) => void): NodeJS.Timeout | undefined {
  return ms === undefined ? undefined : setTimeout(() => work(ms), ms);
}
