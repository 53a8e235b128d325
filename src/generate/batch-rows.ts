import { asError, PreftuneError, runFailed } from '../core/index.ts';
import type { AnswerState } from './answer.ts';
import type { Cache } from './cache.ts';

/** A cache and whose each row is. */
export interface BatchRows {
  cache: Cache;
  owners: readonly AnswerState[];
}

/** Slots that a cache has beyond what it needs at once; a full one doubles. */
const SPARE_SLOTS = 64;

export function activeOf(rows: BatchRows | undefined): AnswerState[] {
  return rows?.owners.filter(({ isOver }) => !isOver) ?? [];
}

/** Rows for new answers. One of a failed answer may hold what is not finite, and is not used again. */
export function freeOf({ cache, owners }: BatchRows): number[] {
  return Array.from({ length: cache.rows }, (_, row) => row).filter(
    (row) => owners[row] === undefined || owners[row].finished !== undefined,
  );
}

export function longest(answers: readonly AnswerState[]): number {
  return answers.reduce((most, { ids }) => Math.max(most, ids.length), 0);
}

/** Slots for these answers: what they need now and some more, twice those of a full cache, but no more than they can fill. */
export function roomFor(answers: readonly AnswerState[], full: number): number {
  const limit = answers.reduce((most, { maxLength }) => Math.max(most, maxLength), 0);
  return Math.min(limit, Math.max(longest(answers) + SPARE_SLOTS, 2 * full));
}

/** Ids at the start of both that are in the cache; one id of the prompt is left to be read. */
export function commonPrefix(owner: AnswerState, { ids }: AnswerState): number {
  const most = Math.min(owner.finished === undefined ? 0 : owner.fed, ids.length - 1);
  let count = 0;
  while (count < most && owner.ids[count] === ids[count]) count++;
  return count;
}

/** What failed, as the answers that needed it tell it. */
export function stepFailure(thrown: unknown): Error {
  if (thrown instanceof PreftuneError) return thrown;
  const { message } = asError(thrown);
  return runFailed(
    `generate: a step must run through, it failed: ${message}; where memory is short, ask for shorter prompts or fewer answers at once`,
    { cause: thrown },
  );
}
