import { isObject, runFailed, type JsonValue } from '../../core/index.ts';
import { retryAfterMs, type PlatformAnswer, type PlatformClient } from '../platform-client.ts';
import { operationError } from './azure-error.ts';

export interface OperationWatch {
  /** For messages: `the deployment v-1`. */
  readonly what: string;
  /** The resource, where the answer names no place to look. */
  readonly resource: string;
  readonly pollMs: number;
  readonly waitMs: number;
  /** What is asked when it has failed: the container's log. */
  readonly log?: () => Promise<string | undefined>;
}

const MOST_WAIT_MS = 60_000;
const FINAL = new Set(['succeeded', 'failed', 'canceled']);

/**
 * Waits for a change that Azure took: by Azure-AsyncOperation, else by Location, else by the resource's provisioningState. Throws run-failed where it failed.
 * Source: Azure Resource Manager, "Track asynchronous Azure operations".
 */
export async function awaitOperation(
  client: PlatformClient,
  answer: PlatformAnswer,
  { what, resource, pollMs, waitMs, log }: OperationWatch,
): Promise<void> {
  const began = performance.now();
  const operation = sameOrigin(client, answer.headers.get('azure-asyncoperation'));
  const location = sameOrigin(client, answer.headers.get('location'));
  let waitForMs = retryAfterMs(answer.headers);
  let state = operation === undefined && location === undefined ? stateOf(answer.body) : 'accepted';
  let error: JsonValue = null;
  while (!FINAL.has(state)) {
    if (performance.now() - began > waitMs)
      throw runFailed(
        `deploy azure: ${what} must be done within ${Math.round(waitMs / 60_000)} minutes, got ${state}; it goes on: look with the word status`,
      );
    await client.pause(Math.min(waitForMs ?? pollMs, MOST_WAIT_MS));
    // A deployment takes 10 to 20 minutes: a look that fails is no failed deployment, and is retried by the client.
    const next = await client.ask('GET', operation ?? location ?? resource);
    waitForMs = retryAfterMs(next.headers);
    if (operation !== undefined) {
      state = isObject(next.body) ? String(next.body['status'] ?? 'Succeeded').toLowerCase() : 'succeeded';
      error = isObject(next.body) ? ((next.body['error'] ?? null) as JsonValue) : null;
    } else if (location !== undefined) state = next.status === 202 ? 'accepted' : stateOf(next.body);
    else state = stateOf(next.body);
  }
  if (state === 'succeeded') return;
  throw operationError(what, error === null ? null : { error }, await log?.().catch(() => undefined));
}

/** provisioningState, in lower case; a resource without one is done. */
export function stateOf(body: JsonValue): string {
  if (!isObject(body) || !isObject(body['properties'])) return 'succeeded';
  return String(body['properties']['provisioningState'] ?? 'Succeeded').toLowerCase();
}

/** The address where it is the API's own: the token goes nowhere else. */
function sameOrigin({ api }: PlatformClient, url: string | null): string | undefined {
  if (url === null) return undefined;
  const base = new URL(api);
  const parsed = URL.canParse(url, base.href) ? new URL(url, base) : undefined;
  return parsed?.origin === base.origin ? parsed.href : undefined;
}
