import { z } from 'zod';
import { BASE_PRECISIONS } from '../models/index.ts';
import { COMPATIBILITY_MODES, lossOptions, type LossOption } from '../objectives/index.ts';

/**
 * The schemas of the specifications: every option once, with its range, default and meaning. Command line, configuration files
 * and help texts are made of them.
 */

const positiveInteger = z.int().min(1);
const positive = z.number().positive();
const share = z.number().min(0).lt(1);

const lora = z.strictObject({
  rank: positiveInteger.default(16).describe('rank of the adapter'),
  alpha: positive.default(32).describe('the adapter counts alpha / rank'),
  dropout: share.default(0).describe('share of the adapter input that training zeroes'),
  rankStabilised: z.boolean().default(false).describe('count alpha / sqrt(rank) instead (rsLoRA)'),
  targets: z
    .array(z.string().min(1))
    .min(1)
    .default(['all-linear'])
    .describe('modules that get an adapter: names (embed_tokens and lm_head too), regular expressions, or all-linear'),
  layers: z
    .array(z.string().min(1))
    .min(1)
    .optional()
    .describe('layers whose projections get one, such as 0-11,24; default all'),
  variant: z
    .enum(['lora', 'dora', 'pissa', 'olora'])
    .default('lora')
    .describe('train lengths apart (dora), or start from the weights themselves (pissa, olora)'),
  pissaIterations: z
    .int()
    .min(0)
    .max(64)
    .optional()
    .describe(
      'pissa: iterations of the randomised decomposition; 0 decomposes exactly, which takes minutes; default 4',
    ),
  plus: z.boolean().default(false).describe('let B learn faster than A (LoRA+)'),
  plusRatio: z.number().min(1).optional().describe('LoRA+: learning rate of B over that of A; default 16'),
});

const optimizer = z.strictObject({
  name: z.enum(['adamw', 'sgd', 'rmsprop']).default('adamw').describe('update rule'),
  beta1: share.optional().describe('adamw: decay of the mean gradient; default 0.9'),
  beta2: share.optional().describe('adamw: decay of the mean squared gradient; default 0.999'),
  smoothing: share.optional().describe('rmsprop: decay of the mean squared gradient; default 0.99'),
  momentum: share.optional().describe('sgd: share of the last direction that stays; default 0.9'),
  epsilon: positive.optional().describe('adamw, rmsprop: added to the denominator; default 1e-8'),
  weightDecay: z.number().min(0).optional().describe('decay of matrices; default 0'),
});

const limits = {
  maxLength: positiveInteger
    .optional()
    .describe(
      "tokens of prompt and answer; longer answers are cut at the end; default 1024, or the model's positions where these are fewer",
    ),
  maxPromptLength: positiveInteger.optional().describe('tokens of the prompt; a longer one loses its start'),
  lenient: z.boolean().default(false).describe('skip and count bad rows instead of stopping'),
};

const machine = {
  microBatchTokens: positiveInteger.default(512).describe('tokens computed at a time; more needs more memory'),
  device: z.enum(['cpu', 'webgpu', 'cuda']).default('cpu').describe('where tensors live and are computed'),
  threads: positiveInteger.optional().describe('threads of the cpu device; default all cores'),
};

const model = z.string().min(1).describe('a Hugging Face folder, a .gguf file, or a hub id');

/** One name of data, or several for a mixture. */
const dataNames = z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]);

const common = {
  model,
  adapter: z.string().min(1).optional().describe('continue training this PEFT adapter folder'),
  data: dataNames.describe(
    'rows: file, folder, pattern or hub id; with =0.3 behind it three rows of ten; may be repeated',
  ),
  heldOut: dataNames.optional().describe('rows to evaluate on, named like --data'),
  heldOutFraction: z
    .number()
    .min(0)
    .max(0.5)
    .default(0)
    .describe('share of the prompts of --data to hold out, where there is no --held-out'),
  output: z.string().min(1).describe('the run folder, new or empty'),
  method: z.enum(['lora', 'full']).default('lora').describe('train an adapter, or every weight'),
  lora: lora.optional(),
  basePrecision: z
    .enum(BASE_PRECISIONS)
    .default('float32')
    .describe('in what the frozen projections under an adapter are kept: less memory, and int8 is faster'),
  optimizer: optimizer.prefault({}),
  learningRate: positive.optional(),
  schedule: z.enum(['linear', 'cosine', 'constant']).default('linear').describe('learning rate after warm-up'),
  warmupRatio: share.default(0.1).describe('share of the steps over which the rate rises'),
  maxGradientNorm: z.number().min(0).default(1).describe('clip the gradient to this norm; 0 never clips'),
  batchSize: positiveInteger.default(8).describe('rows of an optimizer step'),
  epochs: positive.default(1).describe('passes over the data'),
  maxSteps: positiveInteger.optional().describe('stop after this many steps, whatever the epochs'),
  order: z.enum(['shuffled', 'sequential']).default('shuffled').describe('order of the rows'),
  lengthBuckets: z.boolean().default(false).describe('draw batches of similar length'),
  seed: z.int().min(0).default(42).describe('decides order, new weights and dropout'),
  ...limits,
  logSteps: positiveInteger.default(1).describe('write metrics every so many steps'),
  evaluateSteps: positiveInteger
    .optional()
    .describe('evaluate held-out rows every so many steps; default ten times a run'),
  checkpointSteps: positiveInteger
    .optional()
    .describe('save a checkpoint every so many steps; default ten times a run'),
  samples: z
    .int()
    .min(0)
    .max(100)
    .default(3)
    .describe('held-out prompts that the report shows answered before and after training; 0 for none'),
  keepCheckpoints: positiveInteger.default(2).describe('newest checkpoints that stay'),
  ...machine,
  memoryBudgetMb: positiveInteger
    .optional()
    .describe('memory for values kept between forward and backward pass; default a quarter of what is free'),
};

/** Options of losses: what is in range, and what has an effect, the objectives say. */
function lossField(spec: LossOption) {
  const field = 'choices' in spec ? z.enum(spec.choices as [string, ...string[]]) : z.number();
  const usual = typeof spec.default === 'string' ? spec.default : String(spec.default);
  return field.optional().describe(`${spec.meaning}; default ${usual}`);
}

export const LOSS_FIELDS = Object.fromEntries(
  Object.entries({ ...lossOptions('ranking'), ...lossOptions('unpaired'), ...lossOptions('pair') }).map(
    ([name, spec]) => [name, lossField(spec)],
  ),
);

const beta = z.number().optional().describe('strength of the pull towards the reference; each loss has its default');

const objective = {
  objective: z
    .string()
    .min(1)
    .default('sigmoid')
    .describe('the loss: a name of docs/objectives.md, or several as sigmoid:0.8,sft:0.2'),
  ...LOSS_FIELDS,
  beta,
  betaSchedule: z.enum(['constant', 'linear', 'cosine']).default('constant').describe('how beta goes to --beta-end'),
  betaEnd: positive.optional().describe('beta at the last step'),
  compat: z.enum(COMPATIBILITY_MODES).optional().describe('compute as this version of another trainer does'),
  margins: z.boolean().default(false).describe("subtract the rows' own field margin (ODPO)"),
  weights: z.boolean().default(false).describe("multiply losses by the rows' own field weight"),
};

function learningRate(adapter: string, full: string) {
  const defaults = `default ${adapter}, with --method full ${full}`;
  return positive.optional().describe(`highest learning rate of the schedule; ${defaults}`);
}

const dpo = z.strictObject({
  ...common,
  learningRate: learningRate('5e-5', '1e-6'),
  reference: z.string().min(1).optional().describe('another model as the reference; default: the model as it starts'),
  referenceUpdate: z
    .enum(['none', 'hard', 'soft', 'stepwise'])
    .default('none')
    .describe(
      'how the reference follows the policy: copied or mixed every so many steps (TR-DPO), or copied after each part of the rows (stepwise DPO)',
    ),
  referenceEvery: positiveInteger.optional().describe('hard, soft: steps between two updates; default 512'),
  referenceMix: z
    .number()
    .positive()
    .lt(1)
    .optional()
    .describe('soft: share of the policy in the new reference; default 0.6'),
  stages: positiveInteger
    .optional()
    .describe('stepwise: parts of the rows, in their order, each a training of its own'),
  ...objective,
});

const sft = z.strictObject({
  ...common,
  learningRate: learningRate('2e-4', '2e-5'),
  loss: z.enum(['completion', 'all']).default('completion').describe('score the completion only, or the prompt too'),
  chosenOfPairs: z.boolean().default(false).describe('train on the chosen side of pairs'),
  initialise: z
    .boolean()
    .default(false)
    .describe('start from random weights, which replace those of the folder; needs --method full'),
});

const score = z.strictObject({
  model,
  adapter: z.string().min(1).optional().describe('PEFT adapter folder on top of the model'),
  reference: z
    .string()
    .min(1)
    .optional()
    .describe('model that rewards are measured from; default with --adapter: the model without it'),
  referenceFree: z
    .enum(['sum', 'average'])
    .optional()
    .describe(
      'compare log-probabilities without a reference: summed over an answer, or averaged over its tokens; default sum where there is no reference',
    ),
  data: common.data,
  beta: positive.default(0.1).describe('rewards are beta x (log-probability - the reference one)'),
  ...limits,
  ...machine,
});

export const SCHEMAS = { dpo, sft, score } as const;
export type RecipeName = keyof typeof SCHEMAS;
export type DpoFields = z.output<typeof dpo>;
export type SftFields = z.output<typeof sft>;
export type ScoreSpecification = z.output<typeof score>;
export type CommonFields = z.output<z.ZodObject<typeof common>>;
export type LoraSpecification = z.output<typeof lora>;

/** The defaults of a new adapter. */
export function defaultLora(): LoraSpecification {
  return lora.parse({});
}
