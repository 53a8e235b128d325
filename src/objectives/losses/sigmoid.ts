import { mul } from '../../graph/index.ts';
import { pairLoss } from '../definition.ts';
import {
  betaOption,
  divergenceOptions,
  labelSmoothing,
  ldOptions,
  REWARD_BETA,
  scoreOptions,
} from '../option-specs.ts';
import { logisticLoss, rewardDifference, wpoWeights } from '../scores.ts';

const options = { beta: betaOption(REWARD_BETA), labelSmoothing, ...scoreOptions } as const;

/**
 * Direct Preference Optimization: l(x), x = beta (a - b), l = -log sigmoid. With label smoothing e: (1 - e) l(x) + e l(-x), cDPO.
 *
 * beta is the strength of the KL constraint of the reward problem that the loss solves: the implicit reward of an answer is
 * beta (log pi - log ref). The gradient with respect to a - b is -beta sigmoid(-x): bounded, so extreme log-ratios stay finite.
 *
 * Source: Rafailov et al. 2023, eq. 7; label smoothing: Mitchell 2023. TRL since 0.29 ignores label smoothing here.
 */
export const sigmoid = pairLoss({
  name: 'sigmoid',
  description: {
    title: 'DPO; cDPO with labelSmoothing',
    formula: 'l(x)',
    sources: [
      { authors: 'Rafailov et al.', year: 2023, where: 'arXiv 2305.18290', equation: '7' },
      { authors: 'Mitchell', year: 2023, where: 'note on DPO with noisy preferences' },
    ],
    beta: REWARD_BETA,
    use: 'the default: clean pairs of answers near what the model writes',
    traps:
      'both answers may lose probability while the margin grows; the margin never stops growing on clean labels, so watch the held-out loss',
  },
  needsReference: true,
  options,
  takesMargins: true,
  loss: (pairs, o) => logisticLoss(rewardDifference(pairs, o), o.labelSmoothing),
});

/**
 * DPO on log-probabilities in which the tokens beyond the shorter answer count ldAlpha: l(x) with
 * log pi(y) = sum over t <= min(n_w, n_l) + ldAlpha x the rest, for policy and reference alike.
 *
 * Source: Liu et al. 2024 (LD-DPO). Policy alone (TRL up to 0.28): ldSides policy; the first loss is then not ln 2.
 */
export const ldDpo = pairLoss({
  name: 'ld_dpo',
  description: {
    title: 'length-desensitised DPO',
    formula: 'l(x), tokens t > min(n_w, n_l) counting ldAlpha',
    sources: [{ authors: 'Liu et al.', year: 2024, where: 'arXiv 2409.06411' }],
    beta: REWARD_BETA,
    use: 'chosen answers are longer than rejected ones and the model learns length instead of quality',
    traps: 'ldAlpha 0 ignores the ends of the longer answers altogether',
  },
  needsReference: true,
  options: { ...options, ldAlpha: { ...options.ldAlpha, default: 0.5 } },
  takesMargins: true,
  loss: (pairs, o) => logisticLoss(rewardDifference(pairs, o), o.labelSmoothing),
});

/**
 * DPO weighed by how likely the policy is to write both answers: w(y_w) w(y_l) l(x). The weights carry no gradient.
 *
 * Source: Zhou et al. 2024 (WPO). The authors' code and TRL up to 0.28 cut the product at 1 (wpoClamp one), TRL since 0.29 does not.
 */
export const wpo = pairLoss({
  name: 'wpo',
  description: {
    title: 'weighted preference optimization',
    formula: 'w_w w_l l(x), w = exp(mean_t [log p(y_t) - log sum_v p(v)^2])',
    sources: [{ authors: 'Zhou et al.', year: 2024, where: 'arXiv 2406.11827' }],
    beta: REWARD_BETA,
    use: 'pairs that another model wrote: what the policy would never write counts less',
    traps: 'weights shrink as the policy moves, and with them the effective learning rate',
  },
  needsReference: true,
  options: {
    beta: betaOption(REWARD_BETA, 0.01),
    labelSmoothing,
    ...divergenceOptions,
    ...ldOptions,
    wpoClamp: {
      default: 'one',
      choices: ['one', 'none'],
      meaning: 'whether the weight of a pair is cut to at most 1',
    },
  },
  needs: () => ['logCollision'],
  takesMargins: true,
  loss: (pairs, o) => mul(logisticLoss(rewardDifference(pairs, o), o.labelSmoothing), wpoWeights(pairs, o.wpoClamp)),
});
