import type { Family } from './family.ts';
import { llama } from './llama.ts';
import { mustBe } from './config-fields.ts';

/**
 * Gemma 1 and CodeGemma: Llama with a tanh GELU, norms that multiply by 1 plus their weight, and a scaled embedding. Source: Gemma Team 2024
 * (arXiv 2403.08295); GemmaConfig of Transformers, which reads hidden_act and leaves hidden_activation of older files alone.
 */
export const gemma: Family = {
  architecture: 'GemmaForCausalLM',
  defaults: { keyValueHeads: 16, headSize: 256, maxPositions: 8192, tiedHead: true },
  // The first releases say gelu, and were trained with the tanh formula: Transformers takes the word for that here.
  activation: { field: 'hidden_act', words: { gelu_pytorch_tanh: 'gelu_tanh', gelu: 'gelu_tanh' } },
  traits(fields, sizes) {
    const older = fields.value('hidden_activation') ?? null;
    if (older !== null && older !== 'gelu_pytorch_tanh')
      fields.fail('hidden_activation', mustBe('hidden_activation', ['gelu_pytorch_tanh', null], older));
    fields.neverTrue('use_bidirectional_attention');
    fields.neverTrue('mlp_bias');
    return { ...llama.traits(fields, sizes), normOffset: 1, embeddingScale: Math.sqrt(sizes.hiddenSize) };
  },
  gguf: {
    ...llama.gguf,
    architecture: 'gemma',
    isInterleaved: false,
    normShift: 1,
    configFields: () => ({}),
    inexpressible: ({ tiedHead, biases }) => [
      ...(tiedHead ? [] : ["embedding and head must be one matrix in llama.cpp's Gemma, got two"]),
      ...(biases.length === 0 ? [] : ['attention_bias must be false, got true']),
    ],
  },
};
