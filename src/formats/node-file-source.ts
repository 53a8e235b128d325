import { open, stat, type FileHandle } from 'node:fs/promises';
import { badInput, messageOf, type PreftuneError } from '../core/index.ts';
import { requireRange } from './byte-range.ts';
import type { ByteSource } from './byte-source.ts';

/** One positional read asks for at most this much: the system refuses 2 GiB and more. */
const MAX_READ_BYTES = 1 << 30;

/**
 * Opens a regular file for positional reads. Throws bad-input when there is none, when it is a folder or a device (a pipe
 * would block for ever), or when it may not be read.
 */
export async function openFileSource(path: string): Promise<ByteSource> {
  const file = await openRegularFile(path);
  const { handle, sizeBytes } = file;
  const readInto = async (offset: number, target: Uint8Array<ArrayBuffer>): Promise<void> => {
    requireRange({ name: path, sizeBytes }, offset, target.byteLength);
    for (let done = 0; done < target.byteLength;) {
      const length = Math.min(MAX_READ_BYTES, target.byteLength - done);
      const { bytesRead } = await handle.read(target, done, length, offset + done).catch((thrown: unknown) => {
        throw unreadable(path, thrown);
      });
      // Zero bytes before the known size: somebody cut the file while we read it.
      if (bytesRead === 0) requireRange({ name: path, sizeBytes: offset + done }, offset, target.byteLength);
      done += bytesRead;
    }
  };
  let closing: Promise<void> | undefined;
  return {
    name: path,
    sizeBytes,
    readInto,
    async read(offset, length) {
      requireRange({ name: path, sizeBytes }, offset, length);
      const bytes = new Uint8Array(length);
      await readInto(offset, bytes);
      return bytes;
    },
    close() {
      closing ??= handle.close();
      return closing;
    },
  };
}

async function openRegularFile(path: string): Promise<{ handle: FileHandle; sizeBytes: number }> {
  let handle: FileHandle | undefined;
  try {
    const status = await stat(path);
    if (status.isDirectory()) {
      throw badInput({ file: path, message: 'must be a file, got a folder; name a file in it' });
    }
    if (!status.isFile()) {
      throw badInput({ file: path, message: 'must be a regular file, got a device, pipe or socket' });
    }
    handle = await open(path, 'r');
    return { handle, sizeBytes: (await handle.stat()).size };
  } catch (thrown) {
    await handle?.close();
    throw unreadable(path, thrown);
  }
}

/** The bad-input error for a failed open, stat or read of `path`; our own errors pass unchanged. */
export function unreadable(path: string, thrown: unknown): PreftuneError {
  if (thrown instanceof Error && thrown.name === 'PreftuneError') return thrown as PreftuneError;
  const code = (thrown as { code?: unknown }).code;
  const cause = { cause: thrown };
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return badInput({ file: path, message: 'must exist, got nothing at this path; check the spelling' }, cause);
  }
  if (code === 'EACCES' || code === 'EPERM') {
    return badInput({ file: path, message: 'must be readable, got permission denied; change its permissions' }, cause);
  }
  return badInput({ file: path, message: `must be readable, got ${messageOf(thrown)}` }, cause);
}
