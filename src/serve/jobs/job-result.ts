import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { writeFileAtomic } from '../../files/index.ts';
import type { JobRecord, Ledger } from '../../ledger/index.ts';
import { filesFolder } from '../files/files-folder.ts';

/** Keeps the metrics of a job as a file. */
export async function addResult(
  job: JobRecord,
  { ledger, text }: { readonly ledger: Ledger; readonly text: string },
): Promise<string> {
  // The same id where the server died between this and the end of the job.
  const id = `file-${createHash('sha256').update(job.id).digest('hex').slice(0, 24)}`;
  if ((await ledger.files.get(id)) !== undefined) return id;
  writeFileAtomic(join(filesFolder(ledger), id), text);
  await ledger.files.add({
    id,
    filename: 'step_metrics.csv',
    purpose: 'fine-tune-results',
    bytes: Buffer.byteLength(text),
    sha256: createHash('sha256').update(text).digest('hex'),
    createdAt: Date.now(),
    status: 'processed',
  });
  return id;
}
