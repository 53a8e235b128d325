import { z } from 'zod';
import type { Problem } from '../../core/index.ts';
import { changed, grouped, option, type OptionShape } from '../../options/index.ts';
import { MATCHES, STRATEGIES, VOTE_LABELS } from '../../pairs/index.ts';
import {
  ADAPTER,
  COLUMNS,
  FORMAT,
  LENIENT,
  MACHINE_SHAPE,
  MODEL,
  OVERWRITE,
  SEED,
  SYSTEM,
  TEMPLATE_TIME,
} from '../common-options.ts';
import type { CommandUsage } from '../frame/command.ts';
import { JUDGE_SHAPE, judgeProblems, MIN_AGREEMENT } from '../judge-options.ts';

const SOURCES = ['ratings', 'rankings', 'votes', 'edits', 'thumbs', 'samples', 'judge'] as const;
export type BuildSource = (typeof SOURCES)[number];

const count = z.int().min(1);
const text = z.string().min(1);

/** Options that mean something with some sources alone. */
function onlyFrom<S extends OptionShape>(values: readonly BuildSource[], shape: S): S {
  const fields = Object.entries(shape).map(([each, field]) => [
    each,
    changed(field, { onlyWith: { option: 'from', values } }),
  ]);
  return Object.fromEntries(fields) as S;
}

const SAMPLED = ['samples'] as const;
const JUDGED = ['samples', 'judge'] as const;
const RATED = ['ratings', 'rankings'] as const;

export const BUILD_SCHEMA = z.strictObject({
  from: option(z.enum(SOURCES), { help: 'what the pairs are made of' }),
  output: option(text, { help: 'file of pairs to write, JSON lines', alias: '-o' }),
  overwrite: changed(OVERWRITE, { isCommon: true }),
  columns: changed(COLUMNS, { isCommon: false }),
  lenient: LENIENT,
  maxRows: option(count.optional(), { help: 'take the first so many prompts', isCommon: true }),
  ...onlyFrom(['ratings', 'rankings', 'votes', 'edits', 'thumbs', 'judge'], { format: FORMAT }),
  ...grouped('Pairs', {
    ...onlyFrom([...RATED, ...JUDGED], {
      strategy: option(z.enum(STRATEGIES).optional(), {
        help: 'which answers of a prompt make pairs',
        usually: 'best-worst; with a judge all: every match that it decides',
        isCommon: true,
      }),
    }),
    ...onlyFrom(RATED, {
      minMargin: option(z.number().min(0).optional(), {
        help: 'smallest difference of ratings or ranks',
        isCommon: true,
      }),
    }),
    ...onlyFrom(['ratings'], {
      rating: option(text.optional(), {
        help: 'a rating by aspect, such as helpfulness, instead of the overall one',
        isCommon: true,
      }),
    }),
    ...onlyFrom(['votes', ...JUDGED], {
      minAgreement: changed(MIN_AGREEMENT, {
        help: 'share of votes, or of judges, that the winner needs; ties count one half of a vote',
        isCommon: true,
      }),
    }),
    ...onlyFrom(['votes'], {
      minVotes: option(count.optional(), { help: 'fewest votes on two answers', usually: '1' }),
      labels: option(z.enum(VOTE_LABELS).optional(), {
        help: 'hard: the majority; weighted: weight 2p - 1; soft: both directions, weights p and 1 - p',
        usually: 'hard',
      }),
    }),
    ...onlyFrom(['thumbs'], {
      maxPairs: option(count.optional(), { help: 'pairs of one prompt at most' }),
    }),
    ...onlyFrom(JUDGED, {
      matches: option(z.enum(MATCHES).optional(), {
        help: 'which answers of a prompt meet: all of them, or each winner the next',
        usually: 'all',
      }),
      minConfidence: option(z.number().min(0).max(1).optional(), { help: 'verdicts with less are ties' }),
      verdicts: option(text.optional(), { help: 'file for every verdict with its reasons, JSON lines' }),
    }),
  }),
  ...onlyFrom(SAMPLED, {
    ...grouped('Samples', {
      model: changed(MODEL, { help: 'model that answers: folder, .gguf file or hub id' }).optional(),
      adapter: changed(ADAPTER, { help: 'PEFT adapter folder' }),
      samples: option(z.int().min(2).default(4), { help: 'answers to each prompt', isCommon: true }),
      temperature: option(z.number().min(0).default(1), { help: 'of the draws' }),
      topP: option(z.number().gt(0).max(1).default(1), {
        help: 'draw among the fewest likely tokens of this probability',
      }),
      maxNewTokens: option(count.default(256), { help: 'longest answer' }),
      seed: SEED,
      system: SYSTEM,
      templateTime: TEMPLATE_TIME,
      device: changed(MACHINE_SHAPE.device, { help: 'where it runs', isCommon: false }),
      threads: MACHINE_SHAPE.threads,
    }),
  }),
  ...onlyFrom(JUDGED, {
    dryRun: option(z.boolean().default(false), {
      help: 'show the first question, the number of questions and the cost; ask nothing',
      group: 'Judge',
      isCommon: true,
    }),
    ...JUDGE_SHAPE,
  }),
});
export type BuildOptions = z.output<typeof BUILD_SCHEMA>;

/** What the combination of options rules out besides what has no effect with --from, which the fields say. */
export function buildProblems(
  { from, output, model }: BuildOptions,
  { given }: CommandUsage<typeof BUILD_SCHEMA>,
): Problem[] {
  const problems: Problem[] = [];
  if (given.output !== undefined && !/\.(jsonl|ndjson)$/i.test(output))
    problems.push({
      path: 'output',
      message: `--output must end with .jsonl, got ${output}; other formats: preftune data convert`,
    });
  if (from === 'samples' && model === undefined)
    problems.push({ path: 'model', message: '--model is required with --from samples; name the model that answers' });
  if (from === 'samples' || from === 'judge') problems.push(...judgeProblems(given));
  return problems;
}
