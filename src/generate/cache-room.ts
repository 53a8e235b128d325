import type { ModelConfig } from '../models/index.ts';
import type { Device, Program } from '../runtime/index.ts';
import type { AnswerState } from './answer.ts';
import { emptyCache, moveCache, type Cache } from './cache.ts';

export interface RoomOptions {
  readonly device: Device;
  readonly config: ModelConfig;
  /** Of compileMove. */
  readonly move: Program;
  /** Whose each row of the cache is; changed with it. */
  readonly rows: AnswerState[];
}

/** Slots that a cache has beyond what it needs at once; a full one doubles. */
const SPARE_SLOTS = 64;

/**
 * A cache with a row for each unfinished answer and slots for its tokens: `cache` itself while it has them; a larger one,
 * without the rows that are done, when it is full; one with the rows that are left when half of them are done.
 */
export async function cacheFor(
  active: readonly AnswerState[],
  cache: Cache | undefined,
  { device, config, move, rows }: RoomOptions,
): Promise<Cache> {
  const needed = active.reduce((most, { ids }) => Math.max(most, ids.length), 0);
  const limit = active.reduce((most, answer) => Math.max(most, answer.maxLength), 0);
  const isFull = needed > (cache?.capacity ?? 0);
  const capacity = isFull ? Math.min(limit, Math.max(needed + SPARE_SLOTS, 2 * (cache?.capacity ?? 0))) : undefined;
  if (cache === undefined) {
    rows.push(...active);
    return emptyCache(device, config, { rows: active.length, capacity: capacity! });
  }
  if (!isFull && active.length > cache.rows / 2) return cache;
  const keep = active.map((answer) => rows.indexOf(answer));
  rows.splice(0, rows.length, ...active);
  return moveCache(move, cache, { config, keep, capacity: capacity ?? cache.capacity });
}
