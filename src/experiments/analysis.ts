import {
  asymptoticInterval,
  effectSequence,
  fixedInterval,
  meanDifference,
  type ArmMoments,
  type EffectSequence,
  type EffectState,
  type Interval,
} from '../statistics/index.ts';
import { propensityOf, type ExperimentDefinition, type GuardrailName } from './definition.ts';

/** What became of a unit when its window ended. Shares are in [0, 1]; undefined: not measured. */
export interface ClosedUnit {
  readonly arm: number;
  /** 0 where nothing came. */
  readonly outcome: number;
  readonly guardrails: Readonly<Partial<Record<GuardrailName, number | undefined>>>;
  /** The outcome of each whole day since it was exposed. */
  readonly days: readonly number[];
}

export interface SeriesPoint {
  readonly at: number;
  readonly units: number;
  readonly estimate: number;
  readonly low: number;
  readonly high: number;
}

type Pair = readonly [control: ArmMoments, candidate: ArmMoments];

interface CandidateState {
  readonly effect: EffectState;
  readonly shares: Readonly<Partial<Record<GuardrailName, EffectState>>>;
  readonly means: Readonly<Partial<Record<GuardrailName, Pair>>>;
  readonly days: readonly Pair[];
  readonly series: readonly SeriesPoint[];
}

export interface AnalysisState {
  readonly candidates: readonly CandidateState[];
}

/** What a guardrail says: how the candidate differs from the control, and whether that is beyond its margin. */
export interface GuardrailResult {
  readonly name: GuardrailName;
  readonly isRelative: boolean;
  readonly margin: number;
  readonly effect: (Interval & { readonly estimate: number }) | null;
  readonly status: 'within' | 'open' | 'breached' | 'not measured';
}

/** What is known of one candidate beside the control. */
export interface CandidateAnalysis {
  readonly effect: EffectSequence;
  readonly series: readonly SeriesPoint[];
  guardrails(): readonly GuardrailResult[];
  days(): readonly { readonly pair: Pair; readonly interval: (Interval & { readonly estimate: number }) | null }[];
}

/** The numbers of an experiment, unit by unit as they close. Begun again from its state it gives the same. */
export interface Analysis {
  readonly candidates: readonly CandidateAnalysis[];
  add(unit: ClosedUnit): void;
  /** Notes where the intervals stand now. */
  look(at: number): void;
  state(): AnalysisState;
}

/** Guardrails that are relative to the control's mean; the others are differences of shares. */
export const RELATIVE_GUARDRAILS: readonly GuardrailName[] = ['first_token', 'length', 'response_rate'];
/** Both sides of each guardrail are bounds at this level, uncorrected. */
const GUARDRAIL_ALPHA = 0.05;
const MOST_POINTS = 400;
const EMPTY: ArmMoments = { units: 0, sum: 0, squares: 0 };

export function createAnalysis(definition: ExperimentDefinition, from?: AnalysisState): Analysis {
  const candidates = definition.arms
    .slice(1)
    .map((_, place) => createCandidate(definition, place + 1, from?.candidates[place]));
  return {
    candidates,
    add: (unit) => {
      for (const [place, candidate] of candidates.entries())
        if (unit.arm === 0 || unit.arm === place + 1) candidate.add(unit);
    },
    look: (at) => {
      for (const candidate of candidates) candidate.look(at);
    },
    state: () => ({ candidates: candidates.map((candidate) => candidate.state()) }),
  };
}

/** Bonferroni over the candidates. */
export function alphaOf({ alpha, arms }: Pick<ExperimentDefinition, 'alpha' | 'arms'>): number {
  return alpha / (arms.length - 1);
}

function createCandidate(definition: ExperimentDefinition, arm: number, from: CandidateState | undefined) {
  const { margin } = definition;
  const propensity = propensityOf(definition, arm);
  const leastPropensity = Math.min(propensity, 1 - propensity);
  const effect = effectSequence(
    { alpha: alphaOf(definition), leastPropensity, nulls: [0, -margin, margin] },
    from?.effect,
  );
  const shares = new Map<GuardrailName, EffectSequence>();
  const means = new Map<GuardrailName, Pair>();
  for (const [key, limit] of Object.entries(definition.guardrails)) {
    const name = key as GuardrailName;
    if (RELATIVE_GUARDRAILS.includes(name)) means.set(name, from?.means[name] ?? [EMPTY, EMPTY]);
    else
      shares.set(
        name,
        effectSequence(
          // Two bounds of one side each: together they are a sequence of twice the level.
          { alpha: 2 * GUARDRAIL_ALPHA, leastPropensity, nulls: [0, limit], gridSize: 400 },
          from?.shares[name],
        ),
      );
  }
  const days: Pair[] = [...(from?.days ?? [])];
  let series = [...(from?.series ?? [])];

  const guardrail = (name: GuardrailName): GuardrailResult => {
    const limit = definition.guardrails[name]!;
    const isRelative = RELATIVE_GUARDRAILS.includes(name);
    const sequence = shares.get(name);
    let found: GuardrailResult['effect'] = null;
    if (sequence !== undefined && sequence.control.units > 0 && sequence.candidate.units > 0)
      found = { ...sequence.interval(), estimate: sequence.estimate };
    const pair = means.get(name);
    if (pair !== undefined) {
      const alpha = 2 * GUARDRAIL_ALPHA;
      found = asymptoticInterval(pair[1], pair[0], { alpha, isRelative: true, priorVariance: 0.25 });
    }
    const isMeasured = found !== null || (pair !== undefined && pair[0].units + pair[1].units > 0);
    const isBothWays = name === 'response_rate';
    const status = !isMeasured
      ? 'not measured'
      : found === null
        ? 'open'
        : found.low > limit || (isBothWays && found.high < -limit)
          ? 'breached'
          : found.high <= limit && (!isBothWays || found.low >= -limit)
            ? 'within'
            : 'open';
    return { name, isRelative, margin: limit, effect: found, status };
  };

  return {
    effect,
    get series() {
      return series;
    },
    guardrails: () => Object.keys(definition.guardrails).map((name) => guardrail(name as GuardrailName)),
    days: () =>
      days.map((pair) => {
        const contrast = meanDifference(pair[1], pair[0], 0.25);
        return {
          pair,
          interval: contrast && { ...fixedInterval(contrast, 0.05), estimate: contrast.estimate },
        };
      }),
    add: ({ arm: itsArm, outcome, guardrails, days: outcomes }: ClosedUnit) => {
      const isCandidate = itsArm !== 0;
      effect.add({ isCandidate, propensity, outcome });
      for (const [name, sequence] of shares) {
        const value = guardrails[name];
        if (value !== undefined) sequence.add({ isCandidate, propensity, outcome: value });
      }
      for (const [name, pair] of means) {
        const value = guardrails[name];
        if (value !== undefined) means.set(name, added(pair, isCandidate, value));
      }
      for (const [day, value] of outcomes.entries()) days[day] = added(days[day] ?? [EMPTY, EMPTY], isCandidate, value);
    },
    look: (at: number) => {
      const units = effect.control.units + effect.candidate.units;
      if (units === 0 || series.at(-1)?.units === units) return;
      series.push({ at, units, estimate: effect.estimate, ...effect.interval() });
      // The first and the last stay; between them every second one goes.
      if (series.length > MOST_POINTS)
        series = series.filter((_, place) => place % 2 === 0 || place === series.length - 1);
    },
    state: (): CandidateState => ({
      effect: effect.state(),
      shares: Object.fromEntries([...shares].map(([name, sequence]) => [name, sequence.state()])),
      means: Object.fromEntries(means),
      days: [...days],
      series: [...series],
    }),
  } satisfies CandidateAnalysis & Record<string, unknown>;
}

function added([control, candidate]: Pair, isCandidate: boolean, value: number): Pair {
  const plus = ({ units, sum, squares }: ArmMoments): ArmMoments => ({
    units: units + 1,
    sum: sum + value,
    squares: squares + value * value,
  });
  return isCandidate ? [control, plus(candidate)] : [plus(control), candidate];
}
