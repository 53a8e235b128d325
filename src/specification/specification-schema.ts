import { z } from 'zod';
import { localTimeProblem, wallClockOf } from '../core/index.ts';
import { columnsProblem, TEXT_MODES, TRL_VERSIONS } from '../data/index.ts';
import { BASE_PRECISIONS } from '../models/index.ts';
import { COMPATIBILITY_MODES, lossOptions, type LossOption, type NumberOption } from '../objectives/index.ts';
import { changed, grouped, option, texts, type OptionsOf, type OptionShape } from '../options/index.ts';
import { REPORT_SHAPE } from './specification-reports.ts';

/**
 * The schemas of the specifications: every option once, with its range, default and meaning. Command line, configuration files
 * and help texts are made of them. The order of the fields is that of run.json.
 */

const positiveInteger = z.int().min(1);
const positive = z.number().positive();
const share = z.number().min(0).lt(1);
const text = z.string().min(1);

/** Headings of --help, in their order. */
export const TRAINING_GROUPS = [
  'Model and data',
  'Objective',
  'Steps',
  'What is trained',
  'Rows',
  'Optimizer',
  'Reference',
  'Reports and checkpoints',
  'Run',
  'Machine',
  'Of some objectives (docs/objectives.md says which)',
] as const satisfies readonly string[];
type Group = (typeof TRAINING_GROUPS)[number];

function inGroup<S extends OptionShape>(group: Group, shape: S): S {
  return grouped(group, shape);
}

const lora = z.strictObject(
  inGroup('What is trained', {
    rank: option(positiveInteger.default(16), { help: 'rank of the adapter', alias: '--rank', isCommon: true }),
    alpha: option(positive.default(32), {
      help: 'the adapter counts alpha / rank',
      alias: '--alpha',
      isCommon: true,
    }),
    dropout: option(share.default(0), {
      help: 'share of the adapter input that training zeroes',
      alias: '--dropout',
    }),
    rankStabilised: option(z.boolean().default(false), { help: 'count alpha / sqrt(rank) instead (rsLoRA)' }),
    targets: option(z.array(text).min(1).default(['all-linear']), {
      help: 'modules that get an adapter: names (embed_tokens and lm_head too), regular expressions, or all-linear',
      alias: '--targets',
    }),
    layers: option(z.array(text).min(1).optional(), {
      help: 'layers whose projections get one, such as 0-11,24',
      usually: 'all',
    }),
    variant: option(z.enum(['lora', 'dora', 'pissa', 'olora']).default('lora'), {
      help: 'train lengths apart (dora), or start from the weights themselves (pissa, olora)',
    }),
    pissaIterations: option(z.int().min(0).max(64).optional(), {
      help: 'pissa: iterations of the randomised decomposition; 0 decomposes exactly, which takes minutes',
      usually: '4',
    }),
    plus: option(z.boolean().default(false), { help: 'let B learn faster than A (LoRA+)' }),
    plusRatio: option(z.number().min(1).optional(), {
      help: 'LoRA+: learning rate of B over that of A',
      usually: '16',
    }),
  }),
);

const optimizer = z.strictObject(
  inGroup('Optimizer', {
    name: option(z.enum(['adamw', 'sgd', 'rmsprop']).default('adamw'), { help: 'update rule', alias: '--optimizer' }),
    beta1: option(share.optional(), { help: 'adamw: decay of the mean gradient', usually: '0.9' }),
    beta2: option(share.optional(), { help: 'adamw: decay of the mean squared gradient', usually: '0.999' }),
    smoothing: option(share.optional(), { help: 'rmsprop: decay of the mean squared gradient', usually: '0.99' }),
    momentum: option(share.optional(), { help: 'sgd: share of the last direction that stays', usually: '0.9' }),
    epsilon: option(positive.optional(), { help: 'adamw, rmsprop: added to the denominator', usually: '1e-8' }),
    weightDecay: option(z.number().min(0).optional(), {
      help: 'decay of matrices',
      alias: '--weight-decay',
      usually: '0',
    }),
  }),
);

/** The same for every command that renders conversations. */
export const TEMPLATE_TIME = option(
  z
    .string()
    .refine((time) => wallClockOf(time) !== undefined, { error: ({ input }) => localTimeProblem(String(input)) })
    .optional(),
  {
    help: 'the time that chat templates print (strftime_now), such as 2026-11-30 or 2026-11-30T09:30',
    usually: "now; a resumed run's own",
  },
);

/** The same for every command that reads rows. */
export const COLUMNS = option(
  z
    .record(text, text)
    .refine((columns) => columnsProblem(columns) === undefined, {
      error: ({ input }) => columnsProblem(input as Record<string, string>) ?? '',
    })
    .optional(),
  {
    help: 'what the rows call the fields, such as prompt=question,chosen=good,rejected=bad',
    isCommon: true,
  },
);

/** The same for every command that makes tokens of rows. */
export const TEXT_ROWS = option(z.enum(TEXT_MODES).default('auto'), {
  help: "rows of texts: a question and its answer in the model's chat template (chat), or as they stand (raw); auto: as the model was trained, else chat where it has a template",
});

const limits = inGroup('Rows', {
  columns: changed(COLUMNS, { isSameInSweep: true }),
  textRows: changed(TEXT_ROWS, { isSameInSweep: true, isCommon: true }),
  maxLength: option(positiveInteger.optional(), {
    help: 'tokens of prompt and answer; longer answers are cut at the end',
    usually: "1024, or the model's positions where these are fewer",
    isSameInSweep: true,
    isCommon: true,
  }),
  maxPromptLength: option(positiveInteger.optional(), {
    help: 'tokens of the prompt; a longer one loses its start',
    isSameInSweep: true,
  }),
  lenient: option(z.boolean().default(false), { help: 'skip and count bad rows instead of stopping' }),
  templateTime: changed(TEMPLATE_TIME, { isSameInSweep: true }),
});

const machine = inGroup('Machine', {
  microBatchTokens: option(positiveInteger.default(512), {
    help: 'tokens computed at a time; more needs more memory',
    isSameInSweep: true,
  }),
  device: option(z.enum(['cpu', 'webgpu', 'cuda']).default('cpu'), {
    help: 'where tensors live and are computed',
    isSameInSweep: true,
    isCommon: true,
  }),
  threads: option(positiveInteger.optional(), {
    help: 'threads of the cpu device',
    usually: 'all cores',
    isSameInSweep: true,
  }),
});

const model = option(text, {
  help: 'a Hugging Face folder, a .gguf file, or a hub id',
  alias: '-m',
  group: 'Model and data',
});

const data = option(texts(), {
  help: 'rows: file, folder, pattern or hub id; with =0.3 behind it three rows of ten; may be repeated',
  alias: '-d',
  group: 'Model and data',
});

/** What run.json has of model and data, and what is trained, in its order. */
const modelAndData = {
  model,
  ...inGroup('Model and data', {
    adapter: option(text.optional(), { help: 'continue training this PEFT adapter folder', isCommon: true }),
    data,
    heldOut: option(texts().optional(), { help: 'rows to evaluate on, named like --data', isCommon: true }),
    heldOutFraction: option(z.number().min(0).max(0.5).default(0), {
      help: 'share of the prompts of --data to hold out, where there is no --held-out',
      isSameInSweep: true,
      isCommon: true,
    }),
    output: option(text, {
      help: 'the run folder, new or empty',
      alias: '-o',
      mayDifferOnResume: true,
    }),
  }),
};

const trained = {
  method: option(z.enum(['lora', 'full']).default('lora'), {
    help: 'train an adapter, or every weight',
    group: 'What is trained' satisfies Group,
    isCommon: true,
  }),
  lora: lora.optional(),
  basePrecision: option(z.enum(BASE_PRECISIONS).default('float32'), {
    help: 'in what the frozen projections under an adapter are kept: less memory, and int8 is faster',
    group: 'What is trained' satisfies Group,
  }),
  optimizer: optimizer.prefault({}),
};

/** The rate where none is given depends on what is trained. */
function learningRate(values: { readonly lora: number; readonly full: number }) {
  return option(positive.optional(), {
    help: 'highest learning rate of the schedule',
    alias: '--lr',
    group: 'Steps' satisfies Group,
    usuallyBy: { option: 'method', values },
    isCommon: true,
  });
}

const steps = {
  ...inGroup('Steps', {
    schedule: option(z.enum(['linear', 'cosine', 'constant']).default('linear'), {
      help: 'learning rate after warm-up',
    }),
    warmupRatio: option(share.default(0.1), { help: 'share of the steps over which the rate rises' }),
    maxGradientNorm: option(z.number().min(0).default(1), {
      help: 'clip the gradient to this norm; 0 never clips',
    }),
    batchSize: option(positiveInteger.default(8), { help: 'rows of an optimizer step', isCommon: true }),
    epochs: option(positive.default(1), { help: 'passes over the data', isCommon: true }),
    maxSteps: option(positiveInteger.optional(), {
      help: 'a limit: end after so many steps where the epochs have more; it never makes a run longer',
      isCommon: true,
    }),
  }),
  ...inGroup('Rows', {
    order: option(z.enum(['shuffled', 'sequential']).default('shuffled'), { help: 'order of the rows' }),
    lengthBuckets: option(z.boolean().default(false), { help: 'draw batches of similar length' }),
  }),
  ...inGroup('Steps', {
    seed: option(z.int().min(0).default(42), { help: 'decides order, new weights and dropout', isCommon: true }),
  }),
};

const reports = inGroup('Reports and checkpoints', REPORT_SHAPE);

const memory = inGroup('Machine', {
  // It may change the last digits, for a machine that has less memory; the run says so.
  memoryBudgetMb: option(positiveInteger.optional(), {
    help: 'memory for values kept between forward and backward pass',
    usually: 'a quarter of what is free',
    mayDifferOnResume: true,
    isSameInSweep: true,
  }),
});

const settings = { ...limits, ...reports, ...machine, ...memory };

/**
 * Options of losses. Their ranges stand beside the type rather than in it: the objective checks them, since it alone knows which of its terms takes
 * which option, and a term may have options of its own.
 */
function lossField(spec: LossOption) {
  const type = 'choices' in spec ? z.enum(spec.choices as [string, ...string[]]) : numberIn(spec);
  return option(type.optional(), { help: spec.meaning, usually: String(spec.default) });
}

/** A number whose bounds are told to editors. */
function numberIn({ minimum, exclusiveMinimum, maximum, exclusiveMaximum }: NumberOption) {
  return z.number().meta({
    ...(minimum !== undefined && { [exclusiveMinimum === true ? 'exclusiveMinimum' : 'minimum']: minimum }),
    ...(maximum !== undefined && { [exclusiveMaximum === true ? 'exclusiveMaximum' : 'maximum']: maximum }),
  });
}

/** In --help beside the objective, not among the options of some losses. */
const beta = option(numberIn(lossOptions('pair')['beta'] as NumberOption).optional(), {
  help: 'strength of the pull towards the reference',
  usually: "the loss's own",
  group: 'Objective' satisfies Group,
  isCommon: true,
});

/** Every option of some loss, by name. */
export const LOSS_SHAPE: OptionShape = {
  ...inGroup(
    'Of some objectives (docs/objectives.md says which)',
    Object.fromEntries(
      Object.entries({ ...lossOptions('ranking'), ...lossOptions('unpaired'), ...lossOptions('pair') }).map(
        ([name, spec]) => [name, lossField(spec)],
      ),
    ),
  ),
  beta,
};

/** What is said of the objective besides the options of losses. */
export const OBJECTIVE_SHAPE = inGroup('Objective', {
  objective: option(text.default('sigmoid'), {
    help: 'the loss: a name of docs/objectives.md, or several as sigmoid:0.8,sft:0.2',
    isCommon: true,
  }),
  beta,
  betaSchedule: option(z.enum(['constant', 'linear', 'cosine']).default('constant'), {
    help: 'how beta goes to --beta-end',
  }),
  betaEnd: option(positive.optional(), { help: 'beta at the last step' }),
  margins: option(z.boolean().default(false), { help: "subtract the rows' own field margin (ODPO)" }),
  weights: option(z.boolean().default(false), { help: "multiply losses by the rows' own field weight" }),
  compat: option(z.enum(COMPATIBILITY_MODES).optional(), {
    help: 'compute as this version of another trainer does, and score the same tokens',
  }),
});

/** What the rewards are measured from, and how it follows the policy. */
export const REFERENCE_SHAPE = {
  reference: option(text.optional(), {
    help: 'another model as the reference',
    usually: 'the model as it starts',
    group: 'Model and data' satisfies Group,
    isCommon: true,
  }),
  ...inGroup('Reference', {
    referenceUpdate: option(z.enum(['none', 'hard', 'soft', 'stepwise']).default('none'), {
      help: 'how the reference follows the policy: copied or mixed every so many steps (TR-DPO), or copied after each part of the rows (stepwise DPO)',
    }),
    referenceEvery: option(positiveInteger.optional(), {
      help: 'hard, soft: steps between two updates',
      usually: '512',
    }),
    referenceMix: option(z.number().positive().lt(1).optional(), {
      help: 'soft: share of the policy in the new reference',
      usually: '0.6',
    }),
    stages: option(positiveInteger.optional(), {
      help: 'stepwise: parts of the rows, in their order, each a training of its own',
    }),
  }),
};

const dpo = z.strictObject({
  ...modelAndData,
  ...REFERENCE_SHAPE,
  ...OBJECTIVE_SHAPE,
  ...trained,
  learningRate: learningRate({ lora: 5e-5, full: 1e-6 }),
  ...steps,
  ...settings,
  // Their names are not known to types.
  ...(LOSS_SHAPE as Record<never, never>),
});

/** What sft alone takes. */
export const SFT_SHAPE = {
  loss: option(z.enum(['completion', 'last', 'all']).default('completion'), {
    help: 'score the completion (of a whole conversation every turn of the assistant), the last turn alone, or the prompt too',
    group: 'Objective' satisfies Group,
    isCommon: true,
  }),
  compat: option(z.enum(TRL_VERSIONS).optional(), {
    help: 'score the tokens that this version of TRL scores',
    group: 'Objective' satisfies Group,
  }),
  chosenOfPairs: option(z.boolean().default(false), {
    help: 'train on the chosen side of pairs',
    group: 'Rows' satisfies Group,
    isCommon: true,
  }),
  initialise: option(z.boolean().default(false), {
    help: 'start from random weights, which replace those of the folder; needs --method full',
    group: 'What is trained' satisfies Group,
  }),
};

const sft = z.strictObject({
  ...modelAndData,
  ...SFT_SHAPE,
  ...trained,
  learningRate: learningRate({ lora: 2e-4, full: 2e-5 }),
  ...steps,
  ...settings,
});

const score = z.strictObject({
  model,
  ...inGroup('Model and data', {
    adapter: option(text.optional(), { help: 'PEFT adapter folder on top of the model' }),
    reference: option(text.optional(), {
      help: 'model that rewards are measured from; with --adapter it is the model without it',
    }),
    referenceFree: option(z.enum(['sum', 'average']).optional(), {
      help: 'compare log-probabilities without a reference: summed over an answer, or averaged over its tokens',
      usually: 'sum where there is no reference',
    }),
    data,
    objective: option(text.optional(), {
      help: 'whose rewards: a name of docs/objectives.md',
      usually: "that of the run that is scored, else sigmoid: beta x (log-probability - the reference's)",
    }),
    beta: option(positive.optional(), { help: 'of the rewards', usually: "the objective's own" }),
  }),
  ...limits,
  ...machine,
});

export const SCHEMAS = { dpo, sft, score } as const;
export type RecipeName = keyof typeof SCHEMAS;
export type DpoFields = z.output<typeof dpo>;
export type SftFields = z.output<typeof sft>;
export type ScoreSpecification = z.output<typeof score>;
/** What dpo and sft share. */
export type CommonFields = OptionsOf<
  typeof modelAndData &
    typeof trained & { learningRate: ReturnType<typeof learningRate> } & typeof steps &
    typeof settings
>;
export type LoraSpecification = z.output<typeof lora>;

/** The defaults of a new adapter. */
export function defaultLora(): LoraSpecification {
  return lora.parse({});
}
