import { parseRope, type RopeConfig } from '../rope.ts';
import type { ModelSizes } from '../model-config.ts';
import type { ConfigFields, ConfigJson } from './config-fields.ts';

/** The rope of each kind of layer as Transformers 5 writes it (full_attention, sliding_attention); undefined in older files. */
export function ropesByKind(config: ConfigJson): ConfigJson | undefined {
  return (config['rope_parameters'] ?? undefined) as ConfigJson | undefined;
}

/** Refuses rope_parameters of one rope in a family that has one for each kind of layer: Transformers would not look at it. */
export function requireRopesByKind(fields: ConfigFields): void {
  const ropes = fields.value('rope_parameters') ?? undefined;
  if (ropes === undefined) return;
  const isByKind = typeof ropes === 'object' && ('full_attention' in ropes || 'sliding_attention' in ropes);
  if (isByKind) return;
  fields.fail(
    'rope_parameters',
    'rope_parameters must hold full_attention and sliding_attention, each with its own rope, got others',
  );
}

/** The rope of one kind of layer. */
export function ropeOfKind(rope: ConfigJson, fields: ConfigFields, { headSize, maxPositions }: ModelSizes): RopeConfig {
  return parseRope(rope, { headSize, maxPositions, fail: (path, message) => fields.fail(path, message) });
}
