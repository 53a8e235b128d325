import type { Answered, EXPERIMENT_ROUTES } from '../api/index.ts';
import type { ArmSums } from '../statistics/index.ts';
import type { CandidateAnalysis, GuardrailResult } from './analysis.ts';
import type { LiveExperiment } from './live-experiment.ts';
import { guardrailText, judge, RATIO_ALARM } from './verdict.ts';

/** An experiment as pages and programs read it. */
export type ExperimentObject = Answered<typeof EXPERIMENT_ROUTES.get>;

export interface ReportContext {
  readonly now: number;
  /** Why it takes no units though it runs. */
  readonly problem: string | null;
  readonly isLoaded: (model: string) => boolean;
}

const DAY_MS = 86_400_000;

/** All that is known of an experiment: times in seconds since 1970, effects as differences of means. */
export function experimentObject(
  experiment: LiveExperiment,
  { now, problem, isLoaded }: ReportContext,
): ExperimentObject {
  const { definition, status, analysis, exposed, ratioP } = experiment;
  const { metric, arms, shares } = definition;
  const days = Math.max(1 / 24, ((experiment.stoppedAt ?? now) - experiment.createdAt) / DAY_MS);
  const total = exposed.reduce((sum, units) => sum + units, 0);
  return {
    id: experiment.id,
    object: 'preftune.experiment',
    key: definition.key,
    alias: definition.alias,
    control: arms[0]!,
    status,
    reason: experiment.reason,
    problem,
    created_at: experiment.createdAt / 1000,
    stopped_at: experiment.stoppedAt === null ? null : experiment.stoppedAt / 1000,
    traffic: experiment.traffic,
    holdout: definition.holdout,
    is_aa: definition.isAA,
    weights: [...shares],
    metric: {
      signal: metric.signal,
      name: metric.name,
      counts: metric.counts,
      better: metric.better,
      window_hours: metric.windowMs / 3_600_000,
    },
    alpha: definition.alpha,
    margin: definition.margin,
    budget: definition.budget,
    units: {
      exposed: total,
      open: experiment.open,
      closed: experiment.closed,
      crossed: experiment.crossed,
      late_signals: experiment.lateSignals,
    },
    sample_ratio: {
      exposed: [...exposed],
      expected: shares.map((share) => share * total),
      p: ratioP,
      is_alarm: ratioP < RATIO_ALARM,
    },
    candidates: analysis.candidates.map((candidate, place) => {
      const { word, text, daysLeft } = judge({
        definition,
        analysis: candidate,
        ratioP,
        isRunning: status === 'running' || experiment.open > 0,
        closed: experiment.closed,
        unitsPerDay: total / days,
      });
      return {
        model: arms[place + 1]!,
        is_loaded: isLoaded(arms[place + 1]!),
        verdict: { word, text, days_left: daysLeft },
        ...candidateObject(candidate),
      };
    }),
  };
}

function candidateObject(candidate: CandidateAnalysis) {
  const { effect, series } = candidate;
  const { estimate, control } = effect;
  const units = control.units + effect.candidate.units;
  return {
    control: armObject(control),
    candidate: armObject(effect.candidate),
    effect: { ...(units === 0 ? NOTHING : { estimate, ...effect.interval() }), p: effect.pValue(0) },
    series: series.map(({ at, ...point }) => ({ at: at / 1000, ...point })),
    guardrails: candidate.guardrails().map((result) => ({
      ...(result.effect === null ? NOTHING : boundsOf(result.effect)),
      name: result.name,
      is_relative: result.isRelative,
      margin: result.margin,
      status: result.status,
      text: textOf(result),
    })),
    by_day: candidate.days().map(({ pair, interval }, day) => ({
      day,
      control: armObject(pair[0]),
      candidate: armObject(pair[1]),
      ...(interval === null ? NOTHING : boundsOf(interval)),
    })),
  };
}

const NOTHING = { estimate: null, low: null, high: null };

function boundsOf({ estimate, low, high }: { readonly estimate: number; readonly low: number; readonly high: number }) {
  return { estimate, low, high };
}

function armObject({ units, sum }: ArmSums): { units: number; mean: number | null } {
  return { units, mean: units === 0 ? null : sum / units };
}

function textOf({ name, effect, margin, isRelative, status }: GuardrailResult): string {
  const what = guardrailText(name);
  const amount = (value: number): string =>
    isRelative ? `${(100 * value).toFixed(0)} %` : `${(100 * value).toFixed(1)} points`;
  if (status === 'not measured')
    return `${what}: not measured${name === 'refusal_rate' ? ' (the store keeps no texts)' : ''}`;
  if (effect === null) return `${what}: too few units yet`;
  const seen = `${amount(effect.low)} to ${amount(effect.high)}, ${amount(margin)} allowed`;
  return `${what}: ${status === 'open' ? 'not known yet, ' : status === 'breached' ? 'beyond what is allowed, ' : 'within what is allowed, '}${seen}`;
}

/** What the rule did where both sides were the same version. */
export function aaRecord(objects: readonly ExperimentObject[]): {
  readonly runs: number;
  readonly false_alarms: number;
} {
  const runs = objects.filter(({ is_aa: isAA }) => isAA);
  const alarms = runs.filter(({ candidates }) =>
    candidates.some(({ verdict }) => verdict.word === 'better' || verdict.word === 'worse'),
  );
  return { runs: runs.length, false_alarms: alarms.length };
}
