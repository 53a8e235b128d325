import { equal, maximum, mean, mul, neg, sigmoid as logistic, stopGradient, sub, where } from '../../graph/index.ts';
import { unpairedLoss } from '../definition.ts';
import { betaOption, REWARD_BETA } from '../option-specs.ts';
import { logRatio } from '../scores.ts';
import { supplied } from '../statistics.ts';

/**
 * Kahneman-Tversky optimization: lambda_D s(-beta (r - z)) for desirable, lambda_U s(-beta (z - r)) for undesirable answers, r = log pi - log ref,
 * s the logistic function. z = max(0, mean over the batch of the log-ratio of answers that belong to other prompts) estimates KL(pi || ref);
 * no gradient passes through it.
 *
 * Unit: the optimizer batch. Failure modes: a batch of one, or rows of one prompt side by side, make z meaningless; at the start the gradient is half of DPO's.
 * Source: Ethayarajh et al. 2024 (KTO), eq. 8. lambda_D n_D / (lambda_U n_U) should be in 1 to 3/2.
 */
export const kto = unpairedLoss({
  name: 'kto',
  description: {
    title: 'KTO',
    formula: 'lambda_D s(-beta (r - z)) if desirable, else lambda_U s(-beta (z - r))',
    sources: [{ authors: 'Ethayarajh et al.', year: 2024, where: 'arXiv 2402.01306', equation: '8' }],
    beta: `${REWARD_BETA}; 0.01 to 0.1 after supervised fine-tuning on the same data, else to 0.5`,
    use: 'thumbs up and down on unpaired answers; noisy labels',
    traps:
      'needs batches of 4 and more with mixed prompts; balance the classes by desirableWeight and undesirableWeight',
  },
  needsReference: true,
  options: {
    beta: betaOption(REWARD_BETA),
    desirableWeight: { default: 1, minimum: 0, meaning: 'weight of desirable answers (lambda_D)' },
    undesirableWeight: { default: 1, minimum: 0, meaning: 'weight of undesirable answers (lambda_U)' },
  },
  needs: () => ['klLogps', 'klReferenceLogps'],
  coupling: () => 'batch',
  loss: ({ answers, labels }, o) => {
    const mismatched = sub(supplied(answers, 'klLogps'), supplied(answers, 'klReferenceLogps'));
    const point = stopGradient(maximum(mean(mismatched), 0));
    const x = mul(sub(logRatio(answers), point), o.beta);
    const desirable = equal(labels, 1);
    return mul(logistic(where(desirable, neg(x), x)), where(desirable, o.desirableWeight, o.undesirableWeight));
  },
});
