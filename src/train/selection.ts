import { BEST_METRICS, bestEvaluation, gainOf, type BestEvaluation, type BestMetric } from '../store/index.ts';
import type { MetricRecord } from '../store/index.ts';

/** What the best is best by, and when a run ends that no longer gets better. */
export interface SelectionOptions {
  readonly metric: BestMetric;
  /** Evaluations in a row without improvement that end the run; never without it. */
  readonly patience?: number | undefined;
  /** What an improvement gains at least, in the metric's unit; not this much itself. */
  readonly improvement?: number | undefined;
}

/** What an evaluation means for the run. */
export interface BestStanding {
  /** It is the best after the start. */
  readonly isBest: boolean;
  /** Evaluations in a row without improvement, this one included. */
  readonly withoutImprovement: number;
  /** So many of them end the run; absent where none do. */
  readonly patience?: number;
  readonly endsRun: boolean;
}

/**
 * Evaluations as they come. It is a function of them alone, and they stand in metrics.jsonl up to the checkpoint from which a run is resumed: read again
 * from there they give what they gave before, so no counter needs to be saved.
 */
export interface Selection {
  readonly metric: BestMetric;
  /** An evaluation of metrics.jsonl. */
  add(record: MetricRecord): BestStanding;
  /** The best after the start. */
  best(): BestEvaluation | undefined;
  /** The standing after the last evaluation. */
  standing(): BestStanding;
  /** The values so far by step, those that are not finite left out. */
  values(): ReadonlyMap<number, number>;
}

/**
 * An improvement is measured from the last evaluation that was one, the start's among them, and not from the best: what gains a little each time is an
 * improvement once that adds up, where a comparison with the best so far (as in Transformers) would end a run that learns slowly. A value that is not finite is
 * no improvement.
 */
export function createSelection({ metric, patience, improvement = 0 }: SelectionOptions): Selection {
  const { field } = BEST_METRICS[metric];
  const values = new Map<number, number>();
  let reference: number | undefined;
  let best: BestEvaluation | undefined;
  let standing: BestStanding = { isBest: false, withoutImprovement: 0, endsRun: false };
  return {
    metric,
    add: (record) => {
      const { step, [field]: value } = record;
      const isFinite = typeof value === 'number' && Number.isFinite(value);
      if (isFinite) values.set(step, value);
      const isImprovement = isFinite && (reference === undefined || gainOf(metric, value, reference) > improvement);
      if (isImprovement) reference = value;
      const own = bestEvaluation([record], metric);
      const isBest = own !== undefined && (best === undefined || gainOf(metric, own.value, best.value) > 0);
      if (isBest) best = own;
      const withoutImprovement = isImprovement ? 0 : standing.withoutImprovement + 1;
      const endsRun = patience !== undefined && withoutImprovement >= patience;
      standing = { isBest, withoutImprovement, ...(patience !== undefined && { patience }), endsRun };
      return standing;
    },
    best: () => best,
    standing: () => standing,
    values: () => values,
  };
}
