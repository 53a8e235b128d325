import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isAliveHere, pidSpace, thisProcess, type KnownProcess } from './living.ts';

/**
 * What every unfinished file and folder is called: `.tmp-<name>-<pid>-<computer>-<start>-<random>`. Name and owner stand in it, so that
 * a later process knows what a killed one left. What begins so was never complete.
 */
const UNFINISHED = 'tmp';
/** What was complete and steps aside for its successor; it comes back where the successor did not take its place. */
const ASIDE = 'old';
const PATTERN = /^\.(?<kind>tmp|old)-(?<name>.+)-(?<pid>\d+)-(?<host>[0-9a-f]{8})-(?<start>[0-9a-f]{8})-[0-9a-f]{8}$/;

/** Systems allow names of 255 bytes, of which the owner takes 50; a longer name is known by its digest. */
const MOST_NAME_BYTES = 180;
/** A process of another computer cannot be asked whether it lives. What nobody has written to for so long is nobody's. */
const STALE_MS = 24 * 3_600_000;

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}

function shortName(name: string): string {
  return Buffer.byteLength(name) <= MOST_NAME_BYTES ? name : createHash('sha256').update(name).digest('hex');
}

function nameFor(kind: string, name: string): string {
  const { pid, processStart } = thisProcess();
  const owner = [pid, digest(pidSpace()), digest(processStart), randomBytes(4).toString('hex')].join('-');
  return `.${kind}-${shortName(name)}-${owner}`;
}

/** A fresh name for something unfinished that will be called `name`. */
export function temporaryName(name: string): string {
  return nameFor(UNFINISHED, name);
}

/** A fresh name for what is called `name` and makes room for its successor. */
export function asideName(name: string): string {
  return nameFor(ASIDE, name);
}

/** Whether an entry of a folder is unfinished. */
export function isTemporary(name: string): boolean {
  return name.startsWith(`.${UNFINISHED}-`);
}

export interface RemainsOptions {
  /** Only what was to become this name; by default everything. */
  readonly of?: string;
  /** Nobody else writes here, as whoever holds the folder's lock knows: what processes of other computers left goes too. */
  readonly isHolder?: boolean;
}

/**
 * Removes what killed processes left directly in `folder`, and puts back what had stepped aside for a successor that never came. What a living process writes stays,
 * and so does what the system does not let us remove.
 */
export function removeRemains(folder: string, { of, isHolder = false }: RemainsOptions = {}): void {
  for (const entry of namesIn(folder)) {
    const parts = PATTERN.exec(entry)?.groups;
    const path = join(folder, entry);
    if (parts === undefined) {
      if (isHolder && of === undefined && isTemporary(entry)) remove(path);
      continue;
    }
    const { kind, name, pid, host, start } = parts as Record<string, string>;
    if (of !== undefined && name !== shortName(of)) continue;
    if (isInUse(path, { pid: Number(pid), host: host!, processStart: start! }, isHolder)) continue;
    const place = join(folder, of ?? name!);
    if (kind === ASIDE && !existsSync(place)) putBack(path, place);
    else remove(path);
  }
}

function isInUse(path: string, { host, ...owner }: KnownProcess, isHolder: boolean): boolean {
  if (host === digest(pidSpace())) return isAliveHere(owner, digest);
  return !isHolder && Date.now() - newest(path) < STALE_MS;
}

/** When something of it was written last, in ms since 1970; 0 where it is gone. */
function newest(path: string): number {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return 0;
  const inside = stat.isDirectory() ? namesIn(path).map((name) => newest(join(path, name))) : [];
  return Math.max(stat.mtimeMs, ...inside);
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    // Whoever writes here next says what is wrong with the folder.
    return [];
  }
}

function remove(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch {
    // It belongs to somebody else; it is in nobody's way.
  }
}

function putBack(path: string, place: string): void {
  try {
    renameSync(path, place);
  } catch {
    // Another process was faster.
  }
}
