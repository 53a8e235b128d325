import { createReadStream, existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { badInput, PreftuneError } from '../core/index.ts';
import { openFileSource, type ByteSource } from '../formats/index.ts';
import { linkBlob } from './hub-cache.ts';
import {
  AND_THEN,
  checksumError,
  DEFAULT_STALL_MS,
  downloadBlob,
  isComplete,
  resolveUrl,
  startOf,
  type Download,
  type HubFile,
} from './hub-download.ts';
import { createHubHash } from './hub-digest.ts';
import { DEFAULT_RETRY_DELAYS_MS, pause, throwIfStopped, unreachableError } from './hub-http.ts';
import { tryLock, diskError, placeErrorOf, writeFileAtomic } from '../files/index.ts';

/** Bytes of one request, and of one file of the cache. */
export const BLOCK_BYTES = 4 * 2 ** 20;
/** Blocks that are held in memory; columns of a row group lie in a few. */
const HELD_BLOCKS = 8;

export type RangedDownload = Omit<Download, 'onBytes'> & {
  /** Bytes of the file that are on the disk. */
  readonly onBytes?: (doneBytes: number) => void;
};

/**
 * A file of the hub whose bytes are fetched where they are read, block by block, and kept in <etag>.blocks of the cache. When every
 * block is there, closing checks the whole against its checksum and makes it a blob like any other. A server that does not answer
 * with ranges is asked for the whole file instead.
 *
 * Reading throws run-failed when the hub cannot be reached, cancelled on the signal, bad-input for a range behind the end; closing
 * throws bad-input for a wrong checksum, and removes the blocks.
 */
export async function openHubBytes(file: HubFile, download: RangedDownload): Promise<ByteSource> {
  const { repo, commit } = download;
  const blob = repo.blob(file.etag);
  const name = `${download.wanted.id}/${file.path}`;
  if (isComplete(blob, file)) {
    linkBlob(repo, commit, file);
    return { ...(await openFileSource(blob)), name };
  }
  const blocks = createBlocks(file, download);
  const readInto = async (offset: number, target: Uint8Array<ArrayBuffer>): Promise<void> => {
    if (!(offset >= 0 && offset + target.length <= file.sizeBytes))
      throw badInput({
        file: name,
        message: `bytes ${offset} to ${offset + target.length} must be there, got ${file.sizeBytes} bytes; the file is damaged`,
      });
    for (let done = 0; done < target.length;) {
      const at = offset + done;
      const block = await blocks.get(Math.floor(at / BLOCK_BYTES));
      const part = block.subarray(at % BLOCK_BYTES, (at % BLOCK_BYTES) + target.length - done);
      target.set(part, done);
      done += part.length;
    }
  };
  return {
    name,
    sizeBytes: file.sizeBytes,
    readInto,
    async read(offset, length) {
      // Before memory is reserved for a length that a damaged file names.
      if (length > file.sizeBytes) await readInto(offset, new Uint8Array(0));
      const target = new Uint8Array(Math.min(length, file.sizeBytes + 1));
      await readInto(offset, target);
      return target;
    },
    close: () => blocks.finish(),
  };
}

interface Blocks {
  get(index: number): Promise<Uint8Array>;
  finish(): Promise<void>;
}

function createBlocks(file: HubFile, download: RangedDownload): Blocks {
  const { repo, onBytes } = download;
  const blob = repo.blob(file.etag);
  const folder = `${blob}.blocks`;
  const pathOf = (index: number): string => join(folder, String(index));
  const count = Math.ceil(file.sizeBytes / BLOCK_BYTES);
  const sizeOf = (index: number): number => Math.min(BLOCK_BYTES, file.sizeBytes - index * BLOCK_BYTES);
  const isThere = (index: number): boolean =>
    statSync(pathOf(index), { throwIfNoEntry: false })?.size === sizeOf(index);
  const held = new Map<number, Uint8Array>();
  /** Set when the server gave the whole file. */
  let whole: ByteSource | undefined;
  const bring = async (index: number): Promise<Uint8Array> => {
    const start = index * BLOCK_BYTES;
    if (whole !== undefined) return whole.read(start, sizeOf(index));
    if (isThere(index)) return readFileSync(pathOf(index));
    const bytes = await fetchBlock(file, { start, sizeBytes: sizeOf(index) }, download);
    if (bytes === undefined) {
      await downloadBlob(file, { ...download, onBytes: onBytes ?? (() => undefined) });
      linkBlob(repo, download.commit, file);
      whole = await openFileSource(blob);
      return whole.read(start, sizeOf(index));
    }
    keep(index, bytes);
    onBytes?.(start + bytes.length);
    return bytes;
  };
  /** A block that cannot be kept, on a full disk or in a cache of others, is asked for again when it is needed again. */
  const keep = (index: number, bytes: Uint8Array): void => {
    try {
      mkdirSync(folder, { recursive: true });
      writeFileAtomic(pathOf(index), bytes);
    } catch (error) {
      if (!(error instanceof PreftuneError) && placeErrorOf(error) === undefined) throw error;
    }
  };
  return {
    async get(index) {
      const known = held.get(index);
      const bytes = known ?? (await bring(index));
      // The most lately used stands last.
      held.delete(index);
      held.set(index, bytes);
      if (held.size > HELD_BLOCKS) held.delete(held.keys().next().value!);
      return bytes;
    },
    async finish() {
      held.clear();
      await whole?.close();
      const isWhole = whole === undefined && Array.from({ length: count }, (_, index) => index).every(isThere);
      if (isWhole) await promote(file, { folder, count, pathOf }, download);
    },
  };
}

/** Makes the blob of its blocks. Does nothing while another process does. */
async function promote(
  file: HubFile,
  { folder, count, pathOf }: { folder: string; count: number; pathOf: (index: number) => string },
  { repo, wanted, commit }: RangedDownload,
): Promise<void> {
  const blob = repo.blob(file.etag);
  mkdirSync(repo.locks, { recursive: true });
  const { lock } = tryLock(join(repo.locks, `${file.etag}.preftune`));
  if (lock === undefined) return;
  try {
    if (!isComplete(blob, file)) {
      const partial = `${blob}.incomplete`;
      const hash = createHubHash(file.etag, file.sizeBytes);
      const handle = await open(partial, 'w');
      try {
        for (let index = 0; index < count; index++) {
          for await (const chunk of createReadStream(pathOf(index))) {
            hash.update(chunk as Buffer);
            await handle.writeFile(chunk as Buffer);
          }
        }
        await handle.sync();
      } finally {
        await handle.close();
      }
      const digest = hash.digest('hex');
      if (digest !== file.etag) {
        rmSync(partial, { force: true });
        rmSync(folder, { recursive: true, force: true });
        throw checksumError(file, { wanted }, digest);
      }
      renameSync(partial, blob);
    }
    linkBlob(repo, commit, file);
    rmSync(folder, { recursive: true, force: true });
  } catch (error) {
    throw error instanceof PreftuneError ? error : diskError(dirname(blob), error, AND_THEN);
  } finally {
    lock.release();
    if (existsSync(folder) && isComplete(blob, file)) rmSync(folder, { recursive: true, force: true });
  }
}

/** The bytes of one block, undefined when the server does not answer with ranges; tried again where it was cut. */
async function fetchBlock(
  file: HubFile,
  { start, sizeBytes }: { readonly start: number; readonly sizeBytes: number },
  download: RangedDownload,
): Promise<Uint8Array | undefined> {
  const { connection, wanted, hubFetch } = download;
  const delays = connection.retryDelaysMs ?? DEFAULT_RETRY_DELAYS_MS;
  const block = new Uint8Array(sizeBytes);
  let done = 0;
  for (let failures = 0; ;) {
    const before = done;
    const stall = new AbortController();
    const signals = connection.signal === undefined ? [stall.signal] : [stall.signal, connection.signal];
    const stallMs = connection.stallMs ?? DEFAULT_STALL_MS;
    let timer = setTimeout(() => stall.abort(), stallMs);
    let cause: unknown = new Error('the connection was cut');
    try {
      const range = `bytes=${start + done}-${start + sizeBytes - 1}`;
      const response = await hubFetch(resolveUrl(file, download), {
        headers: { 'accept-encoding': 'identity', range },
        signal: AbortSignal.any(signals),
      });
      if (response.status !== 206 || startOf(response) !== start + done || response.body === null) {
        await response.body?.cancel();
        return undefined;
      }
      for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
        clearTimeout(timer);
        timer = setTimeout(() => stall.abort(), stallMs);
        const part = chunk.subarray(0, sizeBytes - done);
        block.set(part, done);
        done += part.length;
      }
      if (done === sizeBytes) return block;
    } catch (error) {
      if (error instanceof PreftuneError) throw error;
      cause = error;
    } finally {
      clearTimeout(timer);
    }
    throwIfStopped(connection.signal, wanted);
    // Every byte that arrives is progress and earns patience anew.
    failures = done > before ? 0 : failures + 1;
    const delayMs = delays[Math.max(0, failures - 1)];
    if (delayMs === undefined) throw unreachableError(cause, wanted, connection.endpoint);
    await pause(delayMs, connection.signal, wanted);
  }
}
