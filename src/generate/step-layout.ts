import { int32Tensor, type HostTensor } from '../core/index.ts';

/** New tokens of one row of the cache. */
export interface RowTokens {
  /** Row of the cache, each at most once. */
  readonly row: number;
  /** Position of the first. */
  readonly start: number;
  /** At least one. */
  readonly ids: readonly number[];
  /** How many of them are scored, from the last one back: at least 1, the default. */
  readonly scored?: number;
}

export interface StepShape {
  readonly rows: number;
  readonly keyValueHeads: number;
}

/** The host inputs of stepGraph for some rows' new tokens; `last` names the scored tokens of each, in the order given. */
export function stepLayout(news: readonly RowTokens[], { rows, keyValueHeads }: StepShape): Record<string, HostTensor> {
  const total = news.reduce((sum, { ids }) => sum + ids.length, 0);
  const longest = news.reduce((most, { ids }) => Math.max(most, ids.length), 0);
  const tokens = new Int32Array(total);
  const positions = new Int32Array(total);
  const scatterIndex = new Int32Array(total);
  const cachePlaces = new Int32Array(total * keyValueHeads * 3);
  const gatherIndex = new Int32Array(rows * longest).fill(-1);
  const slotPositions = new Int32Array(rows * longest).fill(-1);
  let token = 0;
  for (const { row, start, ids } of news) {
    for (const [i, id] of ids.entries()) {
      const slot = row * longest + i;
      tokens[token] = id;
      positions[token] = start + i;
      scatterIndex[token] = slot;
      gatherIndex[slot] = token;
      slotPositions[slot] = start + i;
      for (let head = 0; head < keyValueHeads; head++)
        cachePlaces.set([row, head, start + i], (token * keyValueHeads + head) * 3);
      token++;
    }
  }
  let end = 0;
  const scoredTokens = news.flatMap(({ ids, scored = 1 }) => {
    end += ids.length;
    return Array.from({ length: scored }, (_, i) => end - scored + i);
  });
  return {
    tokens: int32Tensor([total], tokens),
    positions: int32Tensor([total], positions),
    gatherIndex: int32Tensor([rows, longest], gatherIndex),
    scatterIndex: int32Tensor([total], scatterIndex),
    slotPositions: int32Tensor([rows, longest], slotPositions),
    cachePlaces: int32Tensor([total, keyValueHeads, 3], cachePlaces),
    last: int32Tensor([scoredTokens.length], scoredTokens),
  };
}
