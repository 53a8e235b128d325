import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { writeFileAtomic } from '../../files/index.ts';
import type { JobRecord, Ledger } from '../../ledger/index.ts';
import { listCheckpoints } from '../../store/index.ts';
import { filesFolder } from '../files/files-folder.ts';

/** Puts a trained adapter into the server. */
export type ServeAdapter = (adapter: {
  readonly name: string;
  readonly path: string;
  readonly base: string;
}) => Promise<void>;

/** The name of a job's model, known before it is there. */
export function modelName({ id, request }: JobRecord): string {
  const { base, suffix } = request as { readonly base: string; readonly suffix: string };
  return `ft:${base.split('/').at(-1)!}:preftune:${suffix}:${id.slice(-8)}`;
}

/** The names of a job's models: the last, and those of its checkpoints. */
export function namesOf(name: string, runFolder: string): string[] {
  return [name, ...listCheckpoints(runFolder).map(({ step }) => `${name}:ckpt-step-${step}`)];
}

/** The trained adapter, and those of its checkpoints that are there. */
export async function serveModels(
  { fineTunedModel: name }: JobRecord,
  { base, runFolder, onModel }: { readonly base: string; readonly runFolder: string; readonly onModel: ServeAdapter },
): Promise<void> {
  await onModel({ name: name!, path: runFolder, base });
  for (const { step } of listCheckpoints(runFolder))
    await onModel({ name: `${name!}:ckpt-step-${step}`, path: `${runFolder}@step-${step}`, base });
}

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
