import { z } from 'zod';
import { badInput, type Problem } from '../core/index.ts';
import { objective as objectiveOf, resolveObjectiveOptions } from '../objectives/index.ts';
import { OPTIMIZERS, type OptimizerName, type OptimizerOptions } from '../optim/index.ts';

/**
 * The specification of a run: everything that changes its result, with every default written out. One schema for each
 * recipe; all problems are reported at once, and an option that has no effect in the chosen combination is refused by name.
 */

const positiveInteger = z.int().min(1);
const positive = z.number().positive();

const lora = z.strictObject({
  rank: positiveInteger.default(16).describe('rank of the adapter'),
  alpha: positive.default(32).describe('the adapter counts alpha / rank'),
  dropout: z.number().min(0).lt(1).default(0).describe('share of the adapter input that training zeroes'),
  rankStabilised: z.boolean().default(false).describe('count alpha / sqrt(rank) instead (rsLoRA)'),
  targets: z
    .array(z.string().min(1))
    .min(1)
    .default(['all-linear'])
    .describe('projections that get an adapter: names, regular expressions, or all-linear'),
});

const optimizer = z.strictObject({
  name: z.enum(['adamw', 'sgd', 'rmsprop']).default('adamw'),
  beta1: z.number().min(0).lt(1).optional(),
  beta2: z.number().min(0).lt(1).optional(),
  smoothing: z.number().min(0).lt(1).optional(),
  momentum: z.number().min(0).lt(1).optional(),
  epsilon: positive.optional(),
  weightDecay: z.number().min(0).optional(),
});

const common = {
  model: z.string().min(1).describe('a Hugging Face folder, a .gguf file, or a hub id'),
  adapter: z.string().min(1).optional().describe('continue training this PEFT adapter folder'),
  data: z.string().min(1).describe('a file or folder of rows'),
  heldOut: z.string().min(1).optional().describe('a file of held-out rows'),
  heldOutFraction: z
    .number()
    .min(0)
    .max(0.5)
    .default(0)
    .describe('share of prompts held out of --data when there is no --held-out file'),
  output: z.string().min(1).describe('the run folder'),
  method: z.enum(['lora', 'full']).default('lora').describe('train an adapter, or every weight'),
  lora: lora.optional(),
  optimizer: optimizer.prefault({}),
  learningRate: positive.optional(),
  schedule: z.enum(['linear', 'cosine', 'constant']).default('linear').describe('learning rate after warm-up'),
  warmupRatio: z.number().min(0).lt(1).default(0.1).describe('share of the steps over which the rate rises'),
  maxGradientNorm: positive.nullable().default(1).describe('clip the gradient to this norm; null never clips'),
  batchSize: positiveInteger.default(8).describe('rows of an optimizer step'),
  microBatchTokens: positiveInteger.default(512).describe('tokens computed at a time; more needs more memory'),
  epochs: positive.default(1),
  maxSteps: positiveInteger.optional().describe('stop after this many steps, whatever the epochs'),
  order: z.enum(['shuffled', 'sequential']).default('shuffled'),
  lengthBuckets: z.boolean().default(false).describe('draw batches of similar length'),
  seed: z.int().min(0).default(42),
  maxLength: positiveInteger.default(1024).describe('tokens of prompt and answer; longer answers are cut at the end'),
  maxPromptLength: positiveInteger.optional().describe('tokens of the prompt; a longer one loses its start'),
  lenient: z.boolean().default(false).describe('skip and count bad rows instead of stopping'),
  logSteps: positiveInteger.default(1),
  evaluateSteps: positiveInteger
    .optional()
    .describe('evaluate held-out rows every so many steps; default ten times a run'),
  checkpointSteps: positiveInteger
    .optional()
    .describe('save a checkpoint every so many steps; default ten times a run'),
  keepCheckpoints: positiveInteger.default(2),
  device: z.enum(['cpu', 'webgpu', 'cuda']).default('cpu'),
  threads: positiveInteger.optional(),
  memoryBudgetMb: positiveInteger
    .optional()
    .describe('memory for values kept between forward and backward pass; default a quarter of what is free'),
};

const dpoSchema = z.strictObject({
  ...common,
  reference: z.string().min(1).optional().describe('another model as the reference; default: the model as it starts'),
  objective: z.string().default('sigmoid').describe('the loss'),
  beta: z.number().optional().describe('strength of the pull towards the reference'),
});

const sftSchema = z.strictObject({
  ...common,
  loss: z.enum(['completion', 'all']).default('completion').describe('score the completion only, or the prompt too'),
  initialise: z
    .boolean()
    .default(false)
    .describe('start from random weights: the folder needs only config.json and a tokenizer'),
});

type Parsed<T> = T & {
  readonly lora: LoraSpecification | undefined;
  readonly learningRate: number;
  readonly optimizer: { readonly name: OptimizerName; readonly options: OptimizerOptions };
};

export type LoraSpecification = z.output<typeof lora>;
type CommonFields = z.output<z.ZodObject<typeof common>>;
export type CommonSpecification = Parsed<Omit<CommonFields, 'lora' | 'learningRate' | 'optimizer'>>;
export type DpoSpecification = CommonSpecification & {
  readonly recipe: 'dpo';
  readonly reference?: string | undefined;
  readonly objective: { readonly name: string; readonly options: Readonly<Record<string, number>> };
};
export type SftSpecification = CommonSpecification & {
  readonly recipe: 'sft';
  readonly loss: 'completion' | 'all';
  readonly initialise: boolean;
};

/** Learning rates where none is given: TRL's for full DPO, the usual tenfold and more for adapters. */
const LEARNING_RATES = { dpo: { lora: 5e-5, full: 1e-6 }, sft: { lora: 2e-4, full: 2e-5 } } as const;

function kebab(path: string): string {
  return `--${path.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

function schemaProblems(error: z.ZodError): Problem[] {
  return error.issues.map((issue) => {
    const path = issue.path.join('.');
    if (issue.code === 'unrecognized_keys') {
      const names = issue.keys.map((key) => (path === '' ? key : `${path}.${key}`)).join(', ');
      return { path: names, message: `${names}: no such option; see --help` };
    }
    return { path, message: `${kebab(path)}: ${issue.message.replace(/^Invalid input: /, '')}` };
  });
}

function idle(path: string, because: string): Problem {
  return { path, message: `${kebab(path)}: has no effect ${because}; remove it` };
}

/** Options given that the combination makes idle. */
function idleOptions(given: Readonly<Record<string, unknown>>, parsed: CommonFields): Problem[] {
  const problems: Problem[] = [];
  if (parsed.method === 'full' && given['lora'] !== undefined) problems.push(idle('lora', 'with --method full'));
  if (parsed.method === 'full' && parsed.adapter !== undefined) problems.push(idle('adapter', 'with --method full'));
  if (parsed.adapter !== undefined && given['lora'] !== undefined)
    problems.push(idle('lora', 'when --adapter continues an adapter, which has its own configuration'));
  if (parsed.heldOut !== undefined && parsed.heldOutFraction > 0)
    problems.push(idle('heldOutFraction', 'with --held-out'));
  if (parsed.heldOut === undefined && parsed.heldOutFraction === 0 && parsed.evaluateSteps !== undefined) {
    problems.push(idle('evaluateSteps', 'without --held-out or --held-out-fraction'));
  }
  if (parsed.order === 'sequential' && parsed.lengthBuckets)
    problems.push(idle('lengthBuckets', 'with --order sequential'));
  if (parsed.device !== 'cpu' && parsed.threads !== undefined)
    problems.push(idle('threads', `with --device ${parsed.device}`));
  const uses = OPTIMIZERS[parsed.optimizer.name].uses as readonly string[];
  for (const name of Object.keys(parsed.optimizer)) {
    if (name !== 'name' && !uses.includes(name))
      problems.push(
        idle(`optimizer.${name}`, `with optimizer ${parsed.optimizer.name}, which takes ${uses.join(', ')}`),
      );
  }
  return problems;
}

function resolveCommon(recipe: 'dpo' | 'sft', parsed: CommonFields): CommonSpecification {
  const { name, ...given } = parsed.optimizer;
  const options = {
    ...OPTIMIZERS[name].defaults,
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
  };
  const usesAdapter = parsed.method === 'lora' && parsed.adapter === undefined;
  return {
    ...parsed,
    lora: usesAdapter ? (parsed.lora ?? lora.parse({})) : undefined,
    learningRate: parsed.learningRate ?? LEARNING_RATES[recipe][parsed.method],
    optimizer: { name, options },
  };
}

function parse<T extends z.ZodType>(schema: T, given: Readonly<Record<string, unknown>>): z.output<T> {
  const result = schema.safeParse(given);
  if (!result.success) throw badInput(schemaProblems(result.error));
  return result.data;
}

/** The specification of `preftune dpo`. Throws bad-input with all problems. */
export function parseDpoSpecification(given: Readonly<Record<string, unknown>>): DpoSpecification {
  const parsed = parse(dpoSchema, given);
  const { objective, beta, reference, ...rest } = parsed;
  const problems = idleOptions(given, rest);
  const known = objectiveOf(objective);
  let options: Readonly<Record<string, number>> = {};
  try {
    options = resolveObjectiveOptions(known, beta === undefined ? {} : { beta });
  } catch (thrown) {
    problems.push(...(thrown as { problems: Problem[] }).problems);
  }
  if (problems.length > 0) throw badInput(problems);
  return { ...resolveCommon('dpo', rest), recipe: 'dpo', reference, objective: { name: objective, options } };
}

/** The specification of `preftune sft`. Throws bad-input with all problems. */
export function parseSftSpecification(given: Readonly<Record<string, unknown>>): SftSpecification {
  const parsed = parse(sftSchema, given);
  const { loss, initialise, ...rest } = parsed;
  const problems = idleOptions(given, rest);
  if (initialise && rest.method !== 'full')
    problems.push({
      path: 'initialise',
      message: '--initialise: random weights must all be trained; add --method full',
    });
  if (problems.length > 0) throw badInput(problems);
  return { ...resolveCommon('sft', rest), recipe: 'sft', loss, initialise };
}

/** The options of a recipe for help texts: path, description and default of each. */
export function specificationOptions(
  recipe: 'dpo' | 'sft',
): readonly { readonly path: string; readonly description: string; readonly default: unknown }[] {
  const shape = recipe === 'dpo' ? dpoSchema.shape : sftSchema.shape;
  const list = (
    prefix: string,
    fields: Readonly<Record<string, z.ZodType>>,
  ): { path: string; description: string; default: unknown }[] =>
    Object.entries(fields).flatMap(([name, field]) => {
      const parsed = field.safeParse(undefined);
      const inner =
        field instanceof z.ZodOptional || field instanceof z.ZodPrefault ? (field.unwrap() as z.ZodType) : field;
      if (inner instanceof z.ZodObject) return list(`${prefix}${name}.`, inner.shape);
      return [
        {
          path: `${prefix}${name}`,
          description: field.description ?? '',
          default: parsed.success ? parsed.data : undefined,
        },
      ];
    });
  return list('', shape);
}
