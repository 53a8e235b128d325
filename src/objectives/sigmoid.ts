import { logSigmoid, mul, neg, sub } from '../graph/index.ts';
import type { Objective } from './objective.ts';

/**
 * Direct Preference Optimization: -log sigmoid(beta h), h = (log pi(y_w|x) - log ref(y_w|x)) - (log pi(y_l|x) - log ref(y_l|x)).
 *
 * beta (above 0) is the strength of the KL constraint of the reward problem that the loss solves: the implicit reward of an
 * answer is beta (log pi - log ref). -log sigmoid(x) is computed as log1p(exp(-|x|)) - min(x, 0); log(sigmoid(x)) would be
 * -infinity in float32 at x = -104. The gradient with respect to h is -beta sigmoid(-beta h): bounded, so extreme
 * log-ratios stay finite. Known failure: both answers' log-probabilities may fall while the margin grows.
 *
 * Source: Rafailov et al. 2023, eq. 7.
 */
export const sigmoid: Objective = {
  name: 'sigmoid',
  summary: 'Direct Preference Optimization (Rafailov et al. 2023)',
  needsReference: true,
  options: {
    beta: {
      default: 0.1,
      minimum: 0,
      exclusiveMinimum: true,
      meaning: 'strength of the pull towards the reference; the implicit reward is beta x log-ratio',
    },
  },
  loss: ({ chosenLogps, rejectedLogps, referenceChosenLogps, referenceRejectedLogps }, { beta }) => {
    const margin = sub(sub(chosenLogps, referenceChosenLogps), sub(rejectedLogps, referenceRejectedLogps));
    return neg(logSigmoid(mul(margin, beta!)));
  },
};
