import { closeSync, constants, fsyncSync, openSync, readdirSync } from 'node:fs';
import { badInput, messageOf, PreftuneError, runFailed } from '../core/index.ts';

/** Flushes a file's bytes to the disk. */
export function syncFile(path: string): void {
  const file = openSync(path, constants.O_RDONLY);
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** Flushes a folder's list of names to the disk, where the system can do that (Windows cannot, and does not need it). */
export function syncFolder(path: string): void {
  if (process.platform === 'win32') return;
  syncFile(path);
}

/** Of Node's Dirent, which is not named so that our declarations do not need Node's. */
export interface FolderEntry {
  readonly name: string;
  isFile(): boolean;
  isDirectory(): boolean;
}

/** The entries of a folder, none when it does not exist. Throws bad-input when it is not a folder or cannot be read. */
export function entriesOf(folder: string): FolderEntry[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw diskError(folder, error);
  }
}

/** The system's code of a thrown error (ENOENT, ENOSPC, ...), undefined when it has none. */
export function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

const NO_ROOM: readonly (string | undefined)[] = ['ENOSPC', 'EDQUOT', 'EFBIG'];

/** What to do when there is room again: what the disk held before is whole. */
const NOTHING_LEFT = 'and run the same command again; nothing half-written was left';

/**
 * What a failed read or write of `path` means and what to do about it: run-failed for a full disk, bad-input where the path is wrong. `andThen` says how
 * to go on when there is room again. Errors of ours pass unchanged, unless one says that there was no room: it names a file inside `path` that nobody knows.
 */
export function diskError(path: string, error: unknown, andThen = NOTHING_LEFT): PreftuneError {
  const errno = errnoOf(error instanceof PreftuneError ? error.cause : error);
  if (error instanceof PreftuneError && !NO_ROOM.includes(errno)) return error;
  const options = { cause: error instanceof PreftuneError ? error.cause : error };
  const failed = (message: string): PreftuneError => runFailed({ file: path, message }, options);
  const refused = (message: string): PreftuneError => badInput({ file: path, message }, options);
  switch (errno) {
    case 'ENOSPC':
    case 'EDQUOT':
      return failed(`the disk must have room, got no space left; free some space ${andThen}`);
    case 'EFBIG':
      return failed(
        `the system must allow files of this size, got its limit (ulimit -f, or the file system); raise it ${andThen}`,
      );
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return refused('must be writable, got permission denied; choose another folder or change its owner');
    case 'ENOTDIR':
    case 'EEXIST':
      return refused('must be a folder, got a file; choose another --output');
    default:
      return failed(`must be readable and writable, got ${messageOf(error)}`);
  }
}
