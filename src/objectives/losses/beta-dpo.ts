import {
  add,
  argsort,
  cast,
  dimSize,
  div,
  less,
  log,
  maximum,
  mean,
  mul,
  neg,
  randomUniform,
  reduceSum,
  sqrt,
  stopGradient,
  sub,
  where,
  type Node,
} from '../../graph/index.ts';
import { pairLoss, type StateNodes } from '../definition.ts';
import { betaOption, divergenceOptions, labelSmoothing, ldOptions, weightingOptions } from '../option-specs.ts';
import { lessMargin, logisticLoss, scores } from '../scores.ts';

const BETA = 'the beta of a batch whose mean gap is the running one; a larger gap raises it';

/** Smallest beta of a batch, as in the authors' code: a very negative mean gap would make it negative. */
const MIN_BETA = 1e-3;

/** Smallest standard deviation that the filter divides by, nats. */
const MIN_SPREAD = 1e-3;

/**
 * 1 for the rows that stay: R - floor(share R) of them, drawn without replacement with probabilities in proportion to
 * exp(-(gap - mean)^2 / (2 spread^2)): the rows
 * with the largest log-weight + Gumbel noise. Source: Kool et al. 2019 (Gumbel-top-k).
 */
function drawRows(gap: Node, share: number, { gapMean, gapSpread, draws }: StateNodes): Node {
  const z = div(sub(gap, gapMean!), maximum(gapSpread!, MIN_SPREAD));
  const uniform = maximum(randomUniform(cast(draws!, 'int32'), gap.shape), 1e-7);
  const keys = sub(mul(mul(z, z), -0.5), log(neg(log(uniform))));
  const count = cast(dimSize(gap.shape[0]!), 'float32');
  // A product that rounding left just below a whole number must not lose one.
  const dropped = cast(cast(add(mul(count, share), 1e-4), 'int32'), 'float32');
  const rank = cast(argsort(cast(argsort(keys), 'float32')), 'float32');
  return where(less(rank, dropped), 0, 1);
}

/** momentum old + (1 - momentum) value */
function moving(old: Node, value: Node, momentum: number): Node {
  return add(mul(old, momentum), mul(value, 1 - momentum));
}

/**
 * beta-DPO: DPO with the beta of the batch, beta' = max(0.001, beta [1 + alpha (mean gap - M)]), on a part of its pairs. The gap of a
 * pair is a - b, M its moving mean. Pairs are drawn with weights exp(-(gap - M)^2 / (2 s^2)), s the moving standard deviation, and a share
 * betaFilter of them is left out: outliers first. No gradient passes through beta', M, s or the draw.
 *
 * The losses of dropped pairs are 0 and those of the others are scaled so that the mean over the batch is the mean over what stays.
 * After each batch M and s move by 1 - betaMomentum towards the mean and the standard deviation (over R) of all its gaps.
 *
 * Unit: the optimizer batch. Failure modes: small batches make beta noisy; M starts at 0, where policy and reference agree, and s at 1.
 * Source: Wu et al. 2024 (beta-DPO).
 */
export const betaDpo = pairLoss({
  name: 'beta_dpo',
  description: {
    title: 'DPO with dynamic beta',
    formula: "l(beta' (a - b)), beta' = beta [1 + alpha (mean gap - M)], outlying pairs dropped",
    sources: [{ authors: 'Wu et al.', year: 2024, where: 'arXiv 2407.08639' }],
    beta: BETA,
    use: 'pairs of mixed quality: informative ones get a small beta, outliers are left out',
    traps: 'needs batches of 32 or more; with small ones beta is noise',
  },
  needsReference: true,
  options: {
    beta: betaOption(BETA),
    betaAlpha: { default: 0.6, minimum: 0, meaning: 'how much the mean gap of a batch changes beta (alpha)' },
    betaFilter: {
      default: 0.2,
      minimum: 0,
      maximum: 1,
      exclusiveMaximum: true,
      meaning: 'share of a batch that is left out',
    },
    betaMomentum: {
      default: 0.9,
      minimum: 0,
      maximum: 1,
      exclusiveMaximum: true,
      meaning: 'what stays of the moving mean and spread of gaps',
    },
    labelSmoothing,
    ...divergenceOptions,
    ...ldOptions,
    ...weightingOptions,
  },
  coupling: () => 'batch',
  takesMargins: true,
  state: () => ({ gapMean: 0, gapSpread: 1, draws: 0 }),
  loss: (pairs, o, state) => {
    const { chosen, rejected } = scores(pairs, o);
    const difference = sub(chosen, rejected);
    const gap = stopGradient(difference);
    const keep = o.betaFilter === 0 ? undefined : drawRows(gap, o.betaFilter, state);
    const kept = (x: Node): Node => (keep === undefined ? x : div(mul(x, keep), mean(keep)));
    const excess = sub(mean(kept(gap)), state['gapMean']!);
    const beta = maximum(mul(add(mul(excess, o.betaAlpha), 1), o.beta), MIN_BETA);
    const average = mean(gap);
    const deviation = sub(gap, average);
    const variance = div(reduceSum(mul(deviation, deviation)), cast(dimSize(gap.shape[0]!), 'float32'));
    return {
      losses: kept(logisticLoss(lessMargin(mul(difference, beta), pairs), o.labelSmoothing)),
      state: {
        gapMean: moving(state['gapMean']!, average, o.betaMomentum),
        gapSpread: moving(state['gapSpread']!, sqrt(variance), o.betaMomentum),
        draws: add(state['draws']!, 1),
      },
    };
  },
});
