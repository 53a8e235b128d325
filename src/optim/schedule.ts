export type ScheduleName = 'linear' | 'cosine' | 'constant';

export interface ScheduleOptions {
  readonly name: ScheduleName;
  /** The rate after warm-up. */
  readonly learningRate: number;
  /** Steps over which the rate rises. */
  readonly warmupSteps: number;
  /** The first step of a warm-up has rate 0 and changes nothing, as in Transformers. Default: every step changes something. */
  readonly startsAtZero?: boolean;
  readonly totalSteps: number;
}

/**
 * The learning rate of a step, counted from 0:
 * warm-up learningRate (step + 1) / (warmupSteps + 1), or with startsAtZero learningRate step / warmupSteps, then with p = (step - warmupSteps) / (totalSteps - warmupSteps)
 * linear learningRate (1 - p), cosine learningRate (1 + cos(pi p)) / 2, constant learningRate.
 * Source: transformers.get_scheduler (linear, cosine, constant_with_warmup), but for the first step of a warm-up.
 *
 * @example
 * ```ts run
 * import { learningRateAt } from 'preftune/optim';
 *
 * const schedule = { name: 'linear', learningRate: 1e-3, warmupSteps: 1, totalSteps: 5 } as const;
 * console.log([0, 1, 3, 5].map((step) => learningRateAt(schedule, step))); // [ 0.0005, 0.001, 0.0005, 0 ]
 * ```
 */
export function learningRateAt(
  { name, learningRate, warmupSteps, totalSteps, startsAtZero = false }: ScheduleOptions,
  step: number,
): number {
  if (step < warmupSteps)
    return startsAtZero ? (learningRate * step) / warmupSteps : (learningRate * (step + 1)) / (warmupSteps + 1);
  const progress = Math.min(1, (step - warmupSteps) / Math.max(1, totalSteps - warmupSteps));
  switch (name) {
    case 'linear':
      return learningRate * (1 - progress);
    case 'cosine':
      return learningRate * Math.max(0, (1 + Math.cos(Math.PI * progress)) / 2);
    case 'constant':
      return learningRate;
  }
}
