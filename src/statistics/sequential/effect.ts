import { badInput } from '../../core/index.ts';
import type { Interval } from '../proportion.ts';
import { bettingSequence, type BettingState, type SequenceSides } from './betting.ts';

export interface EffectOptions {
  /** Probability that the interval ever excludes the effect. */
  readonly alpha: number;
  /** The least chance that any unit had of either arm, fixed in advance: in (0, 1/2]. 1/2 for an even split. */
  readonly leastPropensity: number;
  readonly sides?: SequenceSides;
  /** Effects that are tested, in [-1, 1]. Default 0. */
  readonly nulls?: readonly number[];
  readonly gridSize?: number;
}

/** One unit, when its outcome stands. */
export interface EffectUnit {
  readonly isCandidate: boolean;
  /** The chance that it had of the candidate, as it was when it was assigned. */
  readonly propensity: number;
  /** In [0, 1]; 0 where nothing came (intention to treat). */
  readonly outcome: number;
}

export interface ArmSums {
  readonly units: number;
  readonly sum: number;
}

export interface EffectState {
  readonly candidate: ArmSums;
  readonly control: ArmSums;
  readonly scores: BettingState;
}

/** A confidence sequence for the difference between two arms. */
export interface EffectSequence {
  readonly candidate: ArmSums;
  readonly control: ArmSums;
  /** The mean score: an unbiased estimate of the effect; NaN before the first unit. */
  readonly estimate: number;
  add(unit: EffectUnit): void;
  interval(): Interval;
  isEmpty(): boolean;
  pValue(effect: number): number;
  state(): EffectState;
}

/**
 * The average effect of the candidate, E[y | candidate] - E[y | control], of units whose chance of the candidate is known: it also holds where that chance changes with
 * what came before (adaptive traffic). A unit's score
 *
 *     z = m1 - m0 + T / p (y - m1) - (1 - T) / (1 - p) (y - m0),   m1, m0: means of the arms before it (1/2 at the start)
 *
 * has the effect as its mean, whatever came before, and |z| <= k = 1 / leastPropensity. So (z + k) / 2k is in [0, 1], and the betting sequence of it, mapped
 * back, is one of the effect. Units must come in an order that no outcome changes: that of their exposure.
 *
 * Throws bad-input for outcomes outside [0, 1] and propensities beyond leastPropensity. Source: Waudby-Smith et al. (2022), "Anytime-valid off-policy
 * inference for contextual bandits"; Howard et al. (2021), section 4.2. The bound: for T = 1, z = m1 (1 - 1/p) - m0 + y/p lies in [1 - 1/p - 1, 1/p]; T = 0 alike.
 */
export function effectSequence(options: EffectOptions, from?: EffectState): EffectSequence {
  const { leastPropensity, nulls = [0], ...rest } = options;
  if (!(leastPropensity > 0 && leastPropensity <= 0.5))
    throw badInput(`effectSequence: leastPropensity must be in (0, 1/2], got ${leastPropensity}`);
  const k = 1 / leastPropensity;
  const outside = nulls.find((effect) => !(effect >= -1 && effect <= 1));
  if (outside !== undefined) throw badInput(`effectSequence: nulls must be in [-1, 1], got ${outside}`);
  const toMean = (effect: number): number => (effect + k) / (2 * k);
  const toEffect = (mean: number): number => mean * 2 * k - k;
  const means = nulls.map(toMean);
  const scores = bettingSequence({ ...rest, nulls: means }, from?.scores);
  const sums = {
    candidate: { units: 0, sum: 0, ...from?.candidate },
    control: { units: 0, sum: 0, ...from?.control },
  };
  /** A null stands on the grid: rounding must not put its bound beside it. */
  const bound = (mean: number): number => {
    const place = means.indexOf(mean);
    return place === -1 ? Math.min(1, Math.max(-1, toEffect(mean))) : nulls[place]!;
  };
  return {
    get candidate() {
      return { ...sums.candidate };
    },
    get control() {
      return { ...sums.control };
    },
    get estimate() {
      return toEffect(scores.mean);
    },
    add({ isCandidate, propensity, outcome }) {
      if (!(outcome >= 0 && outcome <= 1)) throw badInput(`effectSequence: outcomes must be in [0, 1], got ${outcome}`);
      const slack = leastPropensity * 1e-9;
      if (!(propensity >= leastPropensity - slack && propensity <= 1 - leastPropensity + slack))
        throw badInput(
          `effectSequence: propensities must be from ${leastPropensity} to ${1 - leastPropensity}, got ${propensity}`,
        );
      const [m1, m0] = [meanOf(sums.candidate), meanOf(sums.control)];
      const part = isCandidate ? (outcome - m1) / propensity : -(outcome - m0) / (1 - propensity);
      scores.add(Math.min(1, Math.max(0, toMean(m1 - m0 + part))));
      const arm = isCandidate ? sums.candidate : sums.control;
      arm.units++;
      arm.sum += outcome;
    },
    interval: () => {
      const { low, high } = scores.interval();
      return { low: bound(low), high: bound(high) };
    },
    isEmpty: () => scores.isEmpty(),
    pValue: (effect) => {
      const place = nulls.indexOf(effect);
      if (place === -1) throw badInput(`effectSequence: nulls must hold the effect that is tested, got ${effect}`);
      return scores.pValue(means[place]!);
    },
    state: () => ({ candidate: { ...sums.candidate }, control: { ...sums.control }, scores: scores.state() }),
  };
}

function meanOf({ units, sum }: ArmSums): number {
  return units === 0 ? 0.5 : sum / units;
}
