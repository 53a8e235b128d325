import type { ModelSizes } from '../model-config.ts';
import type { FamilyTraits } from './family.ts';

/** What the first Llama chose: a family overrides what it does otherwise. Source: Touvron et al. 2023. */
export function plainTraits({ headSize, layers }: ModelSizes): FamilyTraits {
  return {
    biases: [],
    isQueryKeyValueFused: false,
    isGateUpFused: false,
    norms: { beforeAttention: 'input_layernorm', beforeFeedForward: 'post_attention_layernorm' },
    normOffset: 0,
    queryKeyNorm: 'none',
    slidingWindow: Array.from({ length: layers }, () => undefined),
    embeddingScale: 1,
    residualScale: 1,
    attentionScale: 1 / Math.sqrt(headSize),
    logitScale: 1,
    attentionSoftCap: undefined,
    logitSoftCap: undefined,
  };
}
