import { badInput, badUsage, PreftuneError, type Problem } from '../core/index.ts';
import type { Decoder, ModelConfig } from '../models/index.ts';
import type { Device, DeviceTensor } from '../runtime/index.ts';
import type { Tokenizer } from '../tokenizer/index.ts';
import { beginAnswer, type Answer, type AnswerState, type GeneratedToken } from './answer.ts';
import { compileMove, type Cache } from './cache.ts';
import { cacheFor } from './cache-room.ts';
import type { Sampling } from './sampling.ts';
import { stepLayout } from './step-layout.ts';
import { compileStep } from './step-program.ts';

export interface GenerateOptions extends Partial<Sampling> {
  /** At least 1; fewer come where the model has no more positions. */
  readonly maxNewTokens: number;
  /** What sampling draws depends on it and on the row's place alone. Default 0. */
  readonly seed?: number;
  /** The place of the first prompt among all that are answered with one seed, however they are cut into calls. Default 0. */
  readonly firstRow?: number;
  /** Ids that end an answer. Default: the tokenizer's. */
  readonly stopIds?: readonly number[];
  /** Texts that end an answer; they are not in it. */
  readonly stopStrings?: readonly string[];
  /** Gives log-probabilities of the tokens under the model's own distribution, and of so many likeliest ones beside each. */
  readonly topLogps?: number;
  /** Throws cancelled at the next token. */
  readonly signal?: AbortSignal | undefined;
  readonly onToken?: ((token: GeneratedToken) => void) | undefined;
}

/** Decodes with a key/value cache that stays on the device. Temperature and topP default to 0 (greedy) and 1. */
export interface Generator {
  /**
   * Answers every prompt (token ids, at least one each), all of them together. Throws bad-input for prompts that do not fit
   * the model, bad-usage for options out of range, cancelled.
   */
  generate(prompts: readonly (readonly number[])[], options: GenerateOptions): Promise<Answer[]>;
  dispose(): Promise<void>;
}

export interface GeneratorOptions {
  readonly decoder: Decoder;
  readonly tokenizer: Pick<Tokenizer, 'decode' | 'stopIds'>;
  /** Weights and adapter by input name; they stay the caller's, and must stay as they are while the generator lives. */
  readonly resident: ReadonlyMap<string, DeviceTensor>;
  /** Compact matrices of a base that is not in float32; theirs is the same. */
  readonly constants?: ReadonlyMap<string, DeviceTensor>;
}

/** New tokens of a row that one step reads: bounds the memory of a long prompt's attention. */
const STEP_TOKENS = 512;
/** Folds the adapter into the weights and compiles the step: seconds for a model of 135 million weights. */
export async function createGenerator(
  device: Device,
  { decoder, tokenizer, ...weights }: GeneratorOptions,
): Promise<Generator> {
  const { config } = decoder;
  const step = await compileStep(device, decoder, weights);
  const move = await compileMove(device, config);

  const generate = async (prompts: readonly (readonly number[])[], options: GenerateOptions): Promise<Answer[]> => {
    checkOptions(options);
    checkPrompts(prompts, config);
    const answers = prompts.map((prompt, row) =>
      beginAnswer({
        row,
        prompt,
        tokenizer,
        temperature: options.temperature ?? 0,
        topP: options.topP ?? 1,
        topK: options.topK ?? 0,
        minP: options.minP ?? 0,
        repetitionPenalty: options.repetitionPenalty ?? 1,
        stopStrings: options.stopStrings,
        topLogps: options.topLogps,
        maxNewTokens: Math.min(options.maxNewTokens, config.maxPositions - prompt.length),
        stopIds: new Set(options.stopIds ?? tokenizer.stopIds),
        seed: options.seed ?? 0,
        stream: (options.firstRow ?? 0) + row,
        onToken: options.onToken,
      }),
    );
    const rows: AnswerState[] = [];
    let cache: Cache | undefined;
    try {
      for (;;) {
        const active = answers.filter(({ finished }) => finished === undefined);
        if (active.length === 0) return answers.map(({ finished }) => finished!);
        if (options.signal?.aborted) throw new PreftuneError('cancelled', 'generate: stopped before the answer ended');
        cache = await cacheFor(active, cache, { device, config, move, rows });
        const news = active.map((answer) => ({
          row: rows.indexOf(answer),
          start: answer.fed,
          ids: answer.ids.slice(answer.fed, answer.fed + STEP_TOKENS),
        }));
        const layout = stepLayout(news, { ...cache, keyValueHeads: config.keyValueHeads });
        const { data } = await step.run({ ...layout, ...Object.fromEntries(cache.tensors) }, options.signal);
        for (const [i, answer] of active.entries()) {
          answer.feed(news[i]!.ids.length);
          if (answer.fed < answer.ids.length) continue;
          answer.accept((data as Float32Array).subarray(i * config.vocabularySize, (i + 1) * config.vocabularySize));
        }
      }
    } finally {
      await cache?.dispose();
    }
  };

  const dispose = async (): Promise<void> => {
    await step.dispose();
    await move.dispose();
  };
  return { generate, dispose };
}

/** What is wrong with sampling options, at once. */
function checkOptions(options: GenerateOptions): void {
  const { maxNewTokens, temperature = 0, topP = 1, topK = 0, minP = 0, repetitionPenalty = 1, seed = 0 } = options;
  const problems: Problem[] = [];
  const fail = (path: string, must: string, got: number): void =>
    void problems.push({ path, message: `generate: ${path} must be ${must}, got ${got}` });
  if (!Number.isSafeInteger(maxNewTokens) || maxNewTokens < 1)
    fail('maxNewTokens', 'a whole number of at least 1', maxNewTokens);
  if (!(temperature >= 0 && temperature < Infinity)) fail('temperature', 'a number of at least 0', temperature);
  if (!(topP > 0 && topP <= 1)) fail('topP', 'above 0 and at most 1', topP);
  if (!Number.isSafeInteger(topK) || topK < 0) fail('topK', 'a whole number of at least 0', topK);
  if (!(minP >= 0 && minP < 1)) fail('minP', 'at least 0 and below 1', minP);
  if (!(repetitionPenalty > 0 && repetitionPenalty < Infinity)) fail('repetitionPenalty', 'above 0', repetitionPenalty);
  const { topLogps = 0, stopStrings = [] } = options;
  if (!Number.isSafeInteger(topLogps) || topLogps < 0) fail('topLogps', 'a whole number of at least 0', topLogps);
  if (stopStrings.includes(''))
    problems.push({ path: 'stopStrings', message: 'generate: stopStrings must not be empty, got ""' });
  if (!Number.isSafeInteger(seed) || seed < 0) fail('seed', 'a whole number of at least 0', seed);
  if (problems.length > 0) throw badUsage(problems);
}

/** Every prompt needs a token, room for one more, and ids of the vocabulary. */
function checkPrompts(prompts: readonly (readonly number[])[], { maxPositions, vocabularySize }: ModelConfig): void {
  const problems: Problem[] = [];
  for (const [row, prompt] of prompts.entries()) {
    const fail = (message: string): void => void problems.push({ message: `generate: prompt ${row + 1} ${message}` });
    if (prompt.length === 0) fail('must hold at least one token, got none; write a prompt');
    if (prompt.length >= maxPositions)
      fail(`must be shorter than the model's ${maxPositions} positions, got ${prompt.length} tokens; shorten it`);
    const stranger = prompt.find((id) => !Number.isInteger(id) || id < 0 || id >= vocabularySize);
    if (stranger !== undefined)
      fail(`must hold ids below ${vocabularySize}, got ${stranger}; encode it with the model's own tokenizer`);
  }
  if (problems.length > 0) throw badInput(problems);
}
