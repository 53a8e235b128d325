import type { Clock } from './clock.ts';

export interface RateLimits {
  readonly requestsPerMinute?: number | undefined;
  readonly tokensPerMinute?: number | undefined;
}

/** Keeps requests apart so that neither limit is passed, and all of them away after the server asked for a pause. */
export interface RateLimiter {
  /** Resolves when a request of about so many tokens may go. */
  enter(tokens: number, signal?: AbortSignal): Promise<void>;
  /** Corrects what `enter` assumed by what the request really took. */
  settle(assumedTokens: number, tokens: number): void;
  /** Nobody enters for `ms` from now. */
  pause(ms: number): void;
}

const MINUTE_MS = 60_000;

/**
 * Requests are spaced evenly: each takes 60 s / requestsPerMinute of one line and tokens * 60 s / tokensPerMinute of another, and enters when both
 * lines are free. Without bursts no minute holds more than the limit and one. Source: the generic cell rate algorithm (ITU-T I.371) with tolerance 0.
 */
export function createRateLimiter({ requestsPerMinute, tokensPerMinute }: RateLimits, clock: Clock): RateLimiter {
  const requestMs = requestsPerMinute === undefined ? 0 : MINUTE_MS / requestsPerMinute;
  const tokenMs = tokensPerMinute === undefined ? 0 : MINUTE_MS / tokensPerMinute;
  let [requestsFreeAt, tokensFreeAt, pausedUntil] = [-Infinity, -Infinity, -Infinity];
  return {
    async enter(tokens, signal) {
      const now = clock.nowMs();
      const at = Math.max(now, requestsFreeAt, tokensFreeAt);
      requestsFreeAt = at + requestMs;
      tokensFreeAt = at + tokens * tokenMs;
      if (at > now) await clock.sleep(at - now, signal);
      for (;;) {
        const left = pausedUntil - clock.nowMs();
        if (left <= 0) return;
        await clock.sleep(left, signal);
      }
    },
    settle(assumedTokens, tokens) {
      tokensFreeAt += (tokens - assumedTokens) * tokenMs;
    },
    pause(ms) {
      pausedUntil = Math.max(pausedUntil, clock.nowMs() + ms);
    },
  };
}
