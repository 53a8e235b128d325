export interface BreakerOptions {
  /** Outages in a row after which a server is left alone. */
  readonly threshold?: number;
  /** How long, the first time; twice as long each time that a trial fails. */
  readonly restMs?: number;
  readonly longestRestMs?: number;
  readonly nowMs?: () => number;
}

/** Keeps requests away from a server that is down, and lets one try from time to time. */
export interface Breaker {
  readonly state: 'closed' | 'open' | 'trial';
  /** Milliseconds for which nobody may enter; 0: the caller may, and must report what came of it. */
  enter(): number;
  succeed(): void;
  fail(): void;
  /** The caller that entered has learned nothing of the server. */
  leave(): void;
}

export function createBreaker({
  threshold = 5,
  restMs = 5000,
  longestRestMs = 60_000,
  nowMs = () => performance.now(),
}: BreakerOptions = {}): Breaker {
  let failures = 0;
  let rest = restMs;
  let openUntil: number | undefined;
  let isTrying = false;
  return {
    get state() {
      if (openUntil === undefined) return 'closed';
      return isTrying ? 'trial' : 'open';
    },
    enter: () => {
      if (openUntil === undefined) return 0;
      const left = openUntil - nowMs();
      if (left > 0) return left;
      // While one tries, others wait for what comes of it.
      if (isTrying) return restMs;
      isTrying = true;
      return 0;
    },
    succeed: () => {
      failures = 0;
      rest = restMs;
      openUntil = undefined;
      isTrying = false;
    },
    fail: () => {
      failures++;
      if (openUntil === undefined && failures < threshold) return;
      if (openUntil !== undefined && !isTrying) return;
      if (openUntil !== undefined) rest = Math.min(rest * 2, longestRestMs);
      openUntil = nowMs() + rest;
      isTrying = false;
    },
    leave: () => {
      isTrying = false;
    },
  };
}
