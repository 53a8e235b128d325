import { join } from 'node:path';
import type { JobRecord, Ledger } from '../../ledger/index.ts';
import type { CommandProcess } from './command-process.ts';
import type { FinishTime } from './finish-time.ts';
import type { JobFault } from './job-fault.ts';
import type { TrainableModel } from './trainable.ts';

export interface JobManagerOptions {
  readonly ledger: Ledger;
  /** Program and words that run preftune. */
  readonly command: readonly string[];
  /** What a name of the server trains. Throws ServeError for one that cannot be trained. */
  readonly trainable: (name: string) => TrainableModel;
  /** Puts a trained adapter into the server. */
  readonly onModel: (adapter: { readonly name: string; readonly path: string; readonly base: string }) => Promise<void>;
  /** Takes one out again. */
  readonly onModelGone: (name: string) => Promise<void>;
  /** What the commands get of the environment: no keys of the server. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly threads: number | undefined;
  /** Jobs that train at once. */
  readonly atOnce: number;
  readonly maxQueued: number;
  readonly onNote: (note: string) => void;
}

/** What the parts of the job manager have in common. */
export interface JobContext extends JobManagerOptions {
  /** The commands of jobs that are checked or trained now, by the ids of the jobs. */
  readonly processes: Map<string, CommandProcess>;
  /** Bytes that the jobs that train now are going to hold, by their ids. */
  readonly claims: Map<string, number>;
  /** Of jobs that are trained now. */
  readonly finishTimes: Map<string, FinishTime>;
  readonly isClosing: () => boolean;
}

export const UNDER_WAY = ['validating_files', 'queued', 'running'] as const;

export function isUnderWay({ status }: JobRecord): boolean {
  return (UNDER_WAY as readonly string[]).includes(status);
}

export function folderOf({ ledger }: Pick<JobContext, 'ledger'>, id: string): string {
  return join(ledger.folder, 'jobs', id);
}

export function runFolderOf(context: Pick<JobContext, 'ledger'>, id: string): string {
  return join(folderOf(context, id), 'run');
}

export function recipeOf({ request }: JobRecord): 'dpo' | 'sft' {
  return (request as { readonly recipe: 'dpo' | 'sft' }).recipe;
}

/** The name of the model that is trained, or whose adapter is. */
export function baseOf({ request }: JobRecord): string {
  return (request as { readonly base: string }).base;
}

/** Bytes that the training is going to hold, as its check found; 0 before. */
export function peakBytesOf({ request }: JobRecord): number {
  return Number(request['peakBytes'] ?? 0);
}

/** Another number of threads adds in another order, so that a run would not go on bit for bit. */
export function threadWords(threads: number | undefined): string[] {
  return threads === undefined ? [] : ['--threads', String(threads)];
}

/** Ends a job that is under way as failed. */
export async function fail({ ledger }: Pick<JobContext, 'ledger'>, id: string, fault: JobFault): Promise<void> {
  const { code, message, param } = fault;
  await ledger.jobs.change(id, {
    from: UNDER_WAY,
    set: { status: 'failed', finishedAt: Date.now(), error: { code, message, param } },
    events: [{ level: 'error', type: 'message', message }],
  });
}

/** What a command that ended without a word of its own comes to. */
export function endedFault(
  what: string,
  { code, signal }: { readonly code: number | null; readonly signal: string | null },
): JobFault {
  const how = signal === null ? `ended with code ${code}` : `was ended by ${signal}`;
  return { code: 'training_failed', message: `The ${what} process ${how}`, param: null };
}

/** Oldest first. */
export async function* allJobs(ledger: Ledger): AsyncGenerator<JobRecord> {
  let after: string | undefined;
  for (;;) {
    const { items, hasMore } = await ledger.jobs.list({ after, limit: 100, order: 'asc' });
    yield* items;
    after = items.at(-1)?.id;
    if (!hasMore || after === undefined) return;
  }
}

export async function jobsUnderWay(ledger: Ledger): Promise<JobRecord[]> {
  const jobs: JobRecord[] = [];
  for await (const job of allJobs(ledger)) if (isUnderWay(job)) jobs.push(job);
  return jobs;
}
