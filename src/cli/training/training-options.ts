import { flagOf, specificationOptions, type RecipeName } from '../../specification/index.ts';
import type { JsonValue } from '../../core/index.ts';
import type { OptionEntry } from '../frame/command.ts';

/** Shorter spellings of options by path. */
const ALIASES: Readonly<Record<string, `-${string}`>> = {
  model: '-m',
  data: '-d',
  output: '-o',
  learningRate: '--lr',
  'lora.rank': '--rank',
  'lora.alpha': '--alpha',
  'lora.dropout': '--dropout',
  'lora.targets': '--targets',
  'optimizer.name': '--optimizer',
  'optimizer.weightDecay': '--weight-decay',
};

/** The headings of --help, in its order, and the options under each. */
const GROUPS: readonly (readonly [heading: string, paths: readonly string[]])[] = [
  ['Model and data:', ['model', 'adapter', 'reference', 'data', 'heldOut', 'heldOutFraction', 'output']],
  ['Rows:', ['maxLength', 'maxPromptLength', 'lenient', 'order', 'lengthBuckets', 'chosenOfPairs']],
  [
    'Loss:',
    [
      'objective',
      'beta',
      'betaSchedule',
      'betaEnd',
      'referenceUpdate',
      'referenceEvery',
      'referenceMix',
      'referenceFree',
      'stages',
      'margins',
      'weights',
      'compat',
      'loss',
    ],
  ],
  ['What is trained:', ['method', 'initialise', 'lora.', 'basePrecision']],
  ['Steps:', ['batchSize', 'epochs', 'maxSteps', 'learningRate', 'schedule', 'warmupRatio', 'maxGradientNorm', 'seed']],
  ['Optimizer:', ['optimizer.']],
  ['Reports and checkpoints:', ['logSteps', 'evaluateSteps', 'samples', 'checkpointSteps', 'keepCheckpoints']],
  ['Machine:', ['device', 'threads', 'microBatchTokens', 'memoryBudgetMb']],
];

/** What stands nowhere above belongs to some losses, and comes last of what the schema has. */
const OTHERS = 'Of some losses (docs/objectives.md says which):';

function placeOf(path: string): number {
  const place = GROUPS.findIndex(([, paths]) =>
    paths.some((one) => path === one || (one.endsWith('.') && path.startsWith(one))),
  );
  return place < 0 ? GROUPS.length : place;
}

/**
 * The option table of a recipe, made of its schema: one flag for each option, nested ones with a dot. Nothing is required here: the schema says what
 * is missing, with everything else that is wrong, and a resumed run knows its options.
 */
export function recipeOptions(recipe: RecipeName): OptionEntry[] {
  const inOrder = specificationOptions(recipe).toSorted((a, b) => placeOf(a.path) - placeOf(b.path));
  return inOrder.map(({ path, description, type, default: value, isRequired }) => {
    const alias = ALIASES[path];
    const group = GROUPS[placeOf(path)]?.[0] ?? OTHERS;
    return {
      flag: flagOf(path) as `--${string}`,
      path,
      type,
      group,
      help: isRequired ? `${description} (required)` : description,
      ...(alias === undefined ? {} : { alias }),
      ...(value === undefined || value === false || (typeof value === 'object' && !Array.isArray(value))
        ? {}
        : { default: value as JsonValue }),
    };
  });
}

const RUN_GROUP = 'Run:';

/** What every command that computes references or shows tokens understands besides its recipe. */
export const REFERENCE_CACHE: OptionEntry = {
  flag: '--reference-cache',
  type: 'string',
  help: 'folder of stored reference log-probabilities; default ~/.cache/preftune/reference',
  group: 'Machine:',
};

export const SHOW_TOKENS: OptionEntry = {
  flag: '--show-tokens',
  type: 'boolean',
  help: 'print the whole tokenisation report with examples',
  group: RUN_GROUP,
};

export const STOP_ON: OptionEntry = {
  flag: '--stop-on',
  type: 'list',
  help: 'checks that end the run, after a checkpoint, when they fire: names, or all; docs/monitoring.md has them',
  group: RUN_GROUP,
};

export const MONITOR: OptionEntry = {
  flag: '--monitor',
  type: 'json',
  help: 'thresholds of checks: {"gradient-spikes": {"ratio": 20}}',
  group: RUN_GROUP,
};

export const RESUME: OptionEntry = {
  flag: '--resume',
  type: 'boolean',
  help: 'continue the run in --output from its last checkpoint; it knows its options',
  group: RUN_GROUP,
};
