import { createHash, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { badInput } from '../../core/index.ts';
import { writeFileAtomic } from '../../files/index.ts';
import type { FeedbackRowOptions } from '../../feedback/index.ts';
import type { JobRecord, Ledger } from '../../ledger/index.ts';
import { dropSnapshot, markUse, openLoop, takeSnapshot, type Candidate, type Snapshot } from '../../loop/index.ts';
import { filesFolder, removeFile } from '../files/files-folder.ts';
import { modelName } from '../jobs/job-checkpoints.ts';
import type { JobManager } from '../jobs/job-manager.ts';
import type { ModelBook } from '../models/model-book.ts';

export interface TrainWish {
  /** What training begins from, and what it is held to. Default: the first model of the line that answers now. */
  readonly start?: string | undefined;
  readonly suffix?: string | undefined;
  readonly hyperparameters?: Readonly<Record<string, number | undefined>> | undefined;
  readonly rules?: FeedbackRowOptions | undefined;
}

export interface TrainingBegun {
  readonly candidate: Candidate;
  readonly snapshot: Snapshot;
  readonly job: JobRecord;
}

/**
 * Keeps the rows of now as a snapshot, begins a training on them, and makes what comes of it a candidate. It begins from the first model of the line, with that as the
 * reference: a model that is trained on what it was trained to be drifts a little further each time. Throws bad-input where there are no rows, or no start.
 */
export async function trainCandidate(
  { ledger, jobs, book }: { readonly ledger: Ledger; readonly jobs: JobManager; readonly book: ModelBook },
  { start, suffix, hyperparameters, rules }: TrainWish,
): Promise<TrainingBegun> {
  const loop = openLoop(ledger);
  const production = await loop.production();
  const line = production === undefined ? undefined : await loop.find(production);
  const origin = start ?? line?.origin ?? originOf(book, production);
  if (origin === undefined)
    throw badInput({
      path: 'start',
      message: 'must name the model that training begins from: prod stands for none yet, and there are several',
    });
  const { snapshot, records } = await takeSnapshot(ledger, { kind: 'pair', rules });
  const file = await addFile(ledger, snapshot, records);
  const job = await jobs
    .create({
      model: origin,
      training_file: file,
      suffix: suffix ?? 'loop',
      method: { type: 'dpo', dpo: { hyperparameters: { ...hyperparameters } } },
      metadata: { snapshot: snapshot.id },
    })
    .catch(async (thrown: unknown) => {
      // A training that is refused leaves nothing.
      await removeFile(ledger, { id: file });
      await dropSnapshot(ledger, snapshot.id);
      throw thrown;
    });
  const model = modelName(job);
  await markUse(ledger, snapshot.id, model);
  const candidate = await loop.add({
    model,
    parent: production ?? origin,
    origin,
    snapshotId: snapshot.id,
    jobId: job.id,
    state: 'training',
  });
  return { candidate, snapshot, job };
}

/** The model under an adapter; the only model, where nothing is in production. */
function originOf(book: ModelBook, production: string | undefined): string | undefined {
  if (production !== undefined) {
    const version = book.find(production);
    return version?.parent ?? version?.name;
  }
  const bases = book.list().filter(({ version, target }) => version.parent === undefined && target === undefined);
  return bases.length === 1 ? bases[0]!.name : undefined;
}

/** The rows as a file that jobs read. */
async function addFile(ledger: Ledger, { id: snapshot }: Snapshot, records: readonly object[]): Promise<string> {
  const bytes = Buffer.from(records.map((record) => `${JSON.stringify(record)}\n`).join(''));
  const id = `file-${randomBytes(12).toString('hex')}`;
  writeFileAtomic(join(filesFolder(ledger), id), bytes, { mode: 0o600 });
  await ledger.files.add({
    id,
    filename: `${snapshot}.jsonl`,
    purpose: 'fine-tune',
    bytes: bytes.byteLength,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    createdAt: Date.now(),
    status: 'processed',
  });
  return id;
}
