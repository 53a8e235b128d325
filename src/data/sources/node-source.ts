import type { FileHandle } from 'node:fs/promises';
import { badInput, messageOf, PreftuneError } from '../../core/index.ts';
import { createUnpackGuard } from '../records/unpack-guard.ts';
import { isZstd, unpackZstd } from '../records/zstd.ts';
import type { DataSource } from './source.ts';

/** The first two bytes of a gzip member (RFC 1952, section 2.3.1). */
const GZIP_MAGIC = [0x1f, 0x8b] as const;

const CHUNK_BYTES = 256 * 1024;

/**
 * A file as a source. Gzip and zstd are recognised by their first bytes, whatever the file is called, and may have several
 * members or frames. Node only; node: modules are loaded when the source is opened, so that a browser can import this file.
 *
 * Opening rejects with bad-input for a path that is missing, unreadable or a folder, and for what is packed but damaged, cut, or
 * unpacks to more than honest data could.
 */
export function fileSource(path: string): DataSource {
  return {
    name: path,
    open: () => openFile(path),
    openBytes: async () => (await import('../../formats/index.ts')).openFileSource(path),
  };
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
      const all = withFirst(first.value, chunks);
      if (unpacking) yield* unpackGzip(all, path);
      else if (isZstd(first.value)) yield* unpackZstd(all, path);
      else yield* all;
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

async function* unpackGzip(chunks: AsyncIterable<Uint8Array>, path: string): AsyncGenerator<Uint8Array> {
  const { createGunzip } = await import('node:zlib');
  const { pipeline, Readable } = await import('node:stream');
  const guard = createUnpackGuard(path);
  const gunzip = createGunzip();
  // The iteration below rejects with the error; the callback only keeps it from being thrown a second time.
  pipeline(Readable.from(counted(chunks, guard.packed), { objectMode: true }), gunzip, () => {});
  for await (const chunk of gunzip) {
    guard.unpacked((chunk as Uint8Array).length);
    yield chunk as Uint8Array;
  }
}

async function* counted(
  chunks: AsyncIterable<Uint8Array>,
  count: (sizeBytes: number) => void,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    count(chunk.length);
    yield chunk;
  }
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
