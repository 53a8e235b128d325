import { ATTENTION_PROJECTIONS, FEED_FORWARD_PROJECTIONS } from '../model-config.ts';
import type { Family, GgufTensorNames } from './family.ts';
import { plainTraits } from './plain-traits.ts';

/** Modules that llama.cpp calls alike in every family whose matrices stand apart. */
export const PROJECTION_TENSORS = {
  attn_q: 'self_attn.q_proj',
  attn_k: 'self_attn.k_proj',
  attn_v: 'self_attn.v_proj',
  attn_output: 'self_attn.o_proj',
  attn_q_norm: 'self_attn.q_norm',
  attn_k_norm: 'self_attn.k_norm',
  ffn_gate: 'mlp.gate_proj',
  ffn_up: 'mlp.up_proj',
  ffn_down: 'mlp.down_proj',
} as const satisfies GgufTensorNames;

/** Llama 1 to 3 and what shares its architecture: TinyLlama, SmolLM2, Vicuna. Source: Touvron et al. 2023; LlamaConfig of Transformers. */
export const llama: Family = {
  architecture: 'LlamaForCausalLM',
  defaults: { keyValueHeads: undefined, headSize: undefined, maxPositions: 2048, tiedHead: false },
  activation: { field: 'hidden_act', words: { silu: 'silu', swish: 'silu' } },
  traits(fields, sizes) {
    if ((fields.value('sliding_window') ?? null) !== null)
      fields.fail('sliding_window', `sliding_window must be absent for model_type ${fields.family}`);
    return {
      ...plainTraits(sizes),
      biases: [
        ...(fields.flag('attention_bias', false) ? ATTENTION_PROJECTIONS : []),
        ...(fields.flag('mlp_bias', false) ? FEED_FORWARD_PROJECTIONS : []),
      ],
    };
  },
  gguf: {
    architecture: 'llama',
    tensors: {
      ...PROJECTION_TENSORS,
      attn_norm: 'input_layernorm',
      ffn_norm: 'post_attention_layernorm',
    },
    isInterleaved: true,
    configFields: ({ hasTensor }) => ({
      attention_bias: hasTensor('blk.0.attn_q.bias'),
      mlp_bias: hasTensor('blk.0.ffn_gate.bias'),
    }),
    metadata: () => ({}),
    preTokenizers: ['llama-bpe', 'smollm'],
  },
};
