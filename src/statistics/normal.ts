import { badInput } from '../core/index.ts';

/** Beyond this distance from 0 the tail needs its own expansion: the series' terms cancel. */
const TAIL = 5;

/**
 * P(Z <= x) of a standard normal Z, to about 1e-15; also the tails have full relative precision.
 *
 * Source: the series of Marsaglia (2004), "Evaluating the normal distribution", section 3; in the tails the continued fraction of
 * Mills' ratio (Abramowitz and Stegun 26.2.14).
 */
export function normalCdf(x: number): number {
  if (Number.isNaN(x)) return NaN;
  if (x < -TAIL) return upperTail(-x);
  if (x > TAIL) return 1 - upperTail(x);
  let term = x;
  let sum = x;
  for (let i = 3; Math.abs(term) > 1e-17 * Math.abs(sum); i += 2) {
    term *= (x * x) / i;
    sum += term;
  }
  return 0.5 + sum * density(x);
}

/**
 * The x with P(Z <= x) = probability; infinite at 0 and 1. Throws bad-input outside [0, 1].
 *
 * Newton steps with the second derivative (Halley) on normalCdf, from the rational start of Abramowitz and Stegun 26.2.23.
 */
export function normalQuantile(probability: number): number {
  if (!(probability >= 0 && probability <= 1))
    throw badInput(`normalQuantile: probability must be in [0, 1], got ${probability}`);
  if (probability === 0 || probability === 1) return probability === 0 ? -Infinity : Infinity;
  const tail = Math.min(probability, 1 - probability);
  const t = Math.sqrt(-2 * Math.log(tail));
  const start = t - (2.515517 + t * (0.802853 + t * 0.010328)) / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)));
  // In the lower half, where normalCdf is precise relative to its value.
  let x = -start;
  for (let i = 0; i < 4; i++) {
    const step = (normalCdf(x) - tail) / density(x);
    x -= step / (1 + (x * step) / 2);
  }
  return probability <= 0.5 ? x : -x;
}

function density(x: number): number {
  return Math.exp(-0.5 * x * x) / Math.sqrt(2 * Math.PI);
}

function upperTail(x: number): number {
  if (x > 40) return 0;
  let fraction = x;
  for (let i = 60; i >= 1; i--) fraction = x + i / fraction;
  return density(x) / fraction;
}
