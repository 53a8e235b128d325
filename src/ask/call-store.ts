import { mkdirSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { badInput, messageOf, runFailed } from '../core/index.ts';

/** Everything that was ever answered, on disk. What `put` has resolved for survives a crash and a power cut. */
export interface CallStore<T> {
  readonly path: string;
  /** Answers that were found on opening. */
  readonly found: number;
  /** Lines that could not be read on opening: the end of one that a crash cut. */
  readonly broken: number;
  has(key: string): boolean;
  get(key: string): Promise<T | undefined>;
  put(key: string, value: T): Promise<void>;
  close(): Promise<void>;
}

interface Place {
  readonly offset: number;
  readonly length: number;
}

const CHUNK_BYTES = 1 << 20;
const MAX_LINE_BYTES = 16 * 2 ** 20;
const NEWLINE = 0x0a;

/**
 * Opens or creates an append-only file of JSON lines {"key", "value"}. Only keys and places are held in memory. Lines written at the same time share one flush
 * to the disk. A line that a crash cut is left as it is and closed with a line end; several processes may append to one file.
 *
 * Throws bad-input when the file cannot be opened, run-failed when the disk is full.
 */
export async function openCallStore<T>(path: string): Promise<CallStore<T>> {
  let file: FileHandle;
  try {
    mkdirSync(dirname(path), { recursive: true });
    file = await open(path, 'a+');
  } catch (error) {
    const message = `answers of judges must be kept here, got ${messageOf(error)}; name another folder`;
    throw badInput({ file: path, message }, { cause: error });
  }
  const places = new Map<string, Place>();
  const { broken, isCut } = await readPlaces(file, places);
  const found = places.size;
  const pending = createPending<T>({ path, file, places, isCut });
  const read = async (key: string): Promise<{ readonly value: T } | undefined> => {
    const place = places.get(key);
    if (place === undefined) return undefined;
    const bytes = Buffer.alloc(place.length);
    await file.read(bytes, 0, place.length, place.offset);
    return keyOf(bytes) === key ? (JSON.parse(bytes.toString('utf8')) as { value: T }) : undefined;
  };
  return {
    path,
    found,
    broken,
    has: (key) => places.has(key),
    async get(key) {
      if (!places.has(key)) return undefined;
      const stored = await read(key);
      if (stored !== undefined) return stored.value;
      // Another process appended between our write and the look at the file's size: the places are found anew.
      await readPlaces(file, places);
      return (await read(key))?.value;
    },
    put: pending.put,
    async close() {
      await pending.drained();
      await file.close();
    },
  };
}

/** The places of every whole line, and whether the last one was cut. */
async function readPlaces(file: FileHandle, places: Map<string, Place>): Promise<{ broken: number; isCut: boolean }> {
  let [rest, restOffset, offset, broken] = [Buffer.alloc(0), 0, 0, 0];
  for (;;) {
    const chunk = Buffer.alloc(CHUNK_BYTES);
    const { bytesRead } = await file.read(chunk, 0, CHUNK_BYTES, offset);
    if (bytesRead === 0) break;
    offset += bytesRead;
    const bytes = Buffer.concat([rest, chunk.subarray(0, bytesRead)]);
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
      const key = keyOf(bytes.subarray(start, end));
      if (key === undefined) broken += end > start ? 1 : 0;
      else places.set(key, { offset: restOffset + start, length: end - start });
      start = end + 1;
    }
    restOffset += start;
    rest = bytes.subarray(start);
    if (rest.length > MAX_LINE_BYTES) throw runFailed('judge: a stored answer must be at most 16 MiB, got more');
  }
  return { broken: broken + (rest.length > 0 ? 1 : 0), isCut: rest.length > 0 };
}

function keyOf(line: Buffer): string | undefined {
  try {
    const record = JSON.parse(line.toString('utf8')) as { key?: unknown; value?: unknown } | null;
    return typeof record?.key === 'string' && record.value !== undefined ? record.key : undefined;
  } catch {
    return undefined;
  }
}

interface OpenStore {
  readonly path: string;
  readonly file: FileHandle;
  readonly places: Map<string, Place>;
  /** The file's last line has no end. */
  readonly isCut: boolean;
}

/** One writer: whatever gathers while it flushes is written, and flushed, together. */
function createPending<T>({ path, file, places, isCut }: OpenStore): {
  put(key: string, value: T): Promise<void>;
  drained(): Promise<void>;
} {
  let lines: { key: string; bytes: Buffer }[] = [];
  let mustEndLine = isCut;
  let flushing: Promise<void> | undefined;
  const flush = async (): Promise<void> => {
    // Those who put in the same turn of the event loop come along.
    await Promise.resolve();
    const batch = lines;
    lines = [];
    flushing = undefined;
    const head = Buffer.from(mustEndLine ? '\n' : '');
    mustEndLine = false;
    try {
      await file.appendFile(Buffer.concat([head, ...batch.map(({ bytes }) => bytes)]));
      await file.datasync();
    } catch (error) {
      const message = `answers of judges must be kept, got ${messageOf(error)}; free some space, the same command continues`;
      throw runFailed({ file: path, message }, { cause: error });
    }
    // Where the batch begins follows from where the file now ends, since other processes may have appended.
    let offset = (await file.stat()).size - batch.reduce((sum, { bytes }) => sum + bytes.length, 0);
    for (const { key, bytes } of batch) {
      places.set(key, { offset, length: bytes.length - 1 });
      offset += bytes.length;
    }
  };
  let last: Promise<void> = Promise.resolve();
  return {
    put(key, value) {
      lines.push({ key, bytes: Buffer.from(`${JSON.stringify({ key, value })}\n`) });
      if (flushing === undefined) {
        flushing = last.then(flush, flush);
        last = flushing;
      }
      return flushing;
    },
    async drained() {
      await last.catch(() => undefined);
    },
  };
}
