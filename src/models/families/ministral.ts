import type { Family } from './family.ts';
import { mistral } from './mistral.ts';
import { plainTraits } from './plain-traits.ts';
import { windowOfEveryLayer, windowsOfLayerTypes } from './windows.ts';

/** Mistral whose layers may differ: a window where layer_types say so. Source: MinistralConfig of Transformers. */
export const ministral: Family = {
  ...mistral,
  architecture: 'MinistralForCausalLM',
  traits(fields, sizes) {
    fields.neverTrue('attention_bias');
    fields.neverTrue('mlp_bias');
    const every = windowOfEveryLayer(fields, sizes);
    const [window] = every;
    const typed = windowsOfLayerTypes(fields, sizes, window ?? 1);
    if (window === undefined && typed?.some((one) => one !== undefined) === true)
      fields.fail('sliding_window', 'sliding_window must be a whole number above 0 where layers slide, got null');
    return { ...plainTraits(sizes), slidingWindow: typed ?? every };
  },
  gguf: {
    ...mistral.gguf,
    // llama.cpp has one architecture for all three, and no use for the pattern.
    claims: (file) =>
      file.count('attention.sliding_window') !== undefined &&
      file.flags('attention.sliding_window_pattern') !== undefined,
    configFields: (file) => ({
      ...mistral.gguf.configFields(file),
      layer_types: file
        .flags('attention.sliding_window_pattern')
        ?.map((slides) => (slides ? 'sliding_attention' : 'full_attention')),
    }),
    metadata: ({ slidingWindow }) => {
      const value = slidingWindow.find((one) => one !== undefined);
      return value === undefined
        ? {}
        : {
            'attention.sliding_window': { type: 'uint32', value },
            'attention.sliding_window_pattern': { type: 'bools', value: slidingWindow.map((one) => one !== undefined) },
          };
    },
  },
};
