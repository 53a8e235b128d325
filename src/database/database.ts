import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import { dirname } from 'node:path';
import { badInput } from '../core/index.ts';
import { diskError, requireWritable, streamFileAtomic, syncFolder, type WritableFile } from '../files/index.ts';
import { DatabaseChannel } from './channel.ts';
import type { DatabaseKind } from './migration.ts';
import { givenRow, storedStatement, type SqlResult, type SqlRow, type SqlStatement } from './sql.ts';

/** One SQLite file. All promises of writes resolve when what was written is on the disk. */
export interface Database {
  readonly path: string;
  readonly sqliteVersion: string;
  /**
   * All statements or none. Writes that are asked for together share a flush. Undefined where a required statement changed nothing, which undid the others.
   * Throws run-failed on a full or failing disk, bad-input where a row breaks a constraint.
   */
  write(statements: readonly SqlStatement[]): Promise<readonly SqlResult[] | undefined>;
  /** Rows that are committed, of one moment. */
  readAll(statements: readonly SqlStatement[]): Promise<readonly (readonly SqlRow[])[]>;
  read(statement: SqlStatement): Promise<readonly SqlRow[]>;
  /** Puts the write-ahead log into the file and empties it: what was deleted before is in neither afterwards. */
  checkpoint(): Promise<void>;
  /** Rewrites the file without holes. Everything else waits. */
  vacuum(): Promise<void>;
  /** What is wrong with the file; nothing where it is whole. */
  check(): Promise<readonly string[]>;
  /** A copy of the file of one moment, given piece by piece while others write; `begin` is told its size first. One at a time: the next waits. */
  copy(take: (piece: Uint8Array) => Promise<void>, begin?: (bytes: number) => Promise<void>): Promise<void>;
  /** A copy as a file that is there whole or not at all. Throws bad-input where something is there. */
  backup(path: string): Promise<void>;
  /** Does what was asked before, then closes; the same the second time. */
  close(): Promise<void>;
}

const PIECE_BYTES = 2 ** 20;

/**
 * Opens the file, or makes it, in a thread of its own that has the only connection. Throws bad-input for a file that is no database, is another program's, is of a
 * newer version or cannot be written; run-failed for one that is damaged.
 *
 * @example
 * ```ts run
 * import { openDatabase, sql } from 'preftune/database';
 *
 * const database = await openDatabase('notes.db', {
 *   name: 'notebook',
 *   applicationId: 77,
 *   migrations: [{ version: 1, script: 'CREATE TABLE notes (text TEXT NOT NULL) STRICT' }],
 * });
 * await database.write([sql('INSERT INTO notes (text) VALUES (?)', "it's here")]);
 * console.log(await database.read(sql('SELECT text FROM notes'))); // [ { text: "it's here" } ]
 * await database.close();
 * ```
 */
export async function openDatabase(path: string, kind: DatabaseKind): Promise<Database> {
  requireWritable(dirname(path));
  const channel = new DatabaseChannel(path);
  let bytes: number;
  let sqliteVersion: string;
  try {
    ({ sqliteVersion } = await channel.send<'open'>({ type: 'open', path, kind }));
    // The names of the file and of its log must last, too.
    syncFolder(dirname(path));
    // Kept open to the end: whoever closes a file gives up all locks that the process has on it (POSIX), SQLite's among them.
    bytes = openSync(path, 'r');
  } catch (error) {
    await channel.close();
    throw diskError(path, error);
  }
  /** Copies stand in a row, and what would change the file waits for the last of them. */
  let copied: Promise<void> = Promise.resolve();
  const read = async (statements: readonly SqlStatement[]): Promise<readonly (readonly SqlRow[])[]> => {
    const all = await channel.send<'read'>({ type: 'read', statements: statements.map(storedStatement) });
    return all.map((rows) => rows.map(givenRow));
  };

  async function copyPieces(
    take: (piece: Uint8Array) => Promise<void>,
    begin: (bytes: number) => Promise<void>,
  ): Promise<void> {
    try {
      const { bytes: size } = await channel.send<'freeze'>({ type: 'freeze' });
      await begin(size);
      for (let at = 0; at < size; at += PIECE_BYTES) {
        const piece = new Uint8Array(Math.min(PIECE_BYTES, size - at));
        if (readSync(bytes, piece, 0, piece.length, at) !== piece.length)
          throw diskError(path, new Error('a file that is shorter than it says'));
        await take(piece);
      }
    } finally {
      await channel.send<'thaw'>({ type: 'thaw' });
    }
  }

  const copy: Database['copy'] = (take, begin = async () => undefined) => {
    const mine = copied.then(() => copyPieces(take, begin));
    copied = mine.catch(() => undefined);
    return mine;
  };

  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    await copied;
    await channel.close();
    closeSync(bytes);
  };

  return {
    path,
    sqliteVersion,
    async write(statements) {
      const results = await channel.send<'write'>({ type: 'write', statements: statements.map(storedStatement) });
      return results?.map(({ changes, rows }) => ({ changes, rows: rows.map(givenRow) }));
    },
    readAll: read,
    async read(statement) {
      const [rows] = await read([statement]);
      return rows!;
    },
    async checkpoint() {
      await copied;
      await channel.send<'checkpoint'>({ type: 'checkpoint' });
    },
    async vacuum() {
      await copied;
      await channel.send<'vacuum'>({ type: 'vacuum' });
    },
    check: () => channel.send<'check'>({ type: 'check' }),
    copy,
    async backup(to) {
      if (existsSync(to)) throw badInput({ file: to, message: 'must not be there yet; name another file' });
      await streamFileAtomic(to, (file) => copy((piece) => writePiece(file, piece)));
    },
    close: () => (closing ??= close()),
  };
}

async function writePiece(file: WritableFile, piece: Uint8Array): Promise<void> {
  for (let at = 0; at < piece.length;) at += (await file.write(piece, at, piece.length - at)).bytesWritten;
}
