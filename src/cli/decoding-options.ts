import { z } from 'zod';
import type { Problem } from '../core/index.ts';
import type { GenerateOptions } from '../generate/index.ts';
import { DECODING_PRECISIONS } from '../models/index.ts';
import { grouped, idleProblem, option, texts, type OptionsOf } from '../options/index.ts';

/** How answers are drawn; the same for every command that draws some. */
export const DECODING_SHAPE = grouped('Decoding', {
  maxNewTokens: option(z.int().min(1).default(256), { help: 'longest answer', isCommon: true }),
  temperature: option(z.number().min(0).default(0), {
    help: '0 takes the likeliest token; above 0 draws',
    isCommon: true,
  }),
  topK: option(z.int().min(0).default(0), { help: 'draw among so many likeliest tokens; 0: all' }),
  topP: option(z.number().gt(0).max(1).default(1), {
    help: 'draw among the fewest likely tokens of this probability',
    isCommon: true,
  }),
  minP: option(z.number().min(0).lt(1).default(0), {
    help: "draw among tokens at least so likely as this share of the likeliest one's probability",
  }),
  repetitionPenalty: option(z.number().positive().default(1), {
    help: 'above 1 makes tokens that were there less likely',
  }),
  presencePenalty: option(z.number().min(-2).max(2).optional(), {
    help: 'taken off the score of a token that came in the answer; below 0 added',
  }),
  frequencyPenalty: option(z.number().min(-2).max(2).optional(), {
    help: 'taken off the score of a token for every time that it came in the answer; below 0 added',
  }),
  logitBias: option(texts().optional(), {
    help: 'ID=BIAS: added to the score of the token with this id, -100 to 100; may be repeated',
  }),
  stop: option(texts().optional(), { help: 'text that ends an answer, and is not in it; may be repeated' }),
  seed: option(z.int().min(0).default(0), { help: 'of the draws', isCommon: true }),
});

export type DecodingOptions = OptionsOf<typeof DECODING_SHAPE>;

/** How the base is kept, for commands that open a model to draw from. */
export const BASE_PRECISION = option(z.enum(DECODING_PRECISIONS).default('float32'), {
  help: "how the model's matrices are kept: int8 and int4 take less memory and time, and change scores (cpu only)",
  group: 'Machine',
  isCommon: true,
});

/** Options that mean nothing where nothing is drawn. */
export function idleDrawing(
  { temperature }: Pick<DecodingOptions, 'temperature'>,
  given: { readonly [Name in keyof DecodingOptions]?: unknown },
): Problem[] {
  if (temperature !== 0) return [];
  const drawing = ['topK', 'topP', 'minP', 'seed'] as const;
  return drawing
    .filter((path) => given[path] !== undefined)
    .map((path) => idleProblem(path, 'with --temperature 0, which draws nothing'));
}

const BIAS = /^(\d{1,9})=(-?\d{1,3}(?:\.\d+)?)$/;

/** The pairs of --logit-bias; undefined for a word that is none. */
function biasesOf({
  logitBias = [],
}: Pick<DecodingOptions, 'logitBias'>): (readonly [id: number, bias: number] | undefined)[] {
  return [logitBias].flat().map((word) => {
    const [, id, bias] = BIAS.exec(word) ?? [];
    return id === undefined ? undefined : ([Number(id), Number(bias)] as const);
  });
}

/** Words that are not ID=BIAS, biases out of range, and ids given twice. */
export function biasProblems(options: Pick<DecodingOptions, 'logitBias'>): Problem[] {
  const pairs = biasesOf(options);
  const words = [options.logitBias ?? []].flat();
  const wrongs = pairs.map((pair, place) => {
    if (pair === undefined) return `be ID=BIAS, such as 42=-100, got ${words[place]!}`;
    const [id, bias] = pair;
    if (Math.abs(bias) > 100) return `be between -100 and 100, got ${bias} for id ${id}`;
    const isSecond = pairs.findIndex((other) => other?.[0] === id) < place;
    return isSecond ? `name each id once, got ${id} twice` : undefined;
  });
  return wrongs
    .filter((wrong) => wrong !== undefined)
    .map((wrong) => ({ path: 'logitBias', message: `--logit-bias must ${wrong}` }));
}

/** The options as the generator takes them. */
export function decodingOf({ stop, ...options }: DecodingOptions): GenerateOptions {
  const { presencePenalty, frequencyPenalty } = options;
  const { maxNewTokens, temperature, topK, topP, minP, repetitionPenalty, seed } = options;
  return {
    maxNewTokens,
    temperature,
    topK,
    topP,
    minP,
    repetitionPenalty,
    ...(presencePenalty !== undefined && { presencePenalty }),
    ...(frequencyPenalty !== undefined && { frequencyPenalty }),
    ...(options.logitBias !== undefined && { logitBias: new Map(biasesOf(options).map((pair) => pair!)) }),
    seed,
    stopStrings: [stop ?? []].flat(),
  };
}
