import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fsyncSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
  type Dirent,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { badInput, messageOf, runFailed, PreftuneError } from '../core/index.ts';

/**
 * What every unfinished file and folder of ours is called: `.tmp-<name>-<pid>-<random>`. A name that starts so was never
 * complete, and whoever owns the folder may remove it.
 */
export const TEMPORARY_PREFIX = '.tmp-';

/** A fresh temporary name for something that will be called `name`. */
export function temporaryName(name: string): string {
  return `${TEMPORARY_PREFIX}${name}-${process.pid}-${randomBytes(6).toString('hex')}`;
}

/**
 * Writes `contents` so that `path` either keeps its old contents or has all of the new ones, across a kill and a power cut:
 * written beside, fsynced, renamed, the folder fsynced. Throws run-failed on a full disk (the old file stays), bad-input
 * where the folder cannot be written.
 */
export function writeFileAtomic(path: string, contents: string | Uint8Array): void {
  const temporary = join(dirname(path), temporaryName(basename(path)));
  try {
    const file = openSync(temporary, 'wx');
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

/** Removes the temporaries that a killed process left directly in `folder`; nothing when the folder does not exist. */
export function removeTemporaries(folder: string): void {
  for (const entry of entriesOf(folder)) {
    if (entry.name.startsWith(TEMPORARY_PREFIX)) rmSync(join(folder, entry.name), { recursive: true, force: true });
  }
}

/** The entries of a folder, none when it does not exist. Throws bad-input when it is not a folder or cannot be read. */
export function entriesOf(folder: string): Dirent[] {
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

/**
 * What a failed write means and what to do about it; errors of ours pass unchanged, unless one says that there was no room: it names the temporary
 * file inside `path`, which nobody knows.
 */
export function diskError(path: string, error: unknown): PreftuneError {
  const errno = errnoOf(error instanceof PreftuneError ? error.cause : error);
  if (error instanceof PreftuneError && !NO_ROOM.includes(errno)) return error;
  const options = { cause: error };
  switch (errno) {
    case 'ENOSPC':
    case 'EDQUOT':
      return runFailed(
        {
          file: path,
          message:
            'the disk must have room, got no space left; free some space and run the same command with --resume. ' +
            'What was written before is complete and readable',
        },
        options,
      );
    case 'EFBIG':
      return runFailed(
        {
          file: path,
          message:
            'the system must allow files of this size, got its limit (ulimit -f, or the file system); raise it and run the same command with --resume. ' +
            'What was written before is complete and readable',
        },
        options,
      );
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return badInput(
        { file: path, message: 'must be writable, got permission denied; choose another folder or change its owner' },
        options,
      );
    case 'ENOTDIR':
    case 'EEXIST':
      return badInput({ file: path, message: 'must be a folder, got a file; choose another --output' }, options);
    default:
      return runFailed({ file: path, message: `could not be read or written: ${messageOf(error)}` }, options);
  }
}
