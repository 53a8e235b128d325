import { z } from 'zod';

/** A number, or `auto`. Some clients write numbers as texts. */
const number = z.union([
  z.literal('auto'),
  z.number(),
  z
    .string()
    .regex(/^\d+(\.\d+)?(e[+-]?\d+)?$/i)
    .transform(Number),
]);

/** OpenAI's names, and Azure's. */
export const HYPERPARAMETERS = {
  beta: number.nullish(),
  batch_size: number.nullish(),
  learning_rate_multiplier: number.nullish(),
  n_epochs: number.nullish(),
  // Azure's own.
  l2_multiplier: number.nullish(),
  prompt_loss_weight: number.nullish(),
};
const hyperparameters = z.strictObject(HYPERPARAMETERS);
/** Azure writes the numbers without `hyperparameters` around them. */
const flat = z.strictObject({ hyperparameters: hyperparameters.nullish(), ...HYPERPARAMETERS });

export const JOB_BODY = z
  .strictObject({
    model: z.string().min(1).max(256),
    training_file: z.string().min(1).max(100),
    validation_file: z.string().min(1).max(100).nullish(),
    suffix: z.string().max(64).nullish(),
    seed: z
      .int()
      .min(0)
      .max(2 ** 31 - 1)
      .nullish(),
    metadata: z
      .record(z.string().max(64), z.string().max(512))
      .refine((pairs) => Object.keys(pairs).length <= 16, 'must have at most 16 pairs')
      .nullish(),
    integrations: z.array(z.looseObject({ type: z.string() })).nullish(),
    method: z
      .strictObject({
        type: z.enum(['supervised', 'dpo', 'reinforcement']),
        dpo: flat.nullish(),
        supervised: flat.nullish(),
        reinforcement: z.looseObject({}).nullish(),
        preftune: z.record(z.string(), z.unknown()).nullish(),
      })
      .nullish(),
    hyperparameters: hyperparameters.nullish(),
    // Where older clients of Azure write them.
    ...HYPERPARAMETERS,
    /** Azure's tier of machines; its clients send it with every job. */
    trainingType: z.union([z.string().max(100), z.number()]).nullish(),
  })
  .meta({ id: 'CreateFineTuningJob' });

export type JobBody = z.output<typeof JOB_BODY>;

const shownHyperparameters = z.record(z.string(), z.union([z.number(), z.literal('auto')]));
const shownMethod = z.object({ hyperparameters: shownHyperparameters });

/** OpenAI's object. Times are seconds since 1970. A job that was paused is `running`, with `preftune.state` in its metadata. */
export const JOB_OBJECT = z
  .object({
    id: z.string(),
    object: z.literal('fine_tuning.job'),
    created_at: z.int(),
    started_at: z.int().nullable(),
    finished_at: z.int().nullable(),
    estimated_finish: z.int().nullable(),
    model: z.string(),
    fine_tuned_model: z.string().nullable(),
    organization_id: z.string(),
    status: z.enum(['validating_files', 'queued', 'running', 'succeeded', 'failed', 'cancelled']),
    hyperparameters: shownHyperparameters,
    method: z.object({
      type: z.enum(['supervised', 'dpo']),
      dpo: shownMethod.optional(),
      supervised: shownMethod.optional(),
    }),
    training_file: z.string(),
    validation_file: z.string().nullable(),
    result_files: z.array(z.string()),
    trained_tokens: z.int().nullable(),
    seed: z.int(),
    error: z.object({ code: z.string(), message: z.string(), param: z.string().nullable() }).nullable(),
    integrations: z.array(z.looseObject({ type: z.string() })),
    metadata: z.record(z.string(), z.string()),
  })
  .meta({ id: 'FineTuningJob' });

export const JOB_EVENT = z
  .object({
    id: z.string(),
    object: z.literal('fine_tuning.job.event'),
    created_at: z.int(),
    level: z.enum(['info', 'warn', 'error']),
    type: z.enum(['message', 'metrics']),
    message: z.string(),
    data: z.record(z.string(), z.unknown()).nullable(),
  })
  .meta({ id: 'FineTuningJobEvent' });

export const JOB_CHECKPOINT = z
  .object({
    id: z.string(),
    object: z.literal('fine_tuning.job.checkpoint'),
    created_at: z.int(),
    fine_tuned_model_checkpoint: z.string(),
    fine_tuning_job_id: z.string(),
    step_number: z.int(),
    metrics: z.record(z.string(), z.number()),
  })
  .meta({ id: 'FineTuningJobCheckpoint' });
