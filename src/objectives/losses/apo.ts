import { add, equal, mul, neg, sigmoid as logistic, sub, where } from '../../graph/index.ts';
import { unpairedLoss, pairLoss } from '../definition.ts';
import { betaOption, pairOptions, REWARD_BETA } from '../option-specs.ts';
import { logRatio, logRatios } from '../scores.ts';

const PAPER = { authors: "D'Oosterlinck et al.", year: 2024, where: 'arXiv 2408.06266' } as const;

/**
 * Anchored preference optimization, zero: s(-A) + s(B), A = beta a, B = beta b, s the logistic function. Raises the chosen and lowers the
 * rejected answer, each for itself: take it when the chosen answers are better than what the model writes.
 *
 * Failure mode: saturates; an answer with a large |A| has almost no gradient, right or wrong.
 * Source: D'Oosterlinck et al. 2024 (APO), eq. 7. 1 - s(A) is computed as s(-A), which keeps its digits for large A.
 */
export const apoZero = pairLoss({
  name: 'apo_zero',
  description: {
    title: 'APO, zero',
    formula: 's(-A) + s(B)',
    sources: [{ ...PAPER, equation: '7' }],
    beta: REWARD_BETA,
    use: 'chosen answers are better than what the model writes',
    traps: 'saturates: an answer far off the reference on the wrong side is given up',
  },
  needsReference: true,
  options: { beta: betaOption(REWARD_BETA), ...pairOptions },
  loss: (pairs, o) => {
    const { chosen, rejected } = logRatios(pairs, o);
    return add(logistic(neg(mul(chosen, o.beta))), logistic(mul(rejected, o.beta)));
  },
});

/**
 * Anchored preference optimization, down: s(A) + s(-(A - B)). Lowers both answers, the rejected one more: take it when the chosen
 * answers are worse than what the model writes.
 *
 * Failure mode: wrong choice between zero and down moves the model away from its best answers.
 * Source: D'Oosterlinck et al. 2024 (APO), eq. 8.
 */
export const apoDown = pairLoss({
  name: 'apo_down',
  description: {
    title: 'APO, down',
    formula: 's(A) + s(B - A)',
    sources: [{ ...PAPER, equation: '8' }],
    beta: REWARD_BETA,
    use: 'chosen answers are worse than what the model writes, yet better than the rejected ones',
    traps: 'lowers the chosen answers by design',
  },
  needsReference: true,
  lowersChosen: true,
  options: { beta: betaOption(REWARD_BETA), ...pairOptions },
  loss: (pairs, o) => {
    const { chosen, rejected } = logRatios(pairs, o);
    return add(logistic(mul(chosen, o.beta)), logistic(mul(sub(rejected, chosen), o.beta)));
  },
});

/**
 * APO zero on unpaired answers: s(-A) for desirable, s(A) for undesirable ones: KTO with the reference point 0 and weights 1.
 *
 * Source: D'Oosterlinck et al. 2024 (APO), eq. 7, taken apart, as in TRL's KTO trainer.
 */
export const apoZeroUnpaired = unpairedLoss({
  name: 'apo_zero_unpaired',
  description: {
    title: 'APO, zero, on unpaired answers',
    formula: 's(-A) if desirable, else s(A)',
    sources: [{ ...PAPER, equation: '7' }],
    beta: REWARD_BETA,
    use: 'thumbs up and down, batches too small for the reference point of KTO',
    traps: 'saturates as apo_zero does; unequal classes are not balanced, so give weights',
  },
  needsReference: true,
  options: { beta: betaOption(REWARD_BETA) },
  loss: ({ answers, labels }, o) => {
    const reward = mul(logRatio(answers), o.beta);
    return logistic(where(equal(labels, 1), neg(reward), reward));
  },
});
