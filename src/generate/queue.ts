import { busy } from '../core/index.ts';

/** How much may wait for a place among the answers under way. */
export interface QueueLimits {
  /** Requests, at least 0. */
  readonly maxWaiting: number;
  /** Tokens of their prompts. One request may wait whatever its length. */
  readonly maxWaitingTokens: number;
}

/** Requests in the order in which they came. */
export interface Queue<T> {
  readonly entries: readonly T[];
  readonly tokens: number;
  /** Whether a request of so many tokens may wait where `places` requests do not have to: they begin at once. */
  hasRoom(tokens: number, places: number): boolean;
  /** Throws busy where there is no room. */
  push(entry: T, places: number): void;
  /** Whether it was there. */
  remove(entry: T): boolean;
}

export function createQueue<T>(
  tokensOf: (entry: T) => number,
  { maxWaiting, maxWaitingTokens }: QueueLimits,
): Queue<T> {
  let entries: readonly T[] = [];
  let tokens = 0;
  const hasRoom = (more: number, places: number): boolean =>
    entries.length < places ||
    (entries.length < places + maxWaiting && (entries.length === 0 || tokens + more <= maxWaitingTokens));
  return {
    get entries() {
      return entries;
    },
    get tokens() {
      return tokens;
    },
    hasRoom,
    push: (entry, places) => {
      const more = tokensOf(entry);
      if (!hasRoom(more, places))
        throw busy(
          `generate: the queue must have room for the request (${more} tokens), got ${entries.length} waiting (${tokens} tokens) ` +
            `where ${maxWaiting} (${maxWaitingTokens} tokens) may; try again later, or raise maxWaiting or maxWaitingTokens`,
        );
      entries = [...entries, entry];
      tokens += more;
    },
    remove: (entry) => {
      if (!entries.includes(entry)) return false;
      entries = entries.filter((other) => other !== entry);
      tokens -= tokensOf(entry);
      return true;
    },
  };
}
