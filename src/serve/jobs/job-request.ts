import type { JobBody } from '../../api/index.ts';
import { randomBytes } from 'node:crypto';
import type { FileRecord, JobRecord, Ledger } from '../../ledger/index.ts';
import { hasExpired } from '../files/files-folder.ts';
import { MODEL_NAME } from '../models/model-book.ts';
import { ServeError } from '../serve-error.ts';
import { checkpointName } from './job-checkpoints.ts';
import { jobsUnderWay, runFolderOf, type JobContext } from './job-context.ts';
import { planJob } from './job-options.ts';
import type { TrainableModel } from './trainable.ts';

/** A request that was found good: its job, which nothing was done for yet, and what it trains. */
export interface AcceptedJob {
  readonly job: JobRecord;
  readonly trained: TrainableModel;
  /** For its events. */
  readonly notes: readonly string[];
}

/** Throws ServeError 400, 404 and 429. */
export async function acceptJob(body: JobBody, context: JobContext): Promise<AcceptedJob> {
  const model = attempt(() => context.trainable(body.model));
  // What is wrong with the options is told before a model that is not there: it is more.
  const plan = planJob(body, { isContinued: 'value' in model && model.value.adapter !== undefined });
  if ('thrown' in model) throw model.thrown;
  await requireFiles(body, context.ledger);
  const waiting = await jobsUnderWay(context.ledger);
  const { adapter } = model.value;
  if (waiting.some(({ id }) => adapter?.startsWith(`${runFolderOf(context, id)}@`)))
    throw new ServeError(
      400,
      `model: must stay until the job begins, got ${body.model}, a checkpoint of a job that still trains and may replace it; wait until that one has ended`,
      { param: 'model', code: 'invalid_value' },
    );
  if (waiting.length >= context.maxQueued)
    throw new ServeError(429, `${waiting.length} jobs wait already; try again when some are done`, {
      code: 'rate_limit_exceeded',
      retryAfterSeconds: 60,
    });
  const job: JobRecord = {
    id: `ftjob-${randomBytes(12).toString('hex')}`,
    createdAt: Date.now(),
    status: 'validating_files',
    isPaused: false,
    model: body.model,
    trainingFile: body.training_file,
    validationFile: body.validation_file ?? undefined,
    request: {
      method: plan.recipe === 'dpo' ? 'dpo' : 'supervised',
      recipe: plan.recipe,
      options: plan.options,
      hyperparameters: plan.hyperparameters,
      base: model.value.base,
      suffix: body.suffix ?? '',
      seed: body.seed ?? 42,
      metadata: body.metadata ?? {},
    },
    resultFiles: [],
  };
  if (!MODEL_NAME.test(checkpointName(job, Number.MAX_SAFE_INTEGER)))
    throw new ServeError(400, `suffix: must be shorter, or the name of ${body.model}; together they are no name`, {
      param: 'suffix',
      code: 'invalid_value',
    });
  return { job, trained: model.value, notes: plan.notes };
}

function attempt<T>(work: () => T): { readonly value: T } | { readonly thrown: unknown } {
  try {
    return { value: work() };
  } catch (thrown) {
    return { thrown };
  }
}

/** The files of a request must be there, for fine-tuning, and different. */
async function requireFiles(body: JobBody, ledger: Ledger): Promise<void> {
  const find = async (param: string, id: string): Promise<FileRecord> => {
    const file = await ledger.files.get(id);
    if (file === undefined || hasExpired(file)) throw invalidFile(param, `${id} does not exist`);
    if (file.purpose !== 'fine-tune') throw invalidFile(param, `${id} is for ${file.purpose}, not for fine-tune`);
    return file;
  };
  const training = await find('training_file', body.training_file);
  if (body.validation_file === undefined || body.validation_file === null) return;
  const validation = await find('validation_file', body.validation_file);
  if (validation.sha256 === training.sha256)
    throw invalidFile('validation_file', 'must have other rows than training_file, got the same file');
}

function invalidFile(param: string, message: string): ServeError {
  return new ServeError(400, `${param}: ${message}`, { param, code: 'invalid_file' });
}
