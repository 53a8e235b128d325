import type { ConfigJson } from './config-fields.ts';
import type { Family } from './family.ts';
import {
  gemmaActivation,
  gemmaDialect,
  gemmaInexpressible,
  gemmaTraits,
  layerTypesOfFile,
  neverCapped,
  periodOf,
  queryScalarOfFile,
  softCap,
} from './gemma-shared.ts';
import { windowsByPeriod } from './windows.ts';
import { requireRopesByKind, ropeOfKind, ropesByKind } from './layer-ropes.ts';

/** Every sixth layer sees everything. */
const PERIOD = 6;
/** Layers of the 27B model, whose attention has another scale. */
const LARGEST = 62;
const GLOBAL_THETA = 1_000_000;
const LOCAL_THETA = 10_000;

type Json = Readonly<Record<string, unknown>>;

/** rope_theta and rope_scaling of the layers that see everything. */
function globalRope(config: ConfigJson): ConfigJson {
  const ropes = ropesByKind(config);
  const own = (ropes?.['full_attention'] ?? {}) as Json;
  const scaling = config['rope_scaling'] ?? (ropes === undefined ? undefined : own);
  const theta = own['rope_theta'] ?? config['rope_theta'] ?? GLOBAL_THETA;
  return { rope_theta: theta, ...(scaling === undefined ? {} : { rope_scaling: scaling }) };
}

/** The same of those that slide. */
function localRope(config: ConfigJson): ConfigJson {
  const own = (ropesByKind(config)?.['sliding_attention'] ?? {}) as Json;
  return { rope_theta: own['rope_theta'] ?? config['rope_local_base_freq'] ?? LOCAL_THETA, rope_scaling: own };
}

/**
 * The text of Gemma 3: norms on each head's query and key, and two ropes, of the layers that slide and of every sixth, which sees everything.
 * Source: Gemma Team 2025; Gemma3TextConfig of Transformers.
 */
export const gemma3Text: Family = {
  architecture: 'Gemma3ForCausalLM',
  defaults: { keyValueHeads: 4, headSize: 256, maxPositions: 131_072, tiedHead: true },
  activation: gemmaActivation,
  ropeFields: globalRope,
  traits(fields, sizes) {
    requireRopesByKind(fields);
    fields.value('rope_local_base_freq');
    // Of Gemma 2; Transformers carries the field, and does not apply it here.
    neverCapped(fields, 'attn_logit_softcapping');
    const slidingWindow = windowsByPeriod(fields, sizes, fields.positive('sliding_window_pattern', PERIOD));
    const local = ropeOfKind(localRope(fields.all), fields, sizes);
    return {
      ...gemmaTraits(fields, sizes),
      queryKeyNorm: 'head',
      slidingWindow,
      layerRopes: slidingWindow.map((window) => (window === undefined ? sizes.rope : local)),
      logitSoftCap: softCap(fields, 'final_logit_softcapping', undefined),
    };
  },
  gguf: {
    ...gemmaDialect,
    architecture: 'gemma3',
    configFields: (file) => {
      const window = file.count('attention.sliding_window');
      return {
        query_pre_attn_scalar: queryScalarOfFile(file, LARGEST),
        ...(window === undefined ? {} : { sliding_window: window }),
        // Without a window none slides.
        layer_types: layerTypesOfFile(file, window === undefined ? 1 : PERIOD),
        rope_local_base_freq: file.number('rope.freq_base_swa') ?? LOCAL_THETA,
        final_logit_softcapping: file.number('final_logit_softcapping') ?? null,
      };
    },
    inexpressible(config, json) {
      const localType = kindOf(localRope(json));
      const globalType = kindOf(globalRope(json));
      return [
        ...gemmaInexpressible(config, { largest: LARGEST, period: PERIOD }),
        ...(localType === 'default' ? [] : [`the rope of layers that slide must be plain, got ${localType}`]),
        ...(globalType === 'default' || globalType === 'linear'
          ? []
          : [`the rope of layers that see everything must be default or linear, got ${globalType}`]),
      ];
    },
    metadata: (config, json) => {
      const window = config.slidingWindow.find((one) => one !== undefined);
      const period = periodOf(config, PERIOD);
      return {
        ...(config.logitSoftCap === undefined
          ? {}
          : { final_logit_softcapping: { type: 'float32', value: config.logitSoftCap } }),
        ...(window === undefined
          ? {}
          : {
              'attention.sliding_window': { type: 'uint32', value: window },
              'rope.freq_base_swa': { type: 'float32', value: Number(localRope(json)['rope_theta']) },
            }),
        ...(window === undefined || period === undefined || period === PERIOD
          ? {}
          : { 'attention.sliding_window_pattern': { type: 'uint32', value: period } }),
      };
    },
  },
};

/** The type of a rope, in the word that config.json has for it. */
function kindOf(rope: ConfigJson): unknown {
  const scaling = (rope['rope_scaling'] ?? {}) as Json;
  return scaling['rope_type'] ?? scaling['type'] ?? 'default';
}
