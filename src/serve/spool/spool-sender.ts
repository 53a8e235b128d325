import { createHash } from 'node:crypto';
import { z } from 'zod';
import { messageOf, type JsonValue } from '../../core/index.ts';

/** What is sent at once. */
export interface Batch {
  readonly records: readonly { readonly id: string; readonly record: JsonValue }[];
  /** Records that were lost since the spool was made: the home server is told too. */
  readonly dropped: number;
}

/** What became of a batch. */
export type Delivery =
  /** All is decided; what is in `refusals` will never be taken. */
  | { readonly kind: 'done'; readonly refusals: ReadonlyMap<string, string> }
  /** The batch as a whole is refused for what is in it: one of its records may be to blame. */
  | { readonly kind: 'unfit'; readonly reason: string }
  /** Worth trying again, not before `afterMs`. */
  | { readonly kind: 'later'; readonly reason: string; readonly afterMs?: number };

export interface SenderOptions {
  readonly url: string;
  readonly key: string;
  readonly timeoutMs: number;
  readonly fetch: typeof fetch;
}

const ANSWER = z.object({
  accepted: z.array(z.string()),
  duplicates: z.array(z.string()).default([]),
  refused: z.array(z.object({ id: z.string(), reason: z.string() })).default([]),
});

/** A home server that asks for more patience than this is asked again after it. */
const MOST_WAIT_MS = 5 * 60_000;
/** The status codes that blame the content. */
const UNFIT = new Set([400, 413, 422]);

/** One try to deliver a batch. Never throws; an aborted signal gives `later`. */
export async function deliver(
  { records, dropped }: Batch,
  { url, key, timeoutMs, fetch }: SenderOptions,
  signal: AbortSignal,
): Promise<Delivery> {
  const ids = records.map(({ id }) => id);
  let response: Response;
  let text: string;
  try {
    response = await fetch(url, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${key}`,
        'content-type': 'application/json',
        // The same for the same records, so that a proxy or a server may answer a repetition from memory.
        'idempotency-key': createHash('sha256').update(ids.join('\n')).digest('hex').slice(0, 32),
      },
      body: JSON.stringify({ records, dropped }),
      // A redirect would take the key elsewhere.
      redirect: 'manual',
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    });
    text = await response.text();
  } catch (error) {
    const cause = error instanceof Error && error.cause !== undefined ? messageOf(error.cause) : messageOf(error);
    return { kind: 'later', reason: cause };
  }
  const { status } = response;
  if (UNFIT.has(status)) return { kind: 'unfit', reason: `${status} ${saidBy(text)}`.trim() };
  if (status !== 200)
    return { kind: 'later', reason: `${status} ${adviceFor(status)}`.trim(), ...waitAskedFor(response) };
  return readAnswer(text, ids);
}

function readAnswer(text: string, ids: readonly string[]): Delivery {
  let parsed: z.ZodSafeParseResult<z.output<typeof ANSWER>>;
  try {
    parsed = ANSWER.safeParse(JSON.parse(text));
  } catch {
    return { kind: 'later', reason: 'the answer was no JSON; check the address' };
  }
  if (!parsed.success) return { kind: 'later', reason: 'the answer named no accepted records; check the address' };
  const { accepted, duplicates, refused } = parsed.data;
  const refusals = new Map(refused.map(({ id, reason }) => [id, reason]));
  const named = new Set([...accepted, ...duplicates, ...refusals.keys()]);
  // A server that says nothing of a record has not taken it.
  if (!ids.every((id) => named.has(id))) return { kind: 'later', reason: 'the answer left records out' };
  return { kind: 'done', refusals };
}

function waitAskedFor(response: Response): { readonly afterMs?: number } {
  // A date as Retry-After would need two clocks that agree.
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? { afterMs: Math.min(seconds * 1000, MOST_WAIT_MS) } : {};
}

function adviceFor(status: number): string {
  if (status === 401) return 'the key is unknown there; give one that is, by --forward-key-env';
  if (status === 403) return 'the key lacks the scope feedback';
  if (status === 404 || status === 405) return 'the address takes no records; it ends with /v1/preftune/records';
  if (status >= 300 && status < 400) return 'the address leads elsewhere, which is not followed';
  return '';
}

/** What an error says of itself, in one short line. */
function saidBy(text: string): string {
  try {
    const body = JSON.parse(text) as { readonly error?: { readonly message?: unknown } };
    if (typeof body.error?.message === 'string') return body.error.message.slice(0, 200);
  } catch {
    // Not JSON: its beginning will do.
  }
  return text.slice(0, 80).replaceAll(/\s+/g, ' ');
}
