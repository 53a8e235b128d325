import type { Family } from './family.ts';
import { llama } from './llama.ts';
import { plainTraits } from './plain-traits.ts';
import { windowsOfQwen } from './windows.ts';

/** Qwen 1.5 to 2.5: biases on queries, keys and values. Source: Yang et al. 2024; Qwen2Config of Transformers. */
export const qwen2: Family = {
  architecture: 'Qwen2ForCausalLM',
  defaults: { keyValueHeads: 32, headSize: undefined, maxPositions: 32_768, tiedHead: false },
  activation: llama.activation,
  traits(fields, sizes) {
    fields.neverTrue('attention_bias');
    fields.neverTrue('mlp_bias');
    return {
      ...plainTraits(sizes),
      biases: ['q_proj', 'k_proj', 'v_proj'],
      slidingWindow: windowsOfQwen(fields, sizes),
    };
  },
  gguf: {
    ...llama.gguf,
    architecture: 'qwen2',
    isInterleaved: false,
    // The biases are always there, and the configuration has no word for them.
    configFields: ({ hasTensor }) => ({ mlp_bias: hasTensor('blk.0.ffn_gate.bias') }),
    preTokenizers: ['qwen2'],
  },
};
