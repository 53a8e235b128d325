import { randomUUID } from 'node:crypto';
import {
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
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

/** What the system says of files that is nobody's fault but the place's; other codes of errors are faults of a program. */
const OF_PLACES = new Set([
  ...NO_ROOM,
  'EACCES',
  'EBUSY',
  'EEXIST',
  'EINVAL',
  'EIO',
  'EISDIR',
  'ELOOP',
  'EMFILE',
  'ENAMETOOLONG',
  'ENFILE',
  'ENODEV',
  'ENOENT',
  'ENOSYS',
  'ENOTDIR',
  'ENOTEMPTY',
  'ENOTSUP',
  'ENXIO',
  'EPERM',
  'EROFS',
  'ESTALE',
  'ETXTBSY',
]);

/**
 * The user's situation in an error that nobody has translated: one of the file system about a path, or a disk that is full. Undefined for all others, which are
 * faults of a program, a program that could not be started among them.
 */
export function placeErrorOf(error: unknown): PreftuneError | undefined {
  const errno = errnoOf(error);
  if (!(error instanceof Error) || errno === undefined || !OF_PLACES.has(errno)) return undefined;
  if ('syscall' in error && String(error.syscall).startsWith('spawn')) return undefined;
  // Renames and links fail at the place that was to be made.
  const path = ['dest', 'path'].map((name) => (error as unknown as Record<string, unknown>)[name]);
  const known = path.find((one) => typeof one === 'string');
  if (known !== undefined) return diskError(known, error);
  return NO_ROOM.includes(errno) ? diskError('the disk that is written to', error) : undefined;
}

/** What is wrong with a place, as `must ..., got ...` and what to do, and whether it is the disk's state and not the path's. */
interface Trouble {
  readonly text: string;
  readonly isPassing?: boolean;
}

function troubleOf(path: string, error: unknown, andThen: string): Trouble {
  const unknown = { text: `must be readable and writable, got ${messageOf(error)}`, isPassing: true };
  switch (errnoOf(error)) {
    case 'ENOSPC':
    case 'EDQUOT':
      return { text: `the disk must have room, got no space left; free some space ${andThen}`, isPassing: true };
    case 'EFBIG':
      return {
        text: `the system must allow files of this size, got its limit (ulimit -f, or the file system); raise it ${andThen}`,
        isPassing: true,
      };
    case 'EACCES':
    case 'EPERM':
      return {
        text: `must be writable, got permission denied${whoStands(path)}; choose another folder or change its owner`,
      };
    case 'EROFS':
      return { text: 'must be writable, got a file system that is mounted read-only; choose another folder' };
    case 'ENOTDIR':
    case 'EEXIST':
      return { text: `must be a folder, got a file${fileAbove(path)}; choose another place` };
    case 'EISDIR':
      return { text: 'must be a file, got a folder; name a file in it' };
    case 'ENOENT':
      return missingFolder(path) ?? unknown;
    case 'ENAMETOOLONG':
      return { text: 'must have a name that the file system takes, got one that is too long; choose a shorter one' };
    default:
      return unknown;
  }
}

function missingFolder(path: string): Trouble | undefined {
  const folder = dirname(resolve(path));
  if (existsSync(folder)) return undefined;
  return { text: `must lie in a folder that exists, got no ${folder}; make it, or name another` };
}

/** The nearest folder of a path that exists. */
function existingAbove(path: string): string {
  let at = dirname(resolve(path));
  while (!existsSync(at) && dirname(at) !== at) at = dirname(at);
  return at;
}

/** Which folder above refuses, where it is not the one that was named. */
function whoStands(path: string): string {
  if (existsSync(path)) return '';
  return ` in ${existingAbove(path)}`;
}

function fileAbove(path: string): string {
  for (let at = resolve(path); dirname(at) !== at; at = dirname(at))
    if (existsSync(at) && !statSync(at).isDirectory()) return ` at ${at}`;
  return '';
}

/**
 * What a failed read or write of `path` means and what to do about it: run-failed for a full disk, bad-input where the path is wrong. `andThen` says how
 * to go on when there is room again. Errors of ours pass unchanged, unless one says that there was no room: it names a file inside `path` that nobody knows.
 */
export function diskError(path: string, error: unknown, andThen = NOTHING_LEFT): PreftuneError {
  const cause = error instanceof PreftuneError ? error.cause : error;
  if (error instanceof PreftuneError && !NO_ROOM.includes(errnoOf(cause))) return error;
  const { text, isPassing = false } = troubleOf(path, cause, andThen);
  return (isPassing ? runFailed : badInput)({ file: path, message: text }, { cause });
}

/** Why a cache cannot be used, as the end of a sentence: `permission denied in /home`. */
export function placeTrouble(path: string, error: unknown): string {
  const { message } = diskError(path, error instanceof PreftuneError ? (error.cause ?? error) : error).problems[0]!;
  return /, got (.*?)(?:; |$)/.exec(message)?.[1] ?? message;
}

/**
 * That files can be written into a folder, which need not exist, before long work for it. The folder is not made; what is written to find out is removed. Throws as
 * diskError.
 */
export function requireWritable(folder: string): void {
  try {
    const at = existsSync(folder) ? resolve(folder) : existingAbove(folder);
    // Permissions alone do not tell: a file system may be read-only or full, and root may everything.
    const probe = join(at, `.preftune-probe-${process.pid}-${randomUUID().slice(0, 8)}`);
    try {
      writeFileSync(probe, 'x', { flag: 'wx' });
    } finally {
      rmSync(probe, { force: true });
    }
  } catch (error) {
    throw diskError(folder, error);
  }
}

/** That a file can be written, whose folder must exist; as requireWritable. */
export function requireWritableFile(path: string): void {
  const folder = dirname(resolve(path));
  if (!existsSync(folder)) throw diskError(path, Object.assign(new Error('no folder'), { code: 'ENOENT' }));
  requireWritable(folder);
}

/** Why requireWritable would throw, as the end of a sentence; undefined where it would not. */
export function whyNotWritable(folder: string): string | undefined {
  try {
    requireWritable(folder);
    return undefined;
  } catch (error) {
    return placeTrouble(folder, error);
  }
}
