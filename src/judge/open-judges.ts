import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { badInput, messageOf, type Problem } from '../core/index.ts';
import {
  createAsker,
  type Asker,
  type AskerState,
  type Outcome,
  openCallStore,
  type CallStore,
  createEndpoint,
} from '../ask/index.ts';
import type { Judge } from './judge.ts';
import { createLlmJudge } from './llm-judge.ts';
import { createPanel } from './panel.ts';
import { ownRubric, rubricOf, type Rubric } from './rubrics.ts';
import { createRewardEndpoint } from './reward-endpoint.ts';
import { createRewardJudge, rewardsOfAsker } from './reward-judge.ts';
import { openRuleJudge } from './rules/open-rule.ts';
import { openImplicitReward, type ImplicitReward } from './implicit-reward.ts';
import { nameOf, type JudgeSpecification, type LlmSpecification, type RewardSpecification } from './specification.ts';

export interface OpenJudgesOptions {
  /** Where answers are kept, one file for each endpoint and model. */
  readonly folder: string;
  /** The folder is a cache: where it cannot be written this is told, and answers are kept in memory. Default: an error. */
  readonly onUnwritable?: ((why: string) => void) | undefined;
  /** Holds the keys. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** For several judges: the share of votes that a verdict needs. */
  readonly minAgreement?: number | undefined;
  /** A key is not needed: nothing will be asked. */
  readonly isDryRun?: boolean;
  /** Turns the name of a model (of an implicit reward, of a tokenizer) into a local path; default: it is one. */
  readonly resolve?: ((name: string, kind: 'model') => Promise<string>) | undefined;
  /** What the chat templates of implicit rewards are told, a local time in ISO 8601. Default: now. */
  readonly templateTime?: string | undefined;
  /** Called whenever an answer came or a request has to wait. */
  readonly onChange?: (() => void) | undefined;
}

export interface OpenedLlm {
  readonly name: string;
  readonly specification: LlmSpecification;
  readonly rubrics: readonly Rubric[];
  readonly asker: Asker;
  readonly storePath: string;
}

/** Judges that are ready, and who must be closed. */
export interface OpenedJudges {
  /** The one judge, or the panel of all. */
  readonly judge: Judge;
  readonly judges: readonly Judge[];
  readonly llms: readonly OpenedLlm[];
  /** Comparisons under way at the same time that keep every endpoint, and every processor of code, busy. */
  readonly concurrency: number;
  /** Of all endpoints together, scorers too; cost is undefined unless all have prices. */
  state(): AskerState;
  close(): Promise<void>;
}

/** Hosts that answer nobody without a key. */
const KEYED_HOSTS: readonly string[] = ['api.openai.com'];

/** The keys that are missing and the rubrics that cannot be read, so that they can be told before anything else is done. */
export function judgeInputProblems(
  specifications: readonly JudgeSpecification[],
  options: Pick<OpenJudgesOptions, 'environment' | 'isDryRun'>,
): Problem[] {
  const problems: Problem[] = [];
  for (const one of specifications) if (one.kind === 'llm') readRubrics(one, problems);
  if (options.isDryRun === true) return problems;
  for (const one of specifications) {
    if (!needsKey(one) || keyOf(one, options) !== undefined) continue;
    const other = one.kind === 'llm' ? ', or name another with --judge-key-variable (apiKeyVariable in --judges)' : '';
    problems.push({
      message: `judge ${nameOf(one)}: the key must be in the environment variable ${one.apiKeyVariable}, got none; set it${other}`,
    });
  }
  return problems;
}

/** A model needs a key where its host answers nobody without one, a reward where it names a variable. */
function needsKey(one: JudgeSpecification): one is LlmSpecification | RewardSpecification {
  if (one.kind === 'reward') return one.apiKeyVariable !== undefined;
  return one.kind === 'llm' && URL.canParse(one.url) && KEYED_HOSTS.includes(new URL(one.url).hostname);
}

/**
 * Opens what a specification names. Throws bad-input with every missing key and unreadable rubric at once.
 *
 * @example
 * ```ts run
 * import { openJudges, parseJudges } from 'preftune/judge';
 *
 * const { judge, close } = await openJudges(parseJudges([{ kind: 'length', prefer: 'longer' }]), {
 *   folder: 'judge-answers',
 *   environment: process.env,
 * });
 * const question = { id: '1', prompt: 'What is a comet?', a: 'Ice.', b: 'A lump of ice and dust that circles the sun.' };
 * const judgement = await judge.compare(question);
 * console.log(judgement.kind === 'verdict' && judgement.verdict); // b
 * await close();
 * ```
 */
export async function openJudges(
  specifications: readonly JudgeSpecification[],
  options: OpenJudgesOptions,
): Promise<OpenedJudges> {
  const problems = judgeInputProblems(specifications, options);
  if (problems.length > 0) throw badInput(problems);
  const rubrics = specifications.map((one) => (one.kind === 'llm' ? readRubrics(one, []) : []));
  const stores = new Map<string, CallStore<Outcome>>();
  const llms: OpenedLlm[] = [];
  const askers: Asker[] = [];
  const implicit: ImplicitReward[] = [];
  const judges: Judge[] = [];
  const close = async (): Promise<void> => {
    for (const model of implicit) await model.close();
    for (const store of stores.values()) await store.close();
  };
  try {
    for (const [i, one] of specifications.entries()) {
      const name = nameOf(one);
      if (one.kind === 'implicit-reward') {
        const source = await openImplicitReward(one, options);
        implicit.push(source);
        judges.push(createRewardJudge({ name, source, tieMargin: one.tieMargin }));
        continue;
      }
      if (one.kind !== 'llm' && one.kind !== 'reward') {
        judges.push(await openRuleJudge(one, options));
        continue;
      }
      const path = join(options.folder, storeName(one));
      const store = stores.get(path) ?? (await openCallStore<Outcome>(path, options));
      stores.set(path, store);
      if (one.kind === 'reward') {
        const asker = openScorer(one, store, options);
        askers.push(asker);
        judges.push(createRewardJudge({ name, source: rewardsOfAsker(asker), tieMargin: one.tieMargin }));
        continue;
      }
      const asker = openAsker(one, store, options);
      askers.push(asker);
      judges.push(createLlmJudge({ name, asker, rubrics: rubrics[i]!, bothOrders: one.bothOrders }));
      llms.push({ name, specification: one, rubrics: rubrics[i]!, asker, storePath: path });
    }
  } catch (error) {
    await close();
    throw error;
  }
  const { minAgreement } = options;
  const judge =
    judges.length === 1 ? judges[0]! : createPanel({ judges, ...(minAgreement === undefined ? {} : { minAgreement }) });
  const concurrency = Math.max(1, ...specifications.map(concurrencyOf));
  return { judge, judges, llms, concurrency, state: () => sumStates(askers.map((asker) => asker.state)), close };
}

function concurrencyOf(one: JudgeSpecification): number {
  if (one.kind === 'llm' || one.kind === 'reward') return one.concurrency;
  return one.kind === 'code' ? availableParallelism() : 1;
}

function openAsker(one: LlmSpecification, store: CallStore<Outcome>, options: OpenJudgesOptions): Asker {
  const { url, model, temperature, maxTokens, seed, responseFormat, extraBody } = one;
  const { concurrency, attempts, requestsPerMinute, tokensPerMinute, prices, maxCost } = one;
  const endpoint = createEndpoint({
    url,
    model,
    apiKey: keyOf(one, options),
    temperature,
    maxTokens,
    seed,
    responseFormat,
    extraBody,
    timeoutMs: one.timeoutSeconds * 1000,
  });
  return createAsker(endpoint, {
    store,
    concurrency,
    attempts,
    requestsPerMinute,
    tokensPerMinute,
    prices,
    maxCost,
    onChange: options.onChange,
  });
}

function openScorer(one: RewardSpecification, store: CallStore<Outcome>, options: OpenJudgesOptions): Asker {
  const { url, model, extraBody, concurrency, attempts, requestsPerMinute, timeoutSeconds } = one;
  const apiKey = keyOf(one, options);
  const endpoint = createRewardEndpoint({ url, model, apiKey, extraBody, timeoutMs: timeoutSeconds * 1000 });
  return createAsker(endpoint, { store, concurrency, attempts, requestsPerMinute, onChange: options.onChange });
}

function keyOf(
  { apiKeyVariable }: LlmSpecification | RewardSpecification,
  { environment }: Pick<OpenJudgesOptions, 'environment'>,
): string | undefined {
  return apiKeyVariable === undefined ? undefined : environment[apiKeyVariable]?.trim() || undefined;
}

function readRubrics(one: LlmSpecification, problems: Problem[]): Rubric[] {
  if (one.rubric === undefined)
    return one.aspects.map((aspect) => {
      const weight = one.weights?.[aspect];
      return { ...rubricOf(aspect), ...(weight === undefined ? {} : { weight }) };
    });
  try {
    return [ownRubric('rubric', readFileSync(one.rubric, 'utf8'), one.rubric)];
  } catch (error) {
    problems.push({
      message: `judge ${nameOf(one)}: the rubric must be a readable file with text, got ${messageOf(error)}`,
    });
    return [];
  }
}

/** A file name that tells the model, and that no other endpoint shares. */
function storeName({ url, model = 'reward' }: LlmSpecification | RewardSpecification): string {
  const slug = model.replaceAll(/[^A-Za-z0-9._-]+/g, '-').slice(0, 60);
  return `${slug}-${createHash('sha256')
    .update(JSON.stringify([url.replace(/\/+$/, ''), model]))
    .digest('hex')
    .slice(0, 12)}.jsonl`;
}

function sumStates(states: readonly AskerState[]): AskerState {
  const sum = (pick: (state: AskerState) => number): number => states.reduce((total, state) => total + pick(state), 0);
  const isPriced = states.length > 0 && states.every(({ cost }) => cost !== undefined);
  return {
    asked: sum(({ asked }) => asked),
    stored: sum(({ stored }) => stored),
    retries: sum(({ retries }) => retries),
    usage: {
      promptTokens: sum(({ usage }) => usage.promptTokens),
      completionTokens: sum(({ usage }) => usage.completionTokens),
    },
    cost: isPriced ? sum(({ cost }) => cost!) : undefined,
    waitingFor: states.find(({ waitingFor }) => waitingFor !== undefined)?.waitingFor,
  };
}
