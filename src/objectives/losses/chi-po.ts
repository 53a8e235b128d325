import { add, exp, maximum, minimum, mul, sub, type Node } from '../../graph/index.ts';
import { pairLoss } from '../definition.ts';
import { betaOption, labelSmoothing, pairOptions } from '../option-specs.ts';
import { lessMargin, logisticLoss, logRatios, MAX_EXPONENT } from '../scores.ts';

const BETA = 'strength of the pull towards the reference, by chi-squared and KL together';

/** phi(u) = u + log u with u = exp(a): the link function of chi-squared + KL. Beyond MAX_EXPONENT only log u grows. */
function link(a: Node): Node {
  return add(exp(minimum(a, MAX_EXPONENT)), a);
}

/**
 * Chi-squared preference optimization: l(clip(beta [phi(u_w) - phi(u_l)], +-2 R)), phi(u) = u + log u, u = pi / ref, R a bound on
 * the reward (0: no bound). At the start the gradient is twice that of DPO.
 *
 * Failure mode: pairs beyond the bound have no gradient.
 * Source: Huang et al. 2024 (chi-PO).
 */
export const chiPo = pairLoss({
  name: 'chi_po',
  description: {
    title: 'chi-PO',
    formula: 'l(clip(beta [phi(u_w) - phi(u_l)], +-2 R)), phi(u) = u + log u',
    sources: [{ authors: 'Huang et al.', year: 2024, where: 'arXiv 2407.13399' }],
    beta: BETA,
    use: 'few data that cover the answers badly: a guard against overoptimization',
    traps: 'pairs outside the bound are dead; answers that gain much probability dominate',
  },
  needsReference: true,
  reward: 'chi-squared',
  options: {
    beta: betaOption(BETA, 0.05, 0.05),
    maxReward: { default: 0, minimum: 0, meaning: 'bound R on the reward; 0 has none' },
    labelSmoothing,
    ...pairOptions,
  },
  takesMargins: true,
  loss: (pairs, o) => {
    const { chosen, rejected } = logRatios(pairs, o);
    const difference = mul(sub(link(chosen), link(rejected)), o.beta);
    const bound = 2 * o.maxReward;
    const bounded = bound === 0 ? difference : maximum(minimum(difference, bound), -bound);
    return logisticLoss(lessMargin(bounded, pairs), o.labelSmoothing);
  },
});
