import { add, div, exp, logSigmoid, mul, neg, sigmoid as logistic, sub } from '../../graph/index.ts';
import { pairLoss } from '../definition.ts';
import { betaOption, REWARD_BETA, scoreOptions } from '../option-specs.ts';
import { logisticLoss, rewardDifference } from '../scores.ts';

/**
 * Log-ratio modulated loss, discovered by a language model: (1 - m) l(x) + m exp(-x), m = s(x / tau), x = beta (a - b).
 *
 * m exp(-x) is computed as exp(log s(x / tau) - x): the product is infinity times 0, not a number, in float32 below x = -88.7. The exponent
 * stays below 0 there because tau is at most 1.
 * Failure modes: not convex: at x = 0 the gradient has the wrong sign, between a minimum at x = -0.119 and a maximum at 0.072 (tau
 * 0.05), so that small beta can stall at the start.
 * Source: Lu et al. 2024 (DiscoPOP), eq. 5.
 */
export const discopop = pairLoss({
  name: 'discopop',
  description: {
    title: 'DiscoPOP, the log-ratio modulated loss',
    formula: '(1 - m) l(x) + m exp(-x), m = s(x / tau)',
    sources: [{ authors: 'Lu et al.', year: 2024, where: 'arXiv 2406.08414', equation: '5' }],
    beta: REWARD_BETA,
    use: 'experiments; robust to single outliers',
    traps: 'not convex: pushes the wrong way at the start, where policy and reference agree',
  },
  needsReference: true,
  risesAtStart: true,
  options: {
    beta: betaOption(REWARD_BETA, 0.05),
    discopopTau: {
      default: 0.05,
      minimum: 0,
      exclusiveMinimum: true,
      maximum: 1,
      meaning: 'width of the change from one branch to the other',
    },
    ...scoreOptions,
  },
  takesMargins: true,
  loss: (pairs, o) => {
    const x = rewardDifference(pairs, o);
    const scaled = div(x, o.discopopTau);
    const flat = mul(logistic(neg(scaled)), logisticLoss(x));
    return add(flat, exp(sub(logSigmoid(scaled), x)));
  },
});
