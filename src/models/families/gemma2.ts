import type { Family } from './family.ts';
import {
  gemmaActivation,
  gemmaDialect,
  gemmaInexpressible,
  gemmaTraits,
  layerTypesOfFile,
  periodOf,
  queryScalarOfFile,
  softCap,
} from './gemma-shared.ts';
import { windowsByPeriod } from './windows.ts';

/** Every second layer sees everything. */
const PERIOD = 2;
/** Layers of the 27B model, whose attention has another scale. */
const LARGEST = 46;

/** Gemma 2: soft caps on both kinds of scores, and a window in every other layer. Source: Gemma Team 2024; Gemma2Config of Transformers. */
export const gemma2: Family = {
  architecture: 'Gemma2ForCausalLM',
  defaults: { keyValueHeads: 4, headSize: 256, maxPositions: 8192, tiedHead: true },
  activation: gemmaActivation,
  traits: (fields, sizes) => ({
    ...gemmaTraits(fields, sizes),
    slidingWindow: windowsByPeriod(fields, sizes, PERIOD),
    attentionSoftCap: softCap(fields, 'attn_logit_softcapping', 50),
    logitSoftCap: softCap(fields, 'final_logit_softcapping', 30),
  }),
  gguf: {
    ...gemmaDialect,
    architecture: 'gemma2',
    configFields: (file) => ({
      query_pre_attn_scalar: queryScalarOfFile(file, LARGEST),
      sliding_window: file.count('attention.sliding_window') ?? 4096,
      layer_types: layerTypesOfFile(file, PERIOD),
      attn_logit_softcapping: file.number('attn_logit_softcapping') ?? 50,
      final_logit_softcapping: file.number('final_logit_softcapping') ?? 30,
    }),
    inexpressible: (config) => [
      ...gemmaInexpressible(config, { largest: LARGEST, period: PERIOD }),
      ...(config.attentionSoftCap === undefined ? ['attn_logit_softcapping must be a number, got null'] : []),
      ...(config.logitSoftCap === undefined ? ['final_logit_softcapping must be a number, got null'] : []),
      ...(config.tiedHead ? [] : ["embedding and head must be one matrix in llama.cpp's Gemma 2, got two"]),
    ],
    metadata: (config) => {
      const window = config.slidingWindow.find((one) => one !== undefined);
      const period = periodOf(config, PERIOD);
      return {
        attn_logit_softcapping: { type: 'float32', value: config.attentionSoftCap ?? 0 },
        final_logit_softcapping: { type: 'float32', value: config.logitSoftCap ?? 0 },
        ...(window === undefined ? {} : { 'attention.sliding_window': { type: 'uint32', value: window } }),
        ...(period === undefined || period === PERIOD
          ? {}
          : { 'attention.sliding_window_pattern': { type: 'uint32', value: period } }),
      };
    },
  },
};
