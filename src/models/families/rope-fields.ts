import type { ModelFamily } from '../model-config.ts';
import type { ConfigJson } from './config-fields.ts';
import { FAMILIES } from './registry.ts';

/** Where a config.json says its rope (that of the layers that see everything, where layers differ), in the fields that parseRope reads. */
export function ropeFields(family: ModelFamily, config: ConfigJson): ConfigJson {
  return FAMILIES[family].ropeFields?.(config) ?? config;
}
