import { add, logSigmoid, mul, neg, sigmoid as logistic, sub } from '../../graph/index.ts';
import { pairLoss } from '../definition.ts';
import { betaOption, labelSmoothing, REWARD_BETA, scoreOptions } from '../option-specs.ts';
import { rewardDifference } from '../scores.ts';

/**
 * Exact optimization on pairs: KL(Bernoulli(q) || Bernoulli(1 - e)) with q = sigmoid(x), x = beta (a - b):
 * q [log q - log(1 - e)] + (1 - q) [log(1 - q) - log e]. DPO is this divergence the other way round.
 *
 * Failure mode: the gradient beta q (1 - q) (x - ln((1 - e) / e)) vanishes for large |x| of either sign, so badly ordered
 * pairs are given up.
 * Source: Ji et al. 2024 (EXO), eq. 16. e must be above 0: TRL up to 0.28 took 0 for 1e-3, TRL since 0.29 refuses it.
 */
export const exoPair = pairLoss({
  name: 'exo_pair',
  description: {
    title: 'EXO on pairs',
    formula: 'KL(Bernoulli(sigmoid(x)) || Bernoulli(1 - e))',
    sources: [{ authors: 'Ji et al.', year: 2024, where: 'arXiv 2402.00856', equation: '16' }],
    beta: REWARD_BETA,
    use: 'mode-seeking: the policy shall concentrate on the best answers instead of covering all',
    traps: 'badly ordered pairs get no gradient; the first push is 3.5 times that of DPO at e = 0.001',
  },
  needsReference: true,
  options: {
    beta: betaOption(REWARD_BETA),
    labelSmoothing: { ...labelSmoothing, default: 1e-3, exclusiveMinimum: true },
    ...scoreOptions,
  },
  takesMargins: true,
  loss: (pairs, o) => {
    const x = rewardDifference(pairs, o);
    const above = mul(logistic(x), sub(logSigmoid(x), Math.log1p(-o.labelSmoothing)));
    const below = mul(logistic(neg(x)), sub(logSigmoid(neg(x)), Math.log(o.labelSmoothing)));
    return add(above, below);
  },
});
