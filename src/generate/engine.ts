import { asError, badInput, badUsage, PreftuneError } from '../core/index.ts';
import type { TokenConstraint } from '../grammar/index.ts';
import type { Device } from '../runtime/index.ts';
import type { AnswerState } from './answer.ts';
import type { Batch } from './batch.ts';
import { groupByReading, isReadAlike, laneOf, mostScored, type Lane } from './batch-rows.ts';
import type { EngineAdapter, EngineModel } from './engine-model.ts';
import { responderStats, type EngineCounts, type EngineStats } from './engine-stats.ts';
import { beginEntry, createEntry, outcomeOf, type Entry, type Submission } from './entry.ts';
import { createQueue, type QueueLimits } from './queue.ts';
import { createRegistry, type AddOptions } from './registry.ts';
import { checkDecoding, checkLimits, checkPrompts, type GenerationRequest } from './request.ts';
import { createResponderFactory, type Responder } from './responder.ts';
import { createTurns } from './turns.ts';

export interface EngineOptions extends Partial<QueueLimits> {
  /** Answers under way at once, at least 1; others wait. Default 32. */
  readonly maxRows?: number | undefined;
  /** Requests that may wait. Default 512. */
  readonly maxWaiting?: number;
  /** Tokens of prompts that may wait. Default 2^20. */
  readonly maxWaitingTokens?: number;
  /** Prompt tokens that one step reads, at least 1: answers under way wait no longer than for these. Default 512. */
  readonly stepTokens?: number | undefined;
  /** Scores that one step gives at most where prompts are scored (`promptLogps`), at least 1: they lie in memory twice, 4 bytes each. Default 2^22. */
  readonly stepScores?: number | undefined;
  /** Keeps the cache of the last answer, which a request that goes on with its text does not read again. Default false. */
  readonly keepsPrefix?: boolean | undefined;
}

/**
 * Continuous batching: requests join the answers that are under way when there is room, and leave when they are answered. Models and adapters
 * come and go meanwhile. What a request draws depends on its own seed and stream, not on what it shares steps with; what goes wrong with one, or with a step of
 * some, does not reach others.
 *
 * Source: Yu et al. 2022 (Orca), section 3.1, iteration-level scheduling.
 */
export interface Engine {
  /**
   * Throws bad-usage, bad-input for what is wrong with the request itself, and for a model or adapter that is not there; busy where the queue is full. A request
   * that was taken is answered by what it named then, whatever is removed or replaced meanwhile.
   */
  submit(request: GenerationRequest): Submission;
  /** Whether a request with so long a prompt would be taken now. */
  hasRoom(promptTokens: number): boolean;
  /** Compiles the model's step, where none that is alike is there. Throws bad-input for a name that is there. */
  addModel(name: string, model: EngineModel, options?: AddOptions): Promise<void>;
  /** Removes a model and its adapters: new requests are refused, those that were taken are answered. Resolves when its memory is given back. */
  removeModel(name: string): Promise<void>;
  /**
   * Uploads the adapter. Adapters of one shape (modules, ranks, magnitudes, path) on one model share a step, so that only the first one compiles. Throws
   * bad-input for a name that is there and for an adapter that does not fit the model.
   */
  addAdapter(name: string, adapter: EngineAdapter, options?: AddOptions): Promise<void>;
  /** As removeModel; the model stays. */
  removeAdapter(name: string, model?: string): Promise<void>;
  /**
   * Says that the values of an adapter's tensors have changed: what was computed of them is computed again, between two steps, and no later prompt goes on with
   * keys and values of before. Answers under way go on with the new values behind what they have read.
   */
  refreshAdapter(name: string, model?: string): Promise<void>;
  /** The same for a model's tensors, and so for all its adapters. */
  refreshModel(name: string): Promise<void>;
  stats(): EngineStats;
  /** Cancels what is left, removes every model and frees programs and caches. */
  dispose(): Promise<void>;
}

const DEFAULT_ROWS = 32;
const DEFAULT_WAITING = 512;
const DEFAULT_WAITING_TOKENS = 2 ** 20;
const DEFAULT_STEP_TOKENS = 512;
/** A prompt of 2,000 tokens times 150,000 ids would take 1.2 GB at once. */
const DEFAULT_STEP_SCORES = 2 ** 22;

/**
 * An engine without models. Throws bad-usage for limits that are no whole numbers.
 *
 * @example
 * ```ts
 * import { openDevice, openModel, plainDecoder } from 'preftune';
 * import { BASE, createEngine } from 'preftune/generate';
 * import { loadModel, readAdapter } from 'preftune/policy';
 *
 * const device = await openDevice();
 * const { config, files, tokenizer } = await openModel('model.gguf');
 * const { weights } = await loadModel(device, config, files.checkpoint);
 * const engine = createEngine(device, { maxRows: 16, maxWaiting: 200 });
 * await engine.addModel(BASE, { decoder: plainDecoder(config), tokenizer, resident: weights });
 * const { lora, weights: tensors } = await readAdapter('run/adapter', config);
 * await engine.addAdapter('kind', { lora, tensors });
 * const prompt = tokenizer.encode('What is a comet?');
 * const { tokens, answer } = engine.submit({ prompt, maxNewTokens: 64, adapter: 'kind' });
 * for await (const { text } of tokens) process.stdout.write(text);
 * console.log((await answer).finishReason);
 * await engine.removeAdapter('kind');
 * await engine.dispose();
 * await device.dispose();
 * ```
 */
export function createEngine(device: Device, options: EngineOptions = {}): Engine {
  const { maxRows = DEFAULT_ROWS, stepTokens = DEFAULT_STEP_TOKENS, keepsPrefix = false } = options;
  const { stepScores = DEFAULT_STEP_SCORES } = options;
  const { maxWaiting = DEFAULT_WAITING, maxWaitingTokens = DEFAULT_WAITING_TOKENS } = options;
  checkLimits({
    maxRows: { value: maxRows, least: 1 },
    stepTokens: { value: stepTokens, least: 1 },
    stepScores: { value: stepScores, least: 1 },
    maxWaiting: { value: maxWaiting, least: 0 },
    maxWaitingTokens: { value: maxWaitingTokens, least: 0 },
  });
  const factory = createResponderFactory(device, { stepTokens, stepScores, keepsPrefix });
  const registry = createRegistry(device, factory);
  const turns = createTurns();
  const queue = createQueue<Entry>(({ request }) => request.prompt.length, { maxWaiting, maxWaitingTokens });
  let underWay: Entry[] = [];
  let pumping: Promise<void> | undefined;
  let isDisposed = false;
  const constraints = new WeakSet<TokenConstraint>();
  const counts: EngineCounts = {
    answered: 0,
    failed: 0,
    cancelled: 0,
    refused: 0,
    promptTokens: 0,
    cachedTokens: 0,
    sharedTokens: 0,
    generatedTokens: 0,
  };

  /** Tokens that a prompt adds to a step: none where it is read for another one of the group, and more where it is scored, since a step scores fewer than it reads. */
  const readingCost = ({ request, responder }: Entry, group: readonly Entry[]): number => {
    if (group.some((other) => isReadAlike(other.request, request))) return 0;
    const { prompt, promptLogps } = request;
    if (promptLogps === undefined) return prompt.length;
    return prompt.length * Math.max(1, stepTokens / mostScored(stepScores, responder.decoder.config));
  };

  /** Takes waiting entries in their order: for each lane of a batch that reads none, as many as one step can read. */
  const admit = async (): Promise<void> => {
    let room = freePlaces();
    const groups: { batch: Batch; lane: Lane; entries: Entry[]; tokens: number; isFull: boolean }[] = [];
    for (const entry of queue.entries) {
      if (room <= 0) break;
      const [{ batch }, lane] = [entry.responder, laneOf(entry.request)];
      if (batch.isReading(lane)) continue;
      let group = groups.find((one) => one.batch === batch && one.lane === lane);
      if (group === undefined) groups.push((group = { batch, lane, entries: [], tokens: 0, isFull: false }));
      // Before prompts are compared: many with a long beginning in common may wait.
      if (group.isFull) continue;
      const tokens = group.tokens + readingCost(entry, group.entries);
      // One that adds nothing is welcome beside a prompt that is longer than a step.
      group.isFull = group.entries.length > 0 && tokens > Math.max(stepTokens, group.tokens);
      if (group.isFull) continue;
      group.entries.push(entry);
      group.tokens = tokens;
      room--;
    }
    for (const { batch, entries } of groups) {
      // One may have been cancelled while others began.
      const taken = entries.filter((entry) => queue.remove(entry));
      const states = taken.map(beginEntry);
      underWay.push(...taken);
      counts.promptTokens += tokensOf(states);
      counts.sharedTokens += tokensOf([...groupByReading(states).followers.values()].flat());
      if (states.length > 0) await batch.begin(states);
    }
  };

  const tell = (entry: Entry, { finished, failure }: Pick<AnswerState, 'finished' | 'failure'>): void => {
    entry.settle({ finished, failure });
    counts[outcomeOf(failure)]++;
    counts.cachedTokens += finished?.cachedTokens ?? 0;
  };

  const settle = async (): Promise<void> => {
    const over = underWay.filter(({ state }) => state!.isOver);
    underWay = underWay.filter(({ state }) => !state!.isOver);
    for (const entry of over) tell(entry, entry.state!);
    for (const { responder } of over) await responder.release();
  };

  const iterate = async (): Promise<void> => {
    await admit();
    for (const responder of factory.all)
      await responder.batch.step(queue.entries.some((entry) => entry.responder === responder));
    // A batch frees its cache with its last answer, before that is told; one whose last was cancelled meanwhile does it now.
    for (const { batch } of factory.all) if (batch.size === 0) await batch.step(false);
    await settle();
  };

  /** Every iteration is a turn, so that what must happen between two steps can. */
  const pump = async (): Promise<void> => {
    while (queue.entries.length > 0 || underWay.length > 0)
      await turns.take(async () => {
        try {
          await iterate();
        } catch (error) {
          // A fault that no batch took for its own must not leave anyone waiting.
          for (const { state } of underWay) state!.fail(asError(error));
          for (const { batch } of factory.all) await batch.dispose();
          await settle();
        }
      });
    pumping = undefined;
  };

  const submit = (request: GenerationRequest): Submission => {
    if (isDisposed) throw badInput('generate: the engine must not be disposed yet, got a request after its end');
    const responder = registry.find(request);
    const { config } = responder.decoder;
    checkDecoding(request, config.vocabularySize);
    checkPrompts([request.prompt], config, request);
    checkConstraint(request);
    const entry = createEntry(request, responder, () => void counts.generatedTokens++);
    enqueue(entry);
    const cancelEntry = (): void => cancel(entry);
    const { signal } = request;
    signal?.addEventListener('abort', cancelEntry);
    if (signal?.aborted === true) cancelEntry();
    entry.answer.finally(() => signal?.removeEventListener('abort', cancelEntry)).catch(() => undefined);
    // After this turn, so that requests made together are read together.
    pumping ??= Promise.resolve().then(pump);
    const { answer, tokens, promptLogps } = entry;
    return { answer, tokens, promptLogps, cancel: cancelEntry };
  };

  /** A constraint goes forward with one answer; a second one would go on from there. */
  const checkConstraint = ({ constraint }: GenerationRequest): void => {
    if (constraint === undefined || !constraints.has(constraint)) return;
    throw badUsage(
      'generate: a constraint must belong to one answer, got one that another request has; make one for each',
    );
  };

  const freePlaces = (): number => maxRows - underWay.filter(({ state }) => !state!.isOver).length;

  const enqueue = (entry: Entry): void => {
    try {
      queue.push(entry, freePlaces());
    } catch (error) {
      counts.refused++;
      throw error;
    }
    entry.responder.hold();
    if (entry.request.constraint !== undefined) constraints.add(entry.request.constraint);
  };

  const cancel = (entry: Entry): void => {
    const failure = new PreftuneError('cancelled', 'generate: stopped before the answer ended');
    if (entry.state !== undefined) return entry.state.fail(failure);
    if (!queue.remove(entry)) return;
    tell(entry, { finished: undefined, failure });
    void entry.responder.release();
  };

  const refresh = async (responders: readonly Responder[]): Promise<void> => {
    for (const responder of responders) responder.hold();
    try {
      for (const responder of responders) await turns.take(responder.refresh);
    } finally {
      for (const responder of responders) await responder.release();
    }
  };

  const stats = (): EngineStats => ({
    ...counts,
    running: underWay.length,
    waiting: queue.entries.length,
    waitingTokens: queue.tokens,
    programs: factory.programs,
    responders: [...factory.all].map((responder) => {
      const countOf = (entries: readonly Entry[]): number =>
        entries.filter((entry) => entry.responder === responder).length;
      return responderStats(responder, { running: countOf(underWay), waiting: countOf(queue.entries) });
    }),
  });

  const dispose = async (): Promise<void> => {
    isDisposed = true;
    for (const entry of [...queue.entries, ...underWay]) cancel(entry);
    await pumping;
    await registry.dispose();
  };

  const { addModel, removeModel, addAdapter, removeAdapter } = registry;
  return {
    submit,
    hasRoom: (promptTokens) => queue.hasRoom(promptTokens, freePlaces()),
    addModel,
    removeModel,
    addAdapter,
    removeAdapter,
    refreshAdapter: async (adapter, model) => refresh([registry.find({ adapter, model })]),
    refreshModel: async (name) => refresh(registry.withAdapters(name)),
    stats,
    dispose,
  };
}

function tokensOf(answers: readonly AnswerState[]): number {
  return answers.reduce((sum, { promptLength }) => sum + promptLength, 0);
}
