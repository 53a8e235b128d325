import { add, mul, sub, type Node, type Operand } from '../../graph/index.ts';
import { pairLoss } from '../definition.ts';
import { betaOption, offsetOption, pairOptions, scoreOptions } from '../option-specs.ts';
import { halfInverse, logRatios, logisticLoss, scores, type Sides } from '../scores.ts';

/** (s_w - c)^2 + (s_l + c)^2: both scores at their targets. */
function squaredErrors({ chosen, rejected }: Sides, target: Operand): Node {
  const [above, below] = [sub(chosen, target), add(rejected, target)];
  return add(mul(above, above), mul(below, below));
}

/**
 * Self-play preference optimization with hard labels: (a - c)^2 + (b + c)^2, c = 1 / (2 beta). The minimum is at a = c, b = -c.
 *
 * Failure mode: at the paper's beta of 0.001 the targets are +-500 nats, in effect a linear push, and the loss is near 5e5.
 * Source: Wu et al. 2024 (SPPO). The authors' code takes the mean of the two squares (sppoForm mean), TRL their sum.
 */
export const sppoHard = pairLoss({
  name: 'sppo_hard',
  description: {
    title: 'SPPO, hard labels',
    formula: '(a - 1/(2 beta))^2 + (b + 1/(2 beta))^2',
    sources: [{ authors: 'Wu et al.', year: 2024, where: 'arXiv 2405.00675' }],
    beta: 'each log-ratio has the target +-1 / (2 beta) nats',
    use: 'rounds of pairs sampled from the current model, the reference being the last round',
    traps: 'targets of +-500 nats at beta 0.001 are a linear push; use at least 0.01 within a mixture',
  },
  needsReference: true,
  options: {
    ...scoreOptions,
    ...offsetOption,
    beta: betaOption('each log-ratio has the target +-1 / (2 beta) nats', 0.001),
    sppoForm: { default: 'sum', choices: ['sum', 'mean'], meaning: 'sum or mean of the two squares' },
  },
  loss: (pairs, o) => {
    const both = squaredErrors(scores(pairs, o), halfInverse(o.beta));
    return o.sppoForm === 'sum' ? both : mul(both, 0.5);
  },
});

/**
 * Calibrated DPO: l(a - b) + w [(a - c)^2 + (b + c)^2], c = 1 / (2 beta). There is no beta in the logistic term.
 *
 * Failure mode: at small beta the squares outweigh the logistic term, as in SPPO.
 * Source: Xiao et al. 2024 (Cal-DPO), w = 1; the authors' code has w = 0.5.
 */
export const calDpo = pairLoss({
  name: 'cal_dpo',
  description: {
    title: 'calibrated DPO',
    formula: 'l(a - b) + w [(a - 1/(2 beta))^2 + (b + 1/(2 beta))^2]',
    sources: [{ authors: 'Xiao et al.', year: 2024, where: 'arXiv 2412.14516' }],
    beta: 'each log-ratio has the target +-1 / (2 beta) nats',
    use: 'implicit rewards shall have a scale, and the chosen answer shall gain probability',
    traps: 'the squares dominate at small beta, as in SPPO',
  },
  needsReference: true,
  options: {
    beta: betaOption('each log-ratio has the target +-1 / (2 beta) nats', 0.001, 0.001),
    calibrationWeight: { default: 1, minimum: 0, meaning: 'weight w of the squares' },
    ...pairOptions,
  },
  loss: (pairs, o) => {
    const sides = logRatios(pairs, o);
    const ranking = logisticLoss(sub(sides.chosen, sides.rejected));
    return add(ranking, mul(squaredErrors(sides, halfInverse(o.beta)), o.calibrationWeight));
  },
});
