import { z } from 'zod';
import { parseRows, sql, type Database, type SqlRow } from '../database/index.ts';
import { nullable, present } from './columns.ts';
import type { Ledger } from './ledger.ts';
import { readPage, removal } from './paging.ts';
import type { FileRecord } from './records.ts';

const ROW = z.object({
  id: z.string(),
  filename: z.string(),
  purpose: z.string(),
  bytes: z.int(),
  sha256: z.string(),
  created_at: z.int(),
  expires_at: nullable(z.int()),
  status: z.enum(['uploaded', 'processed', 'error']),
  status_details: nullable(z.string()),
});

export function parseFiles(rows: readonly SqlRow[]): FileRecord[] {
  return parseRows(ROW, rows).map((row) =>
    present({
      id: row.id,
      filename: row.filename,
      purpose: row.purpose,
      bytes: row.bytes,
      sha256: row.sha256,
      createdAt: row.created_at,
      expiresAt: row.expires_at,
      status: row.status,
      statusDetails: row.status_details,
    }),
  );
}

export function createFiles(database: Database, now: () => number): Ledger['files'] {
  return {
    async add(file) {
      await database.write([
        sql(
          `INSERT INTO files (id, filename, purpose, bytes, sha256, created_at, expires_at, status, status_details) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
          file.id,
          file.filename,
          file.purpose,
          file.bytes,
          file.sha256,
          file.createdAt,
          file.expiresAt,
          file.status,
          file.statusDetails,
        ),
      ]);
    },
    async get(id) {
      return parseFiles(await database.read(sql('SELECT * FROM files WHERE id = ?', id)))[0];
    },
    list: ({ purpose, ...page }) => readPage(database, filesQuery(purpose), page, parseFiles),
    async setStatus(id, status, details) {
      await database.write([sql('UPDATE files SET status = ?, status_details = ? WHERE id = ?', status, details, id)]);
    },
    async remove(id) {
      return (await database.write(removal('files', id, now()))) !== undefined;
    },
  };
}

export function filesQuery(purpose?: string) {
  const [where, values] = purpose === undefined ? [[], []] : [['purpose = ?'], [purpose]];
  return { table: 'files', select: 'SELECT * FROM files', seq: 'seq', where, values };
}
