import { badUsage, type Problem } from '../../core/index.ts';
import { FORMATS } from '../../data/index.ts';
import { MATCHES, STRATEGIES, VOTE_LABELS } from '../../pairs/index.ts';
import { pathOf, type CommandContext, type OptionEntry } from '../frame/command.ts';
import { JUDGE_OPTIONS } from '../judge-options.ts';

export const SOURCES = ['ratings', 'rankings', 'votes', 'edits', 'thumbs', 'samples', 'judge'] as const;
export type BuildSource = (typeof SOURCES)[number];

const GENERAL: readonly OptionEntry[] = [
  { flag: '--from', type: SOURCES, isRequired: true, help: 'what the pairs are made of' },
  { flag: '--output', alias: '-o', type: 'string', isRequired: true, help: 'file of pairs to write, JSON lines' },
  { flag: '--overwrite', type: 'boolean', default: false, help: 'replace the file if it exists' },
  { flag: '--lenient', type: 'boolean', default: false, help: 'skip and count rows that are wrong' },
  { flag: '--max-rows', type: 'integer', help: 'take the first so many prompts' },
];
const FORMAT: OptionEntry = {
  flag: '--format',
  type: FORMATS.map(({ name }) => name),
  help: 'how rows are written; detected when left out',
};
const STRATEGY: OptionEntry = {
  flag: '--strategy',
  type: STRATEGIES,
  help: 'which answers of a prompt make pairs (without it best-worst; with a judge all: every match that it decides)',
  group: 'Pairs:',
};
const AGREEMENT: OptionEntry = {
  flag: '--min-agreement',
  type: 'number',
  help: 'share of votes, or of judges, that the winner needs; ties count one half of a vote (without it any majority)',
  group: 'Pairs:',
};
const RATINGS: readonly OptionEntry[] = [
  FORMAT,
  STRATEGY,
  { flag: '--min-margin', type: 'number', help: 'smallest difference of ratings or ranks', group: 'Pairs:' },
];
const RATING: OptionEntry = {
  flag: '--rating',
  type: 'string',
  help: 'a rating by aspect, such as helpfulness, instead of the overall one',
  group: 'Pairs:',
};
const VOTES: readonly OptionEntry[] = [
  FORMAT,
  AGREEMENT,
  { flag: '--min-votes', type: 'integer', help: 'fewest votes on two answers (without it 1)', group: 'Pairs:' },
  {
    flag: '--labels',
    type: VOTE_LABELS,
    help: 'hard: the majority; weighted: weight 2p - 1; soft: both directions, weights p and 1 - p (without it hard)',
    group: 'Pairs:',
  },
];
const JUDGED: readonly OptionEntry[] = [
  STRATEGY,
  AGREEMENT,
  {
    flag: '--matches',
    type: MATCHES,
    help: 'which answers of a prompt meet: all of them, or each winner the next (without it all)',
    group: 'Pairs:',
  },
  { flag: '--min-confidence', type: 'number', help: 'verdicts with less are ties', group: 'Pairs:' },
  { flag: '--verdicts', type: 'string', help: 'file for every verdict with its reasons, JSON lines', group: 'Pairs:' },
  {
    flag: '--dry-run',
    type: 'boolean',
    help: 'show the first question, the number of questions and the cost; ask nothing',
    group: 'Judge:',
  },
  ...JUDGE_OPTIONS,
];
const SAMPLES: readonly OptionEntry[] = [
  {
    flag: '--model',
    alias: '-m',
    type: 'string',
    help: 'model that answers: folder, .gguf file or hub id',
    group: 'Samples:',
  },
  { flag: '--adapter', type: 'string', help: 'PEFT adapter folder', group: 'Samples:' },
  { flag: '--samples', type: 'integer', help: 'answers to each prompt (without it 4)', group: 'Samples:' },
  { flag: '--temperature', type: 'number', help: 'of the draws (without it 1)', group: 'Samples:' },
  {
    flag: '--top-p',
    type: 'number',
    help: 'draw among the fewest likely tokens of this probability (without it 1)',
    group: 'Samples:',
  },
  { flag: '--max-new-tokens', type: 'integer', help: 'longest answer (without it 256)', group: 'Samples:' },
  { flag: '--seed', type: 'integer', help: 'of the draws (without it 0)', group: 'Samples:' },
  { flag: '--system', type: 'string', help: 'system message for prompts that have none', group: 'Samples:' },
  { flag: '--device', type: ['cpu', 'webgpu', 'cuda'], help: 'where it runs (without it cpu)', group: 'Samples:' },
  { flag: '--threads', type: 'integer', help: 'threads of the cpu', group: 'Samples:' },
];

/** The options that mean something with each source. */
const EFFECTIVE: Readonly<Record<BuildSource, readonly OptionEntry[]>> = {
  ratings: [...RATINGS, RATING],
  rankings: RATINGS,
  votes: VOTES,
  edits: [FORMAT],
  thumbs: [FORMAT, { flag: '--max-pairs', type: 'integer', help: 'pairs of one prompt at most', group: 'Pairs:' }],
  samples: [...SAMPLES, ...JUDGED],
  judge: [FORMAT, ...JUDGED],
};

/** Every option once. */
export const BUILD_OPTIONS: readonly OptionEntry[] = [...GENERAL, ...SOURCES.flatMap((from) => EFFECTIVE[from])].filter(
  (option, place, all) => all.findIndex(({ flag }) => flag === option.flag) === place,
);

const AT_LEAST: Readonly<Record<string, number>> = {
  maxRows: 1,
  minVotes: 1,
  maxPairs: 1,
  samples: 2,
  maxNewTokens: 1,
  threads: 1,
  concurrency: 1,
  minMargin: 0,
  temperature: 0,
  seed: 0,
  minConfidence: 0,
};
const AT_MOST: Readonly<Record<string, number>> = { minConfidence: 1, minAgreement: 1, topP: 1 };

/** Throws bad-usage with every option that has no effect with --from, and every value out of range. */
export function checkBuildUsage({ options, given }: CommandContext): void {
  const from = options['from'] as BuildSource;
  const effective = new Set([...GENERAL, ...EFFECTIVE[from]].map(({ flag }) => flag));
  const problems: Problem[] = [];
  const fail = (path: string, message: string): void => void problems.push({ path, message: `data build: ${message}` });
  for (const option of BUILD_OPTIONS) {
    const path = pathOf(option);
    const value = given[path];
    if (value === undefined) continue;
    const { flag } = option;
    if (!effective.has(flag)) fail(path, `${flag} has no effect with --from ${from}; leave it out`);
    if (typeof value !== 'number') continue;
    if (value < (AT_LEAST[path] ?? -Infinity)) fail(path, `${flag} must be at least ${AT_LEAST[path]}, got ${value}`);
    if (value > (AT_MOST[path] ?? Infinity)) fail(path, `${flag} must be at most ${AT_MOST[path]}, got ${value}`);
  }
  const { minAgreement, topP } = given as Readonly<Record<string, number | undefined>>;
  if (minAgreement !== undefined && minAgreement <= 0.5)
    fail('minAgreement', `--min-agreement must be above 0.5, got ${minAgreement}`);
  if (topP !== undefined && topP <= 0) fail('topP', `--top-p must be above 0, got ${topP}`);
  if (from === 'samples' && given['model'] === undefined)
    fail('model', '--model is required with --from samples; name the model that answers');
  if (problems.length > 0) throw badUsage(problems);
}
