import { homedir } from 'node:os';
import { join } from 'node:path';
import { badUsage, type Problem } from '../core/index.ts';
import {
  ASPECTS,
  openJudges,
  parseJudges,
  planJudging,
  type Comparison,
  type JudgePlan,
  type JudgeSpecification,
  type OpenedJudges,
} from '../judge/index.ts';
import { dollars, RESPONSE_FORMATS } from '../ask/index.ts';
import type { CommandContext, OptionEntry } from './frame/command.ts';
import { locateModel } from '../hub/index.ts';
import type { ProgressBar } from './frame/progress.ts';

const GROUP = 'Judge:';

/** How judges are named on the command line; the same for every command that asks some. */
export const JUDGE_OPTIONS: readonly OptionEntry[] = [
  { flag: '--judge-model', type: 'string', help: 'model that judges', group: GROUP },
  {
    flag: '--judge-url',
    type: 'string',
    help: 'its OpenAI-compatible API, up to the version (without it https://api.openai.com/v1)',
    group: GROUP,
  },
  {
    flag: '--judge-key-variable',
    type: 'string',
    help: 'environment variable that holds its key (without it OPENAI_API_KEY)',
    group: GROUP,
  },
  {
    flag: '--aspects',
    type: 'list',
    help: `what it looks for, each asked by itself: ${ASPECTS.join(', ')} (without it overall)`,
    group: GROUP,
  },
  { flag: '--rubric', type: 'string', help: 'file with a rubric of your own, instead of aspects', group: GROUP },
  {
    flag: '--both-orders',
    type: 'boolean',
    default: true,
    help: 'ask each question in both orders, contradictions being ties',
    group: GROUP,
  },
  {
    flag: '--judge-temperature',
    type: 'string',
    help: 'a number, or none for models that take no temperature (without it 0)',
    group: GROUP,
  },
  { flag: '--judge-max-tokens', type: 'integer', help: 'longest answer of the judge (without it 1024)', group: GROUP },
  {
    flag: '--response-format',
    type: RESPONSE_FORMATS,
    help: 'how the server is told the shape of the answer (without it json-schema)',
    group: GROUP,
  },
  {
    flag: '--judges',
    type: 'json',
    help: 'several judges, or rules, as a list of objects: see docs/judges.md',
    group: GROUP,
  },
  {
    flag: '--judge-store',
    type: 'string',
    help: 'folder in which every answer is kept, so that none is asked for twice; default: preftune/judge in the cache folder',
    group: GROUP,
  },
  { flag: '--concurrency', type: 'integer', help: 'requests at the same time (without it 8)', group: 'Limits:' },
  { flag: '--requests-per-minute', type: 'number', help: 'at most', group: 'Limits:' },
  { flag: '--tokens-per-minute', type: 'number', help: 'at most, questions and answers', group: 'Limits:' },
  { flag: '--judge-timeout', type: 'number', help: 'seconds for one answer (without it 120)', group: 'Limits:' },
  { flag: '--price-input', type: 'number', help: 'dollars for a million tokens of questions', group: 'Limits:' },
  { flag: '--price-output', type: 'number', help: 'dollars for a million tokens of answers', group: 'Limits:' },
  { flag: '--max-cost', type: 'number', help: 'dollars after which nothing more is asked', group: 'Limits:' },
];

/** Options that describe the one judge of --judge-model, and the field of its specification. */
const FIELDS: Readonly<Record<string, string>> = {
  judgeModel: 'model',
  judgeUrl: 'url',
  judgeKeyVariable: 'apiKeyVariable',
  aspects: 'aspects',
  rubric: 'rubric',
  bothOrders: 'bothOrders',
  judgeTemperature: 'temperature',
  judgeMaxTokens: 'maxTokens',
  responseFormat: 'responseFormat',
  concurrency: 'concurrency',
  requestsPerMinute: 'requestsPerMinute',
  tokensPerMinute: 'tokensPerMinute',
  judgeTimeout: 'timeoutSeconds',
  maxCost: 'maxCost',
};

/** The judges that the options name. Throws bad-usage for none, for options of one judge beside --judges, bad-input for what is wrong in them. */
export function judgesOf({ given }: CommandContext, command: string): JudgeSpecification[] {
  const single = [...Object.keys(FIELDS), 'priceInput', 'priceOutput'].filter((path) => given[path] !== undefined);
  if (given['judges'] !== undefined) {
    const problems = single.map((path): Problem => {
      const flag = flagOf(path);
      return { path, message: `${command}: ${flag} has no effect with --judges; write it into the judge's object` };
    });
    if (problems.length > 0) throw badUsage(problems);
    return parseJudges(given['judges']);
  }
  if (given['judgeModel'] === undefined)
    throw badUsage(`${command}: --judge-model or --judges must be given, got neither; see docs/judges.md`);
  const [input, output] = [given['priceInput'], given['priceOutput']];
  if ((input === undefined) !== (output === undefined))
    throw badUsage(`${command}: --price-input and --price-output must be given together, got one of them`);
  const fields = Object.entries(FIELDS).flatMap(([path, field]) =>
    given[path] === undefined ? [] : [[field, field === 'temperature' ? temperatureOf(given[path]) : given[path]]],
  );
  const prices = input === undefined ? {} : { prices: { input, output } };
  return parseJudges([{ kind: 'llm', ...Object.fromEntries(fields), ...prices }]);
}

function temperatureOf(text: unknown): unknown {
  if (text === 'none') return null;
  return typeof text === 'string' && text.trim() !== '' ? Number(text) : text;
}

/** How an option is written: `maxPrompts` is --max-prompts. */
export function flagOf(path: string): string {
  return `--${path.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** Opens judges with the command's store, environment and progress bar. */
export async function openCommandJudges(
  specifications: readonly JudgeSpecification[],
  context: CommandContext,
  { onChange, isDryRun = false }: { readonly onChange?: () => void; readonly isDryRun?: boolean },
): Promise<OpenedJudges> {
  const { options, environment } = context;
  checkAgreement(options['minAgreement'], specifications.length);
  return openJudges(specifications, {
    folder: judgeStore(options['judgeStore'], environment),
    environment,
    minAgreement: options['minAgreement'] as number | undefined,
    isDryRun,
    onChange,
    resolve: async (name) => (await locateModel(name, context)).path,
  });
}

function checkAgreement(value: unknown, judges: number): void {
  if (value === undefined) return;
  if (judges === 1) throw badUsage('--min-agreement has no effect with one judge; name several with --judges');
  if (!(typeof value === 'number' && value > 0.5 && value <= 1))
    throw badUsage(`--min-agreement must be above 0.5 and at most 1, got ${String(value)}`);
}

/** The folder of kept answers: the option's, else `preftune/judge` where the system keeps caches. Source: XDG Base Directory Specification. */
function judgeStore(given: unknown, environment: CommandContext['environment']): string {
  if (typeof given === 'string') return given;
  return join(environment['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'preftune', 'judge');
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
