import type { Family } from './family.ts';
import { llama } from './llama.ts';
import { plainTraits } from './plain-traits.ts';
import { windowOfEveryLayer } from './windows.ts';

/** Mistral 7B and its kin, Zephyr among them: Llama with a window. Source: Jiang et al. 2023; MistralConfig of Transformers. */
export const mistral: Family = {
  architecture: 'MistralForCausalLM',
  defaults: { keyValueHeads: 8, headSize: undefined, maxPositions: 131_072, tiedHead: false },
  activation: llama.activation,
  traits(fields, sizes) {
    fields.neverTrue('attention_bias');
    fields.neverTrue('mlp_bias');
    return { ...plainTraits(sizes), slidingWindow: windowOfEveryLayer(fields, sizes) };
  },
  gguf: {
    ...llama.gguf,
    // llama.cpp computes Mistral as Llama; the window tells them apart.
    claims: ({ count }) => count('attention.sliding_window') !== undefined,
    configFields: (file) => ({
      ...llama.gguf.configFields(file),
      sliding_window: file.count('attention.sliding_window'),
    }),
    metadata: ({ slidingWindow: [value] }) =>
      value === undefined ? {} : { 'attention.sliding_window': { type: 'uint32', value } },
    preTokenizers: ['llama-bpe', 'tekken'],
  },
};
