import { z } from '@hono/zod-openapi';

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
  .openapi('CreateFineTuningJob');

export type JobBody = z.output<typeof JOB_BODY>;

export const JOB_OBJECT = z
  .looseObject({
    id: z.string(),
    object: z.literal('fine_tuning.job'),
    created_at: z.int(),
    status: z.enum(['validating_files', 'queued', 'running', 'succeeded', 'failed', 'cancelled']),
    model: z.string(),
    fine_tuned_model: z.string().nullable(),
    training_file: z.string(),
  })
  .openapi('FineTuningJob');
