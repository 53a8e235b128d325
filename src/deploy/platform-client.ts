import { setTimeout as sleep } from 'node:timers/promises';
import { badInput, isObject, messageOf, PreftuneError, runFailed, type JsonValue } from '../core/index.ts';

/** Gives the token of a request; `renew` where the last one was refused. */
export type TokenSource = (renew: boolean) => Promise<string>;

export interface PlatformClientOptions {
  /** Such as https://api.endpoints.huggingface.cloud/v2. The token goes to its origin alone. */
  readonly api: string;
  readonly token: TokenSource;
  readonly signal: AbortSignal;
  /** What a refusal means there, and what to do. */
  readonly errorOf: (refusal: Refusal) => PreftuneError;
  /** Waits between tries of what failed in passing. Default 1, 2, 4, 8 s. */
  readonly retryDelaysMs?: readonly number[];
}

/** A status of 400 or above. */
export interface Refusal {
  readonly status: number;
  readonly method: string;
  readonly url: string;
  readonly body: JsonValue;
}

export interface PlatformAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: JsonValue;
}

export interface PlatformClient {
  readonly api: string;
  /** Asks; `tolerated` statuses are answers too. Throws what `errorOf` says, run-failed where the platform cannot be reached, cancelled. */
  ask(
    method: 'GET' | 'PUT' | 'POST' | 'DELETE',
    path: string,
    more?: { readonly body?: JsonValue; readonly tolerated?: readonly number[] },
  ): Promise<PlatformAnswer>;
  /** Waits, or throws cancelled. */
  pause(ms: number): Promise<void>;
}

const TIMEOUT_MS = 60_000;
const MOST_WAIT_MS = 60_000;
const MOST_BODY_BYTES = 8 * 2 ** 20;

/** A client of a platform's REST API. What can be asked twice without harm (all but POST) is tried again after network errors, 429 and 5xx. */
export function createPlatformClient(options: PlatformClientOptions): PlatformClient {
  const { token, signal, errorOf, retryDelaysMs = [1000, 2000, 4000, 8000] } = options;
  const api = options.api.replace(/\/+$/, '');
  requireSafe(api);
  const pause = async (ms: number): Promise<void> => {
    await sleep(ms, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) throw new PreftuneError('cancelled', 'deploy: stopped');
  };

  const once = async (method: string, url: string, body: JsonValue | undefined): Promise<PlatformAnswer> => {
    const send = async (renew: boolean): Promise<Response> =>
      fetch(url, {
        method,
        headers: {
          authorization: `Bearer ${await token(renew)}`,
          accept: 'application/json',
          ...(body !== undefined && { 'content-type': 'application/json' }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        // A redirect would take the token elsewhere.
        redirect: 'manual',
        signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
      });
    let response = await send(false);
    // Tokens last an hour, and a deployment may take longer.
    if (response.status === 401) {
      await response.body?.cancel();
      response = await send(true);
    }
    return { status: response.status, headers: response.headers, body: await readJson(response) };
  };

  return {
    api,
    pause,
    async ask(method, path, { body, tolerated = [] } = {}) {
      const url = path.startsWith('https://') || path.startsWith('http://') ? path : `${api}${path}`;
      if (new URL(url).origin !== new URL(api).origin)
        throw runFailed(`deploy: ${api} must be asked at its own address, got ${new URL(url).origin}`);
      const delays = method === 'POST' ? [] : retryDelaysMs;
      for (let attempt = 0; ; attempt++) {
        const delayMs = delays[attempt];
        let answer: PlatformAnswer;
        try {
          answer = await once(method, url, body);
        } catch (error) {
          if (signal.aborted) throw new PreftuneError('cancelled', 'deploy: stopped', { cause: error });
          if (error instanceof PreftuneError) throw error;
          if (delayMs === undefined) throw unreachable(error, api);
          await pause(delayMs);
          continue;
        }
        const { status, headers } = answer;
        if ((status >= 200 && status < 300) || tolerated.includes(status)) return answer;
        const isPassing = status === 429 || status >= 500;
        if (!isPassing || delayMs === undefined) throw errorOf({ status, method, url, body: answer.body });
        await pause(Math.min(Math.max(delayMs, retryAfterMs(headers) ?? 0), MOST_WAIT_MS));
      }
    },
  };
}

/** Source: RFC 9110, section 10.2.3; seconds only. */
export function retryAfterMs(headers: Headers): number | undefined {
  const seconds = Number(headers.get('retry-after') ?? Number.NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : undefined;
}

/** What an answer says of an error, whatever its shape: `error` as a text or an object, `message`, lists of details with fields. */
export function wordsOf(body: JsonValue): { readonly code: string; readonly message: string } {
  if (typeof body === 'string') return { code: '', message: body.replaceAll(/\s+/g, ' ').trim().slice(0, 300) };
  if (!isObject(body)) return { code: '', message: '' };
  const inner: unknown = body['error'];
  const error = isObject(inner) ? inner : body;
  const message = typeof inner === 'string' ? inner : typeof error['message'] === 'string' ? error['message'] : '';
  const lists = [error['details'], error['errors'], body['details'], body['errors']].filter(
    (list, place, all) => Array.isArray(list) && all.indexOf(list) === place,
  ) as unknown[][];
  const details = lists.flat().map(detailText);
  const words = [message, ...details].filter((text) => text !== '');
  const code = typeof error['code'] === 'string' ? error['code'] : '';
  return { code, message: words.join('; ').slice(0, 1500) };
}

function detailText(detail: unknown): string {
  if (typeof detail === 'string') return detail;
  if (!isObject(detail)) return '';
  const where = detail['path'] ?? detail['field'] ?? detail['loc'] ?? detail['target'];
  const field = Array.isArray(where) ? where.join('.') : typeof where === 'string' ? where : '';
  const text = detail['message'] ?? detail['msg'] ?? detail['error'];
  const nested = Array.isArray(detail['details']) ? detail['details'].map(detailText).filter((one) => one !== '') : [];
  return [[field, typeof text === 'string' ? text : ''].filter((one) => one !== '').join(': '), ...nested]
    .filter((one) => one !== '')
    .join('; ');
}

async function readJson(response: Response): Promise<JsonValue> {
  const text = (await response.text()).slice(0, MOST_BODY_BYTES);
  if (text.trim() === '') return null;
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return text;
  }
}

function requireSafe(api: string): void {
  const url = URL.canParse(api) ? new URL(api) : undefined;
  const isHere = url !== undefined && ['127.0.0.1', 'localhost', '[::1]'].includes(url.hostname);
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && isHere)) return;
  throw badInput({
    path: 'api',
    message: `--api must be an https:// address, got ${api}, which would send the token in the clear`,
  });
}

function unreachable(error: unknown, api: string): PreftuneError {
  const cause = error instanceof Error && error.cause !== undefined ? messageOf(error.cause) : messageOf(error);
  return runFailed(
    `deploy: ${api} must be reachable, got ${cause}; check the connection and run the same command again`,
    { cause: error },
  );
}
