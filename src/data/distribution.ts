/** The spread of a quantity. Percentiles are exact up to EXACT_VALUES and within 0.5 % above. */
export interface Spread {
  readonly count: number;
  readonly total: number;
  /** 0 when nothing was counted; so are the others. */
  readonly mean: number;
  readonly p50: number;
  readonly p95: number;
  readonly max: number;
}

/** Counts integers >= 0 in constant memory. */
export interface Distribution {
  add(value: number): void;
  spread(): Spread;
}

/** Values up to here have a bucket of their own. */
export const EXACT_VALUES = 512;
/** Each further bucket is this much wider than the one before: the middle of a bucket is at most 0.5 % off. */
const GROWTH = 1.01;

/**
 * A histogram with exact buckets for 0..EXACT_VALUES and geometric ones above: at most about 3,600 counters up to 2^53. The
 * p-th percentile is the smallest counted value that at least p % of the values do not exceed (nearest rank).
 */
export function createDistribution(): Distribution {
  const counts: number[] = [];
  let count = 0;
  let total = 0;
  let max = 0;
  const percentile = (share: number): number => {
    const rank = Math.max(1, Math.ceil(share * count));
    let seen = 0;
    for (let bucket = 0; bucket < counts.length; bucket++) {
      seen += counts[bucket] ?? 0;
      if (seen >= rank) return Math.min(max, middleOf(bucket));
    }
    return max;
  };
  return {
    add(value) {
      const bucket = bucketOf(value);
      counts[bucket] = (counts[bucket] ?? 0) + 1;
      count++;
      total += value;
      if (value > max) max = value;
    },
    spread() {
      if (count === 0) return { count, total, mean: 0, p50: 0, p95: 0, max: 0 };
      return { count, total, mean: total / count, p50: percentile(0.5), p95: percentile(0.95), max };
    },
  };
}

function bucketOf(value: number): number {
  if (value <= EXACT_VALUES) return value;
  return EXACT_VALUES + 1 + Math.floor(Math.log(value / (EXACT_VALUES + 1)) / Math.log(GROWTH));
}

function middleOf(bucket: number): number {
  if (bucket <= EXACT_VALUES) return bucket;
  const low = (EXACT_VALUES + 1) * GROWTH ** (bucket - EXACT_VALUES - 1);
  return Math.round((low * (1 + GROWTH)) / 2);
}
