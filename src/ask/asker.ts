import { createHash } from 'node:crypto';
import { hashString, runFailed, type PreftuneError } from '../core/index.ts';
import type { Attempt, Reply } from './attempt.ts';
import type { CallStore } from './call-store.ts';
import { stopped, SYSTEM_CLOCK, type Clock } from './clock.ts';
import type { Endpoint } from './endpoint.ts';
import { costOf, estimateTokens, type Prices } from './cost.ts';
import { addUsage, NO_USAGE, type Usage } from './usage.ts';
import type { NoAnswerReason } from './answer-reason.ts';
import type { ChatMessage } from './message.ts';
import { createRateLimiter, type RateLimits } from './rate-limit.ts';

/** What of a question is kept: an answer, or that the server will not give one. */
export type Outcome =
  | { readonly kind: 'reply'; readonly reply: Reply }
  | { readonly kind: 'refused'; readonly reason: NoAnswerReason; readonly message: string };

export interface Asked {
  readonly outcome: Outcome;
  readonly isStored: boolean;
}

export interface AskerState {
  /** Requests that were answered now, and those whose answer was already there. */
  readonly asked: number;
  readonly stored: number;
  readonly retries: number;
  /** Of what was asked now. */
  readonly usage: Usage;
  /** Dollars for what was asked now; undefined without prices. */
  readonly cost: number | undefined;
  /** Why the last attempt was repeated; shown while it waits. */
  readonly waitingFor: string | undefined;
}

export interface AskerOptions extends RateLimits {
  readonly store: CallStore<Outcome>;
  /** Requests under way at the same time. Default 8. */
  readonly concurrency?: number;
  /** Attempts of one request in all. Default 8. */
  readonly attempts?: number;
  readonly prices?: Prices | undefined;
  /** Dollars after which nothing more is asked. Needs prices. */
  readonly maxCost?: number | undefined;
  readonly clock?: Clock;
  readonly onChange?: ((state: AskerState) => void) | undefined;
}

/** Asks an endpoint, each question once: retries, limits, and every answer on disk before it is used. */
export interface Asker {
  readonly endpoint: Endpoint;
  readonly state: AskerState;
  /** Whether the answer is already there. */
  isStored(messages: readonly ChatMessage[], schema?: Readonly<Record<string, unknown>>): boolean;
  /** Throws run-failed when the endpoint cannot be used or the budget is spent, cancelled. Equal questions under way are asked once. */
  ask(
    messages: readonly ChatMessage[],
    options?: { readonly schema?: Readonly<Record<string, unknown>>; readonly signal?: AbortSignal | undefined },
  ): Promise<Asked>;
}

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 60_000;
/** A server that wants a longer pause is told off: the run stops and can be continued. */
const LONGEST_RETRY_AFTER_MS = 10 * 60_000;

/**
 * Questions to one endpoint, whose answers are kept in a store.
 *
 * @example
 * ```ts
 * import { createAsker, createEndpoint, openCallStore, type Outcome } from 'preftune/ask';
 *
 * const endpoint = createEndpoint({ url: 'http://localhost:8000/v1', model: 'judge', apiKey: undefined });
 * const store = await openCallStore<Outcome>('calls.jsonl');
 * const asker = createAsker(endpoint, { store, concurrency: 4 });
 * const { outcome } = await asker.ask([{ role: 'user', content: 'Is ice lighter than water?' }]);
 * console.log(outcome.kind === 'reply' ? outcome.reply.text : outcome.message);
 * ```
 */
export function createAsker(endpoint: Endpoint, options: AskerOptions): Asker {
  const { store, attempts = 8, prices, maxCost, clock = SYSTEM_CLOCK, onChange } = options;
  const limiter = createRateLimiter(options, clock);
  const slots = createSlots(options.concurrency ?? 8);
  const underWay = new Map<string, Promise<Outcome>>();
  let [asked, stored, retries, usage] = [0, 0, 0, NO_USAGE];
  let waitingFor: string | undefined;
  const state = (): AskerState => ({ asked, stored, retries, usage, cost: costOf(usage, prices), waitingFor });
  const keyOf = (body: Readonly<Record<string, unknown>>): string =>
    createHash('sha256')
      .update(JSON.stringify({ url: endpoint.url, body }))
      .digest('hex');

  const request = async (
    body: Readonly<Record<string, unknown>>,
    key: string,
    signal: AbortSignal | undefined,
  ): Promise<Outcome> => {
    const assumed = estimateTokens(JSON.stringify(body)) + endpoint.maxTokens;
    for (let attempt = 1; ; attempt++) {
      if (signal?.aborted) throw stopped();
      const spent = costOf(usage, prices);
      if (maxCost !== undefined && spent !== undefined && spent >= maxCost)
        throw runFailed(
          `judge: the budget of $${maxCost} is spent ($${spent.toFixed(4)}); the same command with a larger one continues`,
        );
      await limiter.enter(assumed, signal);
      // Not cancelled by `signal`: what was sent is paid for, so its answer is waited for and kept.
      const result = await endpoint.send(body);
      if (result.kind === 'failed') throw runFailed(`judge: ${result.message}`);
      if (result.kind !== 'retry') {
        waitingFor = undefined;
        if (result.kind === 'reply') {
          const tokens = result.reply.usage.promptTokens + result.reply.usage.completionTokens;
          if (tokens > 0) limiter.settle(assumed, tokens);
          usage = addUsage([usage, result.reply.usage]);
        }
        asked++;
        await store.put(key, result);
        onChange?.(state());
        return result;
      }
      if (attempt >= attempts || (result.afterMs ?? 0) > LONGEST_RETRY_AFTER_MS) throw gaveUp(result, attempt);
      retries++;
      waitingFor = result.message;
      onChange?.(state());
      const wait = result.afterMs ?? backoffMs(attempt, key);
      if (result.isRateLimit === true) limiter.pause(wait);
      await clock.sleep(wait, signal);
    }
  };

  const gaveUp = ({ message, afterMs }: Attempt & { kind: 'retry' }, attempt: number): PreftuneError => {
    const asks = afterMs === undefined ? '' : ` (and asks to wait ${Math.round(afterMs / 1000)} s)`;
    return runFailed(
      `judge: ${endpoint.url} must answer, got ${attempt} failed ${attempt === 1 ? 'attempt' : 'attempts'}, the last: ${message}${asks}; the same command continues, answers are kept`,
    );
  };

  return {
    endpoint,
    get state() {
      return state();
    },
    isStored: (messages, schema) => store.has(keyOf(endpoint.body(messages, schema))),
    async ask(messages, { schema, signal } = {}) {
      const body = endpoint.body(messages, schema);
      const key = keyOf(body);
      const known = await store.get(key);
      if (known !== undefined) {
        stored++;
        onChange?.(state());
        return { outcome: known, isStored: true };
      }
      const running = underWay.get(key);
      if (running !== undefined) return { outcome: await running, isStored: true };
      const mine = slots(() => request(body, key, signal), signal);
      underWay.set(key, mine);
      try {
        return { outcome: await mine, isStored: false };
      } finally {
        underWay.delete(key);
      }
    },
  };
}

/** Exponential with jitter that the question decides, so that a run can be repeated. Source: "full jitter", between half and all of the wait. */
function backoffMs(attempt: number, key: string): number {
  const whole = Math.min(FIRST_WAIT_MS * 2 ** (attempt - 1), LONGEST_WAIT_MS);
  return whole * (0.5 + hashString(`${key} ${attempt}`) / 2 ** 33);
}

/** Runs at most `count` functions at a time, first come, first served. */
function createSlots(count: number): <T>(run: () => Promise<T>, signal: AbortSignal | undefined) => Promise<T> {
  let free = count;
  const waiting: (() => void)[] = [];
  return async (run, signal) => {
    if (free > 0) free--;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      if (signal?.aborted) throw stopped();
      return await run();
    } finally {
      const next = waiting.shift();
      if (next === undefined) free++;
      else next();
    }
  };
}
