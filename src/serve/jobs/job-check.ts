import { join } from 'node:path';
import { isObject, type Problem } from '../../core/index.ts';
import { availableBytes } from '../../policy/index.ts';
import type { JobEvent, JobRecord } from '../../ledger/index.ts';
import type { RunPlan } from '../../train/index.ts';
import { startCommand } from './command-process.ts';
import { endedFault, fail, folderOf, peakBytesOf, recipeOf, type JobContext } from './job-context.ts';
import { cleanerOf, faultOf, type JobFault } from './job-fault.ts';
import { heldBytes, roomAfter, roomBeside, type MemoryClaim } from './job-memory.ts';
import { planReport } from './plan-report.ts';

type NewEvent = Omit<JobEvent, 'id' | 'jobId' | 'createdAt'>;

interface Heard {
  readonly warnings: string[];
  error: { readonly code: string; readonly problems: readonly Problem[] } | undefined;
}

/** Warnings that are told of one check; a file can have one for each of its ways to be odd. */
const MOST_WARNINGS = 50;

/**
 * What becomes of a job is asked of its own command, which plans and does not train: rows and their faults, tokens, what is cut, memory and disk. The job is queued
 * then, or failed with everything that is wrong.
 */
export async function checkJob(job: JobRecord, context: JobContext): Promise<void> {
  const { ledger, processes, command, environment, onNote } = context;
  const files = [job.trainingFile, job.validationFile].filter((id) => id !== undefined);
  await ledger.jobs.addEvents(job.id, [info(`Validating training file: ${files.join(', validation file: ')}`)]);
  const heard: Heard = { warnings: [], error: undefined };
  const process = startCommand({
    command,
    words: [recipeOf(job), '--config', join(folderOf(context, job.id), 'job.json'), ...PLAN_WORDS],
    environment,
    onEvent: (event) => {
      if (event.event === 'warning') heard.warnings.push(String(event['message']));
      if (event.event === 'error') heard.error = event['error'] as unknown as Heard['error'];
    },
  });
  processes.set(job.id, process);
  if (context.isClosing()) process.stop();
  const end = await process.ended;
  processes.delete(job.id);
  const now = await ledger.jobs.get(job.id);
  if (now?.status !== 'validating_files' || process.isStopped) return;
  if (end.lastWords !== '') onNote(`${job.id}: ${end.lastWords}`);
  const clean = cleanerOf(job, context);
  const plan = planOf(end.result);
  const fault =
    faultOfCheck(plan, heard, { context, job, clean }) ??
    (plan === undefined ? endedFault('checking', end) : undefined);
  const warnings = heard.warnings.slice(0, MOST_WARNINGS).map((message) => warn(clean(message)));
  if (fault !== undefined) {
    await ledger.jobs.addEvents(job.id, warnings);
    return fail(context, job.id, fault);
  }
  await ledger.jobs.change(job.id, {
    from: ['validating_files'],
    set: { status: 'queued', request: { ...now.request, peakBytes: plan!.memory.peakBytes } },
    events: [
      ...warnings,
      ...planReport(plan!).map(({ message, data }): NewEvent => ({ ...info(message), data })),
      info('Files validated, moving job to queued state'),
    ],
  });
}

/** No model is loaded, and nothing is timed or written. */
const PLAN_WORDS = ['--dry-run', '--no-timed', '--json'];

function info(message: string): NewEvent {
  return { level: 'info', type: 'message', message };
}

function warn(message: string): NewEvent {
  return { level: 'warn', type: 'message', message };
}

function planOf(result: string): RunPlan | undefined {
  try {
    const value: unknown = JSON.parse(result);
    return isObject(value) && isObject(value['memory']) ? (value as unknown as RunPlan) : undefined;
  } catch {
    return undefined;
  }
}

/** Why the job cannot be done; undefined where it can, or where only the jobs that train now are in its way. */
function faultOfCheck(
  plan: RunPlan | undefined,
  { error }: Heard,
  {
    context,
    job,
    clean,
  }: { readonly context: JobContext; readonly job: JobRecord; readonly clean: (message: string) => string },
): JobFault | undefined {
  if (error === undefined) return undefined;
  if (plan === undefined) {
    const { fault, isOurs } = faultOf(error, { folder: folderOf(context, job.id), clean });
    if (isOurs) context.onNote(`${job.id}: ${error.problems.map(({ message }) => message).join('; ')}`);
    return fault;
  }
  // What is kept for the backward pass is computed again where there is no room for it.
  const { parts, peakBytes } = plan.memory;
  const needed = peakBytes - (parts['values kept for the backward pass'] ?? 0);
  const fitsLater = roomAfter(claimsOf(context), plan.memory.availableBytes) >= needed;
  const problems = plan.problems.filter(({ message }) => !(fitsLater && message.startsWith('memory:')));
  if (problems.length === 0) return undefined;
  const message = problems.map((problem) => clean(problem.message)).join('\n');
  return { code: 'insufficient_resources', message, param: null };
}

/** What the jobs that train now are going to hold, and hold. */
function claimsOf({ claims, processes }: JobContext): MemoryClaim[] {
  return [...claims].map(([id, peak]) => ({ peak, held: heldBytes(processes.get(id)?.pid) }));
}

/** Whether a job has room beside those that train now. One alone begins always: its own check knows better. */
export function hasRoom(job: JobRecord, context: JobContext): boolean {
  if (context.claims.size === 0) return true;
  return peakBytesOf(job) <= roomBeside(claimsOf(context), availableBytes());
}
