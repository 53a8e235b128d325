import { ATTENTION_PROJECTIONS } from '../model-config.ts';
import type { Family } from './family.ts';
import { llama } from './llama.ts';
import { plainTraits } from './plain-traits.ts';
import { windowsOfQwen } from './windows.ts';

/** Qwen 3 without experts: each head's query and key has a norm. Source: Yang et al. 2025; Qwen3Config of Transformers. */
export const qwen3: Family = {
  architecture: 'Qwen3ForCausalLM',
  defaults: { keyValueHeads: 32, headSize: 128, maxPositions: 32_768, tiedHead: false },
  activation: llama.activation,
  traits(fields, sizes) {
    fields.neverTrue('mlp_bias');
    return {
      ...plainTraits(sizes),
      biases: fields.flag('attention_bias', false) ? ATTENTION_PROJECTIONS : [],
      queryKeyNorm: 'head',
      slidingWindow: windowsOfQwen(fields, sizes),
    };
  },
  gguf: { ...llama.gguf, architecture: 'qwen3', isInterleaved: false, preTokenizers: ['qwen2'] },
};
