/** Files and folders that are visible whole or not at all: written beside under a temporary name, synced, renamed. */
import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { badInput, messageOf, PreftuneError, runFailed } from '../core/index.ts';

/** Writes `path` through `write`. On failure nothing is left. Throws run-failed when the disk is full or not writable. */
export async function writeFileAtomically(path: string, write: (file: FileHandle) => Promise<void>): Promise<void> {
  const temporary = temporaryName(path);
  try {
    const file = await open(temporary, 'wx');
    try {
      await write(file);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    await syncFolder(dirname(resolve(path)));
  } catch (thrown) {
    await rm(temporary, { force: true });
    throw notWritable(path, thrown);
  }
}

/** writeFileAtomically for a text. */
export async function writeTextAtomically(path: string, text: string): Promise<void> {
  await writeFileAtomically(path, (file) => file.writeFile(text));
}

/**
 * Fills a temporary folder beside `path` through `fill` and renames it to `path`. A folder that holds something at `path` is
 * bad-input, unless `overwrite`: then it is moved aside first and removed last, so that a kill between the two renames
 * leaves the old content under a name that starts with a dot, and never half of the new one. `fill` may name a folder within
 * the temporary one that alone is to become `path`.
 */
export async function writeFolderAtomically(
  path: string,
  fill: (folder: string) => Promise<string | void>,
  options: { readonly overwrite?: boolean } = {},
): Promise<void> {
  const target = resolve(path);
  const existing = await entriesOf(path);
  if (existing !== undefined && existing.length > 0 && options.overwrite !== true) {
    throw badInput({
      file: path,
      message: `must be a new or empty folder, got one that holds ${existing[0]}; name another`,
    });
  }
  const temporary = temporaryName(target);
  const aside = existing !== undefined && existing.length > 0 ? temporaryName(target) : undefined;
  try {
    await mkdir(dirname(target), { recursive: true });
    await mkdir(temporary);
    const filled = (await fill(temporary)) ?? temporary;
    await syncFolder(filled);
    if (aside !== undefined) await rename(target, aside);
    await rename(filled, target).catch(async (thrown: unknown) => {
      if (aside !== undefined) await rename(aside, target);
      throw thrown;
    });
    await syncFolder(dirname(target));
    if (aside !== undefined) await rm(aside, { recursive: true, force: true });
    if (filled !== temporary) await rm(temporary, { recursive: true, force: true });
  } catch (thrown) {
    await rm(temporary, { recursive: true, force: true });
    throw notWritable(path, thrown);
  }
}

/** The names in a folder; undefined when nothing is at `path`. */
async function entriesOf(path: string): Promise<string[] | undefined> {
  try {
    return await readdir(path);
  } catch (thrown) {
    const { code } = thrown as { code?: unknown };
    if (code === 'ENOENT') return undefined;
    if (code === 'ENOTDIR') throw badInput({ file: path, message: 'must be a folder, got a file; name another' });
    throw notWritable(path, thrown);
  }
}

function temporaryName(path: string): string {
  return join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
}

async function syncFolder(path: string): Promise<void> {
  // Windows has no handle of a folder to sync.
  if (process.platform === 'win32') return;
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** The run-failed error for a failed write of `path`; our own errors pass unchanged. */
function notWritable(path: string, thrown: unknown): PreftuneError {
  if (thrown instanceof PreftuneError) return thrown;
  const { code } = thrown as { code?: unknown };
  const message =
    code === 'ENOSPC' || code === 'EDQUOT'
      ? 'must fit on the disk, got a full one; free some space, nothing half-written was left'
      : `must be writable, got ${messageOf(thrown)}`;
  return runFailed({ file: path, message }, { cause: thrown });
}
