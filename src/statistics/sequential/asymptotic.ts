import { badInput } from '../../core/index.ts';
import { normalQuantile } from '../normal.ts';
import type { Interval } from '../proportion.ts';

/** Sums of one arm's numbers, which are cut at a bound that was fixed in advance. */
export interface ArmMoments {
  readonly units: number;
  readonly sum: number;
  readonly squares: number;
}

export interface AsymptoticOptions {
  readonly alpha: number;
  /** Units of both arms together at which the interval is narrowest. Default 1000. */
  readonly tunedFor?: number;
  /** Units an arm before which nothing is said. Default 100. */
  readonly burnIn?: number;
  /** A variance that stands for one unit an arm, so that an arm whose numbers were all alike so far has one. Default 0: none. */
  readonly priorVariance?: number;
}

/** rho = sqrt((-2 ln alpha + ln(-2 ln alpha + 1)) / n): the interval is narrowest near n units. Source: Waudby-Smith et al. (2024), equation 161 (approximation). */
export function sequentialRho(alpha: number, tunedFor: number): number {
  const log = -2 * Math.log(alpha);
  return Math.sqrt((log + Math.log(log + 1)) / tunedFor);
}

/**
 * Half of the asymptotic confidence sequence: SE sqrt(n) sqrt(2 (n rho^2 + 1) / (n rho)^2 ln(sqrt(n rho^2 + 1) / alpha)). One-sided: rho of 2 alpha, and
 * ln(1 + sqrt(n rho^2 + 1) / (2 alpha)). Valid at every look once n is large; never for 0/1 outcomes of few units.
 *
 * Source: Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas (2024), "Time-uniform central limit theory and asymptotic confidence sequences", Annals of Statistics
 * 52(6), equations 9 and 155.
 */
export function sequentialHalfWidth(
  standardError: number,
  units: number,
  { alpha, tunedFor, isOneSided = false }: { alpha: number; tunedFor: number; isOneSided?: boolean },
): number {
  const rho = sequentialRho(isOneSided ? 2 * alpha : alpha, tunedFor);
  const a = units * rho * rho + 1;
  const log = isOneSided ? Math.log1p(Math.sqrt(a) / (2 * alpha)) : Math.log(Math.sqrt(a) / alpha);
  return standardError * Math.sqrt(units) * Math.sqrt(((2 * a) / (units * rho) ** 2) * log);
}

/** p = min(1, exp(-E)), E = rho^2 (n estimate^2 / SE^2) / (2 (n rho^2 + 1)) - ln(n rho^2 + 1) / 2 of the two-sided sequence. */
export function sequentialPValue(
  { estimate, standardError }: Contrast,
  units: number,
  { alpha, tunedFor }: { readonly alpha: number; readonly tunedFor: number },
): number {
  const rho = sequentialRho(alpha, tunedFor);
  const a = units * rho * rho + 1;
  const log = (rho * rho * ((units * estimate * estimate) / standardError ** 2)) / (2 * a) - Math.log(a) / 2;
  return Math.min(1, Math.exp(-log));
}

/** A difference and how sure it is. */
export interface Contrast {
  readonly estimate: number;
  readonly standardError: number;
}

/** The candidate's mean less the control's. Null before an arm has two units. */
export function meanDifference(candidate: ArmMoments, control: ArmMoments, priorVariance = 0): Contrast | null {
  const [a, b] = [momentsOf(candidate, priorVariance), momentsOf(control, priorVariance)];
  if (a === null || b === null) return null;
  return {
    estimate: a.mean - b.mean,
    standardError: Math.sqrt(a.variance / candidate.units + b.variance / control.units),
  };
}

/** (candidate - control) / control by the delta method. Null before an arm has two units, and where the control's mean is 0. */
export function relativeLift(candidate: ArmMoments, control: ArmMoments, priorVariance = 0): Contrast | null {
  const [a, b] = [momentsOf(candidate, priorVariance), momentsOf(control, priorVariance)];
  if (a === null || b === null || b.mean === 0) return null;
  const variance =
    a.variance / (b.mean ** 2 * candidate.units) + (b.variance * a.mean ** 2) / (b.mean ** 4 * control.units);
  return { estimate: (a.mean - b.mean) / Math.abs(b.mean), standardError: Math.sqrt(variance) };
}

/** The asymptotic sequence of a contrast at this look; null before the burn-in. Throws bad-input for options out of range. */
export function asymptoticInterval(
  candidate: ArmMoments,
  control: ArmMoments,
  {
    alpha,
    tunedFor = 1000,
    burnIn = 100,
    priorVariance = 0,
    isRelative = false,
  }: AsymptoticOptions & { readonly isRelative?: boolean },
): (Interval & Contrast) | null {
  if (!(alpha > 0 && alpha < 1) || !(tunedFor > 0))
    throw badInput(`asymptoticInterval: alpha must be in (0, 1) and tunedFor above 0, got ${alpha} and ${tunedFor}`);
  if (Math.min(candidate.units, control.units) < burnIn) return null;
  const contrast = (isRelative ? relativeLift : meanDifference)(candidate, control, priorVariance);
  if (contrast === null) return null;
  const units = candidate.units + control.units;
  const half = sequentialHalfWidth(contrast.standardError, units, { alpha, tunedFor });
  return { ...contrast, low: contrast.estimate - half, high: contrast.estimate + half };
}

/** Where one looks once, at a number of units that was fixed before: estimate +- z SE. */
export function fixedInterval({ estimate, standardError }: Contrast, alpha: number): Interval {
  const half = normalQuantile(1 - alpha / 2) * standardError;
  return { low: estimate - half, high: estimate + half };
}

function momentsOf(
  { units, sum, squares }: ArmMoments,
  priorVariance: number,
): { readonly mean: number; readonly variance: number } | null {
  if (units < 2) return null;
  const mean = sum / units;
  const deviations = Math.max(0, squares - sum * mean);
  return {
    mean,
    variance: priorVariance > 0 ? (priorVariance + deviations) / (units + 1) : deviations / (units - 1),
  };
}
