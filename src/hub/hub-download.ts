import { mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { badInput, PreftuneError } from '../core/index.ts';
import type { CachedRepo } from './hub-cache.ts';
import { createHubHash, hashFile, type HubHash } from './hub-digest.ts';
import {
  DEFAULT_RETRY_DELAYS_MS,
  pause,
  throwIfStopped,
  unreachableError,
  type HubConnection,
  type Wanted,
} from './hub-http.ts';
import { tryLock, type Lock, diskError, syncFolder } from '../files/index.ts';

/** One file of a repository, as the hub lists it. */
export interface HubFile {
  readonly path: string;
  readonly sizeBytes: number;
  /** The blob's name: SHA-256 for a large file (LFS, Xet), else git's object id. Both are checked. */
  readonly etag: string;
}

export interface Download {
  readonly repo: CachedRepo;
  readonly wanted: Wanted;
  readonly connection: HubConnection;
  readonly hubFetch: typeof fetch;
  readonly commit: string;
  /** Bytes of this file that are on the disk. */
  readonly onBytes: (doneBytes: number) => void;
}

export const DEFAULT_STALL_MS = 60_000;
const LOCK_POLL_MS = 200;
/** How a download goes on when the disk has room again. */
export const AND_THEN = 'and run the same command again; it goes on where it was';

/**
 * Brings one file into the cache's blobs, where it appears only when it is complete and its checksum is right. What an earlier try, an interrupted one of another
 * process included, left in <etag>.incomplete is continued with a ranged request. Throws bad-input for a checksum that stays wrong.
 */
export async function downloadBlob(file: HubFile, download: Download): Promise<void> {
  const { repo, onBytes } = download;
  const blob = repo.blob(file.etag);
  if (isComplete(blob, file)) return onBytes(file.sizeBytes);
  mkdirSync(dirname(blob), { recursive: true });
  mkdirSync(repo.locks, { recursive: true });
  const lock = await waitForLock(join(repo.locks, `${file.etag}.preftune`), download);
  try {
    // The process that held the lock may have brought it.
    if (isComplete(blob, file)) return onBytes(file.sizeBytes);
    const partial = `${blob}.incomplete`;
    for (let isRetry = false; ; isRetry = true) {
      const digest = await fetchPartial(partial, file, download);
      if (digest === file.etag) break;
      rmSync(partial, { force: true });
      if (isRetry) throw checksumError(file, download, digest);
    }
    renameSync(partial, blob);
    syncFolder(dirname(blob));
  } catch (error) {
    throw error instanceof PreftuneError ? error : diskError(blob, error, AND_THEN);
  } finally {
    lock.release();
  }
}

/** Whether the blob is there in full: its size says so, for it was renamed only after its checksum was right. */
export function isComplete(blob: string, file: HubFile): boolean {
  return statSync(blob, { throwIfNoEntry: false })?.size === file.sizeBytes;
}

async function waitForLock(path: string, { connection, wanted }: Download): Promise<Lock> {
  for (;;) {
    const { lock } = tryLock(path);
    if (lock !== undefined) return lock;
    await pause(LOCK_POLL_MS, connection.signal, wanted);
  }
}

/** Continues the partial file until it has all bytes; resolves with its digest. */
async function fetchPartial(partial: string, file: HubFile, download: Download): Promise<string> {
  const { connection, wanted } = download;
  const delays = connection.retryDelaysMs ?? DEFAULT_RETRY_DELAYS_MS;
  const handle = await open(partial, 'a+');
  try {
    let doneBytes = (await handle.stat()).size;
    if (doneBytes > file.sizeBytes) {
      await handle.truncate(0);
      doneBytes = 0;
    }
    let hash = await hashStart(partial, file, doneBytes);
    for (let failures = 0; doneBytes < file.sizeBytes;) {
      const before = doneBytes;
      const outcome = await fetchRange({ handle, hash, doneBytes, file, download });
      if (outcome.mustRestart) {
        await handle.truncate(0);
        doneBytes = 0;
        hash = await hashStart(partial, file, 0);
      } else {
        doneBytes = outcome.doneBytes;
      }
      // Every byte that arrives is progress and earns patience anew.
      failures = doneBytes > before ? 0 : failures + 1;
      if (doneBytes >= file.sizeBytes) break;
      throwIfStopped(connection.signal, wanted);
      const delayMs = delays[failures === 0 ? 0 : failures - 1];
      if (delayMs === undefined)
        throw unreachableError(outcome.error ?? new Error('the connection was cut'), wanted, connection.endpoint);
      await pause(delayMs, connection.signal, wanted);
    }
    await handle.sync();
    return hash.digest('hex');
  } finally {
    await handle.close();
  }
}

interface RangeRequest {
  readonly handle: FileHandle;
  readonly hash: HubHash;
  readonly doneBytes: number;
  readonly file: HubFile;
  readonly download: Download;
}

interface RangeOutcome {
  readonly doneBytes: number;
  /** The server sent the file from its start, or other bytes than were asked for. */
  readonly mustRestart: boolean;
  readonly error?: unknown;
}

/** One request from `doneBytes` on; resolves with how far it came, however it ended. */
async function fetchRange({ handle, hash, doneBytes, file, download }: RangeRequest): Promise<RangeOutcome> {
  const { connection, hubFetch, onBytes } = download;
  const stall = new AbortController();
  const stallMs = connection.stallMs ?? DEFAULT_STALL_MS;
  let timer = setTimeout(() => stall.abort(), stallMs);
  const signals = connection.signal === undefined ? [stall.signal] : [stall.signal, connection.signal];
  let at = doneBytes;
  try {
    // Compressed bytes could neither be continued nor counted.
    const headers = { 'accept-encoding': 'identity', ...(doneBytes === 0 ? {} : { range: `bytes=${doneBytes}-` }) };
    const response = await hubFetch(resolveUrl(file, download), { headers, signal: AbortSignal.any(signals) });
    const isRange = response.status === 206 && startOf(response) === doneBytes;
    if (response.body === null || (doneBytes > 0 && !isRange)) {
      await response.body?.cancel();
      return { doneBytes, mustRestart: true };
    }
    for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
      clearTimeout(timer);
      timer = setTimeout(() => stall.abort(), stallMs);
      if (at + chunk.length > file.sizeBytes) return { doneBytes: at, mustRestart: true };
      await write(handle, chunk, download);
      hash.update(chunk);
      at += chunk.length;
      onBytes(at);
    }
    return { doneBytes: at, mustRestart: false };
  } catch (error) {
    if (error instanceof PreftuneError) throw error;
    return { doneBytes: at, mustRestart: false, error };
  } finally {
    clearTimeout(timer);
  }
}

async function write(handle: FileHandle, chunk: Uint8Array, { repo }: Download): Promise<void> {
  try {
    for (let written = 0; written < chunk.length;) written += (await handle.write(chunk, written)).bytesWritten;
  } catch (error) {
    throw diskError(repo.folder, error, AND_THEN);
  }
}

/** A hash over the bytes that are there already. */
async function hashStart(partial: string, file: HubFile, doneBytes: number): Promise<HubHash> {
  const hash = createHubHash(file.etag, file.sizeBytes);
  await hashFile(hash, partial, doneBytes);
  return hash;
}

/** Where the hub has a file's bytes. */
export function resolveUrl(
  file: Pick<HubFile, 'path'>,
  { connection, wanted, commit }: Pick<Download, 'connection' | 'wanted' | 'commit'>,
): string {
  const prefix = wanted.kind === 'dataset' ? 'datasets/' : '';
  const path = file.path.split('/').map(encodeURIComponent).join('/');
  return `${connection.endpoint}/${prefix}${wanted.id}/resolve/${commit}/${path}`;
}

/** Where the bytes of a ranged answer start. */
export function startOf(response: Response): number | undefined {
  const start = /^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '')?.[1];
  return start === undefined ? undefined : Number(start);
}

export function checksumError(file: HubFile, { wanted }: Pick<Download, 'wanted'>, digest: string): PreftuneError {
  return badInput(
    `hub: ${file.path} of ${wanted.id} must have the checksum ${file.etag}, got ${digest} twice; ` +
      'something between here and the hub changes the bytes: try another network',
  );
}
