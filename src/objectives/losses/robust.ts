import { mul, sub } from '../../graph/index.ts';
import { pairLoss } from '../definition.ts';
import { betaOption, labelSmoothing, REWARD_BETA, scoreOptions } from '../option-specs.ts';
import { logisticLoss, rewardDifference } from '../scores.ts';

/**
 * Robust DPO: [(1 - e) l(x) - e l(-x)] / (1 - 2e) = l(x) - e x / (1 - 2e). Its mean over labels that are swapped with
 * probability e is the DPO loss of the true labels.
 *
 * Failure modes: unbounded below, so that margins run away; the variance explodes as e nears 1/2.
 * Source: Chowdhury et al. 2024 (rDPO). TRL's default e is 0, which is DPO.
 */
export const robust = pairLoss({
  name: 'robust',
  description: {
    title: 'robust DPO',
    formula: '[(1 - e) l(x) - e l(-x)] / (1 - 2e)',
    sources: [{ authors: 'Chowdhury et al.', year: 2024, where: 'arXiv 2403.00409' }],
    beta: REWARD_BETA,
    use: 'labels that are swapped at a known rate e (labelSmoothing)',
    traps: 'unbounded below: the loss falls for ever, so stop by the held-out accuracy',
  },
  needsReference: true,
  options: {
    beta: betaOption(REWARD_BETA),
    labelSmoothing: { ...labelSmoothing, default: 0.1, trlDefault: 0 },
    ...scoreOptions,
  },
  takesMargins: true,
  loss: (pairs, o) => {
    const x = rewardDifference(pairs, o);
    return sub(logisticLoss(x), mul(x, o.labelSmoothing / (1 - 2 * o.labelSmoothing)));
  },
});
