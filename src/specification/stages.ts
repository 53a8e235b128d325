import { badInput } from '../core/index.ts';
import type { CompatibilityMode } from '../objectives/index.ts';

/** A part of the rows that is trained before the next one begins: rows [start, start + count), steps [firstStep, firstStep + steps) counted from 0. */
export interface Stage {
  readonly start: number;
  readonly count: number;
  readonly firstStep: number;
  readonly steps: number;
  /** Of its own schedule. */
  readonly warmupSteps: number;
  /** The first of them has rate 0, as in Transformers. */
  readonly startsAtZero: boolean;
}

export interface StageOptions {
  readonly batchSize: number;
  readonly epochs: number;
  readonly maxSteps?: number | undefined;
  readonly warmupRatio: number;
  /** Under the modes of TRL warm-up is that of Transformers: rounded up, from a rate of 0. */
  readonly compat?: CompatibilityMode | undefined;
}

/** Steps of one pass over `count` rows; an incomplete last batch is a step of its own. */
export function stepsPerEpoch(count: number, batchSize: number): number {
  return Math.ceil(count / batchSize);
}

/**
 * The rows cut in their order into `parts` of equal size (to one row), each trained for `epochs` passes. Throws bad-input where a part would have no row,
 * or no step within maxSteps.
 */
export function planStages(rows: number, options: StageOptions, parts = 1): readonly Stage[] {
  const { batchSize, epochs, maxSteps = Infinity } = options;
  if (parts > rows)
    throw badInput({
      path: 'stages',
      message: `--stages must be at most the ${rows} rows of the training data, got ${parts}; lower it`,
    });
  const stages: Stage[] = [];
  let firstStep = 0;
  for (let part = 0; part < parts; part++) {
    const start = Math.floor((part * rows) / parts);
    const count = Math.floor(((part + 1) * rows) / parts) - start;
    const wanted = Math.max(1, Math.round(stepsPerEpoch(count, batchSize) * epochs));
    const steps = Math.min(wanted, maxSteps - firstStep);
    if (steps < 1)
      throw badInput({
        path: 'maxSteps',
        message: `--max-steps must leave a step for each of ${parts} --stages, got ${maxSteps}, after which stage ${part + 1} would begin; raise it or lower --stages`,
      });
    stages.push({ start, count, firstStep, steps, ...warmupOf(steps, options) });
    firstStep += steps;
  }
  return stages;
}

/** The part of the steps over which the rate rises. Outside of TRL's modes a step with the whole rate is always left. */
function warmupOf(steps: number, { warmupRatio, compat }: StageOptions): Pick<Stage, 'warmupSteps' | 'startsAtZero'> {
  const warmupSteps = Math.ceil(warmupRatio * steps);
  const startsAtZero = compat !== undefined && compat !== 'original';
  return { warmupSteps: startsAtZero ? warmupSteps : Math.min(warmupSteps, steps - 1), startsAtZero };
}

/** The stage that a step belongs to. */
export function stageAt(stages: readonly Stage[], step: number): Stage {
  return stages.findLast(({ firstStep }) => firstStep <= step)!;
}

/** Steps of all stages. */
export function totalStepsOf(stages: readonly Stage[]): number {
  const last = stages.at(-1)!;
  return last.firstStep + last.steps;
}

/** Steps of one pass over the rows of all stages. */
export function epochStepsOf(stages: readonly Stage[], batchSize: number): number {
  return stages.reduce((sum, { count }) => sum + stepsPerEpoch(count, batchSize), 0);
}
