import type { Answered, JOB_ROUTES } from '../../api/index.ts';
import type { JobCheckpoint, JobEvent, JobRecord } from '../../ledger/index.ts';

type JobObject = Answered<typeof JOB_ROUTES.get>;

const seconds = (time: number): number => Math.floor(time / 1000);

/** OpenAI's object; `finishAt` is when it is going to be done, in milliseconds since 1970. A job that was paused is `running` to clients, whose types know no other word, and says `paused` in its metadata. */
export function jobObject(job: JobRecord, finishAt: number | undefined): JobObject {
  const request = job.request as {
    readonly method?: JobObject['method']['type'];
    readonly hyperparameters?: JobObject['hyperparameters'];
    readonly seed?: number;
    readonly metadata?: Record<string, string>;
  };
  const { method = 'supervised', hyperparameters = {}, seed = 42, metadata } = request;
  return {
    id: job.id,
    object: 'fine_tuning.job',
    created_at: seconds(job.createdAt),
    started_at: job.startedAt === undefined ? null : seconds(job.startedAt),
    finished_at: job.finishedAt === undefined ? null : seconds(job.finishedAt),
    estimated_finish: finishAt === undefined || job.status !== 'running' || job.isPaused ? null : seconds(finishAt),
    model: job.model,
    fine_tuned_model: job.fineTunedModel ?? null,
    organization_id: 'preftune',
    status: job.status,
    hyperparameters,
    method: {
      type: method,
      ...(method === 'dpo' ? { dpo: { hyperparameters } } : { supervised: { hyperparameters } }),
    },
    training_file: job.trainingFile,
    validation_file: job.validationFile ?? null,
    result_files: job.resultFiles,
    trained_tokens: job.trainedTokens ?? null,
    seed,
    error: job.error ?? null,
    integrations: [],
    metadata: { ...metadata, ...(job.isPaused && { 'preftune.state': 'paused' }) },
  };
}

export function eventObject({
  id,
  createdAt,
  level,
  type,
  message,
  data,
}: JobEvent): Answered<typeof JOB_ROUTES.events>['data'][number] {
  return {
    id,
    object: 'fine_tuning.job.event',
    created_at: seconds(createdAt),
    level,
    type,
    message,
    data: data ?? null,
  };
}

export function checkpointObject({
  id,
  jobId,
  createdAt,
  step,
  model,
  metrics,
}: JobCheckpoint): Answered<typeof JOB_ROUTES.checkpoints>['data'][number] {
  return {
    id,
    object: 'fine_tuning.job.checkpoint',
    created_at: seconds(createdAt),
    fine_tuned_model_checkpoint: model,
    fine_tuning_job_id: jobId,
    step_number: step,
    metrics: { step, ...metrics },
  };
}
