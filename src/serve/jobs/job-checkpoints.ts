import { join } from 'node:path';
import { messageOf, type JsonObject } from '../../core/index.ts';
import type { JobCheckpoint, JobRecord } from '../../ledger/index.ts';
import { listCheckpoints, METRICS_FILE, readMetrics } from '../../store/index.ts';
import { numbersOf } from './job-journal.ts';
import { allJobs, baseOf, runFolderOf, type JobContext } from './job-context.ts';

/** The name of a job's model, known before it is there. */
export function modelName(job: JobRecord): string {
  const { suffix } = job.request as { readonly suffix: string };
  return `ft:${baseOf(job).split('/').at(-1)!}:preftune:${suffix}:${job.id.slice(-8)}`;
}

export function checkpointName(job: JobRecord, step: number): string {
  return `${modelName(job)}:ckpt-step-${step}`;
}

/** The models of jobs in the server: the last, and those of checkpoints, which come and go while a job trains. */
export interface JobModels {
  /** Makes the checkpoints that the store tells of, and the models that answer, those that are on the disk. Throws what the store throws. */
  follow(job: JobRecord): Promise<void>;
  /** Puts the model of a job that is done in. Throws as the loader does. */
  serve(job: JobRecord): Promise<void>;
  /** Takes all of them out again: of a job that was cancelled or failed. */
  forget(job: JobRecord): Promise<void>;
  /** Remembers that a client has deleted a model, which is out of the server already: the next server does not put it in again. */
  deleted(name: string): Promise<void>;
}

export function createJobModels(context: JobContext): JobModels {
  const { ledger, onModel, onModelGone, onNote } = context;
  /** Names that were put in by this process. */
  const served = new Set<string>();

  const put = async (job: JobRecord, name: string, choice: string): Promise<void> => {
    await onModel({ name, path: `${runFolderOf(context, job.id)}${choice}`, base: baseOf(job) });
    served.add(name);
  };
  const take = async (name: string): Promise<void> => {
    if (!served.delete(name)) return;
    await onModelGone(name).catch((thrown: unknown) => onNote(`${name}: ${messageOf(thrown)}`));
  };
  const remove = async (job: JobRecord, checkpoint: JobCheckpoint): Promise<void> => {
    await take(checkpoint.model);
    await ledger.jobs.removeCheckpoint(checkpoint.id);
  };
  const told = async (job: JobRecord): Promise<readonly JobCheckpoint[]> =>
    (await ledger.jobs.checkpoints(job.id, { limit: 1000, order: 'asc' })).items;

  /** Those on the disk, without those that a client has deleted. */
  const stepsOf = async (job: JobRecord): Promise<ReadonlySet<number>> => {
    const gone = deletedModels((await ledger.jobs.get(job.id)) ?? job);
    const steps = listCheckpoints(runFolderOf(context, job.id)).map(({ step }) => step);
    return new Set(steps.filter((step) => !gone.includes(checkpointName(job, step))));
  };

  return {
    follow: async (job) => {
      const runFolder = runFolderOf(context, job.id);
      const steps = await stepsOf(job);
      const there = await told(job);
      for (const step of steps) {
        const model = checkpointName(job, step);
        if (served.has(model)) continue;
        try {
          await put(job, model, `@step-${step}`);
        } catch (thrown) {
          // A training that goes on may have put a newer one into its place meanwhile.
          if (listCheckpoints(runFolder).some((one) => one.step === step))
            onNote(`${model}: is not served: ${messageOf(thrown)}`);
          continue;
        }
        if (there.some((checkpoint) => checkpoint.step === step)) continue;
        await ledger.jobs.addCheckpoint({ jobId: job.id, step, model, metrics: checkpointMetrics(runFolder, step) });
        await ledger.jobs.addEvents(job.id, [
          { level: 'info', type: 'message', message: `Checkpoint created at step ${step}: ${model}` },
        ]);
      }
      for (const checkpoint of there) if (!steps.has(checkpoint.step)) await remove(job, checkpoint);
    },
    serve: async (job) => {
      if (!deletedModels(job).includes(modelName(job))) await put(job, modelName(job), '');
    },
    deleted: async (name) => {
      served.delete(name);
      for await (const job of allJobs(ledger)) {
        const own = modelName(job);
        if (name !== own && !name.startsWith(`${own}:ckpt-step-`)) continue;
        await ledger.jobs.change(job.id, {
          from: [job.status],
          set: { request: { ...job.request, deletedModels: [...deletedModels(job), name] } },
          events: [{ level: 'info', type: 'message', message: `Model deleted: ${name}` }],
        });
        for (const checkpoint of await told(job))
          if (checkpoint.model === name) await ledger.jobs.removeCheckpoint(checkpoint.id);
      }
    },
    forget: async (job) => {
      await take(modelName(job));
      for (const checkpoint of await told(job)) await remove(job, checkpoint);
    },
  };
}

function deletedModels({ request }: JobRecord): readonly string[] {
  return (request['deletedModels'] ?? []) as readonly string[];
}

/** As OpenAI names them. Validation rows are measured whole here, so what is measured is also what it calls `full_valid_`. */
function checkpointMetrics(runFolder: string, step: number): Record<string, number> {
  const records = readMetrics(join(runFolder, METRICS_FILE)).filter((record) => record.step === step);
  const metrics = numbersOf(Object.assign({}, ...records) as JsonObject);
  const full = ['valid_loss', 'valid_mean_token_accuracy'].flatMap((name) =>
    metrics[name] === undefined ? [] : [[`full_${name}`, metrics[name]] as const],
  );
  return { ...metrics, ...Object.fromEntries(full) };
}
