import {
  add,
  div,
  exp,
  expm1,
  logSigmoid,
  minimum,
  mul,
  neg,
  stopGradient,
  sub,
  type Node,
  type Operand,
} from '../graph/index.ts';
import { supplied, type AnswerStatistics, type PairStatistics } from './statistics.ts';

/**
 * What the paired losses are made of, in the letters of docs/objectives.md: log-ratios a, b (log pi - log ref of chosen and
 * rejected answer), scores S(a), S(b), and the scaled reward difference x = beta (S(a) - S(b)). Shapes are [R], units nats.
 */

export interface Sides {
  readonly chosen: Node;
  readonly rejected: Node;
}

export interface LengthDesensitising {
  readonly ldAlpha: number;
  readonly ldSides: 'both' | 'policy';
}

/** shared + alpha (full - shared): tokens beyond the length of the shorter answer count alpha. Source: Liu et al. 2024 (LD-DPO). */
function desensitised(full: Node, shared: Node, alpha: number): Node {
  return add(mul(full, alpha), mul(shared, 1 - alpha));
}

/** log pi - log ref of one answer, or of each of several. */
export function logRatio(answers: AnswerStatistics, { ldAlpha, ldSides }: LengthDesensitising = WHOLE): Node {
  const reference = supplied(answers, 'referenceLogps');
  if (ldAlpha === 1) return sub(answers.logps, reference);
  const policy = desensitised(answers.logps, supplied(answers, 'sharedLogps'), ldAlpha);
  if (ldSides === 'policy') return sub(policy, reference);
  return sub(policy, desensitised(reference, supplied(answers, 'sharedReferenceLogps'), ldAlpha));
}

const WHOLE: LengthDesensitising = { ldAlpha: 1, ldSides: 'both' };

/** a and b. */
export function logRatios(pairs: PairStatistics, lengths: LengthDesensitising = WHOLE): Sides {
  return { chosen: logRatio(pairs.chosen, lengths), rejected: logRatio(pairs.rejected, lengths) };
}

export interface Divergence {
  readonly fDivergence: 'reverse_kl' | 'forward_kl' | 'js_divergence' | 'alpha_divergence';
  readonly fAlpha: number;
  readonly fAlphaForm: 'paper' | 'trl';
  readonly fOffset?: 'zero' | 'trl';
}

/**
 * Largest exponent of a ratio of probabilities: exp(40) is 2e17, of which float32 still holds the square and its gradient; exp(88.8) is infinite, and a
 * difference of two such scores not a number. TRL cuts at 80, where its squared losses overflow.
 */
export const MAX_EXPONENT = 40;

/** (exp(rate a) - 1) / rate, with the exponent cut at MAX_EXPONENT; beyond it the gradient is 0. */
function power(a: Node, rate: number, offset: 'zero' | 'trl'): Node {
  const exponent = minimum(mul(a, rate), MAX_EXPONENT);
  return mul(offset === 'zero' ? expm1(exponent) : exp(exponent), 1 / rate);
}

/**
 * S(a) = f'(u), u = exp(a) = pi / ref, for a divergence D_f(pi || ref): a for the reverse KL, 1 - exp(-a) for the forward KL,
 * log sigmoid(a) + ln 2 for Jensen-Shannon, (1 - exp(-alpha a)) / alpha for alpha. f' is given up to a constant, which is chosen so
 * that S(0) = 0: the reward of an answer that the policy values as the reference does. With fOffset trl the
 * constants are dropped, as in TRL 0.29 to 1.10; TRL 1.16 has S(0) = 0.
 *
 * Failure modes: exp(-a) explodes when the chosen answer loses probability; Jensen-Shannon bounds the reward by beta ln 2.
 * Source: Wang et al. 2023 (f-DPO), table 1; the trl form of alpha is TRL's since 0.29.
 */
export function divergenceScore(a: Node, divergence: Divergence): Node {
  const offset = divergence.fOffset ?? 'zero';
  switch (divergence.fDivergence) {
    case 'reverse_kl':
      return a;
    case 'forward_kl':
      return power(a, -1, offset);
    case 'js_divergence':
      return offset === 'zero' ? add(logSigmoid(a), Math.LN2) : logSigmoid(a);
    case 'alpha_divergence': {
      const rate = divergence.fAlphaForm === 'paper' ? -divergence.fAlpha : divergence.fAlpha - 1;
      return Math.abs(rate) < 1e-6 ? a : power(a, rate, offset);
    }
  }
}

/** S(a) and S(b). */
export function scores(pairs: PairStatistics, options: Divergence & LengthDesensitising): Sides {
  const { chosen, rejected } = logRatios(pairs, options);
  return { chosen: divergenceScore(chosen, options), rejected: divergenceScore(rejected, options) };
}

/** x less the row's own margin, where the data have one. Source: Amini et al. 2024 (ODPO): the offset of a pair. */
export function lessMargin(x: Node, { margins }: PairStatistics): Node {
  return margins === undefined ? x : sub(x, margins);
}

/** beta (S(a) - S(b)), less the row's margin: what every loss of the reward difference is a function of. */
export function rewardDifference(
  pairs: PairStatistics,
  options: Divergence & LengthDesensitising & { readonly beta: Operand },
): Node {
  const { chosen, rejected } = scores(pairs, options);
  return lessMargin(mul(sub(chosen, rejected), options.beta), pairs);
}

/**
 * (1 - e) l(x) + e l(-x), l(x) = -log sigmoid(x), computed as l(x) + e x. e is the assumed share of swapped pairs; for e > 0
 * the loss has its minimum at x = ln((1 - e) / e). log(sigmoid(x)) would be -infinity in float32 at x = -104.
 */
export function logisticLoss(x: Node, smoothing = 0): Node {
  const loss = neg(logSigmoid(x));
  return smoothing === 0 ? loss : add(loss, mul(x, smoothing));
}

/** 1 / (2 beta): the target of the squared losses. */
export function halfInverse(beta: Operand): Operand {
  return typeof beta === 'number' ? 0.5 / beta : div(0.5, beta);
}

/** sum / length: the mean over the answer's tokens. */
export function perToken(sum: Node, { lengths }: AnswerStatistics): Node {
  return div(sum, lengths);
}

/** -mean over the answer's tokens of log p. */
export function tokenMeanNll(answer: AnswerStatistics): Node {
  return neg(perToken(answer.logps, answer));
}

/**
 * w(y_w) w(y_l) [R], w(y) = exp(mean over tokens of [log p(y_t) - log sum_v p(v)^2]); no gradient passes. With clamp `one` the
 * product is at most 1, as in the authors' code.
 */
export function wpoWeights({ chosen, rejected }: PairStatistics, clamp: 'one' | 'none'): Node {
  const exponents = [chosen, rejected].map((answer) =>
    perToken(sub(answer.logps, supplied(answer, 'logCollision')), answer),
  );
  const weight = exp(minimum(add(exponents[0]!, exponents[1]!), clamp === 'one' ? 0 : MAX_EXPONENT));
  return stopGradient(weight);
}
