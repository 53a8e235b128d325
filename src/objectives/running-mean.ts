import { add, cast, dimSize, div, mul, reduceSum, stopGradient, type Node } from '../graph/index.ts';
import type { StateNodes } from './definition.ts';

/** Names and first values of a running mean. */
export const RUNNING_SHIFT = { shift: 0, seen: 0 } as const;

/**
 * The mean of all values seen so far, those of this batch included: (seen shift + sum of values) / (seen + R). It counts rows, so
 * a short batch weighs as much as its rows. No gradient passes.
 */
export function runningShift(values: Node, { shift, seen }: StateNodes): { shift: Node; seen: Node } {
  const fixed = stopGradient(values);
  const count = cast(dimSize(fixed.shape[0]!), 'float32');
  const total = add(seen!, count);
  return { shift: div(add(mul(shift!, seen!), reduceSum(fixed)), total), seen: total };
}
