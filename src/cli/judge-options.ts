import { cacheFolder, unkept } from '../files/index.ts';
import { z } from 'zod';
import { badUsage, problemsOf, type Problem } from '../core/index.ts';
import {
  judgeInputProblems,
  judgeOfName,
  JUDGES,
  LLM,
  openJudges,
  parseJudges,
  planJudging,
  SHORT_JUDGE_NAMES,
  type Comparison,
  type JudgePlan,
  type JudgeSpecification,
  type OpenedJudges,
} from '../judge/index.ts';
import { dollars } from '../ask/index.ts';
import {
  flagOf,
  grouped,
  metaOf,
  option,
  optionsOf,
  shownDefault,
  type OptionMeta,
  type OptionsOf,
} from '../options/index.ts';
import type { CommandContext } from './frame/command.ts';
import { locateModel } from '../hub/index.ts';
import type { ProgressBar } from './frame/progress.ts';

/** An option that is a field of the one judge of --judge-model: its range and default are that field's. */
function ofJudge<Name extends keyof typeof LLM.shape>(takenAs: Name, meta: Omit<OptionMeta, 'takenAs'>) {
  const { bare, default: usual } = optionsOf(z.strictObject({ field: LLM.shape[takenAs] }))[0]!;
  const usually = usual === undefined ? {} : { usually: shownDefault(usual) };
  return option(bare.optional(), { ...usually, ...meta, takenAs }) as z.ZodOptional<z.ZodType<FieldOf<Name>>>;
}

type FieldOf<Name extends keyof typeof LLM.shape> = NonNullable<z.output<typeof LLM>[Name]>;

/** The one judge of --judge-model. */
const SINGLE_SHAPE = {
  ...grouped('Judge', {
    judgeModel: ofJudge('model', { help: 'model that judges', isCommon: true }),
    judgeUrl: ofJudge('url', { help: 'its OpenAI-compatible API, up to the version', isCommon: true }),
    judgeKeyVariable: ofJudge('apiKeyVariable', { help: 'environment variable that holds its key', isCommon: true }),
    aspects: ofJudge('aspects', { help: 'what it looks for, each asked by itself', isCommon: true }),
    rubric: ofJudge('rubric', { help: 'file with a rubric of your own, instead of aspects' }),
    bothOrders: option(LLM.shape.bothOrders, {
      help: 'ask each question in both orders, contradictions being ties',
      takenAs: 'bothOrders',
    }),
    judgeTemperature: option(z.union([z.number().min(0).max(2), z.literal('none')]).optional(), {
      help: 'a number, or none for models that take no temperature',
      usually: '0',
      takenAs: 'temperature',
    }),
    judgeMaxTokens: ofJudge('maxTokens', { help: 'longest answer of the judge' }),
    responseFormat: ofJudge('responseFormat', { help: 'how the server is told the shape of the answer' }),
  }),
  ...grouped('Limits', {
    concurrency: ofJudge('concurrency', { help: 'requests at the same time' }),
    requestsPerMinute: ofJudge('requestsPerMinute', { help: 'at most' }),
    tokensPerMinute: ofJudge('tokensPerMinute', { help: 'at most, questions and answers' }),
    judgeTimeout: ofJudge('timeoutSeconds', { help: 'seconds for one answer' }),
    priceInput: option(z.number().min(0).optional(), { help: 'dollars for a million tokens of questions' }),
    priceOutput: option(z.number().min(0).optional(), { help: 'dollars for a million tokens of answers' }),
    maxCost: ofJudge('maxCost', { help: 'dollars after which nothing more is asked', isCommon: true }),
  }),
};

/** How judges are named on the command line; the same for every command that asks some. */
export const JUDGE_SHAPE = {
  ...SINGLE_SHAPE,
  ...grouped('Judge', {
    judges: option(JUDGES.optional(), {
      help: `rules by name (${SHORT_JUDGE_NAMES.join(', ')}), or any judges as a list of objects: see docs/judges.md`,
      isCommon: true,
      itemOfWord: judgeOfName,
    }),
    judgeStore: option(z.string().min(1).optional(), {
      help: 'folder in which every answer is kept, so that none is asked for twice',
      usually: 'preftune/judge in the cache folder',
    }),
  }),
};
export type JudgeOptions = OptionsOf<typeof JUDGE_SHAPE>;
type GivenJudges = { readonly [Name in keyof JudgeOptions]?: unknown };

export const MIN_AGREEMENT = option(z.number().gt(0.5).max(1).optional(), {
  help: 'share of judges that a verdict needs',
  usually: 'any majority',
});

/** The judges that the options name. Throws bad-usage for none, for options of one judge beside --judges, bad-input for what is wrong in them. */
export function judgesOf(given: GivenJudges): JudgeSpecification[] {
  const single = Object.entries(SINGLE_SHAPE).flatMap(([path, field]) => {
    const value = given[path as keyof JudgeOptions];
    return value === undefined ? [] : [{ path, value, field: metaOf(field)!.takenAs }];
  });
  if (given.judges !== undefined) {
    const problems = single.map(({ path }): Problem => {
      return { path, message: `${flagOf(path)} has no effect with --judges; write it into the judge's object` };
    });
    if (problems.length > 0) throw badUsage(problems);
    return parseJudges(given.judges);
  }
  if (given.judgeModel === undefined)
    throw badUsage({
      path: 'judges',
      message:
        '--judge-model or --judges must be given, got neither; without a language model: --judges sentiment, or another rule of docs/judges.md',
    });
  const { priceInput: input, priceOutput: output } = given;
  if ((input === undefined) !== (output === undefined))
    throw badUsage({
      path: input === undefined ? 'priceInput' : 'priceOutput',
      message: '--price-input and --price-output must be given together, got one of them',
    });
  const fields = single.flatMap(({ field, value }) =>
    field === undefined ? [] : [[field, field === 'temperature' && value === 'none' ? null : value]],
  );
  const prices = input === undefined ? {} : { prices: { input, output } };
  return parseJudges([{ kind: 'llm', ...Object.fromEntries(fields), ...prices }]);
}

/** What is wrong with the judges that are named, and with what they must agree on. */
export function judgeProblems(given: GivenJudges & { readonly minAgreement?: unknown }): Problem[] {
  let judges: readonly JudgeSpecification[] = [];
  const problems = problemsOf(() => (judges = judgesOf(given)));
  if (given.minAgreement === undefined || judges.length !== 1) return [...problems];
  const message = '--min-agreement has no effect with one judge; name several with --judges';
  return [...problems, { path: 'minAgreement', message }];
}

/** The keys and rubrics that the judges lack, which must not wait until models are fetched and have answered. */
export function missingJudgeInputs({ given, environment }: CommandContext): Problem[] {
  return judgeInputProblems(judgesOf(given), { environment });
}

/** Opens the judges that are given, with the command's store, environment and progress bar. */
export async function openCommandJudges(
  { judgeStore, minAgreement }: Pick<JudgeOptions, 'judgeStore'> & { readonly minAgreement?: number | undefined },
  context: CommandContext,
  {
    onChange,
    isDryRun = false,
    templateTime,
  }: { readonly onChange?: () => void; readonly isDryRun?: boolean; readonly templateTime?: string | undefined },
): Promise<OpenedJudges> {
  const { given, environment, terminal } = context;
  const folder = judgeStore ?? cacheFolder(environment, 'judge');
  let isTold = false;
  return openJudges(judgesOf(given), {
    folder,
    // A folder that was named must hold what was paid for.
    onUnwritable:
      judgeStore === undefined
        ? (why) => {
            if (!isTold) terminal.warn(unkept({ what: 'answers of judges', folder, why, option: '--judge-store' }));
            isTold = true;
          }
        : undefined,
    environment,
    minAgreement,
    isDryRun,
    onChange,
    templateTime,
    resolve: async (name) => (await locateModel(name, context)).path,
  });
}

/** Shows how far judging is, with what it took so far. */
export function showJudging(progress: ProgressBar, opened: OpenedJudges, at: { done: number; total: number }): void {
  const { asked, stored, cost, waitingFor } = opened.state();
  progress.update({
    ...at,
    unit: 'rows',
    figures: [
      { label: 'asked', text: String(asked) },
      ...(stored > 0 ? [{ label: 'kept', text: String(stored) }] : []),
      ...(cost === undefined ? [] : [{ label: 'cost', text: dollars(cost) }]),
      ...(waitingFor === undefined ? [] : [{ label: 'waits:', text: waitingFor.slice(0, 60) }]),
    ],
  });
}

/** What the judges took, in a line. */
export function judgingLine(opened: OpenedJudges): string {
  const { asked, stored, retries, usage, cost } = opened.state();
  const tokens = `${usage.promptTokens.toLocaleString('en-US')} + ${usage.completionTokens.toLocaleString('en-US')} tokens`;
  return [
    `questions: ${asked} asked (${tokens})`,
    `${stored} known from before`,
    ...(retries > 0 ? [`${retries} retries`] : []),
    ...(cost === undefined ? [] : [dollars(cost)]),
  ].join(', ');
}

/** The plans of a dry run: what each model would be asked, and what it would cost. */
export function plansOf(opened: OpenedJudges, comparisons: readonly Comparison[]): JudgePlan[] {
  return opened.llms.map((llm) => planJudging(llm, comparisons));
}

/** The plans as text, the first question in full. */
export function renderPlans(plans: readonly JudgePlan[]): string {
  if (plans.length === 0) return 'no language model is asked: the judges are rules or rewards';
  return plans.map(renderPlan).join('\n\n');
}

function renderPlan(plan: JudgePlan): string {
  const { judge, requests, stored, promptTokens, likelyCompletionTokens, likelyCost, mostCost, example } = plan;
  const cost =
    likelyCost === undefined
      ? 'give --price-input and --price-output (dollars for a million tokens) to see the cost'
      : `about ${dollars(likelyCost)}, at most ${dollars(mostCost!)} (repairs of unreadable answers apart)`;
  const lines = [
    `judge ${judge}: ${requests} questions, ${stored} of them answered already`,
    `  tokens, estimated: ${promptTokens.toLocaleString('en-US')} in questions, about ${likelyCompletionTokens.toLocaleString('en-US')} in answers`,
    `  cost: ${cost}`,
  ];
  if (example === undefined) return lines.join('\n');
  return [...lines, '  the first question:', ...example.map(({ role, content }) => `[${role}]\n${content}`)].join('\n');
}
