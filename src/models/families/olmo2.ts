import { ATTENTION_PROJECTIONS } from '../model-config.ts';
import type { Family } from './family.ts';
import { llama, PROJECTION_TENSORS } from './llama.ts';
import { plainTraits } from './plain-traits.ts';

/**
 * OLMo 2: no norm before a block but one of its result, and norms over all queries, and all keys, of a token. Source: OLMo et al. 2025 (2 OLMo 2
 * Furious); Olmo2Config of Transformers.
 */
export const olmo2: Family = {
  architecture: 'Olmo2ForCausalLM',
  defaults: { keyValueHeads: undefined, headSize: undefined, maxPositions: 2048, tiedHead: false, normEpsilon: 1e-5 },
  activation: llama.activation,
  traits(fields, sizes) {
    fields.neverTrue('mlp_bias');
    return {
      ...plainTraits(sizes),
      biases: fields.flag('attention_bias', false) ? ATTENTION_PROJECTIONS : [],
      norms: { afterAttention: 'post_attention_layernorm', afterFeedForward: 'post_feedforward_layernorm' },
      queryKeyNorm: 'whole',
    };
  },
  gguf: {
    architecture: 'olmo2',
    tensors: {
      ...PROJECTION_TENSORS,
      post_attention_norm: 'post_attention_layernorm',
      post_ffw_norm: 'post_feedforward_layernorm',
    },
    isInterleaved: false,
    configFields: ({ hasTensor }) => ({ attention_bias: hasTensor('blk.0.attn_q.bias') }),
    metadata: () => ({}),
    preTokenizers: ['dbrx'],
  },
};
