import type { Family } from './family.ts';
import { llama } from './llama.ts';
import { plainTraits } from './plain-traits.ts';
import { windowOfEveryLayer, windowsOfLayerTypes } from './windows.ts';

/** Mistral 7B and its kin, Zephyr among them: Llama with a window. Source: Jiang et al. 2023; MistralConfig of Transformers. */
export const mistral: Family = {
  architecture: 'MistralForCausalLM',
  defaults: { keyValueHeads: 8, headSize: undefined, maxPositions: 131_072, tiedHead: false },
  activation: llama.activation,
  traits(fields, sizes) {
    fields.neverTrue('attention_bias');
    fields.neverTrue('mlp_bias');
    const slidingWindow = windowOfEveryLayer(fields, sizes);
    const typed = windowsOfLayerTypes(fields, sizes, slidingWindow[0] ?? 1);
    // Transformers' Mistral warns and slides in every layer alike.
    if (typed?.some((one, layer) => (one === undefined) !== (slidingWindow[layer] === undefined)) === true) {
      fields.fail(
        'layer_types',
        'layer_types must be the same in every layer, as sliding_window says it, for model_type mistral; where layers differ, the model_type is ministral',
      );
    }
    return { ...plainTraits(sizes), slidingWindow };
  },
  gguf: {
    ...llama.gguf,
    // llama.cpp computes Mistral as Llama; the window tells them apart.
    claims: (file) =>
      file.count('attention.sliding_window') !== undefined &&
      file.flags('attention.sliding_window_pattern') === undefined,
    configFields: (file) => ({
      ...llama.gguf.configFields(file),
      sliding_window: file.count('attention.sliding_window'),
    }),
    metadata: ({ slidingWindow: [value] }) =>
      value === undefined ? {} : { 'attention.sliding_window': { type: 'uint32', value } },
    preTokenizers: ['llama-bpe', 'tekken'],
  },
};
