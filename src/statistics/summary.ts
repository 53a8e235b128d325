import { badInput } from '../core/index.ts';

/** The arithmetic mean; null for no values. */
export function meanOf(values: ArrayLike<number>): number | null {
  if (values.length === 0) return null;
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum / values.length;
}

/** The sample variance, sum((x - mean)^2) / (n - 1); null for fewer than two values. */
export function variance(values: ArrayLike<number>): number | null {
  if (values.length < 2) return null;
  const center = meanOf(values)!;
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += (values[i]! - center) ** 2;
  return sum / (values.length - 1);
}

/**
 * The `share`-quantile, by linear interpolation between order statistics; null for no values. Throws bad-input for a share outside
 * [0, 1].
 *
 * Source: Hyndman and Fan (1996), definition 7, which numpy and R use by default.
 */
export function quantile(values: ArrayLike<number>, share: number): number | null {
  return quantileOfSorted(Float64Array.from(values).toSorted(), share);
}

/** quantile for values that are ascending already. */
export function quantileOfSorted(sorted: ArrayLike<number>, share: number): number | null {
  if (!(share >= 0 && share <= 1)) throw badInput(`quantile: share must be in [0, 1], got ${share}`);
  if (sorted.length === 0) return null;
  const place = share * (sorted.length - 1);
  const below = Math.floor(place);
  const low = sorted[below]!;
  const high = sorted[Math.min(below + 1, sorted.length - 1)]!;
  return low + (high - low) * (place - below);
}

/** 1 when the chosen side is ahead, 0 when it is behind, one half for a tie. */
export function tieAsHalf(margin: number): number {
  if (margin === 0) return 0.5;
  return margin > 0 ? 1 : 0;
}
