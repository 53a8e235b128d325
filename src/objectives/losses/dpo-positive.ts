import { less, mul, neg, sub, where } from '../../graph/index.ts';
import { pairLoss } from '../definition.ts';
import { betaOption, labelSmoothing, pairOptions, REWARD_BETA } from '../option-specs.ts';
import { lessMargin, logisticLoss, logRatios } from '../scores.ts';

/**
 * DPO-Positive: l(beta [a - b - lambda max(0, -a)]): DPO that pays for every loss of probability of the chosen answer.
 *
 * The kink at a = 0 is where training starts; its subgradient there is that of a > 0, plain DPO.
 * Failure mode: at large lambda the constraint a >= 0 is all that is learnt.
 * Source: Pal et al. 2024 (Smaug), eq. 3: the penalty stands inside the product with beta.
 */
export const dpop = pairLoss({
  name: 'dpop',
  description: {
    title: 'DPO-Positive',
    formula: 'l(beta [a - b - lambda max(0, -a)])',
    sources: [{ authors: 'Pal et al.', year: 2024, where: 'arXiv 2402.13228', equation: '3' }],
    beta: REWARD_BETA,
    use: 'chosen and rejected answers differ by few words, where DPO lowers both',
    traps: 'at lambda 50 nothing else counts once a chosen answer has lost probability',
  },
  needsReference: true,
  options: {
    beta: betaOption(REWARD_BETA, 0.3, 0.3),
    dpopLambda: { default: 50, minimum: 0, meaning: 'price of lost log-probability of the chosen answer (lambda)' },
    labelSmoothing,
    ...pairOptions,
  },
  takesMargins: true,
  loss: (pairs, o) => {
    const { chosen, rejected } = logRatios(pairs, o);
    const lost = where(less(chosen, 0), neg(chosen), 0);
    const difference = sub(sub(chosen, rejected), mul(lost, o.dpopLambda));
    return logisticLoss(lessMargin(mul(difference, o.beta), pairs), o.labelSmoothing);
  },
});
