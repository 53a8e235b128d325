import type { FileHandle } from 'node:fs/promises';
import { badInput, messageOf, PreftuneError } from '../core/index.ts';
import type { DataSource } from './source.ts';

/** The first two bytes of a gzip member (RFC 1952, section 2.3.1). */
const GZIP_MAGIC = [0x1f, 0x8b] as const;

const CHUNK_BYTES = 256 * 1024;

/** Endings of the data files that a folder is searched for; `.gz` may follow each. */
const DATA_FILE = /\.(jsonl|ndjson|json)(\.gz)?$/i;

/**
 * A file as a source. Gzip is recognised by its first bytes, whatever the file is called, and may have several members.
 * Node only; node: modules are loaded when the source is opened, so that a browser can import this file.
 *
 * Opening rejects with bad-input for a path that is missing, unreadable or a folder, and for gzip that is damaged or cut.
 */
export function fileSource(path: string): DataSource {
  return { name: path, open: () => openFile(path) };
}

/**
 * The sources that a path stands for: the file itself, or the data files of a folder (JSON, JSONL, gzip of either; not of its
 * subfolders) in the order of their names. Rejects with bad-input for a path that does not exist or a folder without any.
 */
export async function sourcesOfPath(path: string): Promise<DataSource[]> {
  const { readdir, stat } = await import('node:fs/promises');
  const { join } = await import('node:path');
  try {
    if (!(await stat(path)).isDirectory()) return [fileSource(path)];
    const names = (await readdir(path)).filter((name) => DATA_FILE.test(name)).toSorted();
    if (names.length > 0) return names.map((name) => fileSource(join(path, name)));
  } catch (error) {
    throw unreadable(path, error);
  }
  throw badInput({
    file: path,
    message: 'a data folder must hold .jsonl or .json files (or .gz of either), got none',
  });
}

async function* openFile(path: string): AsyncGenerator<Uint8Array> {
  const { open } = await import('node:fs/promises');
  let unpacking = false;
  try {
    const handle = await open(path, 'r');
    try {
      if ((await handle.stat()).isDirectory())
        throw badInput({ file: path, message: 'data must be a file, got a folder' });
      const chunks = readChunks(handle);
      const first = await chunks.next();
      if (first.done) return;
      unpacking = first.value[0] === GZIP_MAGIC[0] && first.value[1] === GZIP_MAGIC[1];
      if (unpacking) {
        yield* unpack(withFirst(first.value, chunks));
      } else {
        yield first.value;
        yield* chunks;
      }
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (error instanceof PreftuneError) throw error;
    throw unpacking && isZlibError(error)
      ? badInput(
          { file: path, message: `gzip must be whole, got ${messageOf(error)}; unpack it or fetch the file again` },
          { cause: error },
        )
      : unreadable(path, error);
  }
}

async function* readChunks(handle: FileHandle): AsyncGenerator<Uint8Array> {
  for (;;) {
    const buffer = new Uint8Array(CHUNK_BYTES);
    const { bytesRead } = await handle.read(buffer, 0, CHUNK_BYTES, null);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}

async function* unpack(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const { createGunzip } = await import('node:zlib');
  const { pipeline, Readable } = await import('node:stream');
  const gunzip = createGunzip();
  // The iteration below rejects with the error; the callback only keeps it from being thrown a second time.
  pipeline(Readable.from(chunks, { objectMode: true }), gunzip, () => {});
  for await (const chunk of gunzip) yield chunk as Uint8Array;
}

async function* withFirst(first: Uint8Array, rest: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield first;
  yield* rest;
}

function isZlibError(error: unknown): boolean {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('Z_');
}

function unreadable(path: string, error: unknown): PreftuneError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const what = code === 'ENOENT' ? 'no such file' : code === 'EACCES' ? 'no permission to read it' : messageOf(error);
  return badInput({ file: path, message: `data must be a readable file or folder, got ${what}` }, { cause: error });
}
