import { statSync } from 'node:fs';
import { join } from 'node:path';
import { badInput, internal } from '../core/index.ts';
import { entriesOf, removeRemains, removeWhole, syncFile, writeFolderAtomic } from '../files/index.ts';
import { runDiskError } from './run-error.ts';

/** The file that every checkpoint has: the step, and what the caller needs to continue. */
export const STATE_FILE = 'state.json';
const FOLDER = 'checkpoints';

/** Writes one file of a checkpoint at the given path. */
export type FileWriter = (path: string) => void | Promise<void>;

export interface CheckpointContent {
  /** By file name, without folders; state.json must be among them. Written in this order. */
  readonly files: Readonly<Record<string, FileWriter>>;
}

/** A complete checkpoint on disk. */
export interface StoredCheckpoint {
  readonly step: number;
  readonly path: string;
}

/**
 * Writes RUN/checkpoints/step-N/, which is complete the moment it is visible: written beside, every file flushed, renamed. A checkpoint of the same step is replaced. Throws run-failed on a full disk; nothing of the new checkpoint stays then, and
 * the earlier ones are untouched.
 */
export async function writeCheckpoint(
  run: string,
  step: number,
  content: CheckpointContent,
): Promise<StoredCheckpoint> {
  checkContent(step, content);
  const path = join(run, FOLDER, `step-${step}`);
  const fill = async (folder: string): Promise<void> => {
    for (const [name, write] of Object.entries(content.files)) {
      const file = join(folder, name);
      await write(file);
      syncFile(file);
    }
  };
  try {
    await writeFolderAtomic(path, fill, { overwrite: true });
    return { step, path };
  } catch (error) {
    throw runDiskError(path, error);
  }
}

/** The complete checkpoints of a run, oldest step first; none when there is no folder. */
export function listCheckpoints(run: string): StoredCheckpoint[] {
  const parent = join(run, FOLDER);
  return entriesOf(parent)
    .flatMap(({ name }) => {
      const step = /^step-(0|[1-9][0-9]{0,14})$/.exec(name)?.[1];
      const path = join(parent, name);
      return step !== undefined && isFile(join(path, STATE_FILE)) ? [{ step: Number(step), path }] : [];
    })
    .toSorted((a, b) => a.step - b.step);
}

/** The complete checkpoint with the highest step, undefined when there is none. */
export function newestCheckpoint(run: string): StoredCheckpoint | undefined {
  return listCheckpoints(run).at(-1);
}

/** Removes all but the `keep` newest checkpoints and those of the steps `besides`; each disappears whole. Returns the removed steps. */
export function pruneCheckpoints(run: string, keep: number, besides: readonly number[] = []): number[] {
  if (!Number.isInteger(keep) || keep < 1) {
    throw badInput({
      path: 'checkpoints.keep',
      message: `checkpoints.keep: must be an integer of at least 1, got ${keep}`,
    });
  }
  const older = listCheckpoints(run).slice(0, -keep);
  return removeAll(
    run,
    older.filter(({ step }) => !besides.includes(step)),
  );
}

/** Removes the checkpoints after `step`, which a run that resumes from it will write again. Returns the removed steps. */
export function removeCheckpointsAfter(run: string, step: number): number[] {
  return removeAll(
    run,
    listCheckpoints(run).filter((checkpoint) => checkpoint.step > step),
  );
}

/** Removes what killed processes left of unfinished checkpoints. Only the holder of the run folder may call this. */
export function removeUnfinishedCheckpoints(run: string): void {
  removeRemains(join(run, FOLDER), { isHolder: true });
}

function removeAll(run: string, checkpoints: readonly StoredCheckpoint[]): number[] {
  const parent = join(run, FOLDER);
  try {
    for (const { path } of checkpoints) removeWhole(path);
  } catch (error) {
    throw runDiskError(parent, error);
  }
  return checkpoints.map(({ step }) => step);
}

function checkContent(step: number, { files }: CheckpointContent): void {
  if (!Number.isSafeInteger(step) || step < 0)
    throw internal(`a checkpoint's step must be a non-negative integer, got ${step}`);
  if (!Object.hasOwn(files, STATE_FILE)) throw internal(`a checkpoint must have ${STATE_FILE}`);
  for (const name of Object.keys(files)) {
    if (!/^[A-Za-z0-9_][A-Za-z0-9._-]*$/.test(name))
      throw internal(`a checkpoint's file name must be plain, got ${name}`);
  }
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}
