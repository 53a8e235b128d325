/** Files and folders that are there whole or not at all, across a kill and a power cut: written beside, flushed, renamed, the folder flushed. */
import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { badInput, PreftuneError } from '../core/index.ts';
import { diskError, entriesOf, errnoOf, syncFolder } from './disk.ts';
import { asideName, removeRemains, temporaryName } from './remains.ts';

/** Who may read a new file, as chmod has it: 0o600 for what its owner alone may read. Default: as the process makes files. */
export interface FileRights {
  readonly mode?: number;
}

/** A fresh temporary path beside `path`, from where what earlier processes left unfinished is gone. */
function temporaryBeside(path: string): string {
  const target = resolve(path);
  const [folder, name] = [dirname(target), basename(target)];
  removeRemains(folder, { of: name });
  return join(folder, temporaryName(name));
}

/**
 * Writes `contents` so that `path` either keeps its old contents or has all of the new ones. Throws run-failed on a full disk (the old
 * file stays), bad-input where the folder cannot be written.
 *
 * @example
 * ```ts run
 * import { writeFileAtomic } from 'preftune/files';
 * import { readFileSync } from 'node:fs';
 *
 * writeFileAtomic('notes.txt', 'whole or not at all');
 * console.log(readFileSync('notes.txt', 'utf8')); // whole or not at all
 * ```
 */
export function writeFileAtomic(path: string, contents: string | Uint8Array, { mode }: FileRights = {}): void {
  const temporary = temporaryBeside(path);
  try {
    const file = openSync(temporary, 'wx', mode);
    try {
      writeFileSync(file, contents);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
    syncFolder(dirname(path));
  } catch (error) {
    rmSync(temporary, { force: true });
    throw diskError(path, error);
  }
}

/** An open file, as far as writing goes. Node's FileHandle is one; it is not named, so that our declarations do not need Node's. */
export interface WritableFile {
  readonly fd: number;
  /** A whole text, or up to `length` bytes from `offset` on. */
  write(text: string): Promise<unknown>;
  write(bytes: Uint8Array, offset?: number, length?: number): Promise<{ readonly bytesWritten: number }>;
  writeFile(contents: string | Uint8Array): Promise<void>;
}

/** The same for what does not fit into memory: `write` puts it into the file piece by piece. On failure nothing is left. */
export async function streamFileAtomic<T>(
  path: string,
  write: (file: WritableFile) => Promise<T>,
  { mode }: FileRights = {},
): Promise<T> {
  const temporary = temporaryBeside(path);
  try {
    const file = await open(temporary, 'wx', mode);
    let written: T;
    try {
      written = await write(file);
      await file.sync();
    } finally {
      await file.close();
    }
    renameSync(temporary, path);
    syncFolder(dirname(path));
    return written;
  } catch (error) {
    await rm(temporary, { force: true });
    throw diskError(path, error);
  }
}

/** Characters that gather before they are written. */
const PIECE = 1 << 20;

/** streamFileAtomic for lines, which `fill` writes one by one, without their ends. */
export function writeLinesAtomic<T>(path: string, fill: (write: (line: string) => void) => Promise<T>): Promise<T> {
  return streamFileAtomic(path, async ({ fd }) => {
    let text = '';
    const flush = (): void => {
      // A descriptor is written to from where it stands until all is there.
      writeFileSync(fd, text);
      text = '';
    };
    const result = await fill((line) => {
      text += `${line}\n`;
      if (text.length >= PIECE) flush();
    });
    flush();
    return result;
  });
}

/** Fills a temporary folder; gives what of it is to be published where that is not the folder itself. */
export type FillFolder = (folder: string) => Promise<string | void>;

/**
 * Fills a temporary folder beside `path`, and renames it, or the file or folder within it that `fill` gives, to `path`. A folder that holds something at `path` is
 * bad-input, unless `overwrite`. What is at `path` steps aside first and is removed last; a kill between the two renames leaves it aside, and the next call puts it
 * back. Whatever happens, nothing half-written is left. Errors of ours about the temporary folder name `path` instead.
 */
export async function writeFolderAtomic(
  path: string,
  fill: FillFolder,
  { overwrite = false }: { readonly overwrite?: boolean } = {},
): Promise<void> {
  const target = resolve(path);
  const temporary = temporaryBeside(target);
  if (!overwrite) requireEmpty(path);
  try {
    const made = mkdirSync(dirname(target), { recursive: true });
    if (made !== undefined) syncFolder(dirname(made));
    mkdirSync(temporary);
    await publish((await fill(temporary)) ?? temporary, target);
  } catch (error) {
    throw diskError(path, atItsPlace(error, temporary, path));
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

async function publish(filled: string, target: string): Promise<void> {
  syncFolder(filled);
  const aside = join(dirname(target), asideName(basename(target)));
  // A file takes the place of another in one step, a folder only that of an empty one.
  const hasAside = statSync(filled).isDirectory() && renamed(target, aside);
  try {
    renameSync(filled, target);
  } catch (error) {
    if (hasAside) renameSync(aside, target);
    throw error;
  }
  syncFolder(dirname(target));
  if (hasAside) await rm(aside, { recursive: true, force: true });
}

/** Removes a file or folder, where there is one: out of sight in one step, and only then piece by piece. */
export function removeWhole(path: string): void {
  const target = resolve(path);
  const temporary = temporaryBeside(target);
  if (!renamed(target, temporary)) return;
  syncFolder(dirname(target));
  rmSync(temporary, { recursive: true, force: true });
}

/** Whether there was something to rename. */
function renamed(from: string, to: string): boolean {
  try {
    renameSync(from, to);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
}

function requireEmpty(path: string): void {
  const [first] = entriesOf(path);
  if (first === undefined) return;
  throw badInput({
    file: path,
    message: `must be a new or empty folder, got one that holds ${first.name}; name another`,
  });
}

/** An error about a file that is still in the temporary folder, as one about the place that it was to have. */
function atItsPlace(error: unknown, temporary: string, path: string): unknown {
  if (!(error instanceof PreftuneError)) return error;
  const problems = error.problems.map((problem) =>
    problem.file?.startsWith(temporary) === true
      ? { ...problem, file: path + problem.file.slice(temporary.length) }
      : problem,
  );
  return new PreftuneError(error.code, problems, { cause: error.cause });
}
