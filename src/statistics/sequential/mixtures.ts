import { badInput } from '../../core/index.ts';

/** ln of the gamma function for x > 0, to about 1e-14: Stirling's series behind a shift to x >= 10. Source: Abramowitz and Stegun 6.1.40. */
export function logGamma(x: number): number {
  if (!(x > 0)) throw badInput(`logGamma: must be above 0, got ${x}`);
  let z = x;
  // A product, so that one logarithm is enough; below 1e9 it stays finite.
  let product = 1;
  for (; z < 10; z++) product *= z;
  const shift = Math.log(product);
  const w = 1 / (z * z);
  const series = (1 / 12 - w * (1 / 360 - w * (1 / 1260 - w * (1 / 1680 - w / 1188)))) / z;
  return (z - 0.5) * Math.log(z) - z + 0.5 * Math.log(2 * Math.PI) + series - shift;
}

/**
 * ln of the evidence against a fair coin after w wins and l losses: a Beta(a, a) mixture over the coin's share, E = B(w + a, l + a) / B(a, a) 2^(w + l). At every
 * look p = min(1, 1 / the greatest E so far) is valid. Ties are left out by the caller. Throws bad-input for counts below 0 and a <= 0.
 *
 * Source: Robbins (1970); the test martingale of the beta-binomial mixture of Howard et al. (2021).
 */
export function logCoinEvidence(wins: number, losses: number, a = 1): number {
  if (!(wins >= 0 && losses >= 0 && a > 0))
    throw badInput(
      `logCoinEvidence: wins and losses must be from 0 on and a above 0, got ${wins}, ${losses} and ${a}; correct them`,
    );
  return logBeta(wins + a, losses + a) - logBeta(a, a) + (wins + losses) * Math.LN2;
}

/**
 * ln of how much more likely counts are under shares that a Dirichlet(alpha) draws than under the shares that were meant:
 * ln DirMult(counts | alpha) - ln Mult(counts | shares); the numbers of orders cancel. Source: Lindon and Malek (2022), "Anytime-valid inference for multinomial
 * count data", equation 7.
 */
export function logShareEvidence(
  counts: readonly number[],
  shares: readonly number[],
  alpha: readonly number[],
): number {
  const total = sumOf(counts);
  const prior = sumOf(alpha);
  let log = logGamma(prior) - logGamma(prior + total);
  for (const [arm, count] of counts.entries()) {
    const a = alpha[arm]!;
    log += logGamma(a + count) - logGamma(a);
    if (count > 0) log -= count * Math.log(shares[arm]!);
  }
  return log;
}

/** A sample-ratio check: whether units came to the arms in the shares that were meant. */
export interface SampleRatio {
  /** ln of the evidence against those shares. */
  readonly logEvidence: number;
  /** 1 / the greatest evidence at any look so far, at most 1. */
  readonly p: number;
}

/** How sure the spike is of the shares that were meant: as if so many units had come already. GrowthBook's default. */
const SPIKE_UNITS = 10_000;

/**
 * The sequential sample-ratio check of units per arm: the mean of two mixtures, a flat one that sees large faults at once, and one that stands as a spike at the
 * meant shares (concentration 10,000) and sees small ones in much traffic. `before` is the p of the last look; the shares must be positive and sum to 1.
 * A p below 0.01 means that who is in which arm is not what the coin said: no result of such data is worth anything.
 *
 * Throws bad-input for counts that are not whole and shares that are not such.
 */
export function sampleRatio(counts: readonly number[], shares: readonly number[], before = 1): SampleRatio {
  if (counts.length < 2 || counts.length !== shares.length)
    throw badInput(
      `sampleRatio: counts and shares must be of the same arms, got ${counts.length} and ${shares.length}`,
    );
  if (counts.some((count) => !(Number.isSafeInteger(count) && count >= 0)))
    throw badInput(`sampleRatio: counts must be whole numbers from 0 on, got ${counts.join(', ')}`);
  if (shares.some((share) => !(share > 0)) || Math.abs(sumOf(shares) - 1) > 1e-9)
    throw badInput(`sampleRatio: shares must be above 0 and sum to 1, got ${shares.join(', ')}`);
  const flat = logShareEvidence(
    counts,
    shares,
    shares.map(() => 1),
  );
  const spike = logShareEvidence(
    counts,
    shares,
    shares.map((share) => SPIKE_UNITS * share),
  );
  const top = Math.max(flat, spike);
  const logEvidence = top + Math.log((Math.exp(flat - top) + Math.exp(spike - top)) / 2);
  return { logEvidence, p: Math.min(before, 1, Math.exp(-logEvidence)) };
}

function sumOf(values: readonly number[]): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
}

function logBeta(x: number, y: number): number {
  return logGamma(x) + logGamma(y) - logGamma(x + y);
}
