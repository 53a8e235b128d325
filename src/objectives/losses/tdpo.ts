import { mul, stopGradient, sub } from '../../graph/index.ts';
import { pairLoss } from '../definition.ts';
import { betaOption, labelSmoothing, REWARD_BETA, weightingOptions } from '../option-specs.ts';
import { lessMargin, logisticLoss, logRatios } from '../scores.ts';
import { supplied } from '../statistics.ts';

const SOURCES = [{ authors: 'Zeng et al.', year: 2024, where: 'arXiv 2404.11999' }] as const;
const options = { beta: betaOption(REWARD_BETA), labelSmoothing, ...weightingOptions } as const;

/**
 * Token-level DPO 1: l(beta [a - b - (K_l - K_w)]), K(y) = sum over tokens of KL(ref || pi) of the next-token distributions.
 *
 * Its gradient at the scores of a token is -+c (onehot - ref): it does not contain the policy.
 * Failure mode: the reference's whole distributions are needed, so its log-probabilities cannot be stored beforehand.
 * Source: Zeng et al. 2024 (TDPO).
 */
export const tdpo1 = pairLoss({
  name: 'tdpo1',
  description: {
    title: 'token-level DPO 1',
    formula: 'l(beta [a - b - (K_l - K_w)])',
    sources: SOURCES,
    beta: REWARD_BETA,
    use: 'the KL to the reference must stay small, at a low learning rate',
    traps: 'computes the reference in every step; slower, more memory',
  },
  needsReference: true,
  reward: 'sequential-kl',
  options,
  needs: () => ['sequentialKl'],
  takesMargins: true,
  loss: (pairs, o) => {
    const { chosen, rejected } = logRatios(pairs);
    const drift = sub(supplied(pairs.rejected, 'sequentialKl'), supplied(pairs.chosen, 'sequentialKl'));
    return logisticLoss(lessMargin(mul(sub(sub(chosen, rejected), drift), o.beta), pairs), o.labelSmoothing);
  },
});

/**
 * Token-level DPO 2: l(beta [a - b - alpha (K_l - sg(K_w))]), sg passing no gradient, K as in tdpo1. alpha 0 is DPO.
 *
 * Source: Zeng et al. 2024 (TDPO), alpha 0.5.
 */
export const tdpo2 = pairLoss({
  name: 'tdpo2',
  description: {
    title: 'token-level DPO 2',
    formula: 'l(beta [a - b - alpha (K_l - sg(K_w))])',
    sources: SOURCES,
    beta: REWARD_BETA,
    use: 'as tdpo1, at higher learning rates',
    traps: 'computes the reference in every step; slower, more memory',
  },
  needsReference: true,
  reward: 'sequential-kl',
  options: { ...options, tdpoAlpha: { default: 0.5, minimum: 0, meaning: 'weight of the divergence (alpha)' } },
  needs: () => ['sequentialKl'],
  takesMargins: true,
  loss: (pairs, o) => {
    const { chosen, rejected } = logRatios(pairs);
    const fixed = stopGradient(supplied(pairs.chosen, 'sequentialKl'));
    const drift = mul(sub(supplied(pairs.rejected, 'sequentialKl'), fixed), o.tdpoAlpha);
    return logisticLoss(lessMargin(mul(sub(sub(chosen, rejected), drift), o.beta), pairs), o.labelSmoothing);
  },
});
