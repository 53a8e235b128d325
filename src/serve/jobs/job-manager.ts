import { rmSync } from 'node:fs';
import type { JobBody } from '../../api/index.ts';
import { messageOf } from '../../core/index.ts';
import type { JobRecord } from '../../ledger/index.ts';
import { ServeError } from '../serve-error.ts';
import { checkJob, hasRoom } from './job-check.ts';
import { createJobModels } from './job-checkpoints.ts';
import {
  allJobs,
  fail,
  folderOf,
  isUnderWay,
  jobsUnderWay,
  UNDER_WAY,
  type JobContext,
  type JobManagerOptions,
} from './job-context.ts';
import type { JobFault } from './job-fault.ts';
import { dropRows, prepareJob } from './job-folder.ts';
import { createLane } from './job-lane.ts';
import { acceptJob } from './job-request.ts';
import { runJob } from './job-run.ts';

/** Fine-tuning jobs: each is checked, waits for its turn, and trains as a command of preftune in a process of its own. */
export interface JobManager {
  /** Throws ServeError 400 with everything that is wrong. Resolves when the job is on the disk. */
  create(body: JobBody): Promise<JobRecord>;
  get(id: string): Promise<JobRecord>;
  cancel(id: string): Promise<JobRecord>;
  pause(id: string): Promise<JobRecord>;
  resume(id: string): Promise<JobRecord>;
  /** A client has deleted a model, which may be a job's. */
  modelDeleted(name: string): Promise<void>;
  /** When a job that trains now is done, as its steps say, in milliseconds since 1970; undefined where nobody knows. */
  finishOf(id: string): number | undefined;
  /** At the start of a server: models of jobs that succeeded answer again, jobs that were under way go on. */
  begin(): Promise<void>;
  /** Stops the jobs under way after their steps; the next server goes on with them. */
  close(): Promise<void>;
}

export function createJobManager(options: JobManagerOptions): JobManager {
  const { ledger, onNote } = options;
  let isClosing = false;
  const context: JobContext = {
    ...options,
    processes: new Map(),
    claims: new Map(),
    finishTimes: new Map(),
    isClosing: () => isClosing,
  };
  const models = createJobModels(context);

  /** Of a job that is over and has no model, or no rows that it needs any more. */
  const tidy = async (id: string): Promise<void> => {
    const job = await ledger.jobs.get(id);
    if (job === undefined || isUnderWay(job)) return;
    dropRows(folderOf(context, id));
    if (job.status !== 'succeeded') await models.forget(job);
  };

  /** A part of a job's way, after which it may be over. */
  const work =
    (part: (job: JobRecord) => Promise<void>) =>
    async (job: JobRecord): Promise<void> => {
      try {
        await part(job);
      } catch (thrown) {
        onNote(`${job.id}: ${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}`);
        await fail(context, job.id, FAULT_OF_OURS);
      }
      await tidy(job.id);
    };

  const toldWaiting = new Set<string>();
  const tellWaiting = async ({ id }: JobRecord): Promise<void> => {
    if (toldWaiting.has(id)) return;
    toldWaiting.add(id);
    const message = 'Waits for memory, until a job that trains now has ended';
    await ledger.jobs.addEvents(id, [{ level: 'info', type: 'message', message }]);
  };

  const training = createLane({
    slots: options.atOnce,
    next: async (busy) => {
      const ready = (await jobsUnderWay(ledger)).find(
        ({ id, status, isPaused }) => status !== 'validating_files' && !isPaused && !busy.has(id),
      );
      // None is passed by one behind it, or a large one would never have its turn.
      if (ready === undefined || hasRoom(ready, context)) return ready;
      await tellWaiting(ready);
      return undefined;
    },
    work: work((job) => runJob(job, { ...context, models })),
    onNote,
  });

  const checking = createLane({
    slots: 1,
    next: async (busy) =>
      (await jobsUnderWay(ledger)).find(({ id, status }) => status === 'validating_files' && !busy.has(id)),
    work: async (job) => {
      await work((one) => checkJob(one, context))(job);
      training.wake();
    },
    onNote,
  });

  /** Puts the model of a job that is done in. One that cannot be is told once, without its checkpoints. */
  const isServed = (job: JobRecord): Promise<boolean> =>
    models.serve(job).then(
      () => true,
      (thrown: unknown) => {
        onNote(`${job.fineTunedModel}: is not served: ${messageOf(thrown)}`);
        return false;
      },
    );

  const wake = (): void => {
    checking.wake();
    training.wake();
  };

  const find = async (id: string): Promise<JobRecord> => {
    const job = await ledger.jobs.get(id);
    if (job !== undefined) return job;
    throw new ServeError(404, `No such fine-tuning job: ${id.slice(0, 100)}`, { code: 'not_found', param: 'id' });
  };

  /** Changes a job that is under way. Throws ServeError 400 where it is over: repeating it would not help. */
  const change = async (id: string, set: Partial<JobRecord>, done: string): Promise<JobRecord> => {
    const { status } = await find(id);
    const changed = await ledger.jobs.change(id, {
      from: UNDER_WAY,
      set,
      events: [{ level: 'info', type: 'message', message: `The job was ${done}` }],
    });
    if (changed !== undefined) return changed;
    throw new ServeError(400, `The job is ${status} and cannot be ${done} any more`, {
      code: 'invalid_state',
      shouldRetry: false,
    });
  };

  return {
    get: find,
    create: async (body) => {
      const { job, trained, notes } = await acceptJob(body, context);
      const folder = folderOf(context, job.id);
      await prepareJob(job, { ledger, threads: options.threads, model: trained, folder });
      try {
        await ledger.jobs.add(job);
      } catch (thrown) {
        rmSync(folder, { recursive: true, force: true });
        throw thrown;
      }
      await ledger.jobs.addEvents(job.id, [
        { level: 'info', type: 'message', message: `Created fine-tuning job: ${job.id}` },
        ...notes.map((message) => ({ level: 'warn', type: 'message', message }) as const),
      ]);
      wake();
      return job;
    },
    cancel: async (id) => {
      const job = await change(id, { status: 'cancelled', finishedAt: Date.now(), isPaused: false }, 'cancelled');
      // Where a process has it, what is left of it goes when that has ended.
      const process = context.processes.get(id);
      if (process === undefined) await tidy(id);
      else process.stop();
      return job;
    },
    pause: async (id) => {
      const job = await change(id, { isPaused: true }, 'paused');
      if (job.status === 'running') context.processes.get(id)?.stop();
      return job;
    },
    resume: async (id) => {
      const job = await change(id, { isPaused: false }, 'resumed');
      wake();
      return job;
    },
    modelDeleted: (name) => models.deleted(name),
    finishOf: (id) => context.finishTimes.get(id)?.at,
    begin: async () => {
      for await (const job of allJobs(ledger)) {
        if (!isUnderWay(job)) dropRows(folderOf(context, job.id));
        if (job.status === 'failed' || job.status === 'cancelled') continue;
        if (job.status === 'succeeded' && !(await isServed(job))) continue;
        await models.follow(job);
      }
      wake();
    },
    close: async () => {
      isClosing = true;
      for (const process of context.processes.values()) process.stop();
      await Promise.all([checking.close(), training.close()]);
    },
  };
}

const FAULT_OF_OURS: JobFault = {
  code: 'server_error',
  message: 'The server had a fault of its own; its log says more',
  param: null,
};
