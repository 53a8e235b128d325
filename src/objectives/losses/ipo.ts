import { mul, sub, type Node } from '../../graph/index.ts';
import { pairLoss } from '../definition.ts';
import { betaOption, offsetOption, scoreOptions } from '../option-specs.ts';
import { halfInverse, perToken, scores } from '../scores.ts';

const BETA = "the paper's tau: the target margin is 1 / (2 beta)";
const options = { beta: betaOption(BETA), ...scoreOptions } as const;

function squared(x: Node): Node {
  return mul(x, x);
}

/**
 * Identity preference optimization: (h - 1 / (2 beta))^2 with h = a / n_w - b / n_l, the log-ratios per token (ipoForm mean), or
 * h = a - b (ipoForm sum).
 *
 * Failure modes: pulls back margins above its target; with means, 1 / (2 beta) is in nats per token, which beta 0.1 (5 nats) never reaches:
 * start from 0.5 to 10. With sums the same beta means about n times less.
 *
 * Source: Azar et al. 2023, eq. 17, on sums. TRL and HALOs divide by the lengths, which TRL says is how the paper's experiments were run.
 */
export const ipo = pairLoss({
  name: 'ipo',
  description: {
    title: 'IPO per token',
    formula: '(a/n_w - b/n_l - 1/(2 beta))^2',
    sources: [{ authors: 'Azar et al.', year: 2023, where: 'arXiv 2310.12036', equation: '17' }],
    beta: `${BETA} nats per token`,
    use: 'few or deterministic labels on which DPO overfits: the margin has a finite target',
    traps: 'with beta 0.1 the target of 5 nats per token is out of reach; start from 0.5 to 10',
  },
  needsReference: true,
  dividesByLength: ({ ipoForm }) => ipoForm === 'mean',
  options: {
    ...options,
    ...offsetOption,
    ipoForm: { default: 'mean', choices: ['mean', 'sum'], meaning: 'log-ratios per token, or of whole answers' },
  },
  loss: (pairs, o) => {
    const { chosen, rejected } = scores(pairs, o);
    const h =
      o.ipoForm === 'sum'
        ? sub(chosen, rejected)
        : sub(perToken(chosen, pairs.chosen), perToken(rejected, pairs.rejected));
    return squared(sub(h, halfInverse(o.beta)));
  },
});

/** IPO on sums: (a - b - 1 / (2 beta))^2. Source: Azar et al. 2023, eq. 17. */
export const ipoSum = pairLoss({
  name: 'ipo_sum',
  description: {
    title: 'IPO of whole answers',
    formula: '(a - b - 1/(2 beta))^2',
    sources: [{ authors: 'Azar et al.', year: 2023, where: 'arXiv 2310.12036', equation: '17' }],
    beta: `${BETA} nats`,
    use: 'as ipo, with a target for the whole answer',
    traps: 'large losses at small beta (25 at 0.1); margins above the target are pulled back',
  },
  needsReference: true,
  options,
  loss: (pairs, o) => {
    const { chosen, rejected } = scores(pairs, o);
    return squared(sub(sub(chosen, rejected), halfInverse(o.beta)));
  },
});
