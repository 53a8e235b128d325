import { badInput } from '../core/index.ts';
import { normalCdf, normalQuantile } from './normal.ts';

export interface PowerOptions {
  /** Chance of a false alarm, both sides together; default 0.05. */
  readonly alpha?: number;
  /** Chance to see the effect if it is there; default 0.8. */
  readonly power?: number;
  /** Share of comparisons that end in a tie; default 0. Ties make win rates vary less, so that a given effect is easier to see. */
  readonly tieShare?: number;
  /**
   * How many times more the win rate's variance is than that of independent comparisons: 1 + (m - 1) r for m comparisons a prompt with correlation r, or
   * count / effectiveCount of an earlier winRate. Default 1.
   */
  readonly designEffect?: number;
}

/**
 * Comparisons needed so that a true win rate is told from one half: d ((z_{1 - alpha/2} s0 + z_power s1) / (rate - 1/2))^2, rounded up, with s0^2 =
 * (1 - t) / 4, s1^2 = rate - t / 4 - rate^2 for a share t of ties, d the design effect. Infinite at a rate of one half.
 *
 * Throws bad-input where the rate is not possible with so many ties (|rate - 1/2| > (1 - t) / 2), or options are out of range.
 * Source: the normal approximation of a one-sample test, Fleiss, Levin and Paik (2003), equation 2.10 without continuity correction; statsmodels'
 * normal_sample_size_one_tail.
 */
export function sampleSize(rate: number, options: PowerOptions = {}): number {
  const { alpha, power, tieShare, designEffect } = checked('sampleSize', options);
  const effect = Math.abs(rate - 0.5);
  if (!(effect <= (1 - tieShare) / 2 + 1e-12))
    throw badInput(
      `sampleSize: rate must be within ${(1 - tieShare) / 2} of one half with a share ${tieShare} of ties, got ${rate}`,
    );
  if (effect === 0) return Infinity;
  const needed =
    normalQuantile(1 - alpha / 2) * nullSpread(tieShare) + normalQuantile(power) * spread(effect, tieShare);
  // Rounded first: 400.00000000000006 comparisons are 400.
  return Math.max(1, Math.ceil(Number((designEffect * (needed / effect) ** 2).toPrecision(12))));
}

/**
 * The smallest distance from one half that `count` comparisons show with the given power: the inverse of sampleSize, by bisection. Null where no win rate would do
 * (too few comparisons). Throws bad-input for a count below 1 or options out of range.
 */
export function minimumDetectableEffect(count: number, options: PowerOptions = {}): number | null {
  if (!(count >= 1)) throw badInput(`minimumDetectableEffect: count must be from 1 on, got ${count}`);
  const { power, tieShare } = checked('minimumDetectableEffect', options);
  const most = (1 - tieShare) / 2;
  const seen = (effect: number): number => powerOf(0.5 + effect, count, options);
  if (most === 0 || seen(most) < power) return null;
  let [low, high] = [0, most];
  for (let i = 0; i < 200 && high - low > 1e-15; i++) {
    const middle = (low + high) / 2;
    if (seen(middle) < power) low = middle;
    else high = middle;
  }
  return high;
}

/** The chance that `count` comparisons show a true win rate: Phi((|rate - 1/2| sqrt(count / d) - z_{1 - alpha/2} s0) / s1); the far tail is left out. */
export function powerOf(rate: number, count: number, options: Omit<PowerOptions, 'power'> = {}): number {
  const { alpha, tieShare, designEffect } = checked('powerOf', options);
  const effect = Math.abs(rate - 0.5);
  const distance = effect * Math.sqrt(count / designEffect) - normalQuantile(1 - alpha / 2) * nullSpread(tieShare);
  const deviation = spread(effect, tieShare);
  if (deviation > 0) return normalCdf(distance / deviation);
  return distance >= 0 ? 1 : 0;
}

/** The variance of `comparisons` a prompt, whose scores correlate by `correlation`, over that of independent ones: 1 + (m - 1) r. Source: Kish (1965). */
export function kishDesignEffect(comparisons: number, correlation: number): number {
  return 1 + (comparisons - 1) * correlation;
}

function nullSpread(tieShare: number): number {
  return Math.sqrt(1 - tieShare) / 2;
}

function spread(effect: number, tieShare: number): number {
  return Math.sqrt(Math.max(0, (1 - tieShare) / 4 - effect * effect));
}

function checked(where: string, options: PowerOptions): Required<PowerOptions> {
  const { alpha = 0.05, power = 0.8, tieShare = 0, designEffect: design = 1 } = options;
  const problems = [
    ...(alpha > 0 && alpha < 1 ? [] : [`${where}: alpha must be in (0, 1), got ${alpha}; 0.05 is usual`]),
    ...(power > 0 && power < 1 ? [] : [`${where}: power must be in (0, 1), got ${power}; 0.8 is usual`]),
    ...(tieShare >= 0 && tieShare <= 1 ? [] : [`${where}: tieShare must be in [0, 1], got ${tieShare}`]),
    ...(design > 0 ? [] : [`${where}: designEffect must be above 0, got ${design}`]),
  ];
  if (problems.length > 0) throw badInput(problems.map((message) => ({ path: where, message })));
  return { alpha, power, tieShare, designEffect: design };
}
