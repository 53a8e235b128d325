import { ServeError } from '../serve-error.ts';

/** A bucket that fills steadily and holds what a minute brings. */
interface Bucket {
  level: number;
  at: number;
}

export interface AllowanceOptions {
  readonly requestsPerMinute?: number | undefined;
  readonly tokensPerMinute?: number | undefined;
  /** What tokens are called where they are used up. Default tokens. */
  readonly what?: string | undefined;
  /** Milliseconds; default performance.now, which no clock changes. */
  readonly now?: (() => number) | undefined;
}

/** What each caller may ask for in a minute, as token buckets: a minute's worth at once, then as it refills. */
export interface Allowance {
  /** Throws ServeError 429 with the time after which there is room again. */
  take(caller: string): void;
  /** Tokens that were used; the bucket may go below nothing, which the next request waits for. */
  spend(caller: string, tokens: number): void;
}

const MOST_CALLERS = 10_000;

export function createAllowance({
  requestsPerMinute,
  tokensPerMinute,
  what = 'tokens',
  now = () => performance.now(),
}: AllowanceOptions): Allowance {
  const requests = new Map<string, Bucket>();
  const tokens = new Map<string, Bucket>();

  const bucketOf = (buckets: Map<string, Bucket>, caller: string, size: number): Bucket => {
    const time = now();
    const known = buckets.get(caller);
    const bucket = known ?? { level: size, at: time };
    bucket.level = Math.min(size, bucket.level + ((time - bucket.at) * size) / 60_000);
    bucket.at = time;
    if (known === undefined) {
      // Keys are few; without a bound whoever makes some up would fill the memory.
      if (buckets.size >= MOST_CALLERS) buckets.delete(buckets.keys().next().value!);
      buckets.set(caller, bucket);
    }
    return bucket;
  };

  return {
    take: (caller) => {
      if (tokensPerMinute !== undefined) {
        const { level } = bucketOf(tokens, caller, tokensPerMinute);
        if (level <= 0) refuse(what, 1 - level, tokensPerMinute);
      }
      if (requestsPerMinute === undefined) return;
      const bucket = bucketOf(requests, caller, requestsPerMinute);
      if (bucket.level < 1) refuse('requests', 1 - bucket.level, requestsPerMinute);
      bucket.level--;
    },
    spend: (caller, used) => {
      if (tokensPerMinute !== undefined) bucketOf(tokens, caller, tokensPerMinute).level -= used;
    },
  };
}

function refuse(what: string, missing: number, size: number): never {
  throw new ServeError(429, `The ${what} of a minute (${size}) are used up; try again`, {
    code: 'rate_limit_exceeded',
    retryAfterSeconds: (missing * 60) / size,
  });
}
