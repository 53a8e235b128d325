import type { z } from 'zod';
import type { EXPERIMENT_BODY, EXPERIMENT_GUARDRAILS, EXPERIMENT_SIGNALS } from '../api/index.ts';
import { badInput, type Problem } from '../core/index.ts';

export type ExperimentInput = z.output<typeof EXPERIMENT_BODY>;
export type SignalName = (typeof EXPERIMENT_SIGNALS)[number];
export type GuardrailName = (typeof EXPERIMENT_GUARDRAILS)[number];

/** What an experiment is, with all that was left out filled in. */
export interface ExperimentDefinition {
  readonly key: string;
  readonly alias: string;
  /** Models: the control, then the candidates. */
  readonly arms: readonly string[];
  /** Of the units that take part, in the order of the arms; they sum to 1. */
  readonly shares: readonly number[];
  readonly holdout: number;
  readonly metric: {
    readonly signal: SignalName;
    readonly name: string | null;
    readonly counts: 'any' | 'share';
    readonly better: 'higher' | 'lower';
    readonly windowMs: number;
  };
  readonly alpha: number;
  readonly margin: number;
  readonly budget: number;
  readonly guardrails: Readonly<Partial<Record<GuardrailName, number>>>;
  readonly isAA: boolean;
}

/** How much worse each may be: differences of shares, or relative to the control's mean. */
export const DEFAULT_MARGINS: Readonly<Record<GuardrailName, number>> = {
  error_rate: 0.01,
  first_token: 0.2,
  length: 0.25,
  refusal_rate: 0.02,
  response_rate: 0.2,
  thumbs_down: 0.01,
};

const LOWER_IS_BETTER: readonly SignalName[] = ['thumbs_down', 'edit', 'regenerate'];
const HOUR_MS = 3_600_000;
/** An arm with less would need years. */
const LEAST_SHARE = 0.02;

/** Throws bad-input with every problem. `control`: what the alias points to. */
export function defineExperiment(input: ExperimentInput, control: string | undefined): ExperimentDefinition {
  const problems: Problem[] = [];
  const wrong = (path: string, message: string): void => void problems.push({ path, message: `${path}: ${message}` });
  const first = input.control ?? control;
  if (first === undefined) wrong('control', `must be given, since ${input.alias} points to no model yet`);
  const arms = [first ?? '', ...input.candidates];
  const same = arms.find((arm, place) => arms.indexOf(arm) !== place);
  if (same !== undefined && !input.is_aa)
    wrong(
      'candidates',
      `must be other models than the control and each other, got ${same} twice; is_aa tests one against itself`,
    );
  if (input.is_aa && new Set(arms).size > 1)
    wrong('is_aa', 'needs the same model on both sides; name the control as candidate');
  if (arms.includes(input.alias)) wrong('candidates', `must be models, got the alias ${input.alias}`);
  const weights = input.weights ?? arms.map(() => 1);
  if (weights.length !== arms.length)
    wrong('weights', `must be one for the control and one for each candidate (${arms.length}), got ${weights.length}`);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const shares = weights.map((weight) => weight / total);
  if (shares.some((share) => share < LEAST_SHARE))
    wrong('weights', `must leave each at least ${100 * LEAST_SHARE} % of the units; widen the traffic slowly instead`);
  const { signal, name } = input.metric;
  if (signal === 'outcome' && name === undefined) wrong('metric.name', 'must say which outcome is meant');
  if (signal !== 'outcome' && name !== undefined) wrong('metric.name', `has no meaning for ${signal}; leave it out`);
  if (problems.length > 0) throw badInput(problems);
  const margins = { ...DEFAULT_MARGINS, ...input.guardrails };
  const guardrails = Object.entries(margins).filter(
    // What decides is no guardrail of itself.
    ([guardrail, margin]) => margin !== null && margin !== undefined && guardrail !== signal,
  );
  return {
    key: input.key,
    alias: input.alias,
    arms,
    shares,
    holdout: input.holdout,
    metric: {
      signal,
      name: name ?? null,
      counts: input.metric.counts,
      better: input.metric.better ?? (LOWER_IS_BETTER.includes(signal) ? 'lower' : 'higher'),
      windowMs: Math.round(input.metric.window_hours * HOUR_MS),
    },
    alpha: input.alpha,
    margin: input.margin,
    budget: input.budget,
    guardrails: Object.fromEntries(guardrails) as ExperimentDefinition['guardrails'],
    isAA: input.is_aa,
  };
}

/** Of units in the control or this candidate, the share that has the candidate. */
export function propensityOf({ shares }: Pick<ExperimentDefinition, 'shares'>, arm: number): number {
  return shares[arm]! / (shares[0]! + shares[arm]!);
}
