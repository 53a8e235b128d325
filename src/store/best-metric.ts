import type { MetricRecord } from './metrics.ts';

/**
 * What a run can be judged by on its held-out rows: the field of metrics.jsonl, which of two values is the better one, and what people call it. A name that
 * is not here has no direction, and is no metric.
 */
export const BEST_METRICS = {
  loss: { field: 'eval_loss', isHigherBetter: false, title: 'held-out loss' },
  accuracy: { field: 'eval_rewards/accuracies', isHigherBetter: true, title: 'held-out accuracy' },
  margin: { field: 'eval_rewards/margins', isHigherBetter: true, title: 'held-out margin' },
} as const;

export type BestMetric = keyof typeof BEST_METRICS;

/** Metrics by name, the usual one first. */
export const BEST_METRIC_NAMES = Object.keys(BEST_METRICS) as [BestMetric, ...BestMetric[]];

/** An evaluation of held-out rows by one metric. */
export interface BestEvaluation {
  readonly step: number;
  readonly metric: BestMetric;
  readonly value: number;
}

/** By how much `value` is better than `other`, in the metric's own unit; below 0 where it is worse. */
export function gainOf(metric: BestMetric, value: number, other: number): number {
  return BEST_METRICS[metric].isHigherBetter ? value - other : other - value;
}

/**
 * The best evaluation of a trained model: steps from 1 to `lastStep`, of equal values the earliest, which is nearest to the start. Values that are not finite are
 * never best. Undefined where there is none.
 */
export function bestEvaluation(
  records: readonly MetricRecord[],
  metric: BestMetric,
  lastStep = Infinity,
): BestEvaluation | undefined {
  const { field } = BEST_METRICS[metric];
  let best: BestEvaluation | undefined;
  for (const { step, [field]: value } of records) {
    if (step < 1 || step > lastStep || typeof value !== 'number' || !Number.isFinite(value)) continue;
    if (best === undefined || gainOf(metric, value, best.value) > 0) best = { step, metric, value };
  }
  return best;
}

/** Whether a text names a metric. */
export function isBestMetric(name: unknown): name is BestMetric {
  return typeof name === 'string' && Object.hasOwn(BEST_METRICS, name);
}
