import { asError, badInput, PreftuneError } from '../core/index.ts';
import type { Decoder, ModelConfig } from '../models/index.ts';
import type { Device } from '../runtime/index.ts';
import type { Tokenizer } from '../tokenizer/index.ts';
import { beginAnswer, type Answer, type AnswerState, type StreamedToken } from './answer.ts';
import { createBatch, type Batch } from './batch.ts';
import { compileJoin, compileMove } from './cache.ts';
import { checkDecoding, checkPrompts, type GenerationRequest } from './request.ts';
import { compileStep, type StepProgram, type StepWeights } from './step-program.ts';
import { createTokenStream } from './token-stream.ts';

/** A decoder with its weights: the base, or the base with an adapter. The weights stay the caller's and must live as long as the engine. */
export interface EngineModel extends StepWeights {
  readonly decoder: Decoder;
}

export interface EngineOptions {
  readonly tokenizer: Pick<Tokenizer, 'decode' | 'stopIds'>;
  /** What answers requests, by the adapter that they name; BASE for those that name none. All of one model. */
  readonly models: ReadonlyMap<string, EngineModel>;
  /** Answers under way at once, at least 1; others wait. Default 32. */
  readonly maxRows?: number | undefined;
  /** Prompt tokens that one step reads, at least 1: answers under way wait no longer than for these. Default 512. */
  readonly stepTokens?: number | undefined;
  /** Keeps the cache of the last answer, which a request that goes on with its text does not read again. Default false. */
  readonly keepsPrefix?: boolean | undefined;
}

/** The name of the model for requests that name no adapter. */
export const BASE = '';

/** A request that was taken. */
export interface Submission {
  /** Rejects with cancelled, or with what went wrong with this request. */
  readonly answer: Promise<Answer>;
  /** Every token as it comes, once; ends with the answer and throws what it rejects with. */
  readonly tokens: AsyncIterable<StreamedToken>;
  /** Ends it before its next token. */
  cancel(): void;
}

/**
 * Continuous batching: requests join the answers that are under way when there is room, and leave when they are answered.
 * What one draws depends on its own seed and stream, not on what it shares steps with; what goes wrong with one does not reach others.
 *
 * Source: Yu et al. 2022 (Orca), section 3.1, iteration-level scheduling.
 */
export interface Engine {
  /** Throws bad-usage, bad-input for what is wrong with the request itself. */
  submit(request: GenerationRequest): Submission;
  /** Cancels what is left and frees programs and caches. */
  dispose(): Promise<void>;
}

interface Entry {
  readonly request: GenerationRequest;
  /** Undefined while it waits. */
  state: AnswerState | undefined;
  settle(state: Pick<AnswerState, 'finished' | 'failure'>): void;
  readonly onToken: (token: StreamedToken) => void;
}

const DEFAULT_ROWS = 32;
const DEFAULT_STEP_TOKENS = 512;

/** Compiles a step for every model: seconds each for 135 million weights. */
export async function createEngine(device: Device, options: EngineOptions): Promise<Engine> {
  const { models, maxRows = DEFAULT_ROWS, stepTokens = DEFAULT_STEP_TOKENS, keepsPrefix = false } = options;
  const [first] = models.values();
  if (first === undefined) throw badInput('generate: an engine must have at least one model, got none');
  const { config } = first.decoder;
  const [move, join] = [await compileMove(device, config), await compileJoin(device, config)];
  const steps: StepProgram[] = [];
  const batches = new Map<string, Batch>();
  for (const [name, { decoder, ...weights }] of models) {
    const step = await compileStep(device, decoder, weights);
    steps.push(step);
    batches.set(name, createBatch({ device, config, step, move, join, stepTokens, keepsPrefix }));
  }
  let waiting: Entry[] = [];
  let underWay: Entry[] = [];
  let pumping: Promise<void> | undefined;
  let isDisposed = false;

  const batchOf = ({ request }: Entry): Batch => batches.get(request.adapter ?? BASE)!;

  /** Takes waiting entries in their order: for each batch that reads none, as many as one step can read. */
  const admit = async (): Promise<void> => {
    let room = maxRows - [...batches.values()].reduce((sum, { size }) => sum + size, 0);
    const groups = new Map<Batch, { entries: Entry[]; tokens: number; isFull: boolean }>();
    for (const entry of waiting) {
      if (room === 0) break;
      const batch = batchOf(entry);
      if (batch.isReading) continue;
      const group = groups.get(batch) ?? { entries: [], tokens: 0, isFull: false };
      groups.set(batch, group);
      const tokens = group.tokens + entry.request.prompt.length;
      group.isFull ||= group.entries.length > 0 && tokens > stepTokens;
      if (group.isFull) continue;
      group.entries.push(entry);
      group.tokens = tokens;
      room--;
    }
    for (const [batch, { entries }] of groups) {
      const states = entries.map((entry) => (entry.state = stateOf(entry, config, options)));
      waiting = waiting.filter((entry) => entry.state === undefined);
      underWay.push(...entries);
      await batch.begin(states);
    }
  };

  const settle = (): void => {
    for (const { state, settle: tell } of underWay) if (state!.isOver) tell(state!);
    underWay = underWay.filter(({ state }) => !state!.isOver);
  };

  const work = async (batch: Batch): Promise<void> => {
    try {
      await batch.step(waiting.some((entry) => batchOf(entry) === batch));
    } catch (error) {
      for (const entry of underWay) if (batchOf(entry) === batch) entry.state!.fail(asError(error));
      await batch.dispose();
    }
  };

  const pump = async (): Promise<void> => {
    while (waiting.length > 0 || underWay.length > 0) {
      try {
        await admit();
      } catch (error) {
        // Such as a device without memory for another cache.
        for (const { state } of underWay) state!.fail(asError(error));
        for (const batch of batches.values()) await batch.dispose();
      }
      for (const batch of batches.values()) if (batch.size > 0 || batch.isReading) await work(batch);
      // A batch frees its cache with its last answer, before that is told; one whose last was cancelled does it now.
      for (const batch of batches.values()) if (batch.size === 0) await work(batch);
      settle();
    }
    pumping = undefined;
  };

  const submit = (request: GenerationRequest): Submission => {
    checkDecoding(request);
    checkPrompts([request.prompt], config);
    if (isDisposed) throw badInput('generate: the engine must not be disposed yet, got a request after its end');
    if (!batches.has(request.adapter ?? BASE)) throw badInput(`generate: ${strangerMessage(request, models)}`);
    const stream = createTokenStream();
    const onToken = (token: StreamedToken): void => {
      stream.push(token);
      request.onToken?.(token);
    };
    let entry: Entry;
    const answer = new Promise<Answer>((resolve, reject) => {
      entry = {
        request,
        onToken,
        state: undefined,
        settle: ({ finished, failure }) => {
          stream.end(failure);
          if (failure === undefined) resolve(finished!);
          else reject(failure);
        },
      };
    });
    // Who reads only the tokens learns of a failure there.
    answer.catch(() => undefined);
    waiting.push(entry!);
    // After this turn, so that requests made together are read together.
    pumping ??= Promise.resolve().then(pump);
    return { answer, tokens: stream, cancel: () => cancel(entry!) };
  };

  const cancel = (entry: Entry): void => {
    const failure = new PreftuneError('cancelled', 'generate: stopped before the answer ended');
    if (entry.state !== undefined) return entry.state.fail(failure);
    if (!waiting.includes(entry)) return;
    waiting = waiting.filter((other) => other !== entry);
    entry.settle({ finished: undefined, failure });
  };

  const dispose = async (): Promise<void> => {
    isDisposed = true;
    for (const entry of [...waiting, ...underWay]) cancel(entry);
    await pumping;
    for (const batch of batches.values()) await batch.dispose();
    for (const program of [...steps, move, join]) await program.dispose();
  };
  return { submit, dispose };
}

function strangerMessage({ adapter }: GenerationRequest, models: ReadonlyMap<string, EngineModel>): string {
  const names = [...models.keys()].filter((name) => name !== BASE);
  const known = names.length === 0 ? 'there is none' : `there are ${names.join(', ')}`;
  return `a request must name an adapter of the engine, got ${adapter ?? 'none'}; ${known}`;
}

function stateOf({ request, onToken }: Entry, config: ModelConfig, { tokenizer }: EngineOptions): AnswerState {
  const { prompt, temperature = 0, topP = 1, topK = 0, minP = 0, repetitionPenalty = 1 } = request;
  return beginAnswer({
    prompt,
    tokenizer,
    temperature,
    topP,
    topK,
    minP,
    repetitionPenalty,
    stopStrings: request.stopStrings,
    topLogps: request.topLogps,
    maxNewTokens: Math.min(request.maxNewTokens, config.maxPositions - prompt.length),
    stopIds: new Set(request.stopIds ?? tokenizer.stopIds),
    seed: request.seed ?? 0,
    stream: request.stream ?? 0,
    onToken,
  });
}
