import type { MetricRecord } from '../store/index.ts';
import type { SweepPoint, SweepValue } from '../specification/index.ts';

/**
 * What a run of a sweep came to on the held-out rows. Changes are measured from the model as it started, so that they compare across objectives,
 * betas and references that move.
 */
export interface SweepFigures {
  /** Share of pairs whose chosen answer has the higher reward, a tie counting one half. */
  readonly accuracy: number;
  /** The objective, nats. Comparable only under one objective and one beta. */
  readonly loss: number;
  /** Reward of chosen minus reward of rejected, beta in it. */
  readonly margin: number;
  /**
   * How far the model moved: ((log p_end - log p_start)(chosen) + (log p_end - log p_start)(rejected)) / 2, nats per answer, mean over pairs. A stand-in for
   * -KL(start || end), exact where the answers are the starting model's own.
   */
  readonly logRatio: number;
  /** (log p_end - log p_start)(chosen), nats per answer, mean over pairs. Below 0 the model has made the better answers less likely. */
  readonly chosenChange: number;
  /** Pairs that the accuracy is of; absent in runs of earlier versions. */
  readonly pairs?: number;
}

export type SweepFigure = Exclude<keyof SweepFigures, 'pairs'>;

export const SWEEP_FIGURES = ['accuracy', 'margin', 'loss', 'logRatio', 'chosenChange'] as const;

/** A finished run, or why it failed. */
export interface SweepOutcome {
  readonly name: string;
  readonly values: Readonly<Record<string, SweepValue>>;
  readonly folder: string;
  readonly figures?: SweepFigures;
  /** The step that they are of. */
  readonly step?: number;
  readonly failure?: string;
}

/** Runs that differ in nothing but the seed. */
export interface SweepGroup {
  /** Without the seed. */
  readonly values: Readonly<Record<string, SweepValue>>;
  readonly outcomes: readonly SweepOutcome[];
  /** Means over the finished runs; absent where none finished. */
  readonly mean?: SweepFigures;
  /** Sample standard deviations (n - 1); absent with fewer than two finished runs. */
  readonly spread?: SweepFigures;
}

function evaluated(record: MetricRecord, name: string): number {
  return Number(record[`eval_${name}`]);
}

/** The held-out figures of a run's records at a step, or at its last evaluation; undefined before it has both evaluations. */
export function sweepFigures(records: readonly MetricRecord[], step?: number): SweepFigures | undefined {
  const evaluations = records.filter((record) => typeof record['eval_loss'] === 'number');
  const [start, end] = [evaluations[0], evaluations.find((one) => one.step === step) ?? evaluations.at(-1)];
  if (start === undefined || end === undefined || evaluations.length < 2) return undefined;
  const change = (side: 'chosen' | 'rejected'): number =>
    evaluated(end, `logps/${side}`) - evaluated(start, `logps/${side}`);
  return {
    accuracy: evaluated(end, 'rewards/accuracies'),
    loss: evaluated(end, 'loss'),
    margin: evaluated(end, 'rewards/margins'),
    logRatio: (change('chosen') + change('rejected')) / 2,
    chosenChange: change('chosen'),
    ...(typeof end['eval_pairs'] === 'number' && { pairs: end['eval_pairs'] }),
  };
}

/**
 * Runs together with those that differ in the seed alone, best first: by mean held-out accuracy (then loss), or by loss (then accuracy). Groups of
 * which no run finished come last.
 */
export function groupOutcomes(outcomes: readonly SweepOutcome[], sort: 'accuracy' | 'loss'): SweepGroup[] {
  const groups = new Map<string, SweepOutcome[]>();
  for (const outcome of outcomes) {
    const key = JSON.stringify(withoutSeed(outcome.values));
    groups.set(key, [...(groups.get(key) ?? []), outcome]);
  }
  const better = ({ accuracy, loss }: SweepFigures): [number, number] =>
    sort === 'accuracy' ? [-accuracy, loss] : [loss, -accuracy];
  return [...groups.values()].map(groupOf).toSorted(({ mean: a }, { mean: b }) => {
    if (a === undefined || b === undefined) return (a === undefined ? 1 : 0) - (b === undefined ? 1 : 0);
    const [left, right] = [better(a), better(b)];
    return left[0] - right[0] || left[1] - right[1];
  });
}

function withoutSeed(values: SweepPoint['values']): Record<string, SweepValue> {
  return Object.fromEntries(Object.entries(values).filter(([path]) => path !== 'seed'));
}

function groupOf(outcomes: readonly SweepOutcome[]): SweepGroup {
  const done = outcomes.flatMap(({ figures }) => (figures === undefined ? [] : [figures]));
  const over = (summary: (values: readonly number[]) => number): SweepFigures =>
    Object.fromEntries(
      SWEEP_FIGURES.map((name) => [name, summary(done.map((figures) => figures[name]))]),
    ) as unknown as SweepFigures;
  const pairs = done[0]?.pairs;
  return {
    values: withoutSeed(outcomes[0]!.values),
    outcomes,
    ...(done.length > 0 && { mean: { ...over(meanOf), ...(pairs !== undefined && { pairs }) } }),
    ...(done.length > 1 && { spread: over(deviationOf) }),
  };
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function deviationOf(values: readonly number[]): number {
  const mean = meanOf(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1));
}
