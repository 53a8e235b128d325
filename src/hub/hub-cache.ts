import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, sep } from 'node:path';
import { badInput, PreftuneError, shownValue } from '../core/index.ts';
import { isSafePath } from './hub-files.ts';
import type { Wanted } from './hub-http.ts';
import { entriesOf, placeErrorOf, requireWritable, writeFileAtomic } from '../files/index.ts';

/**
 * One repository in the hub's cache, which all tools of the ecosystem share: blobs/<etag>, snapshots/<commit>/<path> as links to blobs, refs/<branch> with the
 * commit. Source: huggingface_hub, "Understand caching".
 */
export interface CachedRepo {
  readonly folder: string;
  /** Where locks of this repository's downloads lie. */
  readonly locks: string;
  blob(etag: string): string;
  snapshot(commit: string, file?: string): string;
}

export function cachedRepo(cacheDir: string, { kind, id }: Pick<Wanted, 'kind' | 'id'>): CachedRepo {
  const name = `${kind}s--${id.replaceAll('/', '--')}`;
  const folder = join(cacheDir, name);
  return {
    folder,
    locks: join(cacheDir, '.locks', name),
    blob: (etag) => join(folder, 'blobs', etag),
    snapshot: (commit, file = '') => join(folder, 'snapshots', commit, file),
  };
}

/** A cache in the system's temporary folder, for this user alone; undefined where that cannot be had, or somebody else made it. */
export function temporaryCache(): string | undefined {
  const user = process.getuid?.();
  const folder = join(tmpdir(), `preftune-hub${user === undefined ? '' : `-${user}`}`);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const { uid, mode } = lstatSync(folder);
    // What another user may write to could hold another model than the hub's.
    const isOwn = user === undefined || (uid === user && (mode & 0o022) === 0);
    if (!isOwn || !lstatSync(folder).isDirectory()) return undefined;
    requireWritable(folder);
    return folder;
  } catch {
    // The error about the cache itself is told.
    return undefined;
  }
}

const COMMIT = /^[0-9a-f]{40}$/;

/** The commit that the cache knows for a revision, undefined when it knows none. */
export function cachedCommit(repo: CachedRepo, revision: string): string | undefined {
  if (COMMIT.test(revision)) return existsSync(repo.snapshot(revision)) ? revision : undefined;
  const ref = join(repo.folder, 'refs', revision);
  if (!existsSync(ref)) return undefined;
  const commit = readFileSync(ref, 'utf8').trim();
  return COMMIT.test(commit) && existsSync(repo.snapshot(commit)) ? commit : undefined;
}

/** Remembers which commit a branch or tag is, where the cache can be written: without it the hub is asked the next time. */
export function rememberCommit(repo: CachedRepo, revision: string, commit: string): void {
  if (!COMMIT.test(commit)) throw badInput(`hub: a commit must be 40 hexadecimal digits, got ${commit.slice(0, 80)}`);
  if (revision === commit) return;
  const ref = join(repo.folder, 'refs', revision);
  if (existsSync(ref) && readFileSync(ref, 'utf8').trim() === commit) return;
  try {
    mkdirSync(dirname(ref), { recursive: true });
    writeFileAtomic(ref, commit);
  } catch (error) {
    if (!(error instanceof PreftuneError) && placeErrorOf(error) === undefined) throw error;
  }
}

/** Throws bad-input for a revision that could leave the cache's folder. */
export function checkRevision(revision: string): void {
  if (!isSafePath(revision))
    throw badInput(`hub: a revision must be a branch, tag or commit, got ${shownValue(revision)}`);
}

/** The complete files of a snapshot, by their paths in the repository. */
export function cachedFiles(repo: CachedRepo, commit: string): string[] {
  const root = repo.snapshot(commit);
  const visit = (folder: string): string[] =>
    entriesOf(folder).flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return visit(path);
      // A link whose blob is gone is no file.
      return statSync(path, { throwIfNoEntry: false })?.isFile() === true
        ? [relative(root, path).split(sep).join('/')]
        : [];
    });
  return visit(root);
}

/** Makes a complete blob visible under its path: a relative link, or a copy where the system has no links. */
export function linkBlob(repo: CachedRepo, commit: string, { path, etag }: { path: string; etag: string }): string {
  const link = repo.snapshot(commit, path);
  const target = relative(dirname(link), repo.blob(etag));
  if (isLinkTo(link, target)) return link;
  mkdirSync(dirname(link), { recursive: true });
  rmSync(link, { force: true });
  try {
    symlinkSync(target, link);
  } catch {
    // Another process may have made it; and Windows has links for developers only.
    if (!isLinkTo(link, target)) copyFileSync(repo.blob(etag), link);
  }
  return link;
}

function isLinkTo(link: string, target: string): boolean {
  try {
    return readlinkSync(link) === target;
  } catch {
    return false;
  }
}
