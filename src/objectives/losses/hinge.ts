import { less, sub, where } from '../../graph/index.ts';
import { pairLoss } from '../definition.ts';
import { betaOption, scoreOptions } from '../option-specs.ts';
import { rewardDifference } from '../scores.ts';

const BETA = 'the inverse of the margin, in nats, at which a pair stops to count';

/**
 * Hinge loss of the reward difference: max(0, 1 - x), x = beta (a - b). The gradient is -beta below x = 1 and 0 from there on.
 *
 * Failure mode: all or nothing; at beta 0.1 a pair pushes fully until its margin is 10 nats.
 * Source: Liu et al. 2023 (RSO), after the calibration loss of Zhao et al. 2023 (SLiC-HF).
 */
export const hinge = pairLoss({
  name: 'hinge',
  description: {
    title: 'RSO, SLiC with a reference',
    formula: 'max(0, 1 - x)',
    sources: [
      { authors: 'Liu et al.', year: 2023, where: 'arXiv 2309.06657' },
      { authors: 'Zhao et al.', year: 2023, where: 'arXiv 2305.10425' },
    ],
    beta: BETA,
    use: 'margins shall stop growing at 1 / beta nats',
    traps: 'pushes fully until the margin is reached: 10 nats at beta 0.1',
  },
  needsReference: true,
  options: { beta: betaOption(BETA), ...scoreOptions },
  takesMargins: true,
  loss: (pairs, o) => {
    const x = rewardDifference(pairs, o);
    return where(less(x, 1), sub(1, x), 0);
  },
});
