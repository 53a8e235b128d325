import type { ModelSizes } from '../model-config.ts';
import type { ConfigFields } from './config-fields.ts';

export type Windows = readonly (number | undefined)[];

const DEFAULT_WINDOW = 4096;
const DEFAULT_FIRST_WINDOW_LAYER = 28;

export function everywhere({ layers }: ModelSizes, window: number | undefined): Windows {
  return Array.from({ length: layers }, () => window);
}

/** `sliding_window` of a family whose every layer has it; none where it is null. */
export function windowOfEveryLayer(fields: ConfigFields, sizes: ModelSizes): Windows {
  if (fields.value('sliding_window') === null) return everywhere(sizes, undefined);
  return everywhere(sizes, fields.positive('sliding_window', DEFAULT_WINDOW));
}

/** Of `layer_types`: the window in layers of sliding_attention, none in those of full_attention. undefined where the field is absent. */
export function windowsOfLayerTypes(fields: ConfigFields, sizes: ModelSizes, window: number): Windows | undefined {
  const types = fields.value('layer_types') ?? undefined;
  if (types === undefined) return undefined;
  const fits =
    Array.isArray(types) &&
    types.length === sizes.layers &&
    types.every((type) => type === 'full_attention' || type === 'sliding_attention');
  if (fits) return types.map((type) => (type === 'sliding_attention' ? window : undefined));
  fields.fail(
    'layer_types',
    `layer_types must name full_attention or sliding_attention for each of ${sizes.layers} layers`,
  );
  return everywhere(sizes, undefined);
}

/** The windows that layer_types name; where it is absent every `period`-th layer sees everything. */
export function windowsByPeriod(fields: ConfigFields, sizes: ModelSizes, period: number): Windows {
  const isOff = fields.value('sliding_window') === null;
  const window = isOff ? 1 : fields.positive('sliding_window', DEFAULT_WINDOW);
  const windows =
    windowsOfLayerTypes(fields, sizes, window) ??
    everywhere(sizes, window).map((one, layer) => ((layer + 1) % period === 0 ? undefined : one));
  if (isOff && windows.some((one) => one !== undefined))
    fields.fail('sliding_window', 'sliding_window must be a whole number above 0 where layers slide, got null');
  return windows;
}

/** Qwen's: with use_sliding_window the layers that layer_types name, else those from max_window_layers on. */
export function windowsOfQwen(fields: ConfigFields, sizes: ModelSizes): Windows {
  const isUsed = fields.flag('use_sliding_window', false);
  if (!isUsed || fields.value('sliding_window') === null) return everywhere(sizes, undefined);
  const window = fields.positive('sliding_window', DEFAULT_WINDOW);
  const typed = windowsOfLayerTypes(fields, sizes, window);
  if (typed !== undefined) return typed;
  const first = fields.count('max_window_layers', DEFAULT_FIRST_WINDOW_LAYER);
  return everywhere(sizes, window).map((one, layer) => (layer >= first ? one : undefined));
}
