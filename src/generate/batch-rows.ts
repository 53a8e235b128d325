import { asError, PreftuneError, runFailed } from '../core/index.ts';
import type { ModelConfig } from '../models/index.ts';
import type { AnswerState, Reading } from './answer.ts';
import type { Cache } from './cache.ts';

/** A cache and whose each row is. */
export interface BatchRows {
  cache: Cache;
  owners: readonly AnswerState[];
  /** While prompts are read: by their row, other answers to the prompt of its owner. They have no rows yet. */
  followers?: ReadonlyMap<number, readonly AnswerState[]>;
}

/** Where prompts are read: those that are scored take more steps, and nobody else waits for them. */
export const LANES = ['plain', 'scored'] as const;
export type Lane = (typeof LANES)[number];

export function laneOf({ promptLogps }: Reading): Lane {
  return promptLogps === undefined ? 'plain' : 'scored';
}

/** Whether what is read for one will do for the other. */
export function isReadAlike(one: Reading, other: Reading): boolean {
  return (
    one.promptLogps === other.promptLogps &&
    one.prompt.length === other.prompt.length &&
    one.prompt.every((id, i) => id === other.prompt[i])
  );
}

/** Tokens of prompts that one step scores at most. */
export function mostScored(stepScores: number, { vocabularySize }: ModelConfig): number {
  return Math.max(1, Math.floor(stepScores / vocabularySize));
}

/** Answers by what is read for them: the first of each kind, and the others by its place among these. */
export function groupByReading(group: readonly AnswerState[]): {
  readonly owners: readonly AnswerState[];
  readonly followers: ReadonlyMap<number, readonly AnswerState[]>;
} {
  const owners: AnswerState[] = [];
  const followers = new Map<number, AnswerState[]>();
  for (const answer of group) {
    const row = owners.findIndex((owner) => isReadAlike(owner.reading, answer.reading));
    if (row < 0) owners.push(answer);
    else followers.set(row, [...(followers.get(row) ?? []), answer]);
  }
  return { owners, followers };
}

/** Answers of a row that follow its owner and are not over. */
export function followersOf({ followers }: BatchRows, row: number): readonly AnswerState[] {
  return followers?.get(row)?.filter(({ isOver }) => !isOver) ?? [];
}

/** Puts a follower in the place of an owner that is over: the prompt is still read for it. */
export function promoteFollowers(rows: BatchRows): void {
  for (const [row, owner] of rows.owners.entries()) {
    const [next, ...others] = owner.isOver ? followersOf(rows, row) : [];
    if (next === undefined) continue;
    next.follow(owner);
    rows.owners = rows.owners.with(row, next);
    rows.followers = new Map(rows.followers).set(row, others);
  }
}

/** What is under way in rows, followers among it, each with its row. */
export function placesOf(rows: BatchRows | undefined): { readonly answer: AnswerState; readonly row: number }[] {
  if (rows === undefined) return [];
  return rows.owners.flatMap((owner, row) =>
    [...(owner.isOver ? [] : [owner]), ...followersOf(rows, row)].map((answer) => ({ answer, row })),
  );
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
