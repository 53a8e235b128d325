import { z } from 'zod';
import { badInput, type Problem } from '../core/index.ts';
import { fieldNames, schemaProblems } from '../options/index.ts';
import { hasAdapter } from '../policy/index.ts';
import { RESPONSE_FORMATS } from '../ask/index.ts';
import type { Rule } from './rules/rules.ts';
import { LENGTH_UNITS } from './rules/rules-text.ts';
import { SANDBOX_LANGUAGES } from './rules/sandbox.ts';
import { ASPECTS, type AspectName } from './rubrics.ts';

const count = z.number().int().min(1);
const name = z.string().min(1).optional();
const texts = z.array(z.string().min(1)).min(1);

/** A language model as a judge. The key is read from the environment variable that `apiKeyVariable` names, and never written. */
export const LLM = z.strictObject({
  kind: z.literal('llm'),
  name,
  model: z.string().min(1),
  url: z.string().min(1).default('https://api.openai.com/v1'),
  apiKeyVariable: z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be the name of an environment variable, not a key')
    .default('OPENAI_API_KEY'),
  aspects: z
    .array(z.enum(ASPECTS as [AspectName, ...AspectName[]]))
    .min(1)
    .default(['overall']),
  /** A file with a rubric of one's own, instead of aspects. */
  rubric: z.string().min(1).optional(),
  /** Shares of aspects in the verdict. */
  weights: z.record(z.string(), z.number().positive()).optional(),
  bothOrders: z.boolean().default(true),
  temperature: z.number().min(0).max(2).nullable().default(0),
  maxTokens: count.default(1024),
  seed: z.number().int().optional(),
  responseFormat: z.enum(RESPONSE_FORMATS).default('json-schema'),
  extraBody: z.record(z.string(), z.unknown()).optional(),
  timeoutSeconds: z.number().positive().max(3600).default(120),
  concurrency: count.max(256).default(8),
  attempts: count.max(100).default(8),
  requestsPerMinute: z.number().positive().optional(),
  tokensPerMinute: z.number().positive().optional(),
  /** Dollars for a million tokens. */
  prices: z.strictObject({ input: z.number().min(0), output: z.number().min(0) }).optional(),
  /** Dollars after which nothing more is asked. */
  maxCost: z.number().positive().optional(),
});

const band = { min: z.number().optional(), max: z.number().optional() };
const tolerance = z.number().min(0).optional();

const RULES = [
  z.strictObject({
    kind: z.literal('length'),
    name,
    prefer: z.enum(['shorter', 'longer']).optional(),
    ...band,
    unit: z.enum(LENGTH_UNITS).optional(),
    tolerance: z.number().min(0).max(1).optional(),
    tokenizer: z.string().min(1).optional(),
  }),
  z.strictObject({
    kind: z.literal('contains'),
    name,
    texts,
    any: z.boolean().optional(),
    unwanted: z.boolean().optional(),
    ignoreCase: z.boolean().optional(),
  }),
  z.strictObject({
    kind: z.literal('pattern'),
    name,
    pattern: z.string().min(1),
    flags: z.string().optional(),
    unwanted: z.boolean().optional(),
  }),
  z.strictObject({ kind: z.literal('json'), name, schema: z.record(z.string(), z.unknown()).optional() }),
  z.strictObject({ kind: z.literal('banned'), name, words: texts }),
  z.strictObject({ kind: z.literal('refusal'), name, wanted: z.boolean().optional() }),
  z.strictObject({
    kind: z.literal('reading-level'),
    name,
    prefer: z.enum(['easier', 'harder']).optional(),
    ...band,
    tolerance,
  }),
  z.strictObject({
    kind: z.literal('sentiment'),
    name,
    prefer: z.enum(['positive', 'negative']).optional(),
    ...band,
    tolerance,
  }),
  z.strictObject({
    kind: z.literal('instructions'),
    name,
    instructions: z.array(z.record(z.string(), z.unknown())).min(1),
    loose: z.boolean().optional(),
  }),
] as const;

/** Code that must pass its tests; those of single prompts come from a file of {"prompt", "tests"}, one a line. */
const CODE = z.strictObject({
  kind: z.literal('code'),
  name,
  language: z.enum(SANDBOX_LANGUAGES),
  tests: z.string().min(1).optional(),
  testsFile: z.string().min(1).optional(),
  timeLimitSeconds: z.number().positive().max(600).optional(),
  memoryMiB: count.optional(),
  allowNetwork: z.boolean().optional(),
});

/** A reward model or classifier behind HTTP: {prompt, answer} in, {score} out. */
const REWARD = z.strictObject({
  kind: z.literal('reward'),
  name,
  url: z.string().min(1),
  model: z.string().min(1).optional(),
  apiKeyVariable: z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be the name of an environment variable, not a key')
    .optional(),
  extraBody: z.record(z.string(), z.unknown()).optional(),
  /** Scores nearer than this are a tie. */
  tieMargin: z.number().min(0).default(0),
  timeoutSeconds: z.number().positive().max(3600).default(120),
  concurrency: count.max(256).default(8),
  attempts: count.max(100).default(8),
  requestsPerMinute: z.number().positive().optional(),
});

/** What a model trained by preference thinks: beta x (log-probability - the reference's). */
const IMPLICIT_REWARD = z.strictObject({
  kind: z.literal('implicit-reward'),
  name,
  model: z.string().min(1),
  adapter: z.string().min(1).optional(),
  reference: z.string().min(1).optional(),
  beta: z.number().positive().default(0.1),
  /** Rewards nearer than this are a tie. */
  tieMargin: z.number().min(0).default(0),
  maxLength: count.default(2048),
  device: z.enum(['cpu', 'webgpu', 'cuda']).default('cpu'),
});

const JUDGE = z.discriminatedUnion('kind', [LLM, ...RULES, CODE, REWARD, IMPLICIT_REWARD]);

/** A list of judges, as --judges and configuration files give it. */
export const JUDGES = z.array(JUDGE).min(1);

export type LlmSpecification = z.infer<typeof LLM>;
export type RewardSpecification = z.infer<typeof REWARD>;
export type ImplicitRewardSpecification = z.infer<typeof IMPLICIT_REWARD>;
/** A rule with its name; code's tests may be in a file. */
export type RuleSpecification = Rule & { readonly name?: string | undefined; readonly testsFile?: string | undefined };
export type JudgeSpecification =
  | LlmSpecification
  | RewardSpecification
  | ImplicitRewardSpecification
  | RuleSpecification;

/**
 * Judges as a configuration file or `--judges` gives them: a list of {"kind": "llm", "model": ...}, rewards and rules. Throws bad-input with every problem
 * at once: unknown fields, values of a wrong kind, two judges of one name, options that have no effect together.
 */
export function parseJudges(value: unknown): JudgeSpecification[] {
  const result = JUDGES.safeParse(value, { reportInput: true });
  if (!result.success)
    throw badInput(
      schemaProblems(result.error, {
        nameOf: (path) => ['judges', ...(path === '' ? [] : [path])].join('.'),
        namesBeside: (path, owner) => fieldNames(JUDGES, path, owner),
      }),
    );
  const judges = result.data as JudgeSpecification[];
  const problems = judges.flatMap((judge, i) => clashesOf(judge, `judges.${i}`, isGiven(value, i)));
  const names = judges.map(nameOf);
  for (const [i, own] of names.entries())
    if (names.indexOf(own) < i)
      problems.push({
        path: `judges.${i}`,
        message: `judges.${i}: names must differ, got ${own} twice; give one a name`,
      });
  if (problems.length > 0) throw badInput(problems);
  return judges;
}

/** Its own name, else the model's, else the rule's. */
export function nameOf(judge: JudgeSpecification): string {
  if (judge.name !== undefined) return judge.name;
  return judge.kind === 'llm' || judge.kind === 'reward' ? (judge.model ?? judge.kind) : judge.kind;
}

function hasReference({ model, adapter, reference }: ImplicitRewardSpecification): boolean {
  return adapter !== undefined || reference !== undefined || hasAdapter(model);
}

function isGiven(value: unknown, i: number): (field: string) => boolean {
  const given = (value as Record<string, unknown>[])[i]!;
  return (field) => given[field] !== undefined;
}

function clashesOf(judge: JudgeSpecification, path: string, given: (field: string) => boolean): Problem[] {
  const problems: Problem[] = [];
  const fail = (message: string): void => void problems.push({ path, message: `${path}: ${message}` });
  if (judge.kind === 'code' && judge.tests === undefined && judge.testsFile === undefined)
    fail('code must have tests; give tests, testsFile or both');
  if (judge.kind === 'implicit-reward' && !hasReference(judge))
    fail('an implicit reward is measured from a reference; give reference, or the adapter of a run on its model');
  if (judge.kind === 'length' && (judge.unit === 'tokens') !== (judge.tokenizer !== undefined))
    fail('tokens are counted by the tokenizer of a model; give unit: tokens and tokenizer together');
  if (judge.kind === 'contains' && judge.any === true && judge.unwanted === true)
    fail('any and unwanted exclude each other: unwanted wants none of the texts');
  if ('prefer' in judge && judge.prefer !== undefined && (judge.min !== undefined || judge.max !== undefined))
    fail('prefer and a band (min, max) exclude each other; use two rules');
  if (
    (judge.kind === 'length' || judge.kind === 'reading-level' || judge.kind === 'sentiment') &&
    judge.prefer === undefined &&
    judge.min === undefined &&
    judge.max === undefined
  )
    fail('give prefer, or a band: min, max or both');
  if (judge.kind !== 'llm') return problems;
  if (judge.rubric !== undefined && given('aspects'))
    fail('aspects have no effect with a rubric of your own; leave one out');
  if (judge.rubric !== undefined && judge.weights !== undefined) fail('weights have no effect with a single rubric');
  if (judge.maxCost !== undefined && judge.prices === undefined)
    fail('maxCost needs prices; give the dollars for a million tokens');
  for (const aspect of Object.keys(judge.weights ?? {}))
    if (judge.rubric === undefined && !judge.aspects.includes(aspect as AspectName))
      fail(`weights must name aspects that are asked, got ${aspect}`);
  return problems;
}
