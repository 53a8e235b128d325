import { add, div, mean, neg } from '../../graph/index.ts';
import { pairLoss } from '../definition.ts';
import { tokenMeanNll } from '../scores.ts';
import { supplied } from '../statistics.ts';

/**
 * Supervised fine-tuning on the chosen answers: minus the sum of log p, divided by the tokens of the answer (sftMean row), by its mean length over
 * the optimizer batch (batch: the batch's loss is then a mean over all its tokens), or by the tokens of prompt and answer (sequence). A term of mixtures.
 *
 * Source: row: as in CPO; batch: TRL's `sft` since 0.29, whose unit is the micro-batch; sequence: Pang et al. 2024 (iterative RPO).
 */
export const sft = pairLoss({
  name: 'sft',
  description: {
    title: 'likelihood of the chosen answers',
    formula: '-m_w',
    sources: [{ authors: 'Pang et al.', year: 2024, where: 'arXiv 2404.19733' }],
    beta: 'none',
    use: 'within a mixture: keeps up the probability of the chosen answers (RPO = sigmoid + sft)',
    traps: 'a large weight turns the mixture into supervised fine-tuning',
  },
  needsReference: false,
  reward: 'token',
  imitates: () => true,
  options: {
    sftMean: {
      default: 'row',
      choices: ['row', 'batch', 'sequence'],
      trlDefault: 'batch',
      meaning: 'divide by the tokens of the answer, their mean over the batch, or the tokens of prompt and answer',
    },
  },
  needs: ({ sftMean }) => (sftMean === 'sequence' ? ['promptLengths'] : []),
  coupling: ({ sftMean }) => (sftMean === 'batch' ? 'batch' : 'rows'),
  loss: ({ chosen }, { sftMean }) => {
    if (sftMean === 'row') return tokenMeanNll(chosen);
    const tokens = sftMean === 'batch' ? mean(chosen.lengths) : add(supplied(chosen, 'promptLengths'), chosen.lengths);
    return neg(div(chosen.logps, tokens));
  },
});
