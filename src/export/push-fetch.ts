import { setTimeout as sleep } from 'node:timers/promises';
import { badInput, messageOf, PreftuneError, runFailed } from '../core/index.ts';

export interface PushConnection {
  /** Such as https://huggingface.co, without a slash at the end. */
  readonly endpoint: string;
  readonly token: string;
  readonly signal?: AbortSignal | undefined;
  /** Waits between tries; the number of tries is one more. Default 0.5, 1, 2, 4 and 8 s. */
  readonly retryDelaysMs?: readonly number[];
}

const DEFAULT_RETRY_DELAYS_MS: readonly number[] = [500, 1000, 2000, 4000, 8000];
/** A hub that asks for more patience than this gets an error instead. */
const MAX_WAIT_MS = 60_000;

/**
 * A `fetch` that tries again with growing waits after network errors, 429 (as long as Retry-After says) and 5xx; every other answer is
 * the caller's. What is sent must be readable twice, as texts and files are. Throws run-failed when no try succeeds, cancelled.
 */
export function createPushFetch({
  endpoint,
  signal,
  retryDelaysMs = DEFAULT_RETRY_DELAYS_MS,
}: PushConnection): typeof fetch {
  return async (input, init) => {
    for (let attempt = 0; ; attempt++) {
      const delayMs = retryDelaysMs[attempt];
      let waitMs = delayMs ?? 0;
      try {
        const response = await fetch(input, { ...init, signal: init?.signal ?? signal ?? null });
        const isPassing = response.status === 429 || response.status >= 500;
        waitMs = Math.max(waitMs, 1000 * (Number(response.headers.get('retry-after')) || 0));
        if (!isPassing || delayMs === undefined || waitMs > MAX_WAIT_MS) return response;
        await response.body?.cancel();
      } catch (error) {
        if (signal?.aborted === true || init?.signal?.aborted === true) throw stopped();
        if (delayMs === undefined) {
          const cause = error instanceof Error && error.cause !== undefined ? messageOf(error.cause) : messageOf(error);
          throw runFailed(
            `push: the hub must be reachable at ${endpoint}, got ${cause}; the same command goes on with what is missing`,
            { cause: error },
          );
        }
      }
      await sleep(waitMs, undefined, signal === undefined ? {} : { signal }).catch(() => {
        throw stopped();
      });
    }
  };
}

export function stopped(): PreftuneError {
  return new PreftuneError('cancelled', 'push: stopped; the same command goes on with what is missing');
}

/** Our error for what the hub's client threw. */
export function pushError(
  thrown: unknown,
  { repo, endpoint, signal }: { repo: string; endpoint: string; signal: AbortSignal | undefined },
): PreftuneError {
  if (thrown instanceof PreftuneError) return thrown;
  if (signal?.aborted === true) return stopped();
  const cause = { cause: thrown };
  const status = (thrown as { statusCode?: unknown }).statusCode;
  if (status === 401)
    return badInput(
      `push: the token must be valid at ${endpoint}, got 401; run \`hf auth login\` or set HF_TOKEN`,
      cause,
    );
  if (status === 403)
    return badInput(
      `push: the token must be allowed to write to ${repo}, got 403 (${messageOf(thrown)}); make one with write access, or name a repository of your own`,
      cause,
    );
  if (status === 404)
    return badInput(`push: ${repo} must exist or be yours to create, got 404; check the owner's name`, cause);
  if (status === 413)
    return runFailed(
      `push: the hub must take the files, got 413 (${messageOf(thrown)}); there is no room left in the account`,
      cause,
    );
  return runFailed(
    `push: the hub must take the files of ${repo}, got ${messageOf(thrown)}; the same command goes on with what is missing`,
    cause,
  );
}
