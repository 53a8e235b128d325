import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../../core/index.ts';
import { hourly, type FileRecord, type Ledger } from '../../ledger/index.ts';

/** The folder of a store's uploads. */
export function filesFolder({ folder }: Ledger): string {
  const path = join(folder, 'files');
  mkdirSync(path, { recursive: true, mode: 0o700 });
  return path;
}

export function hasExpired({ expiresAt }: FileRecord, now = Date.now()): boolean {
  return expiresAt !== undefined && expiresAt <= now;
}

/** Takes a file away, its bytes first. */
export async function removeFile(ledger: Ledger, { id }: Pick<FileRecord, 'id'>): Promise<void> {
  rmSync(join(filesFolder(ledger), id), { force: true });
  await ledger.files.remove(id);
}

const PAGE_FILES = 500;
const HOUR_MS = 3_600_000;

/** Takes away the files that have expired, and bytes without a record, which a kill at the end of an upload leaves. */
export async function sweepFiles(ledger: Ledger, now = Date.now()): Promise<void> {
  const expired: FileRecord[] = [];
  for (let after: string | undefined; ;) {
    const { items, hasMore } = await ledger.files.list({ after, limit: PAGE_FILES, order: 'asc' });
    expired.push(...items.filter((file) => hasExpired(file, now)));
    after = items.at(-1)?.id;
    if (!hasMore || after === undefined) break;
  }
  for (const file of expired) await removeFile(ledger, file);
  const folder = filesFolder(ledger);
  for (const name of readdirSync(folder)) {
    const stat = statSync(join(folder, name), { throwIfNoEntry: false });
    // An upload that has just ended gets its record in a moment.
    if (stat === undefined || now - stat.mtimeMs < HOUR_MS) continue;
    if ((await ledger.files.get(name)) === undefined) rmSync(join(folder, name), { force: true });
  }
}

/** Does so now and every hour. */
export function sweepFilesHourly(ledger: Ledger, onNote: (note: string) => void): { stop(): Promise<void> } {
  return hourly(async () => {
    try {
      await sweepFiles(ledger);
    } catch (thrown) {
      onNote(`files: what has expired was not removed: ${messageOf(thrown)}`);
    }
  });
}
