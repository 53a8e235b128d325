import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { badInput, PreftuneError } from '../core/index.ts';
import { sql, type Database } from '../database/index.ts';
import {
  diskError,
  errnoOf,
  streamFileAtomic,
  syncFile,
  writeFolderAtomic,
  type WritableFile,
} from '../files/index.ts';
import { ARCHIVE_END, entryHeader, padding, readArchive } from './archive.ts';
import { arrivalsPath, filePath, secretPath } from './places.ts';

const PIECE_BYTES = 2 ** 20;
const PAGE = 500;
/** What a backup may hold besides the two files of the store. */
const FILE_NAME = /^(?:files|arrivals)\/[A-Za-z0-9][\w.-]{0,86}$/;

type Write = (bytes: Uint8Array) => Promise<void>;

/**
 * The database of one moment, the secret, the uploaded files and what other servers forwarded as one archive (tar), readable by its owner alone, while others go on. Run
 * folders of jobs are not in it. A file that is removed meanwhile is missing; whoever restores is told.
 */
export async function writeBackup(folder: string, database: Database, path: string): Promise<void> {
  if (existsSync(path)) throw badInput({ file: path, message: 'must not be there yet; name another file' });
  const now = Date.now();
  await streamFileAtomic(
    path,
    async (file) => {
      const write: Write = (bytes) => writeWhole(file, bytes);
      const secret = readFileSync(secretPath(folder));
      await write(entryHeader({ name: 'secret', sizeBytes: secret.length }, now));
      await write(secret);
      await write(padding(secret.length));
      let sizeBytes = 0;
      await database.copy(write, async (bytes) => {
        sizeBytes = bytes;
        await write(entryHeader({ name: 'ledger.db', sizeBytes }, now));
      });
      await write(padding(sizeBytes));
      await writeFiles(folder, database, write, now);
      await writeArrivals(folder, write, now);
      await write(ARCHIVE_END);
    },
    { mode: 0o600 },
  );
}

async function writeFiles(folder: string, database: Database, write: Write, now: number): Promise<void> {
  for (let behind = 0; ;) {
    const rows = await database.read(sql('SELECT seq, id FROM files WHERE seq > ? ORDER BY seq LIMIT ?', behind, PAGE));
    for (const { id } of rows) await writeUpload(filePath(folder, String(id)), `files/${String(id)}`, write, now);
    if (rows.length < PAGE) return;
    behind = Number(rows.at(-1)!.seq);
  }
}

/** Records of other servers. They grow meanwhile; what is there when a file's turn comes is taken, and a line that has no end yet goes when it is opened. */
async function writeArrivals(folder: string, write: Write, now: number): Promise<void> {
  const arrivals = arrivalsPath(folder);
  if (!existsSync(arrivals)) return;
  for (const name of readdirSync(arrivals).toSorted())
    if (FILE_NAME.test(`arrivals/${name}`)) await writeUpload(join(arrivals, name), `arrivals/${name}`, write, now);
}

async function writeUpload(path: string, name: string, write: Write, now: number): Promise<void> {
  let file;
  try {
    file = await open(path, 'r');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return;
    throw diskError(path, error);
  }
  try {
    const { size } = await file.stat();
    await write(entryHeader({ name, sizeBytes: size }, now));
    for (let at = 0; at < size;) {
      const { buffer, bytesRead } = await file.read(new Uint8Array(Math.min(PIECE_BYTES, size - at)), { position: at });
      if (bytesRead === 0) throw diskError(path, new Error('a file that became shorter'));
      await write(buffer.subarray(0, bytesRead));
      at += bytesRead;
    }
    await write(padding(size));
  } finally {
    await file.close();
  }
}

async function writeWhole(file: WritableFile, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += (await file.write(bytes, at, bytes.length - at)).bytesWritten;
}

/**
 * A store from a backup, in a folder that is new or empty: it is there whole or not at all. `check` sees the store before it gets its name, and throws where it is
 * not right. Throws bad-input for a file that is no backup, or a damaged one.
 */
export async function restoreBackup(
  path: string,
  folder: string,
  check: (folder: string) => Promise<void>,
): Promise<void> {
  if (!existsSync(path))
    throw badInput({ file: path, message: 'must be a backup, got no such file; name it with --from' });
  await writeFolderAtomic(folder, async (temporary) => {
    chmodSync(temporary, 0o700);
    for (const name of ['files', 'jobs', 'arrivals']) mkdirSync(join(temporary, name), { mode: 0o700 });
    const names = new Set<string>();
    await fromFile(path, temporary, names);
    for (const name of ['secret', 'ledger.db'])
      if (!names.has(name))
        throw badInput({ file: path, message: `must be a backup of a store, got an archive without ${name}` });
    await check(temporary);
  });
}

async function fromFile(path: string, folder: string, names: Set<string>): Promise<void> {
  const archive = await open(path, 'r');
  let target: Awaited<ReturnType<typeof open>> | undefined;
  const finish = async (): Promise<void> => {
    await target?.sync();
    await target?.close();
    target = undefined;
  };
  try {
    await readArchive(
      async (length) => {
        const bytes = Buffer.alloc(length);
        let read = 0;
        while (read < length) {
          const { bytesRead } = await archive.read(bytes, read, length - read);
          if (bytesRead === 0) break;
          read += bytesRead;
        }
        return bytes.subarray(0, read);
      },
      async ({ name }) => {
        await finish();
        if (name !== 'secret' && name !== 'ledger.db' && !FILE_NAME.test(name))
          throw badInput(
            `must be a backup that preftune store backup wrote, got an archive with ${JSON.stringify(name)}`,
          );
        names.add(name);
        target = await open(join(folder, name), 'wx', 0o600);
        return (piece) => writeWhole(target!, piece);
      },
    );
    await finish();
    for (const name of ['files', 'arrivals']) syncFile(join(folder, name));
  } catch (error) {
    await target?.close();
    if (error instanceof PreftuneError && error.problems[0]!.file === undefined)
      throw new PreftuneError(error.code, { ...error.problems[0]!, file: path }, { cause: error.cause });
    throw diskError(path, error);
  } finally {
    await archive.close();
  }
}

/** SHA-256 of a file in hexadecimal digits, and its size; undefined where there is none. */
export async function digestOf(path: string): Promise<{ readonly sha256: string; readonly bytes: number } | undefined> {
  try {
    const { size } = await stat(path);
    const hash = createHash('sha256');
    const file = await open(path, 'r');
    try {
      for await (const piece of file.createReadStream({ autoClose: false })) hash.update(piece as Uint8Array);
    } finally {
      await file.close();
    }
    return { sha256: hash.digest('hex'), bytes: size };
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw diskError(path, error);
  }
}
