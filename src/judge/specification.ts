import { z } from 'zod';
import { badInput, type Problem } from '../core/index.ts';
import { RESPONSE_FORMATS } from './endpoint.ts';
import type { Rule } from './rules.ts';
import { ASPECTS, type AspectName } from './rubrics.ts';

const count = z.number().int().min(1);
const name = z.string().min(1).optional();
const texts = z.array(z.string().min(1)).min(1);

/** A language model as a judge. The key is read from the environment variable that `apiKeyVariable` names, and never written. */
const LLM = z.strictObject({
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

const RULES = [
  z.strictObject({
    kind: z.literal('length'),
    name,
    prefer: z.enum(['shorter', 'longer']),
    unit: z.enum(['characters', 'words']).optional(),
    tolerance: z.number().min(0).max(1).optional(),
  }),
  z.strictObject({
    kind: z.literal('contains'),
    name,
    texts,
    any: z.boolean().optional(),
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
] as const;

const JUDGE = z.discriminatedUnion('kind', [LLM, ...RULES]);

export type LlmSpecification = z.infer<typeof LLM>;
export type JudgeSpecification = LlmSpecification | (Rule & { readonly name?: string | undefined });

/**
 * Judges as a configuration file or `--judges` gives them: a list of {"kind": "llm", "model": ...} and rules. Throws bad-input with every problem
 * at once: unknown fields, values of a wrong kind, two judges of one name, options that have no effect together.
 */
export function parseJudges(value: unknown): JudgeSpecification[] {
  const result = z.array(JUDGE).min(1).safeParse(value);
  if (!result.success) {
    throw badInput(
      result.error.issues.map(({ path, message }): Problem => {
        const place = ['judges', ...path].join('.');
        return { path: place, message: `${place}: ${message}` };
      }),
    );
  }
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
  return judge.name ?? (judge.kind === 'llm' ? judge.model : judge.kind);
}

function isGiven(value: unknown, i: number): (field: string) => boolean {
  const given = (value as Record<string, unknown>[])[i]!;
  return (field) => given[field] !== undefined;
}

function clashesOf(judge: JudgeSpecification, path: string, given: (field: string) => boolean): Problem[] {
  if (judge.kind !== 'llm') return [];
  const problems: Problem[] = [];
  const fail = (message: string): void => void problems.push({ path, message: `${path}: ${message}` });
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
