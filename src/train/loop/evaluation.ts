import { badInput } from '../../core/index.ts';
import { allMicroBatches, microBatches, type Rows } from '../../data/index.ts';
import type { BatchProgram } from '../../policy/index.ts';
import { scalarInputs } from './accumulate.ts';
import type { Metrics } from './metrics.ts';
import { scalarsOf, type ForwardPart, type Moment, type StepPart } from './part.ts';
import type { HeldOutRows, Task } from './task.ts';

/** What rows are evaluated with. */
export interface RowEvaluation {
  readonly measure: Task['measure'];
  readonly program: Pick<BatchProgram, 'evaluate'>;
  readonly parts: readonly StepPart[];
}

export interface EvaluationOptions {
  readonly moment: Moment;
  readonly microBatchTokens: number;
  readonly signal?: AbortSignal | undefined;
}

/** The metrics of all rows, computed without gradients, and of how many `pairs` the accuracy is; undefined when the signal fired before the last micro-batch. Throws bad-input without rows. */
export async function evaluateRows(
  { measure: measureOf, program, parts }: RowEvaluation,
  { rows, batch: batchOf, unit }: HeldOutRows,
  { moment, microBatchTokens, signal }: EvaluationOptions,
): Promise<Metrics | undefined> {
  if (rows.count === 0)
    throw badInput('evaluate: there must be held-out rows, there are none; pass --held-out or --held-out-fraction');
  const scalars = scalarsOf(parts, moment);
  const measure = measureOf(scalars);
  const coupled = parts.find(({ solve }) => solve !== undefined);
  for (const groups of evaluationUnits(rows, microBatchTokens, unit)) {
    const forward: ForwardPart[] = [];
    for (const group of groups) {
      if (signal?.aborted === true) return undefined;
      const batch = batchOf(group);
      forward.push({ batch, outputs: await program.evaluate({ ...batch.inputs, ...scalarInputs(scalars) }) });
    }
    const count = groups.reduce((sum, group) => sum + group.length, 0);
    const solved = await coupled?.solve!(forward, { lossScale: 1 / count, scalars, isTraining: false });
    for (const [index, { batch, outputs }] of forward.entries())
      measure.add(batch, solved === undefined ? outputs : { ...outputs, losses: solved[index]!.losses });
  }
  const pairs = measure.compared?.();
  return { ...measure.result(), ...(pairs !== undefined && { pairs }) };
}

/** Every row once, in the micro-batches in which rows are evaluated; `unit` as HeldOutRows has it. */
export function evaluationMicroBatches(rows: Rows, maxTokens: number, unit: number | undefined): number[][] {
  return evaluationUnits(rows, maxTokens, unit).flat();
}

/** What is evaluated together: single micro-batches, or all those of the next `unit` rows. */
function evaluationUnits(rows: Rows, maxTokens: number, unit: number | undefined): number[][][] {
  if (unit === undefined) return allMicroBatches(rows, maxTokens).map((group) => [group]);
  const starts = Array.from({ length: Math.ceil(rows.count / unit) }, (_, index) => index * unit);
  return starts.map((start) => {
    const batch = Array.from({ length: Math.min(unit, rows.count - start) }, (_, row) => start + row);
    return microBatches(rows, batch, maxTokens);
  });
}
