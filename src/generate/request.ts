import { badInput, badUsage, type Problem } from '../core/index.ts';
import { positionLimit, positionLimitText, type ModelConfig } from '../models/index.ts';
import type { StreamedToken } from './answer.ts';
import type { Sampling } from './sampling.ts';

/** How an answer is drawn and when it ends. */
export interface DecodingOptions extends Partial<Sampling> {
  /** At least 1; fewer come where the model has no more positions. */
  readonly maxNewTokens: number;
  /** What sampling draws depends on it and on the stream alone. Default 0. */
  readonly seed?: number;
  /** Ids that end an answer. Default: the tokenizer's. */
  readonly stopIds?: readonly number[];
  /** Texts that end an answer; they are not in it. */
  readonly stopStrings?: readonly string[];
  /** Gives log-probabilities of the tokens under the model's own distribution, and of so many likeliest ones beside each. */
  readonly topLogps?: number;
}

/** One prompt to answer. */
export interface GenerationRequest extends DecodingOptions {
  /** Token ids, at least one. */
  readonly prompt: readonly number[];
  /** Requests of one seed and different streams draw independently. Default 0. */
  readonly stream?: number;
  /** The model that answers, by the engine's name for it. Default: BASE. */
  readonly model?: string | undefined;
  /** The adapter on that model. Default: none. */
  readonly adapter?: string | undefined;
  /** Ends the answer before its next token, as `cancel` does. */
  readonly signal?: AbortSignal | undefined;
  readonly onToken?: ((token: StreamedToken) => void) | undefined;
}

/** Throws bad-usage for limits of an engine that are no whole numbers of at least `least`. */
export function checkLimits(
  limits: Readonly<Record<string, { readonly value: number; readonly least: number }>>,
): void {
  const problems = Object.entries(limits)
    .filter(([, { value, least }]) => value !== Infinity && (!Number.isSafeInteger(value) || value < least))
    .map(([path, { value, least }]) => ({
      path,
      message: `generate: ${path} must be a whole number of at least ${least}, got ${value}`,
    }));
  if (problems.length > 0) throw badUsage(problems);
}

/** Throws bad-usage with all that is wrong with the options. */
export function checkDecoding(options: DecodingOptions): void {
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

/** Every prompt needs a token, room for one more, and ids of the vocabulary. Throws bad-input with all that is wrong. */
export function checkPrompts(prompts: readonly (readonly number[])[], config: ModelConfig): void {
  const { vocabularySize } = config;
  const limit = positionLimit(config);
  const reason = limit < config.maxPositions ? ` (${positionLimitText(config)})` : '';
  const problems: Problem[] = [];
  for (const [row, prompt] of prompts.entries()) {
    const fail = (message: string): void => void problems.push({ message: `generate: prompt ${row + 1} ${message}` });
    if (prompt.length === 0) fail('must hold at least one token, got none; write a prompt');
    if (prompt.length >= limit)
      fail(`must be shorter than the model's ${limit} positions${reason}, got ${prompt.length} tokens; shorten it`);
    const stranger = prompt.find((id) => !Number.isInteger(id) || id < 0 || id >= vocabularySize);
    if (stranger !== undefined)
      fail(`must hold ids below ${vocabularySize}, got ${stranger}; encode it with the model's own tokenizer`);
  }
  if (problems.length > 0) throw badInput(problems);
}
