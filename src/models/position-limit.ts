import type { ModelConfig } from './model-config.ts';

/**
 * How many positions a conversation may have: max_position_embeddings, or fewer where a rope changes its frequencies before
 * (dynamic scaling, longrope).
 */
export function positionLimit({ maxPositions, rope, layerRopes = [] }: ModelConfig): number {
  return Math.min(maxPositions, rope.positionLimit, ...layerRopes.map((one) => one?.positionLimit ?? Infinity));
}

/** What makes the limit, in the words of config.json. */
export function positionLimitText(config: ModelConfig): string {
  return positionLimit(config) === config.maxPositions
    ? 'max_position_embeddings'
    : 'original_max_position_embeddings; beyond them the model computes with another rope';
}
