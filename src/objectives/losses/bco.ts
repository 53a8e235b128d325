import { add, mul, neg, sub, where, equal } from '../../graph/index.ts';
import { unpairedLoss, pairLoss } from '../definition.ts';
import { betaOption, offsetOption, REWARD_BETA, scoreOptions } from '../option-specs.ts';
import { RUNNING_SHIFT, runningShift } from '../running-mean.ts';
import { logRatio, logisticLoss, scores } from '../scores.ts';

const SOURCES = [{ authors: 'Jung et al.', year: 2024, where: 'arXiv 2404.04656' }] as const;

/**
 * Binary classifier optimization on pairs: l(A - d) + l(-(B - d)), A = beta a, B = beta b. d is 0 (bcoShift zero), or the mean of all
 * rewards seen so far, this batch included (running); no gradient passes through it. For every d the loss is at least DPO's.
 *
 * Failure modes: with d = 0 and both log-ratios falling, the rejected side stops early; a running shift lags.
 * Source: Jung et al. 2024 (BCO), running shift. TRL up to 0.28 kept the running shift, TRL since 0.29 has d = 0.
 */
export const bcoPair = pairLoss({
  name: 'bco_pair',
  description: {
    title: 'BCO on pairs',
    formula: 'l(A - d) + l(d - B)',
    sources: SOURCES,
    beta: REWARD_BETA,
    use: 'both sides shall be right on their own: the chosen one above, the rejected one below the shift d',
    traps: 'with d = 0, a rejected answer that fell far enough is ignored whatever the chosen one does',
  },
  needsReference: true,
  options: {
    beta: betaOption(REWARD_BETA, 0.01),
    bcoShift: {
      default: 'zero',
      choices: ['zero', 'running'],
      meaning: 'd: 0, or the mean of all rewards seen so far',
    },
    ...scoreOptions,
    ...offsetOption,
  },
  coupling: ({ bcoShift }) => (bcoShift === 'running' ? 'batch' : 'rows'),
  state: ({ bcoShift }): Record<string, number> => (bcoShift === 'running' ? RUNNING_SHIFT : {}),
  loss: (pairs, o, state) => {
    const { chosen, rejected } = scores(pairs, o);
    const [up, down] = [mul(chosen, o.beta), mul(rejected, o.beta)];
    if (o.bcoShift === 'zero') return add(logisticLoss(up), logisticLoss(neg(down)));
    const next = runningShift(mul(add(up, down), 0.5), state);
    const losses = add(logisticLoss(sub(up, next.shift)), logisticLoss(sub(next.shift, down)));
    return { losses, state: next };
  },
});

/**
 * Binary classifier optimization: l(A - d) for desirable and l(d - A) for undesirable answers, A = beta (log pi - log ref), d the mean of
 * all rewards seen so far, this batch included (bcoShift running), or 0 (zero). No gradient passes through d.
 *
 * Failure mode: a rare class hardly moves the shift.
 * Source: Jung et al. 2024 (BCO). As in TRL the shift is the mean over answers, not over the two classes; density-ratio weights of
 * prompts come as row weights.
 */
export const bco = unpairedLoss({
  name: 'bco',
  description: {
    title: 'BCO on unpaired answers',
    formula: 'l(A - d) if desirable, else l(d - A)',
    sources: SOURCES,
    beta: REWARD_BETA,
    use: 'thumbs up and down on unpaired answers',
    traps: 'the shift follows the mix of classes; keep both in every batch',
  },
  needsReference: true,
  options: {
    beta: betaOption(REWARD_BETA, 0.01),
    bcoShift: {
      default: 'running',
      choices: ['running', 'zero'],
      meaning: 'd: the mean of all rewards seen so far, or 0',
    },
  },
  coupling: ({ bcoShift }) => (bcoShift === 'running' ? 'batch' : 'rows'),
  state: ({ bcoShift }): Record<string, number> => (bcoShift === 'running' ? RUNNING_SHIFT : {}),
  loss: ({ answers, labels }, o, state) => {
    const reward = mul(logRatio(answers), o.beta);
    const next = o.bcoShift === 'running' ? runningShift(reward, state) : undefined;
    const above = next === undefined ? reward : sub(reward, next.shift);
    const losses = logisticLoss(where(equal(labels, 1), above, neg(above)));
    return { losses, state: next ?? {} };
  },
});
