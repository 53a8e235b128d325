import { setTimeout as sleep } from 'node:timers/promises';
import { badInput, messageOf, PreftuneError, runFailed } from '../core/index.ts';

/** A hub, and how patiently it is asked. */
export interface HubConnection {
  /** Such as https://huggingface.co, without a slash at the end. */
  readonly endpoint: string;
  readonly token: string | undefined;
  readonly signal?: AbortSignal;
  /** Waits between tries; the number of tries is one more. Default 0.5, 1, 2, 4 and 8 s. */
  readonly retryDelaysMs?: readonly number[];
  /** A download that brings nothing for so long is started again. Default 60 s. */
  readonly stallMs?: number;
}

/** What is asked for, for messages. */
export interface Wanted {
  readonly kind: 'model' | 'dataset';
  readonly id: string;
  readonly revision: string;
}

export const DEFAULT_RETRY_DELAYS_MS: readonly number[] = [500, 1000, 2000, 4000, 8000];
/** A hub that asks for more patience than this gets an error instead. */
const MAX_WAIT_MS = 60_000;

/**
 * A `fetch` for this hub: sends the token to the hub's own address only, tries again with growing waits after network errors, 429 (as long as Retry-After says) and
 * 5xx, and turns every other failure into an error that says what to do. Never resolves with a status of 400 or above, except 416.
 */
export function createHubFetch(connection: HubConnection, wanted: Wanted): typeof fetch {
  const { endpoint, token, signal, retryDelaysMs = DEFAULT_RETRY_DELAYS_MS } = connection;
  return async (input, init) => {
    const url = input instanceof Request ? input.url : String(input);
    const headers = new Headers(init?.headers);
    headers.delete('authorization');
    if (token !== undefined && new URL(url).origin === new URL(endpoint).origin)
      headers.set('authorization', `Bearer ${token}`);
    for (let attempt = 0; ; attempt++) {
      const delayMs = retryDelaysMs[attempt];
      let waitMs: number;
      try {
        const response = await fetch(url, { ...init, headers, signal: init?.signal ?? signal ?? null });
        if (response.ok || response.status === 416) return response;
        await response.body?.cancel();
        const isPassing = response.status === 429 || response.status >= 500;
        waitMs = Math.max(delayMs ?? 0, retryAfterMs(response));
        if (!isPassing || delayMs === undefined || waitMs > MAX_WAIT_MS)
          throw statusError(response, wanted, connection);
      } catch (error) {
        throwIfStopped(signal, wanted);
        if (error instanceof PreftuneError || init?.signal?.aborted === true) throw error;
        if (delayMs === undefined) throw unreachableError(error, wanted, endpoint);
        waitMs = delayMs;
      }
      await pause(waitMs, signal, wanted);
    }
  };
}

/** Waits, or throws cancelled. */
export async function pause(delayMs: number, signal: AbortSignal | undefined, wanted: Wanted): Promise<void> {
  await sleep(delayMs, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
  throwIfStopped(signal, wanted);
}

export function throwIfStopped(signal: AbortSignal | undefined, { id }: Wanted): void {
  if (signal?.aborted !== true) return;
  throw new PreftuneError('cancelled', `hub: the download of ${id} was stopped; the same command continues it`);
}

/** Whether an error means that the hub could not be asked at all, so that the cache may answer. */
export function isUnreachable(error: unknown): boolean {
  return error instanceof PreftuneError && error.code === 'run-failed' && error.message.startsWith(UNREACHABLE);
}

const UNREACHABLE = 'hub: must be reachable';

export function unreachableError(error: unknown, { id }: Wanted, endpoint: string): PreftuneError {
  const cause =
    error instanceof Error && error.cause !== undefined
      ? `${error.message}: ${messageOf(error.cause)}`
      : messageOf(error);
  return runFailed(
    `${UNREACHABLE} at ${endpoint} for ${id}, got ${cause}; check the connection, or name a folder or .gguf file on this computer`,
    { cause: error },
  );
}

/** Source: the hub's X-Error-Code header, as huggingface_hub reads it. */
function statusError(response: Response, wanted: Wanted, { endpoint, token }: HubConnection): PreftuneError {
  const { kind, id, revision } = wanted;
  const noun = kind === 'dataset' ? 'data set' : 'model';
  const page = `${endpoint}/${kind === 'dataset' ? 'datasets/' : ''}${id}`;
  const code = response.headers.get('x-error-code') ?? '';
  const { status } = response;
  if (code === 'GatedRepo') {
    const then = token === undefined ? ', then run `hf auth login` or set HF_TOKEN' : '';
    return badInput(`hub: the terms of ${id} must be accepted, got ${status}; accept them at ${page}${then}`);
  }
  if (status === 401 || code === 'RepoNotFound' || (status === 403 && code === '')) {
    const advice =
      token === undefined
        ? 'check the spelling; if it is private or gated, run `hf auth login` or set HF_TOKEN'
        : `check the spelling, and that the token may read ${page}`;
    return badInput(`hub: the ${noun} ${id} must exist and be readable, got ${status}; ${advice}`);
  }
  if (code === 'RevisionNotFound')
    return badInput(
      `hub: ${id} must have the revision ${revision}, got ${status}; see the branches and tags at ${page}`,
    );
  if (status === 404) {
    const advice = 'check the spelling, or name a folder or file on this computer';
    return badInput(`hub: the ${noun} ${id} must exist, got 404 for ${response.url}; ${advice}`);
  }
  if (status === 429) {
    const waitMs = retryAfterMs(response);
    const wait = waitMs > 0 ? `wait ${Math.ceil(waitMs / 1000)} s` : 'wait some minutes';
    const advice = token === undefined ? `${wait}, or run \`hf auth login\` for a higher limit` : wait;
    return runFailed(`hub: may not be asked this often, got 429 for ${id}; ${advice}`);
  }
  return runFailed(`hub: must answer for ${id}, got ${status} from ${response.url}; try again later`);
}

/** Source: RFC 9110, section 10.2.3; seconds only, a date counts as none. */
function retryAfterMs(response: Response): number {
  const seconds = Number(response.headers.get('retry-after') ?? 0);
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : 0;
}
