/** An answer by the id of its response; one of several choices; or an episode. */
export type FeedbackAbout =
  | string
  | { readonly inference_id: string; readonly choice?: number }
  | { readonly episode_id: string };

/** What became of something that was said. `lost`: it was not delivered, and will not be. */
export interface FeedbackOutcome {
  readonly status: 'accepted' | 'duplicate' | 'refused' | 'lost';
  readonly id?: string;
  readonly message?: string;
}

/** Fields that every signal may have beside its own: `user`, `tags`, `comment`, `min`, `max`, `strength`, `left`. */
export type FeedbackExtras = Readonly<Record<string, unknown>>;

export interface FeedbackClientOptions {
  /** Of the server, with or without a path: https://chat.example.com */
  readonly url: string;
  /** A key that may send feedback and nothing else, bound to the origin of the page. */
  readonly key?: string;
  /** Fields of every signal: `{ user: 'ann' }`. */
  readonly defaults?: FeedbackExtras;
  /** Where what is not delivered yet outlives the page. Default localStorage, if there is one; null: nowhere. */
  readonly storage?: Pick<KeyValueStore, 'getItem' | 'setItem' | 'removeItem'> | null;
  /** Hears of what is refused or lost. */
  readonly onError?: (outcome: FeedbackOutcome) => void;
}

interface KeyValueStore {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

/** No method throws, and no promise rejects: feedback must not break the page that it is about. */
export interface FeedbackClient {
  thumb(about: FeedbackAbout, value: boolean | null, extras?: FeedbackExtras): Promise<FeedbackOutcome>;
  rating(about: FeedbackAbout, value: number | null, extras?: FeedbackExtras): Promise<FeedbackOutcome>;
  comment(about: FeedbackAbout, text: string, extras?: FeedbackExtras): Promise<FeedbackOutcome>;
  edit(about: FeedbackAbout, text: string, extras?: FeedbackExtras): Promise<FeedbackOutcome>;
  compare(
    a: FeedbackAbout,
    b: FeedbackAbout,
    better: 'a' | 'b' | 'tie' | 'both_good' | 'both_bad' | null,
    extras?: FeedbackExtras,
  ): Promise<FeedbackOutcome>;
  regenerate(about: FeedbackAbout, kept?: FeedbackAbout, extras?: FeedbackExtras): Promise<FeedbackOutcome>;
  copy(about: FeedbackAbout, extras?: FeedbackExtras): Promise<FeedbackOutcome>;
  accept(about: FeedbackAbout, value?: boolean, extras?: FeedbackExtras): Promise<FeedbackOutcome>;
  outcome(
    about: FeedbackAbout,
    name: string,
    value: boolean | number,
    extras?: FeedbackExtras,
  ): Promise<FeedbackOutcome>;
  /** Sends what waits; resolves when the attempt is over. */
  flush(): Promise<void>;
  /** How much waits. */
  readonly waiting: number;
}

interface Entry {
  readonly signal: Record<string, unknown>;
  readonly done: (outcome: FeedbackOutcome) => void;
}

/** What of a page is used; all of it may be missing. */
interface Page {
  readonly localStorage?: KeyValueStore;
  addEventListener?(type: string, listener: () => void): void;
  readonly document?: {
    readonly visibilityState: string;
    addEventListener(type: string, listener: () => void): void;
  };
}

const MOST_WAITING = 500;
const MOST_IN_BATCH = 50;
/** Below the 64 KiB of the server, and of what a browser still sends of a page that is gone. */
const MOST_BYTES = 60_000;
const FIRST_RETRY_MS = 1000;
const LAST_RETRY_MS = 300_000;

const bytesOf = (value: unknown): number => new TextEncoder().encode(JSON.stringify(value)).length;

const uniqueKey = (): string => {
  const words = Array.from({ length: 4 }, () => Math.random().toString(36).slice(2));
  return `${Date.now().toString(36)}-${words.join('')}`.slice(0, 64);
};

const reference = (about: FeedbackAbout): Record<string, unknown> =>
  typeof about === 'string' ? { inference_id: about } : { ...about };

/**
 * Sends what people say of answers to `POST /v1/preftune/feedback`: in batches, again when the line was down, each once (a key goes with it), also when the page is closed or
 * loaded again meanwhile.
 *
 * @example
 * ```ts
 * import { createFeedback } from 'preftune/feedback-client';
 *
 * const feedback = createFeedback({ url: 'https://chat.example.com', key: 'pt_live_...' });
 * const { status } = await feedback.thumb('chatcmpl-0123', true);
 * console.log(status);
 * ```
 */
export function createFeedback(options: FeedbackClientOptions): FeedbackClient {
  const { url, key, defaults, onError } = options;
  const page = globalThis as unknown as Page;
  const address = `${String(url).replace(/\/+$/, '')}/v1/preftune/feedback`;
  const place = `preftune-feedback ${address}`;
  const queue: Entry[] = [];
  let sending: Promise<void> | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let failures = 0;

  /** Also looking at localStorage throws where a page may not have one. */
  const stored = <T>(work: (store: NonNullable<FeedbackClientOptions['storage']>) => T): T | undefined => {
    try {
      const store = options.storage === undefined ? page.localStorage : options.storage;
      return store ? work(store) : undefined;
    } catch {
      return undefined;
    }
  };
  const save = (): void => {
    stored((store) => {
      if (queue.length === 0) store.removeItem(place);
      else store.setItem(place, JSON.stringify(queue.map(({ signal }) => signal)));
    });
  };
  const end = (entry: Entry, outcome: FeedbackOutcome): void => {
    const at = queue.indexOf(entry);
    // Sent twice, when the page was hidden: the first answer counts.
    if (at < 0) return;
    queue.splice(at, 1);
    entry.done(outcome);
    if (outcome.status !== 'refused' && outcome.status !== 'lost') return;
    try {
      onError?.(outcome);
    } catch {
      // The page's own fault is not ours to throw.
    }
  };
  const schedule = (ms: number): void => {
    clearTimeout(timer);
    timer = setTimeout(() => void flush(), ms);
  };

  const batchOf = (from: number): Entry[] => {
    const batch: Entry[] = [];
    let bytes = 20;
    for (const entry of queue.slice(from, from + MOST_IN_BATCH)) {
      bytes += bytesOf(entry.signal) + 1;
      if (batch.length > 0 && bytes > MOST_BYTES) break;
      batch.push(entry);
    }
    return batch;
  };

  /** Milliseconds to wait before the next attempt; undefined where the batch is settled. */
  const send = async (batch: readonly Entry[], keepalive: boolean): Promise<number | undefined> => {
    const backoff = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** failures) * (0.5 + Math.random() / 2);
    try {
      const answer = await fetch(address, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...(key && { authorization: `Bearer ${key}` }) },
        body: JSON.stringify({ signals: batch.map(({ signal }) => signal) }),
        keepalive,
        credentials: 'omit',
      });
      const body = (await answer.json().catch(() => undefined)) as
        | {
            readonly data?: readonly { status: FeedbackOutcome['status']; id: string; error?: { message: string } }[];
            readonly error?: { readonly message?: string };
          }
        | undefined;
      if (answer.ok && body?.data?.length === batch.length) {
        for (const [i, { status, id, error }] of body.data.entries())
          end(batch[i]!, { status, ...(id && { id }), ...(error && { message: error.message }) });
        return undefined;
      }
      if (answer.ok || answer.status === 408 || answer.status === 429 || answer.status >= 500)
        return Math.max(backoff, Number(answer.headers.get('retry-after')) * 1000 || 0);
      const message = body?.error?.message ?? `status ${answer.status}`;
      for (const entry of batch) end(entry, { status: 'refused', message });
      return undefined;
    } catch {
      return backoff;
    }
  };

  const drain = async (): Promise<void> => {
    while (queue.length > 0) {
      const wait = await send(batchOf(0), false);
      save();
      if (wait !== undefined) {
        failures++;
        return schedule(wait);
      }
      failures = 0;
    }
  };
  const flush = (): Promise<void> =>
    (sending ??= drain().finally(() => {
      sending = undefined;
    }));

  /** The page may never come back: what waits leaves now, and stays stored until an answer comes. */
  const leave = (): void => {
    save();
    const batch = batchOf(0);
    if (batch.length > 0) void send(batch, true).then(save);
  };

  const say = (kind: string, about: FeedbackAbout | undefined, fields: FeedbackExtras): Promise<FeedbackOutcome> =>
    new Promise((done) => {
      try {
        const signal = JSON.parse(
          JSON.stringify({
            ...defaults,
            ...(about !== undefined && reference(about)),
            at: Date.now(),
            idempotency_key: uniqueKey(),
            ...fields,
            kind,
          }),
        ) as Record<string, unknown>;
        if (queue.length >= MOST_WAITING) end(queue[0]!, { status: 'lost', message: 'too much waits' });
        queue.push({ signal, done });
        save();
        if (failures === 0) schedule(0);
      } catch (error) {
        done({ status: 'lost', message: String(error) });
      }
    });

  const before = stored((store) => JSON.parse(store.getItem(place) ?? '[]') as unknown);
  if (Array.isArray(before)) {
    for (const signal of before.slice(-MOST_WAITING)) queue.push({ signal, done: () => undefined });
    if (queue.length > 0) schedule(0);
  }
  try {
    page.document?.addEventListener('visibilitychange', () => {
      if (page.document!.visibilityState === 'hidden') leave();
    });
    page.addEventListener?.('pagehide', leave);
    page.addEventListener?.('online', () => schedule(0));
  } catch {
    // A page without events has no end that could be heard.
  }

  return {
    thumb: (about, value, extras) => say('thumb', about, { ...extras, value }),
    rating: (about, value, extras) => say('rating', about, { ...extras, value }),
    comment: (about, value, extras) => say('comment', about, { ...extras, value }),
    edit: (about, value, extras) => say('edit', about, { ...extras, value }),
    compare: (a, b, value, extras) =>
      say('comparison', undefined, { ...extras, a: reference(a), b: reference(b), value }),
    regenerate: (about, kept, extras) =>
      say('regenerate', about, { ...extras, ...(kept !== undefined && { kept: reference(kept) }) }),
    copy: (about, extras) => say('copy', about, { ...extras }),
    accept: (about, value = true, extras = {}) => say('accept', about, { ...extras, value }),
    outcome: (about, name, value, extras) => say('outcome', about, { ...extras, name, value }),
    flush,
    get waiting() {
      return queue.length;
    },
  };
}
