import { add, mul, neg } from '../../graph/index.ts';
import { pairLoss } from '../definition.ts';
import { betaOption, offsetOption, REWARD_BETA, scoreOptions } from '../option-specs.ts';
import { logisticLoss, scores } from '../scores.ts';

/**
 * Noise contrastive alignment on pairs: l(A) + l(-A)/2 + l(-B)/2, A = beta a, B = beta b.
 *
 * The chosen reward has its optimum at A = ln 2, so the chosen answer keeps its probability where DPO may let it fall.
 * Failure mode: the rejected answer is pushed down for ever, although slowly.
 * Source: Chen et al. 2024 (NCA). TRL's default beta is 0.1, the paper's 0.01.
 */
export const ncaPair = pairLoss({
  name: 'nca_pair',
  description: {
    title: 'NCA on pairs',
    formula: 'l(A) + l(-A)/2 + l(-B)/2',
    sources: [{ authors: 'Chen et al.', year: 2024, where: 'arXiv 2402.05369' }],
    beta: `${REWARD_BETA}; the chosen reward settles at ln 2`,
    use: 'the chosen answer must not lose probability (reasoning, code)',
    traps: 'small beta needs large log-ratios: ln 2 is 69 nats at beta 0.01',
  },
  needsReference: true,
  options: { beta: betaOption(REWARD_BETA, 0.01), ...scoreOptions, ...offsetOption },
  loss: (pairs, o) => {
    const { chosen, rejected } = scores(pairs, o);
    const [up, down] = [mul(chosen, o.beta), mul(rejected, o.beta)];
    return add(logisticLoss(up), mul(add(logisticLoss(neg(up)), logisticLoss(neg(down))), 0.5));
  },
});
