import {
  equal,
  iota,
  lessEqual,
  logSumExp,
  mul,
  reduceSum,
  sub,
  unsqueeze,
  where,
  type Node,
  type Operand,
} from '../../graph/index.ts';
import { rankingLoss } from '../definition.ts';
import { betaOption, REWARD_BETA } from '../option-specs.ts';
import { logRatio } from '../scores.ts';
import type { RankingStatistics } from '../statistics.ts';

/** Stands for the reward of an answer that is not there: exp of it is 0, and it stays finite under subtraction. */
const ABSENT = -1e30;

/** beta (log pi - log ref) [R, K], ABSENT where no answer stands, and whether one does. */
function rewards({ answers, present }: RankingStatistics, beta: Operand): { readonly f: Node; readonly there: Node } {
  const there = equal(present, 1);
  return { f: where(there, mul(logRatio(answers), beta), ABSENT), there };
}

/**
 * Plackett-Luce DPO over a ranking, best first: sum over k of [logsumexp(f_k, ..., f_K) - f_k], f = beta (log pi - log ref). Two answers are DPO;
 * one answer has loss 0. Answers are at the front of their row.
 *
 * Failure mode: later ranks are noisy and count as much as the first.
 * Source: Rafailov et al. 2023, appendix A.3.
 */
export const plackettLuce = rankingLoss({
  name: 'plackett_luce',
  description: {
    title: 'DPO over rankings',
    formula: 'sum_k [logsumexp(f_k..f_K) - f_k]',
    sources: [{ authors: 'Rafailov et al.', year: 2023, where: 'arXiv 2305.18290', equation: 'appendix A.3' }],
    beta: REWARD_BETA,
    use: 'full rankings of several answers',
    traps: 'the order among bad answers counts as much as the best one',
  },
  needsReference: true,
  options: { beta: betaOption(REWARD_BETA) },
  loss: (lists, { beta }) => {
    const { f, there } = rewards(lists, beta);
    const position = iota(f.shape[1]!);
    // [K, K]: answer j is still to be placed at rank k.
    const remains = lessEqual(unsqueeze(position, 1), unsqueeze(position, 0));
    const remaining = where(remains, unsqueeze(f, 1), ABSENT);
    return reduceSum(where(there, sub(logSumExp(remaining), f), 0), { axes: [1] });
  },
});

/**
 * Softmax DPO: one chosen answer, the first, against several rejected ones in no order: logsumexp(f_1, ..., f_K) - f_1. The first step of
 * plackett_luce; two answers are DPO.
 *
 * Failure mode: the rejected answers with the largest rewards take the whole gradient.
 * Source: Chen et al. 2024 (S-DPO); Plackett-Luce of the best answer alone.
 */
export const softmaxDpo = rankingLoss({
  name: 'softmax_dpo',
  description: {
    title: 'DPO with several rejected answers',
    formula: 'logsumexp(f_1..f_K) - f_1',
    sources: [{ authors: 'Chen et al.', year: 2024, where: 'arXiv 2406.09215' }],
    beta: REWARD_BETA,
    use: 'one good answer and several bad ones for a prompt (best of N)',
    traps: 'the most probable rejected answers take all of the gradient',
  },
  needsReference: true,
  options: { beta: betaOption(REWARD_BETA) },
  loss: (lists, { beta }) => {
    const { f } = rewards(lists, beta);
    const first = reduceSum(where(equal(iota(f.shape[1]!), 0), f, 0), { axes: [1] });
    return sub(logSumExp(f), first);
  },
});
