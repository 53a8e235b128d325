import { wilsonInterval, type Interval } from './proportion.ts';

/**
 * The 95 % interval of an accuracy over `count` pairs, ties counting one half: Wilson's. Null for no pairs, and for an accuracy that is no number.
 *
 * Source: Wilson (1927). A tie is taken for half a success, which makes the interval a little wide.
 */
export function accuracyInterval(accuracy: number, count: number): Interval | null {
  if (!(accuracy >= 0 && accuracy <= 1)) return null;
  return wilsonInterval(accuracy * count, count);
}

/** `95 %: 72-100 of 10`; `of 1 pair` is told in words, undefined for none. */
export function accuracyText(accuracy: number, count: number): string | undefined {
  const interval = accuracyInterval(accuracy, count);
  if (interval === null) return undefined;
  const [low, high] = [interval.low, interval.high].map((value) => (100 * value).toFixed(0));
  return `95 %: ${low}-${high} %, ${count} ${count === 1 ? 'pair' : 'pairs'}`;
}

/** What an accuracy over so many pairs allows to say: whether the order is learned, or cannot be told from a coin's. */
export function accuracyClaim(accuracy: number, count: number): 'above' | 'below' | 'open' {
  const interval = accuracyInterval(accuracy, count);
  if (interval === null) return 'open';
  if (interval.low > 0.5) return 'above';
  return interval.high < 0.5 ? 'below' : 'open';
}
