/**
 * What log-probs.ts computes, where the scores have a soft cap z = c tanh(h . e / c): they are no product any more, so they are held as a whole,
 * [C, V].
 */
import {
  logSumExp,
  mean,
  mul,
  reduceSum,
  softmax,
  squeeze,
  stopGradient,
  sub,
  add,
  takeAlong,
  unsqueeze,
  type Node,
} from '../graph/index.ts';
import type { Decoder } from './decoder.ts';
import { logits } from './head.ts';

/** sum_v p_v x_v of each row. */
function expectation(probabilities: Node, x: Node): Node {
  return reduceSum(mul(probabilities, x), { axes: [1] });
}

/** Log-probabilities of the targets, entropies and mean scores of states h [C, D], each [C]. */
export function cappedStatistics(
  decoder: Decoder,
  h: Node,
  targets: Node,
): { readonly logps: Node; readonly entropies: Node; readonly meanLogits: Node } {
  const scores = logits(decoder, h);
  const logNormaliser = logSumExp(scores);
  const own = squeeze(takeAlong(scores, unsqueeze(targets, 1)), 1);
  return {
    logps: sub(own, logNormaliser),
    entropies: sub(logNormaliser, expectation(softmax(scores), scores)),
    meanLogits: mean(scores, { axes: [1] }),
  };
}

/** logSumExp(2 z) - 2 logSumExp(z), [C]. */
export function cappedCollisions(decoder: Decoder, h: Node): Node {
  const scores = logits(decoder, h);
  return sub(logSumExp(mul(scores, 2)), mul(logSumExp(scores), 2));
}

/** KL(reference || policy) of states of both, [C]; the gradient reaches `h` alone. */
export function cappedKls(decoder: Decoder, h: Node, referenceStates: Node): Node {
  const [own, others] = [logits(decoder, h), stopGradient(logits(decoder, referenceStates))];
  const crossed = expectation(softmax(others), sub(others, own));
  return add(sub(crossed, logSumExp(others)), logSumExp(own));
}
