import { mustBe, type ConfigFields, type ConfigJson } from './config-fields.ts';
import type { Family, GgufFacts } from './family.ts';
import { requireRopesByKind, ropeOfKind, ropesByKind } from './layer-ropes.ts';
import { olmo2 } from './olmo2.ts';
import { windowsByPeriod } from './windows.ts';

const THETA = 500_000;
/** Every fourth layer sees everything. */
const PERIOD = 4;

/** rope_theta and rope_scaling of the layers that see everything. */
function fullRope(config: ConfigJson): ConfigJson {
  const own = (ropesByKind(config)?.['full_attention'] ?? {}) as ConfigJson;
  return {
    rope_theta: own['rope_theta'] ?? config['rope_theta'] ?? THETA,
    rope_scaling: { ...own, ...(config['rope_scaling'] as ConfigJson | null | undefined) },
  };
}

/** The same of those that slide: never scaled by what an older file says. */
function slidingRope(config: ConfigJson): ConfigJson {
  const own = (ropesByKind(config)?.['sliding_attention'] ?? {}) as ConfigJson;
  return { rope_theta: own['rope_theta'] ?? config['rope_theta'] ?? THETA, rope_scaling: own };
}

function checkRopes(fields: ConfigFields): void {
  requireRopesByKind(fields);
  const theta = fields.value('rope_theta') ?? THETA;
  if (ropesByKind(fields.all) === undefined && theta !== THETA) {
    fields.fail(
      'rope_theta',
      `rope_theta must be ${THETA} where no rope_parameters name that of each kind of layer, got ${JSON.stringify(theta)}; ` +
        'versions of Transformers differ in what they take it for',
    );
  }
  // Transformers 5 looks for it beside the ropes, where it never is.
  const { truncate } = fullRope(fields.all)['rope_scaling'] as ConfigJson;
  if (truncate === false) fields.fail('rope_parameters', mustBe('rope_parameters truncate', [true], truncate));
}

/** Which layers of a file slide that does not say it. */
function assumedPattern(file: GgufFacts): boolean[] {
  return Array.from({ length: file.count('block_count') ?? 1 }, (_, layer) => (layer + 1) % PERIOD !== 0);
}

/** OLMo 3: OLMo 2 whose layers slide, but for every fourth; the rope is stretched there alone. Source: Olmo Team 2025; Olmo3Config of Transformers. */
export const olmo3: Family = {
  ...olmo2,
  architecture: 'Olmo3ForCausalLM',
  ropeFields: fullRope,
  traits(fields, sizes) {
    checkRopes(fields);
    const slidingWindow = windowsByPeriod(fields, sizes, PERIOD);
    const sliding = ropeOfKind(slidingRope(fields.all), fields, sizes);
    return {
      ...olmo2.traits(fields, sizes),
      slidingWindow,
      layerRopes: slidingWindow.map((window) => (window === undefined ? sizes.rope : sliding)),
    };
  },
  gguf: {
    ...olmo2.gguf,
    // One architecture; the window tells them apart.
    claims: ({ count }) => count('attention.sliding_window') !== undefined,
    hasWindows: true,
    configFields: (file) => ({
      ...olmo2.gguf.configFields(file),
      sliding_window: file.count('attention.sliding_window'),
      layer_types: (file.flags('attention.sliding_window_pattern') ?? assumedPattern(file)).map((slides) =>
        slides ? 'sliding_attention' : 'full_attention',
      ),
    }),
    inexpressible: ({ slidingWindow, layerRopes = [], rope }, json) => {
      const sliding = layerRopes.find((_one, layer) => slidingWindow[layer] !== undefined) ?? rope;
      const own = (slidingRope(json)['rope_scaling'] ?? {}) as ConfigJson;
      return [
        ...(slidingWindow.every((window, layer) => (window === undefined) === ((layer + 1) % PERIOD === 0))
          ? []
          : ['every fourth layer, and no other, must see everything, which llama.cpp assumes, got other layer_types']),
        ...(sliding.theta === rope.theta && (own['rope_type'] ?? 'default') === 'default'
          ? []
          : ['the rope of layers that slide must be plain, with the rope_theta of the others']),
      ];
    },
    metadata: ({ slidingWindow }) => ({
      'attention.sliding_window': { type: 'uint32', value: slidingWindow[0] ?? 0 },
      'attention.sliding_window_pattern': { type: 'bools', value: slidingWindow.map((one) => one !== undefined) },
    }),
  },
};
