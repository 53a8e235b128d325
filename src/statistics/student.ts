import { badInput } from '../core/index.ts';
import { normalQuantile } from './normal.ts';

/**
 * P(T <= t) of Student's t with `freedom` degrees of freedom (any positive number): 1 - I_x(v / 2, 1 / 2) / 2 for t > 0, x = v / (v + t^2).
 * The tails keep their relative precision. Throws bad-input unless freedom > 0.
 *
 * Source: Abramowitz and Stegun 26.7.1 and 26.5.8 (the continued fraction of the incomplete beta function).
 */
export function studentCdf(t: number, freedom: number): number {
  requireFreedom('studentCdf', freedom);
  if (Number.isNaN(t)) return NaN;
  const tail = 0.5 * regularisedBeta(freedom / (freedom + t * t), freedom / 2, 0.5);
  return t > 0 ? 1 - tail : tail;
}

/**
 * The t with P(T <= t) = probability; infinite at 0 and 1. Throws bad-input outside [0, 1] and unless freedom > 0.
 *
 * Bisection on studentCdf between bounds that are doubled until they hold the root, so that one degree of freedom, whose tails
 * reach 1e15, is as safe as a thousand.
 */
export function studentQuantile(probability: number, freedom: number): number {
  requireFreedom('studentQuantile', freedom);
  if (!(probability >= 0 && probability <= 1))
    throw badInput(`studentQuantile: probability must be in [0, 1], got ${probability}`);
  if (probability === 0.5) return 0;
  if (probability === 0 || probability === 1) return probability === 0 ? -Infinity : Infinity;
  const tail = Math.min(probability, 1 - probability);
  // Tails of t are heavier than those of the normal, whose quantile is a bound.
  let high = normalQuantile(tail);
  let low = 2 * high;
  while (studentCdf(low, freedom) > tail) [high, low] = [low, 2 * low];
  for (let i = 0; i < 200; i++) {
    const middle = (low + high) / 2;
    if (middle === low || middle === high) break;
    if (studentCdf(middle, freedom) > tail) high = middle;
    else low = middle;
  }
  return probability < 0.5 ? high : -high;
}

/** I_x(a, b), the share of a beta distribution below x. */
function regularisedBeta(x: number, a: number, b: number): number {
  if (x <= 0 || x >= 1) return x <= 0 ? 0 : 1;
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x));
  return x < (a + 1) / (a + b + 2) ? (front * betaFraction(x, a, b)) / a : 1 - (front * betaFraction(1 - x, b, a)) / b;
}

/** The continued fraction of the incomplete beta function, by Lentz's method (Thompson and Barnett 1986). */
function betaFraction(x: number, a: number, b: number): number {
  const tiny = 1e-300;
  const kept = (value: number): number => (Math.abs(value) < tiny ? tiny : value);
  let c = 1;
  let d = 1 / kept(1 - ((a + b) * x) / (a + 1));
  let value = d;
  for (let m = 1; m <= 10_000; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / kept(1 + even * d);
    c = kept(1 + even / c);
    value *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / kept(1 + odd * d);
    c = kept(1 + odd / c);
    value *= d * c;
    if (Math.abs(d * c - 1) < 1e-16) break;
  }
  return value;
}

/** ln of the gamma function for x > 0: Stirling's series, reached by the recurrence. */
function logGamma(x: number): number {
  let shift = 0;
  let at = x;
  for (; at < 15; at++) shift += Math.log(at);
  const inverse = 1 / at;
  const square = inverse * inverse;
  const series = inverse * (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square * (1 / 1680 - square / 1188))));
  return (at - 0.5) * Math.log(at) - at + 0.5 * Math.log(2 * Math.PI) + series - shift;
}

function requireFreedom(where: string, freedom: number): void {
  if (!(freedom > 0)) throw badInput(`${where}: freedom must be above 0, got ${freedom}`);
}
