import { randomBytes } from 'node:crypto';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf, type JsonObject } from '../../core/index.ts';
import type { JobRecord, Ledger } from '../../ledger/index.ts';
import { listCheckpoints, METRICS_FILE, readMetrics, RUN_FILE } from '../../store/index.ts';
import { hasExpired } from '../files/files-folder.ts';
import { MODEL_NAME } from '../models/model-book.ts';
import { ServeError } from '../serve-error.ts';
import { planJob } from './job-options.ts';
import type { JobBody } from './job-schema.ts';
import { cleanerOf, faultOf, type JobFault } from './job-fault.ts';
import { dropRows, endOrphan, prepareJob } from './job-folder.ts';
import { addResult, modelName, namesOf, serveModels, type ServeAdapter } from './job-models.ts';
import { createJournal, numbersOf } from './job-journal.ts';
import { resolvedHyperparameters } from './resolved.ts';
import { resultCsv } from './result-csv.ts';
import type { TrainableModel } from './trainable.ts';
import { startTraining, type TrainingProcess } from './training-process.ts';

export interface JobManagerOptions {
  readonly ledger: Ledger;
  /** Program and words that run preftune. */
  readonly command: readonly string[];
  /** What a name of the server trains. Throws ServeError for one that cannot be trained. */
  readonly trainable: (name: string) => TrainableModel;
  /** Puts a trained adapter into the server. */
  readonly onModel: ServeAdapter;
  /** Takes one out again, whose job was cancelled while it was put in. */
  readonly onModelGone: (name: string) => Promise<void>;
  /** What the commands get of the environment: no keys of the server. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly threads: number | undefined;
  readonly maxQueued: number;
  readonly onNote: (note: string) => void;
}

/** Fine-tuning jobs, one after the other, each as a command of preftune in a process of its own. */
export interface JobManager {
  /** Throws ServeError 400 with everything that is wrong. Resolves when the job is on the disk. */
  create(body: JobBody): Promise<JobRecord>;
  get(id: string): Promise<JobRecord>;
  cancel(id: string): Promise<JobRecord>;
  pause(id: string): Promise<JobRecord>;
  resume(id: string): Promise<JobRecord>;
  /** At the start of a server: models of jobs that succeeded answer again, jobs that were under way go on. */
  begin(): Promise<void>;
  /** Stops the job under way after its step; the next server goes on with it. */
  close(): Promise<void>;
}

const UNDER_WAY = ['validating_files', 'queued', 'running'] as const;
/** After so long a queue is gone on with that the store could not be written for. */
const RETRY_MS = 30_000;

export function createJobManager(options: JobManagerOptions): JobManager {
  const { ledger, onNote } = options;
  let working: Promise<void> | undefined;
  let current: { readonly id: string; readonly process: TrainingProcess } | undefined;
  let isClosing = false;
  let isWanted = false;

  const folderOf = (id: string): string => join(ledger.folder, 'jobs', id);

  const find = async (id: string): Promise<JobRecord> => {
    const job = await ledger.jobs.get(id);
    if (job !== undefined) return job;
    throw new ServeError(404, `No such fine-tuning job: ${id.slice(0, 100)}`, { code: 'not_found', param: 'id' });
  };

  const create = async (body: JobBody): Promise<JobRecord> => {
    const trained = attempt(() => options.trainable(body.model));
    const plan = planJob(body, { isContinued: 'value' in trained && trained.value.adapter !== undefined });
    if ('thrown' in trained) throw trained.thrown;
    const { base } = trained.value;
    const files = [
      ['training_file', body.training_file],
      ['validation_file', body.validation_file ?? undefined],
    ] as const;
    const hashes = new Set<string>();
    for (const [param, id] of files) {
      const kept = id === undefined ? undefined : await ledger.files.get(id);
      const file = kept !== undefined && hasExpired(kept) ? undefined : kept;
      if (file !== undefined && hashes.has(file.sha256))
        throw new ServeError(400, `${param}: must have other rows than training_file, got the same file`, {
          param,
          code: 'invalid_file',
        });
      if (file !== undefined) hashes.add(file.sha256);
      if (id === undefined || file?.purpose === 'fine-tune') continue;
      const why = file === undefined ? `${id} does not exist` : `${id} is for ${file.purpose}, not for fine-tune`;
      throw new ServeError(400, `${param}: ${why}`, { param, code: 'invalid_file' });
    }
    const waiting = await jobsUnderWay(ledger);
    if (waiting.length >= options.maxQueued)
      throw new ServeError(429, `${waiting.length} jobs wait already; try again when some are done`, {
        code: 'rate_limit_exceeded',
        retryAfterSeconds: 60,
      });
    const id = `ftjob-${randomBytes(12).toString('hex')}`;
    const job: JobRecord = {
      id,
      createdAt: Date.now(),
      status: 'queued',
      isPaused: false,
      model: body.model,
      trainingFile: body.training_file,
      validationFile: body.validation_file ?? undefined,
      request: {
        method: plan.recipe === 'dpo' ? 'dpo' : 'supervised',
        recipe: plan.recipe,
        options: plan.options,
        hyperparameters: plan.hyperparameters,
        base,
        suffix: body.suffix ?? '',
        seed: body.seed ?? 42,
        metadata: body.metadata ?? {},
      },
      resultFiles: [],
    };
    if (!MODEL_NAME.test(`${modelName(job)}:ckpt-step-${Number.MAX_SAFE_INTEGER}`))
      throw new ServeError(400, `suffix: must be shorter, or the name of ${body.model}; together they are no name`, {
        param: 'suffix',
        code: 'invalid_value',
      });
    await prepareJob(job, { ledger, threads: options.threads, model: trained.value, folder: folderOf(id) });
    try {
      await ledger.jobs.add(job);
    } catch (thrown) {
      rmSync(folderOf(id), { recursive: true, force: true });
      throw thrown;
    }
    await ledger.jobs.addEvents(id, [{ level: 'info', type: 'message', message: `Created fine-tuning job: ${id}` }]);
    kick();
    return job;
  };

  /** Works through the queue, where nobody does. */
  const kick = (): void => {
    isWanted = true;
    working ??= work()
      // A store that cannot be written must not take the server with it: it answers without.
      .catch((thrown: unknown) => {
        isWanted = false;
        onNote(`jobs: ${messageOf(thrown)}; the queue goes on in ${RETRY_MS / 1000} s`);
        if (!isClosing) setTimeout(kick, RETRY_MS).unref();
      })
      .finally(() => {
        working = undefined;
        // Somebody came between the last look at the queue and this.
        if (isWanted && !isClosing) kick();
      });
  };

  const work = async (): Promise<void> => {
    while (isWanted) {
      isWanted = false;
      for (const job of await jobsUnderWay(ledger)) {
        if (isClosing) return;
        const now = await ledger.jobs.get(job.id);
        if (now === undefined || now.isPaused || !isUnderWay(now)) continue;
        try {
          await run(now);
        } catch (thrown) {
          onNote(`${job.id}: ${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}`);
          await end(job.id, FAULT_OF_OURS);
        }
        const then = await ledger.jobs.get(job.id);
        if (then !== undefined && !isUnderWay(then)) dropRows(folderOf(job.id));
      }
    }
  };

  const end = async (id: string, { code, message, param }: JobFault): Promise<void> => {
    await ledger.jobs.change(id, {
      from: UNDER_WAY,
      set: { status: 'failed', finishedAt: Date.now(), error: { code, message, param } },
      events: [{ level: 'error', type: 'message', message }],
    });
  };

  /** One job to its end, or to where it was stopped. A process that was ended from outside goes on as long as it gets further. */
  const run = async (job: JobRecord): Promise<void> => {
    const runFolder = join(folderOf(job.id), 'run');
    await endOrphan(runFolder);
    for (let last = -1; ;) {
      const started = await ledger.jobs.change(job.id, {
        from: UNDER_WAY,
        set: { status: 'running', startedAt: job.startedAt ?? Date.now() },
      });
      if (started === undefined || started.isPaused || isClosing) return;
      const outcome = await train(job, runFolder);
      if (outcome === 'stopped') return;
      if (outcome === 'done') return succeed(job, runFolder);
      const reached = listCheckpoints(runFolder).at(-1)?.step ?? 0;
      if (outcome.wasKilled && reached > last && !isClosing) {
        last = reached;
        await ledger.jobs.addEvents(job.id, [
          { level: 'warn', type: 'message', message: `${outcome.message}; going on from step ${reached}` },
        ]);
        continue;
      }
      return end(job.id, outcome);
    }
  };

  const train = async (
    job: JobRecord,
    runFolder: string,
  ): Promise<'done' | 'stopped' | (JobFault & { readonly wasKilled: boolean })> => {
    const { recipe } = job.request as { readonly recipe: string };
    const isResumed = existsSync(join(runFolder, RUN_FILE));
    const words = isResumed
      ? [recipe, '--output', runFolder, '--resume', '--json', ...threadWords(options.threads)]
      : [recipe, '--config', join(folderOf(job.id), 'job.json'), '--json'];
    const clean = cleanerOf(job, { ledger, trainable: options.trainable });
    const journal = await createJournal(job, { ledger, clean, runFolder });
    const process = startTraining({
      command: options.command,
      words,
      environment: options.environment,
      onEvent: journal.take,
    });
    current = { id: job.id, process };
    if (isClosing) process.stop();
    const { code, signal, lastWords } = await process.ended;
    current = undefined;
    await journal.flush();
    const now = await ledger.jobs.get(job.id);
    if (now === undefined || !isUnderWay(now)) return 'stopped';
    if (code === 0 && journal.isDone) return 'done';
    // Also where it was resumed before the process had ended: then the queue comes by again.
    if (process.isStopped || isClosing) return 'stopped';
    if (journal.error !== undefined) {
      const { fault, isOurs } = faultOf(journal.error, { folder: folderOf(job.id), clean });
      if (isOurs) onNote(`${job.id}: ${journal.error.problems.map(({ message }) => message).join('; ')}`);
      return { ...fault, wasKilled: false };
    }
    const how = signal === null ? `ended with code ${code}` : `was ended by ${signal}`;
    if (lastWords !== '') onNote(`${job.id}: ${lastWords}`);
    return {
      code: 'training_failed',
      message: `The training process ${how}`,
      param: null,
      wasKilled: signal !== null || code === null,
    };
  };

  const succeed = async (job: JobRecord, runFolder: string): Promise<void> => {
    const name = modelName(job);
    const { base } = job.request as { readonly base: string };
    const csv = await addResult(job, { ledger, text: resultCsv(runFolder) });
    const metrics = readMetrics(join(runFolder, METRICS_FILE));
    const trainedTokens = metrics
      .map((record) => record['num_tokens'])
      .filter((value) => typeof value === 'number')
      .at(-1);
    const { items: there } = await ledger.jobs.checkpoints(job.id, { limit: 1000, order: 'asc' });
    for (const { step } of listCheckpoints(runFolder)) {
      // The server died between this and the end of the job.
      if (there.some((checkpoint) => checkpoint.step === step)) continue;
      const measured = metrics.filter((record) => record.step === step);
      await ledger.jobs.addCheckpoint({
        jobId: job.id,
        step,
        model: `${name}:ckpt-step-${step}`,
        metrics: numbersOf(Object.assign({}, ...measured) as JsonObject),
      });
    }
    await serveModels({ ...job, fineTunedModel: name }, { base, runFolder, onModel: options.onModel });
    const hyperparameters = resolvedHyperparameters(job, runFolder);
    const succeeded = await ledger.jobs.change(job.id, {
      from: UNDER_WAY,
      set: {
        status: 'succeeded',
        finishedAt: Date.now(),
        fineTunedModel: name,
        resultFiles: [csv],
        trainedTokens,
        request: { ...job.request, hyperparameters },
      },
      events: [
        { level: 'info', type: 'message', message: `New fine-tuned model created: ${name}` },
        { level: 'info', type: 'message', message: 'The job has successfully completed' },
      ],
    });
    // It was cancelled meanwhile, and a cancelled job has no model.
    if (succeeded === undefined)
      for (const one of namesOf(name, runFolder))
        await options.onModelGone(one).catch((thrown: unknown) => onNote(`${one}: ${messageOf(thrown)}`));
  };

  /** Changes a job that is under way. Throws ServeError 400 where it is over: repeating it would not help. */
  const change = async (
    id: string,
    { set, event, what }: { readonly set: Partial<JobRecord>; readonly event: string; readonly what: string },
  ): Promise<JobRecord> => {
    const { status } = await find(id);
    const changed = await ledger.jobs.change(id, {
      from: UNDER_WAY,
      set,
      events: [{ level: 'info', type: 'message', message: event }],
    });
    if (changed !== undefined) return changed;
    throw new ServeError(400, `The job is ${status} and cannot be ${what} any more`, {
      code: 'invalid_state',
      shouldRetry: false,
    });
  };

  const stopIfCurrent = (id: string): void => {
    if (current?.id === id) current.process.stop();
  };

  return {
    create,
    get: find,
    cancel: async (id) => {
      const job = await change(id, {
        set: { status: 'cancelled', finishedAt: Date.now(), isPaused: false },
        event: 'The job was cancelled',
        what: 'cancelled',
      });
      if (current?.id === id) current.process.stop();
      else dropRows(folderOf(id));
      return job;
    },
    pause: async (id) => {
      const job = await change(id, { set: { isPaused: true }, event: 'The job was paused', what: 'paused' });
      stopIfCurrent(id);
      return job;
    },
    resume: async (id) => {
      const job = await change(id, { set: { isPaused: false }, event: 'The job was resumed', what: 'resumed' });
      kick();
      return job;
    },
    begin: async () => {
      for await (const job of allJobs(ledger)) {
        if (!isUnderWay(job)) dropRows(folderOf(job.id));
        if (job.status === 'succeeded' && job.fineTunedModel !== undefined) {
          const { base } = job.request as { readonly base: string };
          const runFolder = join(folderOf(job.id), 'run');
          await serveModels(job, { base, runFolder, onModel: options.onModel }).catch((thrown: unknown) =>
            onNote(`${job.fineTunedModel}: is not served: ${messageOf(thrown)}`),
          );
        }
      }
      kick();
    },
    close: async () => {
      isClosing = true;
      current?.process.stop();
      await working;
    },
  };
}

const FAULT_OF_OURS: JobFault = {
  code: 'server_error',
  message: 'The server had a fault of its own; its log says more',
  param: null,
};

function attempt<T>(work: () => T): { readonly value: T } | { readonly thrown: unknown } {
  try {
    return { value: work() };
  } catch (thrown) {
    return { thrown };
  }
}

/** Another number of threads adds in another order, so that a run would not go on bit for bit. */
function threadWords(threads: number | undefined): string[] {
  return threads === undefined ? [] : ['--threads', String(threads)];
}

function isUnderWay({ status }: JobRecord): boolean {
  return (UNDER_WAY as readonly string[]).includes(status);
}

/** Oldest first. */
async function* allJobs(ledger: Ledger): AsyncGenerator<JobRecord> {
  let after: string | undefined;
  for (;;) {
    const { items, hasMore } = await ledger.jobs.list({ after, limit: 100, order: 'asc' });
    yield* items;
    after = items.at(-1)?.id;
    if (!hasMore || after === undefined) return;
  }
}

async function jobsUnderWay(ledger: Ledger): Promise<JobRecord[]> {
  const jobs: JobRecord[] = [];
  for await (const job of allJobs(ledger)) if (isUnderWay(job)) jobs.push(job);
  return jobs;
}
