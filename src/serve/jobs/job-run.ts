import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { listCheckpoints, METRICS_FILE, readMetrics, RUN_FILE } from '../../store/index.ts';
import type { JobRecord } from '../../ledger/index.ts';
import { startCommand, type CommandProcess } from './command-process.ts';
import { createFinishTime } from './finish-time.ts';
import type { JobModels } from './job-checkpoints.ts';
import { modelName } from './job-checkpoints.ts';
import {
  endedFault,
  fail,
  folderOf,
  isUnderWay,
  peakBytesOf,
  recipeOf,
  runFolderOf,
  threadWords,
  UNDER_WAY,
  type JobContext,
} from './job-context.ts';
import { cleanerOf, faultOf, type JobFault } from './job-fault.ts';
import { endOrphan } from './job-folder.ts';
import { createJournal } from './job-journal.ts';
import { addResult } from './job-result.ts';
import { resolvedHyperparameters } from './resolved.ts';
import { resultCsv } from './result-csv.ts';

interface RunContext extends JobContext {
  readonly models: JobModels;
}

/** One job to its end, or to where it was stopped. A process that was ended from outside goes on as long as it gets further. */
export async function runJob(job: JobRecord, context: RunContext): Promise<void> {
  const { ledger, claims } = context;
  const runFolder = runFolderOf(context, job.id);
  claims.set(job.id, peakBytesOf(job));
  try {
    await endOrphan(runFolder);
    for (let last = -1; ;) {
      const started = await ledger.jobs.change(job.id, {
        from: UNDER_WAY,
        set: { status: 'running', startedAt: job.startedAt ?? Date.now() },
      });
      if (started === undefined || started.isPaused || context.isClosing()) return;
      const outcome = await train(job, context);
      if (outcome === 'stopped') return;
      if (outcome === 'done') return await succeed(job, context);
      const reached = listCheckpoints(runFolder).at(-1)?.step ?? 0;
      if (!outcome.wasKilled || reached <= last || context.isClosing()) return await fail(context, job.id, outcome);
      last = reached;
      await ledger.jobs.addEvents(job.id, [
        { level: 'warn', type: 'message', message: `${outcome.message}; going on from step ${reached}` },
      ]);
    }
  } finally {
    claims.delete(job.id);
  }
}

type Outcome = 'done' | 'stopped' | (JobFault & { readonly wasKilled: boolean });

/** The training command of a job, from its beginning or its last checkpoint, as far as it gets. */
async function train(job: JobRecord, context: RunContext): Promise<Outcome> {
  const { ledger, models, onNote } = context;
  const clean = cleanerOf(job, context);
  const journal = await createJournal(job, {
    ledger,
    clean,
    runFolder: runFolderOf(context, job.id),
    onCheckpoint: () => models.follow(job),
  });
  const finish = createFinishTime();
  const process: CommandProcess = startCommand({
    command: context.command,
    words: trainingWords(job, context),
    environment: context.environment,
    onEvent: (event) => {
      if (event.event === 'step') finish.stepped(Number(event['step']), Number(event['totalSteps']));
      journal.take(event);
    },
  });
  context.processes.set(job.id, process);
  context.finishTimes.set(job.id, finish);
  if (context.isClosing()) process.stop();
  const end = await process.ended;
  context.processes.delete(job.id);
  context.finishTimes.delete(job.id);
  await journal.flush();
  const now = await ledger.jobs.get(job.id);
  if (now === undefined || !isUnderWay(now)) return 'stopped';
  if (end.code === 0 && journal.isDone) return 'done';
  // Also where it was resumed before the process had ended: then the queue comes by again.
  if (process.isStopped || context.isClosing()) return 'stopped';
  if (journal.error !== undefined) {
    const { fault, isOurs } = faultOf(journal.error, { folder: folderOf(context, job.id), clean });
    if (isOurs) onNote(`${job.id}: ${journal.error.problems.map(({ message }) => message).join('; ')}`);
    return { ...fault, wasKilled: false };
  }
  if (end.lastWords !== '') onNote(`${job.id}: ${end.lastWords}`);
  return { ...endedFault('training', end), wasKilled: end.signal !== null || end.code === null };
}

function trainingWords(job: JobRecord, context: JobContext): string[] {
  const runFolder = runFolderOf(context, job.id);
  return existsSync(join(runFolder, RUN_FILE))
    ? [recipeOf(job), '--output', runFolder, '--resume', '--json', ...threadWords(context.threads)]
    : [recipeOf(job), '--config', join(folderOf(context, job.id), 'job.json'), '--json'];
}

/** Keeps the metrics as a file, puts the models into the server, and says that the job is done. */
async function succeed(job: JobRecord, context: RunContext): Promise<void> {
  const { ledger, models } = context;
  const runFolder = runFolderOf(context, job.id);
  const name = modelName(job);
  const csv = await addResult(job, { ledger, text: resultCsv(runFolder) });
  const trainedTokens = readMetrics(join(runFolder, METRICS_FILE))
    .map((record) => record['num_tokens'])
    .filter((value) => typeof value === 'number')
    .at(-1);
  await models.follow(job);
  await models.serve(job);
  const { request } = (await ledger.jobs.get(job.id)) ?? job;
  const succeeded = await ledger.jobs.change(job.id, {
    from: UNDER_WAY,
    set: {
      status: 'succeeded',
      finishedAt: Date.now(),
      fineTunedModel: name,
      resultFiles: [csv],
      trainedTokens,
      request: { ...request, hyperparameters: resolvedHyperparameters(job, runFolder) },
    },
    events: [
      { level: 'info', type: 'message', message: `New fine-tuned model created: ${name}` },
      { level: 'info', type: 'message', message: 'The job has successfully completed' },
    ],
  });
  // It was cancelled meanwhile, and a cancelled job has no model.
  if (succeeded === undefined) await models.forget(job);
}
