import type { ObjectiveSpecification } from '../../specification/index.ts';
import type { Moment, StepPart } from './part.ts';

/** beta from `start` to `end`, which it reaches with the last step, in equal steps or along half a cosine: a scalar of the graphs, and a metric. */
export function betaSchedule(
  start: number,
  { name, end }: NonNullable<ObjectiveSpecification['betaSchedule']>,
): StepPart {
  const at = ({ step, totalSteps }: Moment): number => {
    const done = totalSteps <= 1 ? 1 : Math.min(step, totalSteps - 1) / (totalSteps - 1);
    return start + (end - start) * (name === 'linear' ? done : (1 - Math.cos(Math.PI * done)) / 2);
  };
  const beta = (moment: Moment): { readonly beta: number } => ({ beta: at(moment) });
  return { name: 'beta', scalars: beta, metrics: beta };
}
