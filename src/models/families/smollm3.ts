import { ATTENTION_PROJECTIONS, FEED_FORWARD_PROJECTIONS, type ModelSizes } from '../model-config.ts';
import type { ConfigFields } from './config-fields.ts';
import type { Family } from './family.ts';
import { llama } from './llama.ts';
import { plainTraits } from './plain-traits.ts';
import { everywhere, windowsOfLayerTypes, type Windows } from './windows.ts';

/** Every fourth layer turns nothing. */
const INTERVAL = 4;
const THETA = 2_000_000;

/** Whether each layer turns its queries and keys: no_rope_layers says 1 where it does. */
function turningLayers(fields: ConfigFields, { layers }: ModelSizes): boolean[] {
  const interval = fields.positive('no_rope_layer_interval', INTERVAL);
  const given = fields.value('no_rope_layers') ?? undefined;
  const assumed = Array.from({ length: layers }, (_, layer) => (layer + 1) % interval !== 0);
  if (given === undefined) return assumed;
  const fits = Array.isArray(given) && given.length >= layers && given.every((one) => one === 0 || one === 1);
  if (fits) return given.slice(0, layers).map((one) => one === 1);
  fields.fail('no_rope_layers', `no_rope_layers must be 0 or 1 for each of ${layers} layers`);
  return assumed;
}

function windowsOf(fields: ConfigFields, sizes: ModelSizes, turning: readonly boolean[]): Windows {
  const isUsed = fields.flag('use_sliding_window', false) && (fields.value('sliding_window') ?? null) !== null;
  const window = isUsed ? fields.positive('sliding_window') : 1;
  const typed = windowsOfLayerTypes(fields, sizes, window);
  if (isUsed) return typed ?? everywhere(sizes, window).map((one, layer) => (turning[layer]! ? undefined : one));
  if (typed?.some((one) => one !== undefined) === true)
    fields.fail('layer_types', 'layer_types must be full_attention in every layer without use_sliding_window');
  return everywhere(sizes, undefined);
}

/** SmolLM 3: Llama in which every fourth layer does not know positions. Source: SmolLM3Config of Transformers; Yang et al. 2025 (NoPE layers). */
export const smollm3: Family = {
  architecture: 'SmolLM3ForCausalLM',
  defaults: { keyValueHeads: 4, headSize: undefined, maxPositions: 32_768, tiedHead: true },
  activation: llama.activation,
  ropeFields: (config) => {
    const parameters = (config['rope_parameters'] ?? {}) as Readonly<Record<string, unknown>>;
    return {
      rope_theta: parameters['rope_theta'] ?? config['rope_theta'] ?? THETA,
      rope_scaling: config['rope_scaling'] ?? config['rope_parameters'],
    };
  },
  traits(fields, sizes) {
    // Its published files say 2, which its class does not look at.
    fields.value('pretraining_tp');
    const turning = turningLayers(fields, sizes);
    return {
      ...plainTraits(sizes),
      biases: [
        ...(fields.flag('attention_bias', false) ? ATTENTION_PROJECTIONS : []),
        ...(fields.flag('mlp_bias', false) ? FEED_FORWARD_PROJECTIONS : []),
      ],
      slidingWindow: windowsOf(fields, sizes, turning),
      layerRopes: turning.map((one) => (one ? sizes.rope : undefined)),
    };
  },
  gguf: {
    ...llama.gguf,
    architecture: 'smollm3',
    inexpressible: ({ layerRopes = [] }) =>
      layerRopes.every((one, layer) => (one === undefined) === ((layer + 1) % INTERVAL === 0))
        ? []
        : [`every ${INTERVAL}th layer, and no other, must be without rope, which llama.cpp assumes, got other layers`],
    preTokenizers: ['llama-bpe', 'smollm'],
  },
};
