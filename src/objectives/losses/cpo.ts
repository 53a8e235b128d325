import { add, mul, sub } from '../../graph/index.ts';
import { pairLoss } from '../definition.ts';
import { betaOption, labelSmoothing, weightingOptions } from '../option-specs.ts';
import { lessMargin, logisticLoss, perToken, tokenMeanNll } from '../scores.ts';

const CPO_BETA = 'scale of the difference of log-probabilities';

/**
 * Contrastive preference optimization: l(beta (s_w - s_l)) + alpha NLL(y_w), s = log pi(y|x), NLL the mean over tokens: DPO against a
 * uniform reference, held by the likelihood of the chosen answer.
 *
 * Failure mode: sums favour short answers.
 * Source: Xu et al. 2024 (CPO); alpha 1 and the mean over tokens as in TRL.
 */
export const cpo = pairLoss({
  name: 'cpo',
  description: {
    title: 'CPO',
    formula: 'l(beta (s_w - s_l)) - alpha m_w',
    sources: [{ authors: 'Xu et al.', year: 2024, where: 'arXiv 2401.08417' }],
    beta: CPO_BETA,
    use: 'no memory or time for a reference; answers of about equal length (translation)',
    traps: 'prefers short answers, since sums of log-probabilities fall with length',
  },
  needsReference: false,
  options: {
    beta: betaOption(CPO_BETA),
    cpoAlpha: { default: 1, minimum: 0, meaning: 'weight of the likelihood of the chosen answer (alpha)' },
    labelSmoothing,
    ...weightingOptions,
  },
  imitates: ({ cpoAlpha }) => cpoAlpha > 0,
  takesMargins: true,
  loss: (pairs, o) => {
    const x = mul(sub(pairs.chosen.logps, pairs.rejected.logps), o.beta);
    const ranking = logisticLoss(lessMargin(x, pairs), o.labelSmoothing);
    return o.cpoAlpha === 0 ? ranking : add(ranking, mul(tokenMeanNll(pairs.chosen), o.cpoAlpha));
  },
});

const SIMPO_BETA = 'scale of the mean log-probability of a token, which is the reward';

/**
 * Simple preference optimization: l(beta (m_w - m_l) - gamma), m = log pi(y|x) / |y|.
 *
 * Failure modes: nothing holds the policy, so that a large learning rate ends in repetition; a large gamma lowers the chosen
 * answers. With TRL's beta of 0.1 hardly anything moves.
 * Source: Meng et al. 2024 (SimPO); the authors give the ratio gamma / beta, 0.1 to 0.8, with beta 2 to 10. In TRL, where it is a CPO loss, cpo_alpha must be 0.
 */
export const simpo = pairLoss({
  name: 'simpo',
  description: {
    title: 'SimPO',
    formula: 'l(beta (m_w - m_l) - gamma)',
    sources: [{ authors: 'Meng et al.', year: 2024, where: 'arXiv 2405.14734' }],
    beta: SIMPO_BETA,
    use: 'no memory or time for a reference; long answers of unequal length',
    traps: 'no anchor: keep the learning rate at 3e-7 to 1e-6 for full fine-tuning; loses knowledge and mathematics',
  },
  needsReference: false,
  reward: 'token',
  dividesByLength: () => true,
  options: {
    beta: betaOption(SIMPO_BETA, 2),
    simpoGamma: { default: 1, trlDefault: 0.5, minimum: 0, meaning: 'target of the reward difference (gamma)' },
    labelSmoothing,
    ...weightingOptions,
  },
  takesMargins: true,
  loss: (pairs, o) => {
    const difference = sub(perToken(pairs.chosen.logps, pairs.chosen), perToken(pairs.rejected.logps, pairs.rejected));
    return logisticLoss(lessMargin(sub(mul(difference, o.beta), o.simpoGamma), pairs), o.labelSmoothing);
  },
});
