import { add, mul, sub } from '../../graph/index.ts';
import { pairLoss } from '../definition.ts';
import { betaOption, labelSmoothing, offsetOption, REWARD_BETA, scoreOptions } from '../option-specs.ts';
import { lessMargin, logisticLoss, perToken, rewardDifference, scores } from '../scores.ts';

const PER_TOKEN_BETA = 'as in sigmoid, times the length of an answer: rewards are per token';

/**
 * Length-normalised DPO: l(beta (a / n_w - b / n_l)).
 *
 * beta has to be about n times larger than DPO's: with TRL's 0.1 hardly anything moves.
 * Source: Lambert et al. 2024 (Tulu 3), beta 5.
 */
export const sigmoidNorm = pairLoss({
  name: 'sigmoid_norm',
  description: {
    title: 'length-normalised DPO',
    formula: 'l(beta (a/n_w - b/n_l))',
    sources: [{ authors: 'Lambert et al.', year: 2024, where: 'arXiv 2411.15124' }],
    beta: PER_TOKEN_BETA,
    use: 'long answers of unequal length',
    traps: 'beta 0.1 trains next to nothing; the paper has 5',
  },
  needsReference: true,
  dividesByLength: () => true,
  options: { beta: betaOption(PER_TOKEN_BETA, 5), labelSmoothing, ...scoreOptions, ...offsetOption },
  takesMargins: true,
  loss: (pairs, o) => {
    const { chosen, rejected } = scores(pairs, o);
    const difference = sub(perToken(chosen, pairs.chosen), perToken(rejected, pairs.rejected));
    return logisticLoss(lessMargin(mul(difference, o.beta), pairs), o.labelSmoothing);
  },
});

/**
 * Length-regularised DPO: l(x + alpha (n_w - n_l)). A longer chosen answer pushes less, a shorter one more: length has explained
 * part of the preference already.
 *
 * The sign follows from the penalty alpha |y| on the reward problem, whose optimum has the reward beta log-ratio + alpha |y|. Public
 * code exists with either sign.
 * Failure mode: a large alpha makes length decide, and answers are cut short.
 * Source: Park et al. 2024 (R-DPO), eq. 9.
 */
export const rDpo = pairLoss({
  name: 'r_dpo',
  description: {
    title: 'length-regularised DPO',
    formula: 'l(x + alpha (n_w - n_l))',
    sources: [{ authors: 'Park et al.', year: 2024, where: 'arXiv 2403.19159', equation: '9' }],
    beta: REWARD_BETA,
    use: 'chosen answers are longer, and the model shall not learn that',
    traps: 'alpha is per token: 0.05 over 100 tokens of difference is a margin of 5',
  },
  needsReference: true,
  options: {
    beta: betaOption(REWARD_BETA),
    lengthAlpha: { default: 0.01, minimum: 0, meaning: 'penalty on the reward for each token (alpha)' },
    labelSmoothing,
    ...scoreOptions,
  },
  takesMargins: true,
  loss: (pairs, o) => {
    const longer = mul(sub(pairs.chosen.lengths, pairs.rejected.lengths), o.lengthAlpha);
    return logisticLoss(add(rewardDifference(pairs, o), longer), o.labelSmoothing);
  },
});
