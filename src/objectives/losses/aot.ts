import { argsort, cast, mul, sub, takeAlong, type Node, type Operand } from '../../graph/index.ts';
import { pairLoss } from '../definition.ts';
import { betaOption, labelSmoothing, ldOptions, REWARD_BETA } from '../option-specs.ts';
import { logRatios, logisticLoss } from '../scores.ts';
import { supplied } from '../statistics.ts';

const SOURCES = [{ authors: 'Melnyk et al.', year: 2024, where: 'arXiv 2406.05882' }] as const;
const options = { beta: betaOption(REWARD_BETA, 0.01), labelSmoothing } as const;

/**
 * The loss of u_(i) - v_(i), i-th smallest of each, at the row that holds u_(i). The order is a constant of the gradient. Equal
 * values keep their order, so that the loss of a batch does not depend on it, the losses of rows with equal values do.
 */
function sortedLosses(u: Node, v: Node, { beta, labelSmoothing: e }: { beta: Operand; labelSmoothing: number }): Node {
  const order = argsort(u);
  const difference = sub(takeAlong(u, order), takeAlong(v, argsort(v)));
  return takeAlong(logisticLoss(mul(difference, beta), e), argsort(cast(order, 'float32')));
}

/**
 * Alignment via optimal transport: with u = log pi(y_w) - log pi(y_l) and v = log ref(y_w) - log ref(y_l) each sorted over the batch,
 * the mean of (1 - e) l(x_i) + e l(-x_i), x_i = beta (u_(i) - v_(i)). The margins of the policy shall dominate the reference's
 * as distributions. At most DPO's loss on the same batch; equal to it for one row.
 *
 * Unit: the optimizer batch, where TRL sorts each micro-batch by itself.
 * Source: Melnyk et al. 2024 (AOT, paired).
 */
export const aot = pairLoss({
  name: 'aot',
  description: {
    title: 'alignment via optimal transport, paired',
    formula: 'l(beta (u_(i) - v_(i))), u, v margins of policy and reference, sorted over the batch',
    sources: SOURCES,
    beta: REWARD_BETA,
    use: 'the distribution of margins matters more than each pair; large batches',
    traps: 'small batches are near DPO; the loss of a row depends on the others',
  },
  needsReference: true,
  options,
  coupling: () => 'batch',
  takesWeights: false,
  loss: ({ chosen, rejected }, o) => {
    const u = sub(chosen.logps, rejected.logps);
    const v = sub(supplied(chosen, 'referenceLogps'), supplied(rejected, 'referenceLogps'));
    return sortedLosses(u, v, o);
  },
});

/**
 * Alignment via optimal transport, unpaired: log-ratios a of chosen and b of rejected answers, each sorted over the batch:
 * l(beta (a_(i) - b_(i))), with label smoothing as in aot. TRL's name up to 0.28: aot_pair.
 *
 * Unit: the optimizer batch. Source: Melnyk et al. 2024 (AOT, unpaired).
 */
export const aotUnpaired = pairLoss({
  name: 'aot_unpaired',
  description: {
    title: 'alignment via optimal transport, unpaired',
    formula: 'l(beta (a_(i) - b_(i))), a, b sorted over the batch',
    sources: SOURCES,
    beta: REWARD_BETA,
    use: 'good answers as a whole shall beat bad ones as a whole, whatever the prompt',
    traps: 'answers of different prompts are compared; needs large batches',
  },
  needsReference: true,
  options: { ...options, ...ldOptions },
  coupling: () => 'batch',
  takesWeights: false,
  loss: (pairs, o) => {
    const { chosen, rejected } = logRatios(pairs, o);
    return sortedLosses(chosen, rejected, o);
  },
});
