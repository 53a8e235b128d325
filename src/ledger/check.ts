import { join } from 'node:path';
import type { Problem } from '../core/index.ts';
import { sql, type Database } from '../database/index.ts';
import { entriesOf, isTemporary } from '../files/index.ts';
import { digestOf } from './backup.ts';
import type { Ledger } from './ledger.ts';
import { databasePath, filePath, jobsPath } from './places.ts';
import type { StoreCheck } from './records.ts';

const PAGE = 500;

/** The file of the database, the chain of the audit log, and what lies beside it against the rows that speak of it. */
export async function checkStore(folder: string, database: Database, audit: Ledger['audit']): Promise<StoreCheck> {
  const file = databasePath(folder);
  const problems: Problem[] = [];
  for (const message of await database.check())
    problems.push({ file, message: `must be whole, got ${message}; restore a backup` });
  // The rows of a damaged file cannot be trusted to say what should be there.
  if (problems.length > 0) return { problems, orphans: [] };
  const { brokenAt } = await audit.verify();
  if (brokenAt !== undefined)
    problems.push({
      file,
      message: `the audit log must be as it was written, got another hash or none at entry ${brokenAt}; compare it with a backup`,
    });
  const uploads = await idsOf(database, 'files');
  for (const { id, sha256, bytes } of uploads) {
    const path = filePath(folder, id);
    const found = await digestOf(path);
    if (found === undefined)
      problems.push({ file: path, message: 'must be there, got none; restore it, or delete the file over the API' });
    else if (found.sha256 !== sha256 || found.bytes !== bytes)
      problems.push({
        file: path,
        message: `must have the bytes that were uploaded, got others; restore it, or delete the file over the API`,
      });
  }
  const jobs = new Set((await idsOf(database, 'jobs')).map(({ id }) => id));
  const known = new Set(uploads.map(({ id }) => id));
  const orphans = [...strangers(join(folder, 'files'), known), ...strangers(jobsPath(folder), jobs)];
  return { problems, orphans };
}

function strangers(folder: string, known: ReadonlySet<string>): string[] {
  return entriesOf(folder)
    .filter(({ name }) => !known.has(name) && !isTemporary(name))
    .map(({ name }) => join(folder, name));
}

async function idsOf(
  database: Database,
  table: 'files' | 'jobs',
): Promise<{ readonly id: string; readonly sha256: unknown; readonly bytes: unknown }[]> {
  const all = [];
  for (let behind = 0; ;) {
    const rows = await database.read(sql(`SELECT * FROM ${table} WHERE seq > ? ORDER BY seq LIMIT ?`, behind, PAGE));
    all.push(...rows.map(({ id, sha256, bytes }) => ({ id: String(id), sha256, bytes })));
    if (rows.length < PAGE) return all;
    behind = Number(rows.at(-1)!.seq);
  }
}
