import type { ModelConfig } from '../models/index.ts';
import type { Device } from '../runtime/index.ts';
import type { AnswerState } from './answer.ts';
import {
  activeOf,
  commonPrefix,
  followersOf,
  freeOf,
  groupByReading,
  LANES,
  laneOf,
  longest,
  mostScored,
  placesOf,
  promoteFollowers,
  roomFor,
  stepFailure,
  type BatchRows,
  type Lane,
} from './batch-rows.ts';
import { emptyCache, joinCache, moveCache, NEW_ROW, type CachePrograms } from './cache.ts';
import { stepLayout, type RowTokens } from './step-layout.ts';
import { bytesOnDevice, type BoundStep } from './step-program.ts';

/**
 * Answers that one model gives together. Prompts are read in a cache of their own, beside the answers that are under way,
 * and join them when they are read. Several answers to one prompt read it once, and each takes a copy of its keys and values. What goes wrong with a step is the failure of the answers in it; their cache is given back, and later
 * answers find nothing of it.
 */
export interface Batch {
  /** Answers that are not over. */
  readonly size: number;
  isReading(lane: Lane): boolean;
  /** Of keys and values. */
  readonly cacheBytes: number;
  /** Begins to read prompts: different ones that one step can read, or one; all of one lane, and not while others of that are read. */
  begin(group: readonly AnswerState[]): Promise<void>;
  /** Reads the next tokens of prompts, if any are read, then adds a token to every answer. `isFollowed`: more prompts wait. */
  step(isFollowed: boolean): Promise<void>;
  /** Says that weights have changed, between two steps: answers under way go on, but no later prompt goes on with what they have read. */
  forget(): Promise<void>;
  /** Forgets answers and caches. */
  dispose(): Promise<void>;
}

export interface BatchOptions {
  readonly device: Device;
  readonly config: ModelConfig;
  readonly step: Pick<BoundStep, 'run'>;
  readonly programs: Pick<CachePrograms, 'move' | 'join'>;
  /** Prompt tokens that one step reads: bounds the memory of its attention, and how long the others wait for it. */
  readonly stepTokens: number;
  /** Keeps the cache of the last answer for a prompt that begins as it did. */
  readonly keepsPrefix: boolean;
  /** Scores that one step gives at most where prompts are scored, if that is one token's or more: tokens times vocabulary. */
  readonly stepScores: number;
}

export function createBatch(options: BatchOptions): Batch {
  const { device, config, step, stepTokens, stepScores, keepsPrefix } = options;
  const { move, join } = options.programs;
  let running: BatchRows | undefined;
  const reading: Record<Lane, BatchRows | undefined> = { plain: undefined, scored: undefined };
  const readingRows = (): (BatchRows | undefined)[] => LANES.map((lane) => reading[lane]);
  const isReadingAny = (): boolean => readingRows().some((rows) => rows !== undefined);
  /** The cache of an answer that is finished. */
  let kept: BatchRows | undefined;
  /** Whether answers under way began with other weights. */
  let isStale = false;

  /** The next tokens of every active row. Where the prompt is scored, every token of the slice is, and all slices together have room in one block of scores. */
  const nextTokens = ({ owners }: BatchRows): RowTokens[] => {
    let room = mostScored(stepScores, config);
    return owners.flatMap((answer, row) => {
      if (answer.isOver) return [];
      const { fed } = answer;
      const isScored = answer.reading.promptLogps !== undefined && fed < answer.promptLength;
      const ids = answer.ids.slice(fed, fed + (isScored ? Math.min(room, stepTokens) : stepTokens));
      if (ids.length === 0) return [];
      if (isScored) room -= ids.length;
      return [{ row, start: fed, ids, scored: isScored ? ids.length : 1 }];
    });
  };

  /** Gives every active row its next tokens; those that are read to the end take the token that follows. */
  const run = async (rows: BatchRows): Promise<void> => {
    promoteFollowers(rows);
    const news = nextTokens(rows);
    const layout = stepLayout(news, { ...rows.cache, keyValueHeads: config.keyValueHeads });
    const { data } = await step.run({ ...layout, ...Object.fromEntries(rows.cache.tensors) });
    // Owners may have been cancelled meanwhile.
    promoteFollowers(rows);
    const width = config.vocabularySize;
    let at = 0;
    for (const { row, start, ids, scored = 1 } of news) {
      const first = at;
      at += scored;
      const answer = rows.owners[row]!;
      const followers = followersOf(rows, row);
      const scoresOf = (i: number): Float32Array =>
        (data as Float32Array).subarray((first + i) * width, (first + i + 1) * width);
      answer.feed(ids.length);
      if (answer.isOver) continue;
      // The scores of the prompt's last token are of the first one behind it.
      const known = answer.reading.promptLogps === undefined ? 0 : Math.min(scored, answer.promptLength - 1 - start);
      for (let i = 0; i < known; i++) answer.learn(start + i, scoresOf(i));
      if (answer.failure !== undefined) {
        // What cannot be read for one cannot be read for the others.
        for (const other of followers) other.fail(answer.failure);
        continue;
      }
      if (answer.fed < answer.ids.length) continue;
      const isFirst = start < answer.promptLength;
      if (isFirst) for (const other of followers) other.follow(answer);
      for (const one of isFirst ? [answer, ...followers] : [answer]) one.accept(scoresOf(scored - 1));
    }
  };

  /** Moves rows into a cache of other size; rows whose answers are over are left out, `extra` ones are added. */
  const resize = async (rows: BatchRows, capacity: number, extra = 0): Promise<BatchRows> => {
    const active = activeOf(rows);
    const keep = [...active.map((answer) => rows.owners.indexOf(answer)), ...Array<number>(extra).fill(NEW_ROW)];
    return { cache: await moveCache(move, rows.cache, { config, keep, capacity }), owners: active };
  };

  /** Ends rows of which none is active; the cache of the last finished answer may be kept. */
  const leave = async (rows: BatchRows): Promise<void> => {
    await kept?.cache.dispose();
    kept = undefined;
    if (keepsPrefix && !isStale && rows.owners.some(({ finished }) => finished !== undefined)) kept = rows;
    else await rows.cache.dispose();
  };

  const joinRunning = async (fresh: BatchRows): Promise<void> => {
    const places = placesOf(fresh);
    const joining = places.map(({ answer }) => answer);
    if (joining.length === 0) return leave(fresh);
    const hasFollowers = joining.length > activeOf(fresh).length;
    if (running === undefined && !hasFollowers) {
      running = fresh;
      return;
    }
    running ??= {
      cache: await emptyCache(device, config, { rows: joining.length, capacity: roomFor(joining, 0) }),
      owners: [],
    };
    const needed = longest(joining);
    const { capacity } = running.cache;
    if (needed > capacity || freeOf(running).length < joining.length)
      running = await resize(running, Math.max(capacity, roomFor(joining, 0)), joining.length);
    const free = freeOf(running);
    const owners = [...running.owners];
    const joins = places.map(({ answer, row }) => {
      const to = free.shift()!;
      owners[to] = answer;
      return { from: row, to, filled: answer.fed };
    });
    await joinCache(join, { cache: running.cache, fresh: fresh.cache, rows: joins, heads: config.keyValueHeads });
    running.owners = owners;
  };

  const fit = async (rows: BatchRows, isFollowed: boolean): Promise<BatchRows> => {
    const active = activeOf(rows);
    const { rows: count, capacity } = rows.cache;
    if (longest(active) > capacity) return resize(rows, roomFor(active, capacity));
    return active.length > count / 2 || isFollowed ? rows : resize(rows, capacity);
  };

  /** What of a kept cache the prompt begins with, in a cache of its own. */
  const reuse = async (answer: AnswerState): Promise<BatchRows | undefined> => {
    // Of what is not read there are no scores.
    if (kept === undefined || answer.reading.promptLogps !== undefined) return undefined;
    const best = kept.owners
      .map((owner, row) => ({ row, count: commonPrefix(owner, answer) }))
      .reduce((most, one) => (one.count > most.count ? one : most));
    if (best.count === 0) return undefined;
    const { cache } = kept;
    kept = undefined;
    const size = { keep: [best.row], filled: [best.count], capacity: roomFor([answer], 0) };
    answer.reuse(best.count);
    return { cache: await moveCache(move, cache, { config, ...size }), owners: [answer] };
  };

  const emptyRows = async (owners: readonly AnswerState[]): Promise<BatchRows> => {
    await kept?.cache.dispose();
    kept = undefined;
    const size = { rows: owners.length, capacity: roomFor(owners, 0) };
    return { cache: await emptyCache(device, config, size), owners };
  };

  /** Where the work fails, so do the answers of `those` rows, as they are then, and their caches are given back. */
  const orFail = async (those: () => readonly (BatchRows | undefined)[], work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      const failure = stepFailure(error);
      for (const rows of those()) {
        for (const { answer } of placesOf(rows)) answer.fail(failure);
        if (rows === running) running = undefined;
        for (const lane of LANES) if (rows === reading[lane]) reading[lane] = undefined;
        await rows?.cache.dispose();
      }
    }
  };

  const stepRunning = async (isFollowed: boolean): Promise<void> => {
    if (running !== undefined && activeOf(running).length > 0) {
      running = await fit(running, isFollowed || isReadingAny());
      await run(running);
    }
    if (running === undefined || activeOf(running).length > 0) return;
    const rows = running;
    running = undefined;
    await leave(rows);
  };

  const stepReading = async (lane: Lane, rows: BatchRows): Promise<void> => {
    if (placesOf(rows).length > 0) await run(rows);
    if (activeOf(rows).some(({ fed, promptLength }) => fed < promptLength)) return;
    reading[lane] = undefined;
    await orFail(
      () => [rows, running],
      () => joinRunning(rows),
    );
  };

  const dispose = async (): Promise<void> => {
    const all = [running, kept, ...readingRows()];
    running = kept = reading.plain = reading.scored = undefined;
    for (const rows of all) await rows?.cache.dispose();
  };

  return {
    get size() {
      return [running, ...readingRows()].reduce((sum, rows) => sum + placesOf(rows).length, 0);
    },
    isReading: (lane) => reading[lane] !== undefined,
    get cacheBytes() {
      return [running, kept, ...readingRows()].reduce(
        (sum, rows) => sum + (rows ? bytesOnDevice(rows.cache.tensors) : 0),
        0,
      );
    },
    begin: async (group) => {
      const { owners, followers } = groupByReading(group);
      try {
        const rows = (owners.length === 1 ? await reuse(owners[0]!) : undefined) ?? (await emptyRows(owners));
        reading[laneOf(owners[0]!.reading)] = { ...rows, followers };
      } catch (error) {
        for (const answer of group) answer.fail(stepFailure(error));
      }
    },
    step: async (isFollowed) => {
      // Those that are under way go first: a long prompt holds them up by one slice of it.
      await orFail(
        () => [running],
        () => stepRunning(isFollowed),
      );
      for (const lane of LANES) {
        const rows = reading[lane];
        if (rows === undefined) continue;
        await orFail(
          () => [rows],
          () => stepReading(lane, rows),
        );
      }
      if (running === undefined && !isReadingAny()) isStale = false;
    },
    forget: async () => {
      isStale = running !== undefined || isReadingAny();
      await kept?.cache.dispose();
      kept = undefined;
    },
    dispose,
  };
}
