import {
  add,
  gather,
  logSumExpMatmul,
  matmul,
  mean,
  mul,
  reduceSum,
  softmaxMatmul,
  stopGradient,
  sub,
  unsqueeze,
  squeeze,
  type Node,
} from '../graph/index.ts';
import { cappedCollisions, cappedKls, cappedStatistics } from './capped-log-probs.ts';
import type { Decoder } from './decoder.ts';
import { headWeight, scoringStates } from './head.ts';

/** a . b for every row of [N, D]. */
function rowDot(a: Node, b: Node): Node {
  return reduceSum(mul(a, b), { axes: [1] });
}

function isCapped({ config }: Decoder): boolean {
  return config.logitSoftCap !== undefined;
}

/** What scored tokens need: `hidden` [U, D], `predict` int32 [C] (the row of hidden that predicts each token), `targets` int32 [C]. */
export interface ScoredTokens {
  readonly hidden: Node;
  readonly predict: Node;
  readonly targets: Node;
}

export interface TokenStatistics {
  /** [C] log pi(target | what precedes it) = h . e_target - logSumExp_v(h . e_v), nats. */
  readonly logps: Node;
  /** [C] entropy of the next-token distribution, logSumExp - h . sum_v p_v e_v, nats. */
  readonly entropies: Node;
  /** [C] mean of the raw scores over the vocabulary, h . mean_v e_v. */
  readonly meanLogits: Node;
}

/**
 * Log-probabilities of scored tokens, without ever holding the scores of the vocabulary: they exist in chunks inside
 * logSumExpMatmul. Entropy and mean score come from products that are small. A model with a soft cap on its scores is the exception: they are
 * held whole.
 */
export function tokenStatistics(decoder: Decoder, { hidden, predict, targets }: ScoredTokens): TokenStatistics {
  if (isCapped(decoder)) return cappedStatistics(decoder, gather(hidden, predict), targets);
  const head = headWeight(decoder);
  const h = gather(scoringStates(decoder, hidden), predict);
  const logNormaliser = logSumExpMatmul(h, head);
  return {
    logps: sub(rowDot(h, gather(head, targets)), logNormaliser),
    entropies: sub(logNormaliser, rowDot(h, softmaxMatmul(h, head))),
    meanLogits: squeeze(matmul(h, unsqueeze(mean(head, { axes: [0] }), 1)), 1),
  };
}

/** [C] log sum_v p_v^2 of each scored token's distribution = logSumExp(2 z) - 2 logSumExp(z). Without a gradient. Source: Zhou et al. 2024 (WPO). */
export function logCollisions(decoder: Decoder, { hidden, predict }: Pick<ScoredTokens, 'hidden' | 'predict'>): Node {
  if (isCapped(decoder)) return stopGradient(cappedCollisions(decoder, gather(hidden, predict)));
  const head = headWeight(decoder);
  const h = gather(scoringStates(decoder, hidden), predict);
  return stopGradient(sub(logSumExpMatmul(mul(h, 2), head), mul(logSumExpMatmul(h, head), 2)));
}

/**
 * [C] KL(reference || policy) of each scored token's distribution, nats, with both under one head E: with q the reference's distribution,
 * (h_q - h) . sum_v q_v e_v - logSumExp(h_q E^T) + logSumExp(h E^T). The gradient reaches the policy alone. Source: Zeng et al. 2024 (TDPO).
 */
export function klsFromReference(
  decoder: Decoder,
  { hidden, referenceHidden, predict }: Pick<ScoredTokens, 'hidden' | 'predict'> & { readonly referenceHidden: Node },
): Node {
  if (isCapped(decoder)) return cappedKls(decoder, gather(hidden, predict), gather(referenceHidden, predict));
  const head = headWeight(decoder);
  const h = gather(scoringStates(decoder, hidden), predict);
  const reference = stopGradient(gather(scoringStates(decoder, referenceHidden), predict));
  const expected = stopGradient(softmaxMatmul(reference, head));
  const crossed = sub(rowDot(reference, expected), rowDot(h, expected));
  return add(sub(crossed, stopGradient(logSumExpMatmul(reference, head))), logSumExpMatmul(h, head));
}
