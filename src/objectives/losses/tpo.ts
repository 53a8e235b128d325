import {
  add,
  cast,
  equal,
  iota,
  lessEqual,
  maximum,
  minimum,
  mul,
  neg,
  reduceSum,
  sub,
  where,
  type Node,
  type Operand,
} from '../../graph/index.ts';
import { rankingLoss } from '../definition.ts';
import { betaOption, labelSmoothing } from '../option-specs.ts';
import { logisticLoss, perToken } from '../scores.ts';
import type { RankingStatistics } from '../statistics.ts';

/** The value [R] of one answer of each row, by its place [R, 1] counted from 0. */
function valueAt(values: Node, place: Operand): Node {
  const places = cast(iota(values.shape[1]!), 'float32');
  return reduceSum(where(equal(places, place), values, 0), { axes: [1] });
}

/**
 * l(x) of the second answer against the last one, x from their scores [R, K], plus alpha times the negative mean log-probability of the first one, the gold
 * answer. A list of two has the first one preferred; an unpaired answer has only the likelihood.
 */
function triple(
  { answers, present }: RankingStatistics,
  scores: Node,
  options: { readonly x: (difference: Node) => Node; readonly labelSmoothing: number; readonly tpoAlpha: number },
): Node {
  const count = reduceSum(present, { axes: [1], keepDims: true });
  const preferred = minimum(maximum(sub(count, 2), 0), 1);
  const difference = sub(valueAt(scores, preferred), valueAt(scores, sub(count, 1)));
  const ranking = logisticLoss(options.x(difference), options.labelSmoothing);
  const compared = where(lessEqual(2, reduceSum(present, { axes: [1] })), ranking, 0);
  if (options.tpoAlpha === 0) return compared;
  return add(compared, mul(neg(valueAt(perToken(answers.logps, answers), 0)), options.tpoAlpha));
}

const TPO_BETA = 'scale of the difference of log-probabilities';
const tpoAlpha = {
  default: 1,
  minimum: 0,
  meaning: 'weight of the likelihood of the first, the gold answer (alpha)',
} as const;

/**
 * Triple preference optimization: l(beta (s_2 - s_K)) - alpha m_1 over answers from best to worst: the gold answer is imitated, the second one is preferred to
 * the last one. No reference model.
 *
 * Failure mode: sums favour short answers, as in CPO.
 * Source: Saeidi et al. 2024 (TPO); alpha and the mean over tokens as in TRL, whose mean is over the micro-batch.
 */
export const tpo = rankingLoss({
  name: 'tpo',
  description: {
    title: 'TPO',
    formula: 'l(beta (s_2 - s_K)) - alpha m_1',
    sources: [{ authors: 'Saeidi et al.', year: 2024, where: 'arXiv 2405.16681' }],
    beta: TPO_BETA,
    use: 'three answers to a prompt: a gold one to imitate, a good and a bad one; no reference, one stage from a base model',
    traps: 'answers between the second and the last are left out; prefers short answers',
  },
  needsReference: false,
  compares: 'second',
  imitates: ({ tpoAlpha: alpha }) => alpha > 0,
  options: { beta: betaOption(TPO_BETA, 0.01, 0.01), tpoAlpha, labelSmoothing },
  loss: (lists, o) => triple(lists, lists.answers.logps, { ...o, x: (difference) => mul(difference, o.beta) }),
});

const TPO_L_BETA = 'scale of the mean log-probability of a token, which is the reward';

/**
 * TPO with lengths: l(beta (m_2 - m_K) - gamma) - alpha m_1, m = log pi(y|x) / |y|, as SimPO has them.
 *
 * Failure mode: that of SimPO, held by the gold answers. With TRL's beta of 0.01 the preference hardly moves anything.
 * Source: Saeidi et al. 2024 (TPO-L); TRL's tpo-l.
 */
export const tpoL = rankingLoss({
  name: 'tpo_l',
  description: {
    title: 'TPO-L, TPO with lengths',
    formula: 'l(beta (m_2 - m_K) - gamma) - alpha m_1',
    sources: [{ authors: 'Saeidi et al.', year: 2024, where: 'arXiv 2405.16681' }],
    beta: TPO_L_BETA,
    use: 'as tpo, for long answers of unequal length',
    traps:
      'answers between the second and the last are left out; beta 0.01 trains next to nothing but the gold answers',
  },
  needsReference: false,
  reward: 'token',
  dividesByLength: () => true,
  compares: 'second',
  imitates: ({ tpoAlpha: alpha }) => alpha > 0,
  options: {
    beta: betaOption(TPO_L_BETA, 2, 0.01),
    tpoAlpha,
    tpoGamma: { default: 0.5, minimum: 0, meaning: 'target of the reward difference (gamma)' },
    labelSmoothing,
  },
  loss: (lists, o) =>
    triple(lists, perToken(lists.answers.logps, lists.answers), {
      ...o,
      x: (difference) => sub(mul(difference, o.beta), o.tpoGamma),
    }),
});
