import { badInput, badUsage, type Problem } from '../core/index.ts';
import { positionLimit, positionLimitText, type ModelConfig } from '../models/index.ts';
import type { TokenConstraint } from '../grammar/index.ts';
import type { StreamedToken } from './answer.ts';
import type { Sampling } from './choose/sampling.ts';

/** How an answer is drawn and when it ends. */
export interface DecodingOptions extends Partial<Sampling> {
  /** At least 1, or 0 with `promptLogps`; fewer come where the model has no more positions. */
  readonly maxNewTokens: number;
  /** What sampling draws depends on it and on the stream alone. Default 0. */
  readonly seed?: number;
  /** Ids that end an answer. Default: the tokenizer's. */
  readonly stopIds?: readonly number[];
  /** Texts that end an answer; they are not in it. */
  readonly stopStrings?: readonly string[];
  /** Gives log-probabilities of the tokens under the model's own distribution, and of so many likeliest ones beside each. */
  readonly topLogps?: number;
  /**
   * Gives log-probabilities of the prompt's own tokens, each behind those before it, and of so many likeliest ones beside each; the first token has none. The prompt is
   * read whole, and in smaller slices.
   */
  readonly promptLogps?: number | undefined;
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
  /** Only ids that it allows are chosen, whatever penalties and bias say; it hears of every id that comes, stop ids among them. It belongs to this one answer. */
  readonly constraint?: TokenConstraint | undefined;
  /** Special tokens that stay in the answer's text, with their spellings: marks of calls of tools, which are no text otherwise. */
  readonly keptTokens?: ReadonlyMap<number, string> | undefined;
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

/** A number of the options, what it must be, and whether it is that. */
type Check = readonly [path: string, must: string, got: number, isRight: boolean];

/** What OpenAI's API takes as a penalty, and as a bias, on either side of 0. */
const MOST_PENALTY = 2;
const MOST_BIAS = 100;

/** Throws bad-usage with all that is wrong with the options for a model of this vocabulary. */
export function checkDecoding(options: DecodingOptions, vocabularySize: number): void {
  const { stopStrings = [] } = options;
  const problems: Problem[] = checksOf(options)
    .filter(([, , , isRight]) => !isRight)
    .map(([path, must, got]) => ({ path, message: `generate: ${path} must be ${must}, got ${got}` }));
  if (stopStrings.includes(''))
    problems.push({ path: 'stopStrings', message: 'generate: stopStrings must not be empty, got ""' });
  problems.push(...biasProblems(options, vocabularySize));
  if (problems.length > 0) throw badUsage(problems);
}

function checksOf(options: DecodingOptions): Check[] {
  const { temperature = 0, topP = 1, topK = 0, minP = 0, seed = 0, maxNewTokens, promptLogps } = options;
  const { repetitionPenalty = 1, presencePenalty = 0, frequencyPenalty = 0, topLogps = 0 } = options;
  return [
    wholeCheck('maxNewTokens', maxNewTokens, promptLogps === undefined ? 1 : 0),
    ['temperature', 'a number of at least 0', temperature, temperature >= 0 && temperature < Infinity],
    ['topP', 'above 0 and at most 1', topP, topP > 0 && topP <= 1],
    wholeCheck('topK', topK),
    ['minP', 'at least 0 and below 1', minP, minP >= 0 && minP < 1],
    ['repetitionPenalty', 'above 0', repetitionPenalty, repetitionPenalty > 0 && repetitionPenalty < Infinity],
    penaltyCheck('presencePenalty', presencePenalty),
    penaltyCheck('frequencyPenalty', frequencyPenalty),
    wholeCheck('topLogps', topLogps),
    wholeCheck('promptLogps', promptLogps ?? 0),
    wholeCheck('seed', seed),
  ];
}

function wholeCheck(path: string, value: number, least = 0): Check {
  return [path, `a whole number of at least ${least}`, value, Number.isSafeInteger(value) && value >= least];
}

function penaltyCheck(path: string, value: number): Check {
  return [path, `between -${MOST_PENALTY} and ${MOST_PENALTY}`, value, Math.abs(value) <= MOST_PENALTY];
}

function biasProblems({ logitBias = new Map() }: DecodingOptions, vocabularySize: number): Problem[] {
  return [...logitBias].flatMap(([id, bias]): Problem[] => {
    const path = 'logitBias';
    if (!Number.isInteger(id) || id < 0 || id >= vocabularySize)
      return [{ path, message: `generate: logitBias must name ids below ${vocabularySize}, got ${id}` }];
    if (Math.abs(bias) <= MOST_BIAS) return [];
    const message = `generate: logitBias must be between -${MOST_BIAS} and ${MOST_BIAS}, got ${bias} for id ${id}`;
    return [{ path, message }];
  });
}

/** Every prompt needs a token, room for one more where any is to come, and ids of the vocabulary. Throws bad-input with all that is wrong. */
export function checkPrompts(
  prompts: readonly (readonly number[])[],
  config: ModelConfig,
  { maxNewTokens }: Pick<DecodingOptions, 'maxNewTokens'>,
): void {
  const { vocabularySize } = config;
  const limit = positionLimit(config);
  const reason = limit < config.maxPositions ? ` (${positionLimitText(config)})` : '';
  const problems: Problem[] = [];
  for (const [row, prompt] of prompts.entries()) {
    const fail = (message: string): void => void problems.push({ message: `generate: prompt ${row + 1} ${message}` });
    if (prompt.length === 0) fail('must hold at least one token, got none; write a prompt');
    const isClosed = maxNewTokens === 0;
    if (prompt.length >= limit + (isClosed ? 1 : 0))
      fail(
        `must be ${isClosed ? 'no longer' : 'shorter'} than the model's ${limit} positions${reason}, got ${prompt.length} tokens; shorten it`,
      );
    const stranger = prompt.find((id) => !Number.isInteger(id) || id < 0 || id >= vocabularySize);
    if (stranger !== undefined)
      fail(`must hold ids below ${vocabularySize}, got ${stranger}; encode it with the model's own tokenizer`);
  }
  if (problems.length > 0) throw badInput(problems);
}
