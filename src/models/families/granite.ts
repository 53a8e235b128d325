import type { Family } from './family.ts';
import { llama } from './llama.ts';

/** Granite 3 without experts: Llama with a scale at each of four places. Source: Shen et al. 2024 (Power scheduler); GraniteConfig of Transformers. */
export const granite: Family = {
  architecture: 'GraniteForCausalLM',
  defaults: { keyValueHeads: undefined, headSize: undefined, maxPositions: 2048, tiedHead: false },
  activation: llama.activation,
  traits: (fields, sizes) => ({
    ...llama.traits(fields, sizes),
    embeddingScale: fields.number('embedding_multiplier', 1),
    residualScale: fields.number('residual_multiplier', 1),
    attentionScale: fields.number('attention_multiplier', 1),
    logitScale: 1 / fields.number('logits_scaling', 1),
  }),
  gguf: {
    ...llama.gguf,
    architecture: 'granite',
    configFields: (file) => {
      const heads = file.count('attention.head_count') ?? 1;
      const headSize = file.count('attention.key_length') ?? (file.count('embedding_length') ?? 1) / heads;
      // 0 stands for absent.
      const scale = (key: string, fallback: number): number => file.number(key) || fallback;
      return {
        ...llama.gguf.configFields(file),
        embedding_multiplier: scale('embedding_scale', 1),
        residual_multiplier: scale('residual_scale', 1),
        attention_multiplier: scale('attention.scale', 1 / Math.sqrt(headSize)),
        logits_scaling: scale('logit_scale', 1),
      };
    },
    metadata: ({ embeddingScale, residualScale, attentionScale, logitScale }) => ({
      embedding_scale: { type: 'float32', value: embeddingScale },
      residual_scale: { type: 'float32', value: residualScale },
      'attention.scale': { type: 'float32', value: attentionScale },
      logit_scale: { type: 'float32', value: 1 / logitScale },
    }),
    preTokenizers: ['refact', 'starcoder', 'gpt-4o', 'gpt-2'],
  },
};
