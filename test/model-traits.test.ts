import { describe, expect, it } from 'vitest';
import { parseModelConfig, type ModelConfig, type ModelTraits } from '../src/models/index.ts';
import {
  checkAdapters,
  checkCached,
  checkForward,
  checkGradients,
  checkKls,
  checkPacked,
  randomIds,
  randomWeights,
} from './support/family-checks.ts';
import { TINY_SIZES } from './support/family-cases.ts';
import { referenceLogits } from './support/reference-decoder.ts';

/**
 * Each way in which families may differ, taken alone, on a Llama: computed, differentiated, packed, cached and adapted as plain loops have it. That a
 * family chooses the right ones is for its recordings to show (families.test.ts).
 */
const PLAIN = parseModelConfig({ model_type: 'llama', ...TINY_SIZES });

const NORMS = {
  beforeAttention: 'input_layernorm',
  afterAttention: 'post_attention_layernorm',
  beforeFeedForward: 'pre_feedforward_layernorm',
  afterFeedForward: 'post_feedforward_layernorm',
};
const OTHER_ROPE = { frequencies: [1, 0.5, 0.25], scale: 1.25, theta: 4, positionLimit: Infinity };
const PARTIAL_ROPE = { frequencies: [0.7, 0.2], scale: 1, theta: 12.25, positionLimit: Infinity };

/** Scales and caps are float32 numbers. */
const CASES = {
  activation: { 'tanh GELU': { activation: 'gelu_tanh' } },
  biases: { 'on two projections': { biases: ['v_proj', 'down_proj'] } },
  isQueryKeyValueFused: { 'with a bias': { isQueryKeyValueFused: true, biases: ['qkv_proj'] } },
  isGateUpFused: { 'with a bias': { isGateUpFused: true, biases: ['gate_up_proj'] } },
  norms: {
    'before and after both blocks': { norms: NORMS },
    'after both blocks alone': {
      norms: { afterAttention: NORMS.afterAttention, afterFeedForward: NORMS.afterFeedForward },
    },
  },
  normOffset: { '1 + weight': { normOffset: 1 } },
  queryKeyNorm: {
    'of each head': { queryKeyNorm: 'head' },
    'of all heads together': { queryKeyNorm: 'whole' },
    'with 1 + weight': { queryKeyNorm: 'head', normOffset: 1 },
  },
  slidingWindow: { 'in one layer': { slidingWindow: [3, undefined] } },
  layerRopes: {
    'none in one layer': { layerRopes: [PLAIN.rope, undefined] },
    'another in one layer': { layerRopes: [OTHER_ROPE, PLAIN.rope] },
    'of four elements of six': { layerRopes: [PARTIAL_ROPE, PARTIAL_ROPE] },
  },
  embeddingScale: { '3.5': { embeddingScale: 3.5 } },
  residualScale: { '0.25': { residualScale: 0.25 } },
  attentionScale: { '1.5': { attentionScale: 1.5 } },
  logitScale: { '0.125': { logitScale: 0.125 }, 'with a cap': { logitScale: 2, logitSoftCap: 3 } },
  attentionSoftCap: { '0.75': { attentionSoftCap: 0.75 } },
  logitSoftCap: { '1.5': { logitSoftCap: 1.5 }, 'with a tied head': { logitSoftCap: 1.5, tiedHead: true } },
} as const satisfies Record<keyof ModelTraits, Readonly<Record<string, Partial<ModelConfig>>>>;

const ALL = Object.entries(CASES).flatMap(([trait, cases]) =>
  Object.entries<Partial<ModelConfig>>(cases).map(([what, change]) => ({
    trait,
    what,
    config: { ...PLAIN, ...change },
  })),
);

describe.each(ALL)('$trait: $what', ({ config }) => {
  it('changes what is computed', () => {
    const ids = randomIds(PLAIN, 7);
    const [first, second] = [randomWeights(PLAIN), randomWeights(config)];
    const values = (weights: typeof first): Record<string, ArrayLike<number>> =>
      Object.fromEntries(Object.entries(weights).map(([name, { data }]) => [name, data]));
    // What both have is the same, so that only the trait differs.
    const shared = Object.fromEntries(Object.entries(first).filter(([name]) => name in second));
    const plain = referenceLogits(PLAIN, values(first), ids).at(-1)!;
    const changed = referenceLogits(config, { ...values(second), ...values(shared) }, ids).at(-1)!;
    expect(Math.max(...changed.map((value, i) => Math.abs(value - plain[i]!)))).toBeGreaterThan(1e-2);
  });
  it('computes what plain loops compute, before and after the passes', () => checkForward(config));
  it('measures KL as the sum over the vocabulary', () => checkKls(config));
  it('has gradients that central differences have', () => checkGradients(config));
  it('scores packed answers as sequences of their own', () => checkPacked(config));
  it('decodes over a cache as it reads a text at once', () => checkCached(config));
  it('takes an adapter on every matrix, beside the weights and inside them', () => checkAdapters(config));
});
