import { setTimeout as sleep } from 'node:timers/promises';
import { PreftuneError, type JsonObject } from '../../../core/index.ts';
import { ServeError } from '../../serve-error.ts';
import type { Call } from '../backend.ts';
import { attempt, type Route, type Upstream } from './upstream.ts';
import { UpstreamFailure } from './upstream-failure.ts';

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 8000;
/** A server that wants to be left alone for longer is not waited for. */
const LONGEST_WAIT_MS = 20_000;
/** Nor for so long where another may answer at once. */
const LONGEST_WAIT_BEFORE_OTHERS_MS = 1000;

export interface Asking {
  readonly body: JsonObject;
  readonly call: Call;
  /** From 0 to 1; of the pauses between attempts. */
  readonly random?: () => number;
}

/**
 * Pieces of an answer from the first server of the line that gives one. Before the first piece a failure that may pass is tried again, then the next server is asked;
 * behind it every failure ends the answer, since pieces that a client has cannot be taken back. Throws ServeError.
 */
export async function* relay<Piece>(
  line: readonly Upstream[],
  route: Route<Piece>,
  asking: Asking,
): AsyncGenerator<Piece> {
  /** What is told where nobody answers: what happened at the server that was asked for, rather than at those in its place. */
  let told: unknown;
  let isTold = false;
  for (const [place, upstream] of line.entries()) {
    const given = { hasPieces: false };
    try {
      for await (const piece of askOne(upstream, route, { ...asking, given, isLast: place === line.length - 1 })) {
        // What is kept of the answer says who gave it.
        yield place > 0 && !isTold ? { ...piece, answered_by: upstream.settings.name } : piece;
        isTold = true;
      }
      if (place > 0) line[0]!.counts.fallbacks++;
      return;
    } catch (thrown) {
      const { signal } = asking.call;
      if (signal.aborted) throw signal.reason;
      const error = thrown instanceof UpstreamFailure ? thrown.error : thrown;
      if (given.hasPieces || !isWorthAsking(thrown, place))
        throw place === 0 || given.hasPieces ? error : (told ?? error);
      told ??= error;
    }
  }
  throw told;
}

/** Whether another server may answer what this one did not. */
function isWorthAsking(thrown: unknown, place: number): boolean {
  if (thrown instanceof UpstreamFailure) return thrown.remedy !== 'none';
  if (thrown instanceof PreftuneError) return thrown.code === 'busy';
  // A server in place of another that lacks a field of the request.
  return thrown instanceof ServeError && (place > 0 || thrown.code === 'upstream_resting');
}

interface AskingOne extends Asking {
  readonly given: { hasPieces: boolean };
  /** No other may answer in its place. */
  readonly isLast: boolean;
}

async function* askOne<Piece>(
  upstream: Upstream,
  route: Route<Piece>,
  { body, call, given, isLast, random = Math.random }: AskingOne,
): AsyncGenerator<Piece> {
  const { breaker, settings, counts } = upstream;
  const deadline = performance.now() + settings.timeoutMs;
  const longestMs = isLast ? LONGEST_WAIT_MS : LONGEST_WAIT_BEFORE_OTHERS_MS;
  let hasRenamed = false;
  for (let tries = 0; ; tries++) {
    const restMs = breaker.enter();
    if (restMs > 0)
      throw new ServeError(
        503,
        'The server behind this model has failed again and again and is left alone for a while',
        {
          code: 'upstream_resting',
          retryAfterSeconds: restMs / 1000,
        },
      );
    let isReported = false;
    const leave = await enterGate(upstream, call.signal);
    try {
      const { tokensField } = upstream;
      try {
        for await (const piece of attempt(upstream, route, { body, call, deadline })) {
          if (!isReported) breaker.succeed();
          isReported = true;
          given.hasPieces = true;
          yield piece;
        }
        return;
      } catch (thrown) {
        if (call.signal.aborted || !(thrown instanceof UpstreamFailure)) throw thrown;
        if (thrown.isOutage) breaker.fail();
        // Whatever it said, it is there.
        else if (!isReported) breaker.succeed();
        isReported = true;
        if (thrown.note !== undefined) upstream.note(thrown.note);
        if (given.hasPieces) throw thrown;
        if (upstream.tokensField !== tokensField && !hasRenamed) {
          hasRenamed = true;
          tries--;
          continue;
        }
        const pauseMs = pauseOf(thrown, tries, random);
        const isLate = performance.now() + pauseMs >= deadline;
        if (thrown.remedy !== 'again' || tries >= settings.retries || pauseMs > longestMs || isLate) throw thrown;
        counts.retries++;
        leave();
        await sleep(pauseMs, undefined, { signal: call.signal });
      }
    } finally {
      leave();
      if (!isReported) breaker.leave();
    }
  }
}

async function enterGate({ gate, breaker }: Upstream, signal: AbortSignal): Promise<() => void> {
  try {
    return await gate.enter(signal);
  } catch (thrown) {
    breaker.leave();
    throw thrown;
  }
}

/** What the server asks for, or twice as long each time, between half of it and all, so that those who failed together do not come back together. */
function pauseOf({ afterMs }: UpstreamFailure, tries: number, random: () => number): number {
  if (afterMs !== undefined) return afterMs;
  return Math.min(FIRST_PAUSE_MS * 2 ** tries, LONGEST_PAUSE_MS) * (0.5 + random() / 2);
}
