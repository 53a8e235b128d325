import { existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { badInput, messageOf, PreftuneError, runFailed } from '../core/index.ts';
import { JsonLines, placeTrouble, readLines, type LinePlace, type ScannedLine } from '../files/index.ts';

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

const MAX_LINE_BYTES = 16 * 2 ** 20;
const WHAT = 'a file of answers of judges';

/**
 * Opens or creates an append-only file of JSON lines {"key", "value"}. Only keys and places are held in memory. Lines written at the same time share one flush
 * to the disk. A line that a crash cut is left as it is and closed with a line end; several processes may append to one file.
 *
 * Throws bad-input when the file cannot be opened, run-failed when the disk is full, unless it is a cache.
 */
export async function openCallStore<T>(path: string, { onUnwritable }: CallStoreOptions = {}): Promise<CallStore<T>> {
  if (onUnwritable === undefined) return openFileStore<T>(path);
  try {
    return cachingStore(await openFileStore<T>(path), onUnwritable);
  } catch (error) {
    if (!(error instanceof PreftuneError)) throw error;
    onUnwritable(placeTrouble(path, error));
    return memoryStore(path, answersThere<T>(path));
  }
}

export interface CallStoreOptions {
  /** The file is a cache: where it cannot be written, what it holds is read, the rest stays in memory, and this is called once with the reason. Default: an error. */
  readonly onUnwritable?: ((why: string) => void) | undefined;
}

/** What a file that cannot be written holds. */
function answersThere<T>(path: string): Map<string, T> {
  const kept = new Map<string, T>();
  const onLine = ({ text }: ScannedLine): void => {
    const stored = recordOf(text);
    if (stored !== undefined) kept.set(stored.key, stored.value as T);
  };
  try {
    if (existsSync(path)) readLines({ path, what: WHAT, mostLineBytes: MAX_LINE_BYTES, onLine });
  } catch {
    // Neither written nor read: nothing is known from before.
  }
  return kept;
}

function memoryStore<T>(path: string, kept: Map<string, T>): CallStore<T> {
  return {
    path,
    found: kept.size,
    broken: 0,
    has: (key) => kept.has(key),
    get: (key) => Promise.resolve(kept.get(key)),
    put: (key, value) => Promise.resolve(void kept.set(key, value)),
    close: () => Promise.resolve(),
  };
}

/** What cannot be written any more, such as on a disk that became full, is kept in memory. */
function cachingStore<T>(store: CallStore<T>, onUnwritable: (why: string) => void): CallStore<T> {
  const kept = new Map<string, T>();
  let isFull = false;
  return {
    ...store,
    has: (key) => kept.has(key) || store.has(key),
    get: async (key) => kept.get(key) ?? store.get(key),
    async put(key, value) {
      if (!isFull) {
        try {
          return await store.put(key, value);
        } catch (error) {
          if (!(error instanceof PreftuneError)) throw error;
          if (!isFull) onUnwritable(placeTrouble(store.path, error));
          isFull = true;
        }
      }
      kept.set(key, value);
    },
  };
}

async function openFileStore<T>(path: string): Promise<CallStore<T>> {
  const places = new Map<string, LinePlace>();
  let broken = 0;
  const note = ({ text, offset, length }: ScannedLine): void => {
    const stored = recordOf(text);
    if (stored !== undefined) places.set(stored.key, { offset, length });
    else if (text !== '') broken += 1;
  };
  const lines = openLines(path, note);
  const opened = { found: places.size, broken: broken + (lines.wasTorn ? 1 : 0) };
  const read = (key: string): { readonly value: unknown } | undefined => {
    const place = places.get(key);
    const stored = place && recordOf(lines.textAt(place));
    return stored?.key === key ? stored : undefined;
  };
  return {
    path,
    ...opened,
    has: (key) => places.has(key),
    async get(key) {
      if (!places.has(key)) return undefined;
      const stored = read(key);
      if (stored !== undefined) return stored.value as T;
      // Another process appended between our write and the look at the file's size: the places are found anew.
      lines.scan(note);
      return read(key)?.value as T | undefined;
    },
    async put(key, value) {
      const [place] = lines.append({ key, value });
      await lines.flushed();
      places.set(key, place!);
    },
    async close() {
      await lines.flushed().catch(() => undefined);
      lines.dispose();
    },
  };
}

function openLines(path: string, onLine: (line: ScannedLine) => void): JsonLines {
  let isOpen = false;
  const errorOf = (_path: string, error: unknown): PreftuneError => {
    if (error instanceof PreftuneError) return error;
    const got = `got ${messageOf(error)}`;
    const cause = { cause: error };
    return isOpen
      ? runFailed(
          {
            file: path,
            message: `answers of judges must be kept, ${got}; free some space, the same command continues`,
          },
          cause,
        )
      : badInput({ file: path, message: `answers of judges must be kept here, ${got}; name another folder` }, cause);
  };
  try {
    mkdirSync(dirname(path), { recursive: true });
  } catch (error) {
    throw errorOf(path, error);
  }
  const lines = new JsonLines(path, { what: WHAT, mostLineBytes: MAX_LINE_BYTES, isShared: true, onLine, errorOf });
  isOpen = true;
  return lines;
}

function recordOf(text: string): { readonly key: string; readonly value: unknown } | undefined {
  try {
    const record = JSON.parse(text) as { key?: unknown; value?: unknown } | null;
    return typeof record?.key === 'string' && record.value !== undefined
      ? { key: record.key, value: record.value }
      : undefined;
  } catch {
    return undefined;
  }
}
