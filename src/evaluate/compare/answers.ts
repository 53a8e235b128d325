import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { badInput, isNumber, isObject, writeExactJson } from '../../core/index.ts';
import { fileSource, readRecords } from '../../data/index.ts';
import type { Prompt } from '../../generate/index.ts';
import {
  createAsker,
  createEndpoint,
  mapConcurrently,
  openCallStore,
  type Outcome,
  type ChatMessage,
} from '../../ask/index.ts';
import type { Asking } from '../../policy/index.ts';
import type { DeviceName } from '../../runtime/index.ts';
import { drawAnswers } from '../behaviour/sample.ts';
import { openSubjects } from '../behaviour/subjects.ts';
import type { Contestant } from './contestant.ts';
import { openLineStore, type LineStore } from './line-store.ts';

/** An answer of a contestant. */
export interface GivenAnswer {
  /** The prompt's id. */
  readonly prompt: string;
  /** From 0. */
  readonly sample: number;
  readonly text: string;
  /** It did not end by itself. */
  readonly isCut?: boolean;
}

/** How the models of a comparison are run. */
export interface DrawingOptions {
  /** The comparison's. */
  readonly folder: string;
  readonly maxNewTokens: number;
  readonly seed: number;
  readonly system?: string | undefined;
  /** How texts are given to models. Default: as each was trained, else through its chat template. */
  readonly ask?: Asking | undefined;
  readonly batchSize: number;
  readonly device: DeviceName;
  readonly threads?: number | undefined;
  /** Turns the name of a model into a local path. */
  readonly resolve: (model: string) => Promise<string>;
  /** What chat templates are told, a local time in ISO 8601; one for all contestants. Default: now. */
  readonly templateTime?: string | undefined;
  /** Memory that may be taken; default: what is free on this machine. */
  readonly availableBytes?: (() => number) | undefined;
  readonly onWarning?: (text: string) => void;
  readonly onNote?: (text: string) => void;
  readonly signal?: AbortSignal | undefined;
}

export interface AnswerOptions extends DrawingOptions {
  readonly samples: number;
  readonly temperature: number;
  readonly topP: number;
  /** Of endpoints. */
  readonly concurrency: number;
  readonly apiKey?: string | undefined;
  readonly onProgress?: (done: number, total: number) => void;
}

/** Tokens scored at a time. */
export const MICRO_BATCH_TOKENS = 512;

/** What a contestant answered, by prompt and sample; text undefined where there is no answer. */
export type Answers = (prompt: string, sample: number) => GivenAnswer | undefined;

/**
 * Every answer of a contestant, from the folder or made now; each is on disk when it is there, so that nothing is made or paid for twice. Throws bad-input
 * for answers that lack a prompt, run-failed where an endpoint cannot be used (what came is kept), cancelled.
 */
export async function answersOf(
  contestant: Contestant,
  prompts: readonly Prompt[],
  options: AnswerOptions,
): Promise<Answers> {
  if (contestant.kind === 'answers') return answersOfFile(contestant.file, prompts, options);
  const path = join(options.folder, 'answers', `${contestant.name}.jsonl`);
  const store = openLineStore<GivenAnswer>(path, identityOf(contestant, options), `answers of ${contestant.source}`);
  try {
    if (contestant.kind === 'model') await drawFromModel(contestant, prompts, { ...options, store });
    else await askEndpoint(contestant, prompts, { ...options, store });
    return lookUp(store.rows);
  } finally {
    store.close();
  }
}

/** Everything that decides what is drawn. */
function identityOf(
  contestant: Contestant,
  { maxNewTokens, temperature, topP, seed, system, ask }: AnswerOptions,
): object {
  const { name: _name, source, ...rest } = contestant;
  return {
    format: 1,
    source,
    ...rest,
    maxNewTokens,
    temperature,
    topP,
    seed,
    system: system ?? null,
    ...(ask && { ask }),
  };
}

function lookUp(rows: readonly GivenAnswer[]): Answers {
  const byKey = new Map(rows.map((row) => [`${row.prompt}\n${row.sample}`, row]));
  return (prompt, sample) => byKey.get(`${prompt}\n${sample}`);
}

type Storing = AnswerOptions & { readonly store: LineStore<GivenAnswer> };

function missing(prompts: readonly Prompt[], { store, samples }: Storing): { prompt: Prompt; sample: number }[] {
  const known = lookUp(store.rows);
  return prompts.flatMap((prompt) =>
    Array.from({ length: samples }, (_, sample) => ({ prompt, sample })).filter(
      ({ sample }) => known(prompt.id, sample) === undefined,
    ),
  );
}

async function drawFromModel(
  { source }: Extract<Contestant, { kind: 'model' }>,
  prompts: readonly Prompt[],
  options: Storing,
): Promise<void> {
  const {
    store,
    samples,
    batchSize,
    device,
    threads,
    signal,
    onProgress,
    onWarning,
    onNote,
    resolve,
    templateTime,
    ask,
    availableBytes,
    ...decoding
  } = options;
  const { system, temperature, topP, maxNewTokens, seed } = decoding;
  const todo = missing(prompts, options);
  if (todo.length === 0) return;
  const subjects = await openSubjects({
    policy: { model: source },
    resolve,
    templateTime,
    ask,
    hasSystem: system !== undefined,
    device,
    threads,
    availableBytes,
    microBatchTokens: MICRO_BATCH_TOKENS,
    batchSize,
    signal,
    ...(onWarning && { onWarning }),
    ...(onNote && { onNote }),
  });
  try {
    const { generator } = await subjects.policy();
    const { tokenizer, isRaw } = subjects;
    const placeOf = new Map(prompts.map(({ id }, place) => [id, place]));
    let done = 0;
    for (let sample = 0; sample < samples; sample++) {
      const lacking = todo.filter((one) => one.sample === sample).map(({ prompt }) => prompt);
      onProgress?.(done, todo.length);
      await drawAnswers({ generator, tokenizer }, lacking, {
        samples: 1,
        maxNewTokens,
        temperature,
        topP,
        seed: seedOf(seed, sample),
        places: lacking.map(({ id }) => placeOf.get(id)!),
        signal,
        system,
        isRaw,
        onAnswer: ({ promptId: prompt, text, isCut }) => {
          store.append([{ prompt, sample, text, ...(isCut && { isCut }) }]);
          onProgress?.(++done, todo.length);
        },
      });
    }
  } finally {
    await subjects.dispose();
  }
}

function seedOf(seed: number, sample: number): number {
  return createHash('sha256').update(`${seed}/${sample}`).digest().readUInt32BE(0);
}

async function askEndpoint(
  { url, model }: Extract<Contestant, { kind: 'endpoint' }>,
  prompts: readonly Prompt[],
  options: Storing,
): Promise<void> {
  const { store, maxNewTokens, temperature, topP, seed, system, concurrency, apiKey, folder, signal, onProgress } =
    options;
  const todo = missing(prompts, options);
  const calls = await openCallStore<Outcome>(join(folder, 'answers', 'calls.jsonl'));
  try {
    const askers = Array.from({ length: options.samples }, (_, sample) =>
      createAsker(
        createEndpoint({
          url,
          model,
          apiKey,
          temperature,
          maxTokens: maxNewTokens,
          seed: seedOf(seed, sample) >>> 1,
          responseFormat: 'text',
          extraBody: { top_p: topP },
        }),
        { store: calls, concurrency },
      ),
    );
    let done = 0;
    await mapConcurrently(
      todo,
      async ({ prompt, sample }, _index, both) => {
        const { outcome } = await askers[sample]!.ask(messagesOf(prompt, system), { signal: both });
        if (outcome.kind === 'refused')
          throw badInput(`compare: ${model} gave no answer to prompt ${prompt.id}: ${outcome.message}`);
        const { text, refusal, finishReason } = outcome.reply;
        store.append([
          { prompt: prompt.id, sample, text: refusal ?? text, ...(finishReason === 'length' && { isCut: true }) },
        ]);
        onProgress?.(++done, todo.length);
      },
      { limit: concurrency, signal },
    );
  } finally {
    await calls.close();
  }
}

function messagesOf({ content }: Prompt, system: string | undefined): ChatMessage[] {
  const turns = typeof content === 'string' ? [{ role: 'user', content }] : content;
  const own = turns.map(({ role, content: text }) => ({ role, content: text }) as ChatMessage);
  return system === undefined || own[0]?.role === 'system' ? own : [{ role: 'system', content: system }, ...own];
}

/** Answers made elsewhere: `{prompt | id, answer | completion | response}` or `{id, answers}`, joined by id, else by the prompt's text. */
async function answersOfFile(file: string, prompts: readonly Prompt[], { samples }: AnswerOptions): Promise<Answers> {
  const given = new Map<string, string[]>();
  for await (const event of readRecords(fileSource(file))) {
    if (event.kind === 'problem') throw badInput(event.problem);
    const { value, origin } = event;
    const texts = isObject(value) ? textsOf(value) : undefined;
    if (!isObject(value) || texts === undefined)
      throw badInput({
        ...origin,
        message:
          'a row must hold an answer: answer, completion or response as a text or an assistant turn, or answers, a list of texts',
      });
    for (const key of keysOf(value)) given.set(key, [...(given.get(key) ?? []), ...texts]);
  }
  const of = (prompt: Prompt): string[] | undefined =>
    given.get(`id ${prompt.id}`) ?? given.get(`text ${textOf(prompt.content)}`);
  const without = prompts.filter((prompt) => (of(prompt)?.length ?? 0) < samples);
  if (without.length > 0)
    throw badInput({
      file,
      message: `must hold ${samples === 1 ? 'an answer' : `${samples} answers`} to every prompt, ${without.length} of ${prompts.length} lack one, the first is ${without[0]!.id}; rows are joined by id, or by the prompt's text`,
    });
  const byId = new Map(prompts.map((prompt) => [prompt.id, of(prompt)!]));
  return (prompt, sample) => {
    const text = byId.get(prompt)?.[sample];
    return text === undefined ? undefined : { prompt, sample, text };
  };
}

function keysOf(value: Readonly<Record<string, unknown>>): string[] {
  const { id, prompt } = value;
  const keys = typeof id === 'string' || isNumber(id) ? [`id ${id}`] : [];
  return prompt === undefined ? keys : [...keys, `text ${textOf(prompt)}`];
}

function textOf(content: unknown): string {
  return typeof content === 'string' ? JSON.stringify([content.trim()]) : writeExactJson(turnsOf(content));
}

function turnsOf(content: unknown): unknown {
  if (!Array.isArray(content)) return content;
  const texts = content.map((turn) => (isObject(turn) ? String(turn['content']).trim() : turn));
  return texts.length === 1 ? texts : content.map((turn) => (isObject(turn) ? [turn['role'], turn['content']] : turn));
}

function textsOf(value: Readonly<Record<string, unknown>>): string[] | undefined {
  const { answers } = value;
  if (Array.isArray(answers)) return answers.every((one) => typeof one === 'string') ? answers : undefined;
  for (const name of ['answer', 'completion', 'response', 'output']) {
    const one = value[name];
    if (typeof one === 'string') return [one];
    const last: unknown = Array.isArray(one) ? one.at(-1) : undefined;
    if (isObject(last) && typeof last['content'] === 'string') return [last['content']];
  }
  return undefined;
}
