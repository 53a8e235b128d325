import type { ModelConfig } from '../models/index.ts';
import type { Device, Program } from '../runtime/index.ts';
import type { AnswerState } from './answer.ts';
import { emptyCache, joinCache, moveCache, NEW_ROW, type Cache } from './cache.ts';
import { stepLayout } from './step-layout.ts';
import type { StepProgram } from './step-program.ts';

/** Slots that a cache has beyond what it needs at once; a full one doubles. */
const SPARE_SLOTS = 64;

/**
 * Answers that one model gives together. Prompts are read in a cache of their own, beside the answers that are under way,
 * and join them when they are read.
 */
export interface Batch {
  /** Answers that are not over. */
  readonly size: number;
  readonly isReading: boolean;
  /** Begins to read prompts: several of at most `stepTokens` together, or one. Not while others are read. */
  begin(group: readonly AnswerState[]): Promise<void>;
  /** Reads the next tokens of prompts, if any are read, then adds a token to every answer. `isFollowed`: more prompts wait. */
  step(isFollowed: boolean): Promise<void>;
  /** Forgets answers and caches. */
  dispose(): Promise<void>;
}

export interface BatchOptions {
  readonly device: Device;
  readonly config: ModelConfig;
  readonly step: StepProgram;
  /** Of compileMove and compileJoin. */
  readonly move: Program;
  readonly join: Program;
  /** Prompt tokens that one step reads: bounds the memory of its attention, and how long the others wait for it. */
  readonly stepTokens: number;
  /** Keeps the cache of the last answer for a prompt that begins as it did. */
  readonly keepsPrefix: boolean;
}

/** A cache and whose each row is. */
interface Rows {
  cache: Cache;
  owners: readonly AnswerState[];
}

export function createBatch(options: BatchOptions): Batch {
  const { device, config, step, move, join, stepTokens, keepsPrefix } = options;
  let running: Rows | undefined;
  let reading: Rows | undefined;
  /** The cache of an answer that is finished. */
  let kept: Rows | undefined;

  const activeOf = (rows: Rows | undefined): AnswerState[] => rows?.owners.filter(({ isOver }) => !isOver) ?? [];

  /** Gives every active row its next tokens; those that are read to the end take the token that follows. */
  const run = async ({ cache, owners }: Rows): Promise<void> => {
    const active = activeOf({ cache, owners });
    const news = active.map((answer) => ({
      row: owners.indexOf(answer),
      start: answer.fed,
      ids: answer.ids.slice(answer.fed, answer.fed + stepTokens),
    }));
    const layout = stepLayout(news, { ...cache, keyValueHeads: config.keyValueHeads });
    const { data } = await step.run({ ...layout, ...Object.fromEntries(cache.tensors) }, undefined);
    for (const [i, answer] of active.entries()) {
      answer.feed(news[i]!.ids.length);
      if (answer.fed < answer.ids.length || answer.isOver) continue;
      answer.accept((data as Float32Array).subarray(i * config.vocabularySize, (i + 1) * config.vocabularySize));
    }
  };

  /** Moves rows into a cache of other size; rows whose answers are over are left out, `extra` ones are added. */
  const resize = async (rows: Rows, capacity: number, extra = 0): Promise<Rows> => {
    const active = activeOf(rows);
    const keep = [...active.map((answer) => rows.owners.indexOf(answer)), ...Array<number>(extra).fill(NEW_ROW)];
    return { cache: await moveCache(move, rows.cache, { config, keep, capacity }), owners: active };
  };

  /** Ends rows of which none is active; the cache of the last finished answer may be kept. */
  const leave = async (rows: Rows): Promise<void> => {
    await kept?.cache.dispose();
    kept = undefined;
    if (keepsPrefix && rows.owners.some(({ finished }) => finished !== undefined)) kept = rows;
    else await rows.cache.dispose();
  };

  const joinRunning = async (fresh: Rows): Promise<void> => {
    const joining = activeOf(fresh);
    if (joining.length === 0) return leave(fresh);
    if (running === undefined) {
      running = fresh;
      return;
    }
    const needed = longest(joining);
    const { capacity } = running.cache;
    if (needed > capacity || freeOf(running).length < joining.length)
      running = await resize(running, Math.max(capacity, roomFor(joining, 0)), joining.length);
    const free = freeOf(running);
    const owners = [...running.owners];
    const joins = joining.map((answer) => {
      const to = free.shift()!;
      owners[to] = answer;
      return { from: fresh.owners.indexOf(answer), to, filled: answer.fed };
    });
    await joinCache(join, { cache: running.cache, fresh: fresh.cache, rows: joins, heads: config.keyValueHeads });
    running.owners = owners;
  };

  const fit = async (rows: Rows, isFollowed: boolean): Promise<Rows> => {
    const active = activeOf(rows);
    const { rows: count, capacity } = rows.cache;
    if (longest(active) > capacity) return resize(rows, roomFor(active, capacity));
    return active.length > count / 2 || isFollowed ? rows : resize(rows, capacity);
  };

  /** What of a kept cache the prompt begins with, in a cache of its own. */
  const reuse = async (answer: AnswerState): Promise<Rows | undefined> => {
    if (kept === undefined) return undefined;
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

  const dispose = async (): Promise<void> => {
    const all = [running, reading, kept];
    running = reading = kept = undefined;
    for (const rows of all) await rows?.cache.dispose();
  };

  return {
    get size() {
      return activeOf(running).length + activeOf(reading).length;
    },
    get isReading() {
      return reading !== undefined;
    },
    begin: async (group) => {
      reading = group.length === 1 ? await reuse(group[0]!) : undefined;
      if (reading !== undefined) return;
      await kept?.cache.dispose();
      kept = undefined;
      const size = { rows: group.length, capacity: roomFor(group, 0) };
      reading = { cache: await emptyCache(device, config, size), owners: [...group] };
    },
    step: async (isFollowed) => {
      // Those that are under way go first: a long prompt holds them up by one slice of it.
      if (running !== undefined && activeOf(running).length > 0) {
        running = await fit(running, isFollowed || reading !== undefined);
        await run(running);
      }
      if (running !== undefined && activeOf(running).length === 0) {
        const rows = running;
        running = undefined;
        await leave(rows);
      }
      if (reading === undefined) return;
      if (activeOf(reading).length > 0) await run(reading);
      if (activeOf(reading).some(({ fed, promptLength }) => fed < promptLength)) return;
      const rows = reading;
      reading = undefined;
      await joinRunning(rows);
    },
    dispose,
  };
}

/** Rows for new answers. One of a failed answer may hold what is not finite, and is not used again. */
function freeOf({ cache, owners }: Rows): number[] {
  return Array.from({ length: cache.rows }, (_, row) => row).filter(
    (row) => owners[row] === undefined || owners[row].finished !== undefined,
  );
}

function longest(answers: readonly AnswerState[]): number {
  return answers.reduce((most, { ids }) => Math.max(most, ids.length), 0);
}

/** Slots for these answers: what they need now and some more, twice those of a full cache, but no more than they can fill. */
function roomFor(answers: readonly AnswerState[], full: number): number {
  const limit = answers.reduce((most, { maxLength }) => Math.max(most, maxLength), 0);
  return Math.min(limit, Math.max(longest(answers) + SPARE_SLOTS, 2 * full));
}

/** Ids at the start of both that are in the cache; one id of the prompt is left to be read. */
function commonPrefix(owner: AnswerState, { ids }: AnswerState): number {
  const most = Math.min(owner.finished === undefined ? 0 : owner.fed, ids.length - 1);
  let count = 0;
  while (count < most && owner.ids[count] === ids[count]) count++;
  return count;
}
