import { runFailed } from '../../core/index.ts';
import { learningRateAt, type ScheduleOptions } from '../../optim/index.ts';
import { stageAt } from '../../specification/index.ts';
import { accumulateGradients, divergence, MAX_NAMED_ROWS } from './accumulate.ts';
import type { Metrics } from './metrics.ts';
import { metricsOf } from './part.ts';
import type { StepRows } from './source.ts';
import type { Training } from './training.ts';

export interface StepOptions {
  readonly schedule: Pick<ScheduleOptions, 'name' | 'learningRate'>;
  readonly microBatchTokens: number;
  /** Of dropout. */
  readonly seed: number;
  readonly maxGradientNorm: number | undefined;
}

export interface TakenStep {
  /** Without those that count over steps. */
  readonly metrics: Metrics;
  /** Tokens that the model read. */
  readonly tokens: number;
}

/**
 * One optimizer step, counted from 0: asks the source for its rows, accumulates gradients over micro-batches, clips, updates, and lets every part
 * follow. Throws run-failed when a loss or the gradient is not finite; parameters are then those before the step.
 */
export async function takeStep(training: Training, step: number, options: StepOptions): Promise<TakenStep> {
  const { source, program, trainable, parts } = training;
  const { totalSteps, stages } = source;
  const moment = { step, totalSteps };
  const rows = await source.at(step);
  await program.refresh();
  const { metrics: measured, tokens } = await accumulateGradients(training, rows, { ...options, moment });
  const norm = await trainable.gradientNorm();
  if (!Number.isFinite(norm)) throw gradientFailure(norm, step + 1, rows);
  const stage = stageAt(stages, step);
  const stepOfStage = step - stage.firstStep;
  const learningRate = learningRateAt({ ...options.schedule, ...stage, totalSteps: stage.steps }, stepOfStage);
  await trainable.update({ step: stepOfStage + 1, learningRate, norm, maximum: options.maxGradientNorm });
  const metrics = {
    ...measured,
    ...rows.metrics,
    ...metricsOf(parts, moment),
    learning_rate: learningRate,
    grad_norm: norm,
  };
  const done = { step: step + 1, totalSteps };
  for (const part of parts) await part.afterStep?.({ ...done, metrics });
  if (done.step < totalSteps && stageAt(stages, done.step) !== stage) await trainable.resetOptimizer();
  return { metrics, tokens };
}

function gradientFailure(norm: number, step: number, { rows }: StepRows): Error {
  const named = Array.from({ length: Math.min(rows.count, MAX_NAMED_ROWS) }, (_, row) => rows.idOf(row)).join(', ');
  return runFailed(
    `step ${step}: the gradient must be finite, its norm is ${norm}, rows ${named}; ${divergence(step)}`,
  );
}
