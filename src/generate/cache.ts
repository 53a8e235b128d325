import { int32Tensor, type HostTensor } from '../core/index.ts';
import { dimProduct, gather, graph, input, permuteRows, putRows, reshape } from '../graph/index.ts';
import type { ModelConfig } from '../models/index.ts';
import type { Device, DeviceTensor, Program } from '../runtime/index.ts';
import { cacheNames } from './cached-attention.ts';
import { disposeAll } from './step-program.ts';

/** Keys and values of every layer on the device, [rows, KV, capacity, d] each. */
export interface Cache {
  readonly rows: number;
  readonly capacity: number;
  /** By the names of cacheNames. */
  readonly tensors: ReadonlyMap<string, DeviceTensor>;
  dispose(): Promise<void>;
}

export interface CacheSize {
  readonly rows: number;
  readonly capacity: number;
}

function names({ layers }: ModelConfig): string[] {
  return Array.from({ length: layers }, (_, layer) => Object.values(cacheNames(layer))).flat();
}

function cacheOf(tensors: ReadonlyMap<string, DeviceTensor>, size: CacheSize): Cache {
  return {
    ...size,
    tensors,
    dispose: () => disposeAll(tensors.values()),
  };
}

/** Where the work fails, `those` tensors, as they are then, are given back. */
async function orDispose(those: () => Iterable<DeviceTensor>, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    await disposeAll(those());
    throw error;
  }
}

/** A cache of zeros. */
export async function emptyCache(device: Device, config: ModelConfig, { rows, capacity }: CacheSize): Promise<Cache> {
  const shape = [rows, config.keyValueHeads, capacity, config.headSize];
  const size = shape.reduce((product, dim) => product * dim, 1);
  const tensors = new Map<string, DeviceTensor>();
  await orDispose(
    () => tensors.values(),
    async () => {
      for (const name of names(config)) {
        const zeros: HostTensor = { dtype: 'float32', shape, data: new Float32Array(size) };
        tensors.set(name, await device.upload(zeros, { transfer: true, category: 'cache' }));
      }
    },
  );
  return cacheOf(tensors, { rows, capacity });
}

/** What changes caches, for all models whose keys and values have one shape. */
export interface CachePrograms {
  readonly move: Program;
  readonly join: Program;
  dispose(): Promise<void>;
}

export async function compileCachePrograms(device: Device, config: ModelConfig): Promise<CachePrograms> {
  const move = await compileMove(device, config);
  const join = await compileJoin(device, config).catch(async (error: unknown) => {
    await move.dispose();
    throw error;
  });
  return {
    move,
    join,
    dispose: async () => {
      await move.dispose();
      await join.dispose();
    },
  };
}

/** Copies rows of a cache into one of another size; moveCache runs it. */
export function compileMove(device: Device, { keyValueHeads: heads, headSize }: ModelConfig): Promise<Program> {
  const moved = permuteRows(
    input('cache', ['M', heads, 'P', headSize]),
    input('index', ['B', heads, 'C'], 'int32'),
    input('inverse', ['M', heads, 'P'], 'int32'),
  );
  return device.compile(graph({ moved }), { label: 'cache', keep: ['moved'] });
}

export interface MoveOptions {
  readonly config: ModelConfig;
  /** The old row of each new one, none twice; NEW_ROW for one of zeros. */
  readonly keep: readonly number[];
  /** Slots to keep of each row, the others become zeros. Default: all. */
  readonly filled?: readonly number[];
  /** At least as many slots as are filled. */
  readonly capacity: number;
}

export const NEW_ROW = -1;

/** The rows `keep` of `cache` with room for `capacity` positions; `cache` is disposed, one layer at a time, and whole where that fails. */
export async function moveCache(
  move: Program,
  cache: Cache,
  { config, keep, filled, capacity }: MoveOptions,
): Promise<Cache> {
  const { keyValueHeads: heads } = config;
  const common = Math.min(capacity, cache.capacity);
  const index = new Int32Array(keep.length * heads * capacity).fill(-1);
  const inverse = new Int32Array(cache.rows * heads * cache.capacity).fill(-1);
  for (const [row, oldRow] of keep.entries()) {
    if (oldRow === NEW_ROW) continue;
    const slots = Math.min(common, filled?.[row] ?? common);
    for (let head = 0; head < heads; head++) {
      const [to, from] = [(row * heads + head) * capacity, (oldRow * heads + head) * cache.capacity];
      for (let slot = 0; slot < slots; slot++) {
        index[to + slot] = from + slot;
        inverse[from + slot] = to + slot;
      }
    }
  }
  const indices = {
    index: int32Tensor([keep.length, heads, capacity], index),
    inverse: int32Tensor([cache.rows, heads, cache.capacity], inverse),
  };
  const tensors = new Map<string, DeviceTensor>();
  const both = (): DeviceTensor[] => [...tensors.values(), ...cache.tensors.values()];
  await orDispose(both, async () => {
    for (const [name, tensor] of cache.tensors) {
      const { moved } = await move.run({ cache: tensor, ...indices });
      tensors.set(name, moved as DeviceTensor);
      await tensor.dispose();
    }
  });
  return cacheOf(tensors, { rows: keep.length, capacity });
}

/** Puts rows of one cache in the place of rows of another; joinCache runs it. */
export function compileJoin(device: Device, { keyValueHeads: heads, headSize }: ModelConfig): Promise<Program> {
  const rows = reshape(input('fresh', ['M', heads, 'P', headSize]), [dimProduct(['M', heads, 'P']), headSize]);
  const taken = gather(rows, input('from', ['N'], 'int32'));
  const joined = putRows(input('cache', ['B', heads, 'C', headSize]), taken, input('to', ['N', 3], 'int32'));
  return device.compile(graph({ joined }), { label: 'join', keep: ['joined'], inPlace: { joined: 'cache' } });
}

/** A row of a cache that joins another one. */
export interface JoiningRow {
  readonly from: number;
  /** Its row in the other cache. */
  readonly to: number;
  /** Slots to take. */
  readonly filled: number;
}

/** Takes the filled slots of rows of `fresh` over into rows of `cache`, in place; `fresh` is disposed. */
export async function joinCache(
  join: Program,
  { cache, fresh, rows, heads }: { cache: Cache; fresh: Cache; rows: readonly JoiningRow[]; heads: number },
): Promise<void> {
  const total = heads * rows.reduce((sum, { filled }) => sum + filled, 0);
  const [from, to] = [new Int32Array(total), new Int32Array(total * 3)];
  let place = 0;
  for (const row of rows)
    for (let head = 0; head < heads; head++)
      for (let slot = 0; slot < row.filled; slot++, place++) {
        from[place] = (row.from * heads + head) * fresh.capacity + slot;
        to.set([row.to, head, slot], place * 3);
      }
  const places = { from: int32Tensor([total], from), to: int32Tensor([total, 3], to) };
  for (const [name, tensor] of cache.tensors)
    await join.run({ cache: tensor, fresh: fresh.tensors.get(name)!, ...places }, { only: [] });
  await fresh.dispose();
}
