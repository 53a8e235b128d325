import { Busboy, type BusboyInstance } from '@fastify/busboy';
import { createHash, randomBytes } from 'node:crypto';
import { createWriteStream, renameSync, rmSync, type WriteStream } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import { diskError, syncFile, syncFolder, temporaryName } from '../../files/index.ts';
import { ServeError } from '../serve-error.ts';

/** A file that was received whole, and lies in the folder under its id. */
export interface ReceivedFile {
  readonly id: string;
  readonly filename: string;
  readonly bytes: number;
  readonly sha256: string;
  /** The other fields of the form. */
  readonly fields: Readonly<Record<string, string>>;
}

export interface UploadOptions {
  readonly folder: string;
  readonly maxBytes: number;
  readonly contentType: string;
  readonly body: ReadableStream<Uint8Array>;
}

const LIMITS = { files: 1, fields: 20, fieldSize: 4096, fieldNameSize: 100, parts: 25, headerPairs: 20 };

/**
 * Takes a form with one file (`file`) to the disk as it comes, never whole in memory, flushes it, and gives it its name. Throws ServeError 400, 413 and 415; then nothing
 * is left of it.
 */
export async function receiveUpload({ folder, maxBytes, contentType, body }: UploadOptions): Promise<ReceivedFile> {
  if (!/^multipart\/form-data\b/i.test(contentType))
    throw new ServeError(415, 'The body must be multipart/form-data with a file');
  const id = `file-${randomBytes(12).toString('hex')}`;
  const path = join(folder, id);
  const temporary = join(folder, temporaryName(id));
  const fields: Record<string, string> = {};
  let file: { filename: string; bytes: number; sha256: string } | undefined;
  let writing: Promise<void> | undefined;
  let target: WriteStream | undefined;
  let isTooLong = false;
  try {
    const form = openForm(contentType, maxBytes);
    form.on('field', (name, value) => (fields[name] = value));
    form.on('file', (name, stream, filename) => {
      if (name !== 'file' || writing !== undefined) return void stream.resume();
      const hash = createHash('sha256');
      let bytes = 0;
      stream.on('data', (chunk: Buffer) => {
        hash.update(chunk);
        bytes += chunk.byteLength;
      });
      stream.on('limit', () => (isTooLong = true));
      target = createWriteStream(temporary, { flags: 'wx', mode: 0o600 });
      writing = pipeline(stream, target).then(() => {
        file = { filename: nameOf(filename), bytes, sha256: hash.digest('hex') };
      });
      // A form whose file nobody takes would never end.
      writing.catch((error: Error) => form.destroy(error));
    });
    await pipeline(Readable.fromWeb(body), form).catch((error: Error) => {
      // The disk's own errors are told as such.
      if ('syscall' in error) throw error;
      throw new ServeError(400, `The form must be whole: ${error.message.slice(0, 200)}`, { cause: error });
    });
    await (writing as Promise<void> | undefined);
    if (isTooLong)
      throw new ServeError(413, `The file must have at most ${maxBytes} bytes`, {
        code: 'file_too_large',
        param: 'file',
      });
    const received = file as { filename: string; bytes: number; sha256: string } | undefined;
    if (received === undefined)
      throw new ServeError(400, 'file: must be given as a part of the form', { param: 'file' });
    syncFile(temporary);
    renameSync(temporary, path);
    syncFolder(folder);
    return { id, ...received, fields };
  } catch (thrown) {
    // A file that is only being opened would be there after it was removed.
    const opened = target;
    if (opened?.closed === false) await new Promise<void>((resolve) => opened.once('close', () => resolve()).destroy());
    rmSync(temporary, { force: true });
    if (thrown instanceof ServeError) throw thrown;
    throw diskError(path, thrown);
  }
}

function openForm(contentType: string, maxBytes: number): BusboyInstance {
  try {
    return new Busboy({ headers: { 'content-type': contentType }, limits: { ...LIMITS, fileSize: maxBytes } });
  } catch (error) {
    throw new ServeError(400, `The form must have a boundary: ${(error as Error).message}`, { cause: error });
  }
}

/** As clients named it, without folders and control characters; it is shown, never opened. */
function nameOf(filename: string | undefined): string {
  const last = (filename ?? '').replaceAll('\\', '/').split('/').at(-1) ?? '';
  // oxlint-disable-next-line no-control-regex -- these are what must not be shown
  return last.replaceAll(/[\u0000-\u001f\u007f]/g, '').slice(0, 255) || 'file';
}
