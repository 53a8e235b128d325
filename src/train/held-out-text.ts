import { accuracyClaim, accuracyText } from '../statistics/index.ts';
import type { Metrics } from './loop/metrics.ts';

/** Nats by which the margin of an answer must have moved before answers can be expected to change (docs/log.md). */
const LEAST_NATS = 0.2;

/** The 95 % interval of an evaluation's accuracy and how many pairs it is of: `95 %: 72-100 %, 10 pairs`; undefined without an accuracy. */
export function accuracyIntervalText({ 'rewards/accuracies': accuracy, pairs }: Metrics): string | undefined {
  return accuracy === undefined || pairs === undefined ? undefined : accuracyText(accuracy, pairs);
}

/**
 * What two evaluations do not allow to say, in sentences without an end: an accuracy over few pairs that a coin gives too, a margin that has hardly moved. None where
 * they speak for themselves, and none without pairs.
 */
export function heldOutDoubts(first: Metrics, last: Metrics): readonly string[] {
  const { 'rewards/accuracies': accuracy, pairs } = last;
  if (accuracy === undefined || pairs === undefined) return [];
  const moved = marginOf(last) - marginOf(first);
  return [
    ...(accuracyClaim(accuracy, pairs) === 'open'
      ? [`${pairs} ${pairs === 1 ? 'pair does' : 'pairs do'} not tell this accuracy from that of a coin`]
      : []),
    ...(Math.abs(moved) < LEAST_NATS
      ? [`the margin moved by ${moved.toFixed(3)} nats an answer, too little to change what is answered`]
      : []),
  ];
}

/** Nats. */
function marginOf({ 'logps/chosen': chosen, 'logps/rejected': rejected }: Metrics): number {
  return chosen! - rejected!;
}
