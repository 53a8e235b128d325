import { elementCount } from '../../core/index.ts';
import { parameterSpecs, projectionOf, type ModelConfig } from '../../models/index.ts';

/** What adding, masking and normalising a score of attention costs beside a multiplication of its products. */
const SOFTMAX_COST = 64;
/** Of the tokens of a batch, those whose successor is scored. */
const SCORED_SHARE = 0.6;

/**
 * Multiplications of a forward pass over a micro-batch of T packed tokens: T (P + 0.6 V D) + T^2 L H (2 D_h + 64), with P weights of
 * projections and a square of T x T for every head of every layer, as packedAttention computes it. A backward pass is in proportion, so that
 * one measured micro-batch tells the time of all others.
 */
export function workOf(config: ModelConfig): (tokens: number) => number {
  const projections = parameterSpecs(config)
    .filter((spec) => projectionOf(spec) !== undefined)
    .reduce((sum, { shape }) => sum + elementCount(shape), 0);
  const { vocabularySize, hiddenSize, layers, heads, headSize } = config;
  const linear = projections + SCORED_SHARE * vocabularySize * hiddenSize;
  const square = layers * heads * (2 * headSize + SOFTMAX_COST);
  return (tokens) => linear * tokens + square * tokens ** 2;
}
