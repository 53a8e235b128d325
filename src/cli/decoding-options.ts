import type { Problem } from '../core/index.ts';
import type { GenerateOptions } from '../generate/index.ts';
import { DECODING_PRECISIONS } from '../models/index.ts';
import type { CommandContext, OptionEntry } from './frame/command.ts';

const GROUP = 'Decoding:';

/** How answers are drawn; the same for every command that draws some. */
export const DECODING_OPTIONS: readonly OptionEntry[] = [
  { flag: '--max-new-tokens', type: 'integer', default: 256, help: 'longest answer', group: GROUP },
  {
    flag: '--temperature',
    type: 'number',
    default: 0,
    help: '0 takes the likeliest token; above 0 draws',
    group: GROUP,
  },
  { flag: '--top-k', type: 'integer', default: 0, help: 'draw among so many likeliest tokens; 0: all', group: GROUP },
  {
    flag: '--top-p',
    type: 'number',
    default: 1,
    help: 'draw among the fewest likely tokens of this probability',
    group: GROUP,
  },
  {
    flag: '--min-p',
    type: 'number',
    default: 0,
    help: "draw among tokens at least so likely as this share of the likeliest one's probability",
    group: GROUP,
  },
  {
    flag: '--repetition-penalty',
    type: 'number',
    default: 1,
    help: 'above 1 makes tokens that were there less likely',
    group: GROUP,
  },
  { flag: '--stop', type: 'texts', help: 'text that ends an answer, and is not in it; may be repeated', group: GROUP },
  { flag: '--seed', type: 'integer', default: 0, help: 'of the draws', group: GROUP },
];

/** How the base is kept, for commands that open a model to draw from. */
export const BASE_PRECISION: OptionEntry = {
  flag: '--base-precision',
  type: DECODING_PRECISIONS,
  default: 'float32',
  help: "how the model's matrices are kept: int8 and int4 take less memory and time, and change scores (cpu only)",
  group: 'Machine:',
};

/** The options that mean nothing where nothing is drawn. */
const DRAWING = [
  ['topK', '--top-k'],
  ['topP', '--top-p'],
  ['minP', '--min-p'],
  ['seed', '--seed'],
] as const;

/** What is wrong with the decoding options of a command, all of it. */
export function decodingProblems({ options, given }: CommandContext, command: string): Problem[] {
  const problems: Problem[] = [];
  const fail = (path: string, message: string): void => void problems.push({ path, message: `${command}: ${message}` });
  const { maxNewTokens, temperature, topK, topP, minP, repetitionPenalty, seed } = options as Record<string, number>;
  if (temperature === 0)
    for (const [path, flag] of DRAWING)
      if (given[path] !== undefined) fail(path, `${flag} has no effect with --temperature 0, which draws nothing`);
  if (maxNewTokens! < 1) fail('maxNewTokens', `--max-new-tokens must be at least 1, got ${maxNewTokens}`);
  if (!(temperature! >= 0)) fail('temperature', `--temperature must be at least 0, got ${temperature}`);
  if (topK! < 0) fail('topK', `--top-k must be at least 0, got ${topK}`);
  if (!(topP! > 0 && topP! <= 1)) fail('topP', `--top-p must be above 0 and at most 1, got ${topP}`);
  if (!(minP! >= 0 && minP! < 1)) fail('minP', `--min-p must be at least 0 and below 1, got ${minP}`);
  if (!(repetitionPenalty! > 0))
    fail('repetitionPenalty', `--repetition-penalty must be above 0, got ${repetitionPenalty}`);
  if (seed! < 0) fail('seed', `--seed must be at least 0, got ${seed}`);
  if (stopStrings(options['stop']).includes('')) fail('stop', '--stop must not be empty, got ""');
  return problems;
}

function stopStrings(value: unknown): string[] {
  return value === undefined ? [] : [value].flat().map(String);
}

/** The options as the generator takes them. */
export function decodingOf({ options }: Pick<CommandContext, 'options'>): GenerateOptions {
  return {
    maxNewTokens: options['maxNewTokens'] as number,
    temperature: options['temperature'] as number,
    topK: options['topK'] as number,
    topP: options['topP'] as number,
    minP: options['minP'] as number,
    repetitionPenalty: options['repetitionPenalty'] as number,
    seed: options['seed'] as number,
    stopStrings: stopStrings(options['stop']),
  };
}
