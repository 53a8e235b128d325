import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmdirSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { badInput } from '../core/index.ts';
import { diskError, entriesOf, errnoOf } from './disk.ts';
import { isAlive, thisProcess, type KnownProcess } from './living.ts';

/** Who holds a lock. */
export interface LockOwner extends KnownProcess {
  /** ISO 8601, for people. */
  readonly since: string;
}

export interface Lock {
  readonly path: string;
  /** Gives the lock back; does nothing the second time. */
  release(): void;
}

/** The prepared folders are called so. They are no temporaries: those belong to the lock's holder, and these to its rivals. */
const ATTEMPT_PREFIX = '.lock-';

/** How often a taker tries again when the lock changes hands under it. */
const MAX_ATTEMPTS = 100;

/**
 * Takes the lock `path`, or throws bad-input that names its living owner. Of any number of processes that try at once
 * exactly one gets it, a dead owner's lock included.
 *
 * The lock is a folder with one file in it, named by a number that no other process uses. It is taken by renaming a prepared folder
 * onto `path`, which the system does only where `path` is absent or empty. A dead owner is removed by the name of its own file, so a
 * slow process can never remove the lock of the one that was faster.
 */
export function acquireLock(path: string, what: string): Lock {
  const { lock, owner } = tryLock(path);
  if (lock === undefined) throw inUse(path, what, owner);
  return lock;
}

/** As acquireLock, but a held lock gives its owner (undefined where it changed hands all the time) instead of an error. */
export function tryLock(path: string): { readonly lock?: Lock; readonly owner?: LockOwner } {
  const self: LockOwner = { ...thisProcess(), since: new Date().toISOString() };
  const ownerFile = `owner-${randomUUID()}.json`;
  const prepared = join(dirname(path), `${ATTEMPT_PREFIX}${randomUUID()}`);
  try {
    mkdirSync(prepared);
    writeFileSync(join(prepared, ownerFile), `${JSON.stringify(self)}\n`);
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      if (renameOnto(prepared, path)) return { lock: heldLock(path, ownerFile) };
      const owner = removeDeadOwner(path);
      if (owner !== undefined) return { owner };
    }
    return {};
  } catch (error) {
    throw diskError(path, error);
  } finally {
    rmSync(prepared, { recursive: true, force: true });
  }
}

function heldLock(path: string, ownerFile: string): Lock {
  let held = true;
  return {
    path,
    release() {
      if (!held) return;
      held = false;
      rmSync(join(path, ownerFile), { force: true });
      removeIfEmpty(path);
    },
  };
}

/** True when `prepared` became `path`; false when `path` is held. */
function renameOnto(prepared: string, path: string): boolean {
  // Windows renames onto nothing only, and an empty folder is nobody's.
  removeIfEmpty(path);
  try {
    renameSync(prepared, path);
    return true;
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOTEMPTY' || errno === 'EEXIST') return false;
    // Windows refuses to rename onto any existing folder with this code.
    if (errno === 'EPERM' && entriesOf(path).length > 0) return false;
    throw error;
  }
}

/** The living owner of the lock `path`, if there is one: looks, and changes nothing. */
export function lockOwner(path: string): LockOwner | undefined {
  return entriesOf(path)
    .map(({ name }) => readOwner(join(path, name)))
    .find((owner) => owner !== undefined && isAlive(owner));
}

/** The living owner of the lock, or undefined after a dead one was removed. */
function removeDeadOwner(path: string): LockOwner | undefined {
  for (const { name } of entriesOf(path)) {
    const file = join(path, name);
    const owner = readOwner(file);
    if (owner === undefined || isAlive(owner)) {
      if (owner !== undefined) return owner;
      continue;
    }
    try {
      unlinkSync(file);
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error;
    }
  }
  return undefined;
}

function readOwner(file: string): LockOwner | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const { pid, host, processStart: start, since } = JSON.parse(text) as Partial<LockOwner>;
    if (typeof pid === 'number' && typeof host === 'string' && typeof start === 'string' && typeof since === 'string')
      return { pid, host, processStart: start, since };
  } catch {
    // Falls through: a file whose writer lost its power before the bytes were on the disk has no owner that lives.
  }
  return { pid: 0, host: hostname(), processStart: '', since: '' };
}

/** Whether an entry of the locked folder belongs to the lock: the lock itself, or somebody's attempt to take it. */
export function isLockEntry(name: string, lockName: string): boolean {
  return name === lockName || name.startsWith(ATTEMPT_PREFIX);
}

/** Removes the attempts in `folder` whose processes died. */
export function removeDeadAttempts(folder: string): void {
  for (const { name } of entriesOf(folder)) {
    if (!name.startsWith(ATTEMPT_PREFIX)) continue;
    const attempt = join(folder, name);
    if (entriesOf(attempt).length > 0 && removeDeadOwner(attempt) === undefined) removeIfEmpty(attempt);
  }
}

function removeIfEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // Held by another, or gone: both are fine.
  }
}

function inUse(path: string, what: string, owner: LockOwner | undefined): Error {
  const holder =
    owner === undefined
      ? 'several processes that start at once'
      : `process ${owner.pid} on ${owner.host} since ${owner.since}`;
  return badInput({
    file: what,
    message:
      `the folder must not be in use, got a lock of ${holder}; wait until it ends or choose another --output. ` +
      `If that process does not exist any more, remove ${path}`,
  });
}
