import { median } from './statistics.ts';

/** How a figure went over time. */
export interface Trend {
  readonly level: number;
  /** Theil and Sen's slope, in units of the figure an hour, and the 95 % interval of it. */
  readonly slope: number;
  readonly from: number;
  readonly to: number;
  readonly verdict: 'flat' | 'grows' | 'undecided';
}

const HOUR = 3600;

/**
 * The median of the slopes between all pairs of points, with Sen's interval from Kendall's variance n(n-1)(2n+5)/18. `flat`: even the upper end of the interval is at most
 * `tolerance` of the level an hour. `grows`: the lower end is above it. Samples that hang together make the interval too narrow; the verdict is one of size, so that
 * does little.
 *
 * Source: P. K. Sen, Estimates of the regression coefficient based on Kendall's tau (1968).
 */
export function trendOf(
  points: readonly { readonly seconds: number; readonly value: number }[],
  tolerance: number,
): Trend {
  const slopes: number[] = [];
  for (const [place, first] of points.entries())
    for (const second of points.slice(place + 1))
      if (second.seconds > first.seconds)
        slopes.push(((second.value - first.value) / (second.seconds - first.seconds)) * HOUR);
  slopes.sort((a, b) => a - b);
  const count = points.length;
  const spread = 1.96 * Math.sqrt((count * (count - 1) * (2 * count + 5)) / 18);
  const low = Math.max(0, Math.floor((slopes.length - spread) / 2));
  const high = Math.min(slopes.length - 1, Math.ceil((slopes.length + spread) / 2));
  const level = median(points.map(({ value }) => value));
  const [slope, from, to] = [median(slopes), slopes[low]!, slopes[high]!];
  const most = tolerance * level;
  return { level, slope, from, to, verdict: to <= most ? 'flat' : from > most ? 'grows' : 'undecided' };
}
