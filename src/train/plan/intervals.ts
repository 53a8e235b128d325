import type { CommonSpecification } from '../../specification/index.ts';

/** Of the steps of a run: how often is evaluated and saved where nothing else is said. */
const DEFAULT_INTERVALS = 10;

/** Steps between two evaluations and between two checkpoints, and how many evaluations that makes, the one before the first step included. */
export function intervalsOf(
  { evaluateSteps, checkpointSteps }: Pick<CommonSpecification, 'evaluateSteps' | 'checkpointSteps'>,
  totalSteps: number,
): { readonly evaluateSteps: number; readonly checkpointSteps: number; readonly evaluations: number } {
  const usual = Math.max(1, Math.round(totalSteps / DEFAULT_INTERVALS));
  const interval = evaluateSteps ?? usual;
  return {
    evaluateSteps: interval,
    checkpointSteps: checkpointSteps ?? usual,
    evaluations: 1 + Math.ceil(totalSteps / interval),
  };
}
