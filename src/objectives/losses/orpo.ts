import { add, log1mexp, minimum, mul, sub, type Node } from '../../graph/index.ts';
import { pairLoss } from '../definition.ts';
import { betaOption, weightingOptions } from '../option-specs.ts';
import { logisticLoss, perToken, tokenMeanNll } from '../scores.ts';
import type { AnswerStatistics } from '../statistics.ts';

/** Largest mean log-probability of which odds are taken: at 0 they are infinite. Beyond it the odds have no gradient. */
const MAX_MEAN_LOGP = -1e-6;

/** log(P / (1 - P)), P = exp(mean log-probability of a token). */
function logOdds(answer: AnswerStatistics): Node {
  const m = minimum(perToken(answer.logps, answer), MAX_MEAN_LOGP);
  return sub(m, log1mexp(m));
}

const ORPO_BETA = 'weight of the odds-ratio term, lambda in the paper; not a KL strength';

/**
 * Odds ratio preference optimization: -m_w + lambda l(o), o = log odds(y_w) - log odds(y_l), odds = P / (1 - P), P = exp(m), m = log pi(y|x) / |y|.
 * lambda is the option beta, as in TRL. Trains from the base model in one stage.
 *
 * Failure mode: the odds-ratio term is small beside the likelihood. 1 / (1 - P) explodes as P tends to 1, hence log1mexp and a bound on m.
 * Source: Hong et al. 2024 (ORPO). The likelihood counts the answer's tokens; TRL counts those of the prompt too.
 */
export const orpo = pairLoss({
  name: 'orpo',
  description: {
    title: 'ORPO',
    formula: '-m_w + beta l(o), o = log odds(y_w) - log odds(y_l)',
    sources: [{ authors: 'Hong et al.', year: 2024, where: 'arXiv 2403.07691' }],
    beta: ORPO_BETA,
    use: 'a base model in one stage: supervised fine-tuning and preferences together, no reference',
    traps: 'mostly supervised fine-tuning: chosen answers must be worth imitating',
  },
  needsReference: false,
  reward: 'token',
  dividesByLength: () => true,
  imitates: () => true,
  options: { beta: betaOption(ORPO_BETA), ...weightingOptions },
  loss: (pairs, o) => {
    const ranking = logisticLoss(sub(logOdds(pairs.chosen), logOdds(pairs.rejected)));
    return add(tokenMeanNll(pairs.chosen), mul(ranking, o.beta));
  },
});
