import { badInput, type Problem } from '../../core/index.ts';
import type { DataSource } from '../../data/index.ts';
import { openModelFiles } from '../../formats/index.ts';
import { checkReliability, type Reliability } from '../../reliability/index.ts';
import { createTokenizer, type Tokenizer } from '../../tokenizer/index.ts';
import type { CommandContext, OptionEntry } from '../frame/command.ts';
import { locateData, locateModel } from '../../hub/index.ts';
import type { ProgressBar } from '../frame/progress.ts';

/** Options of the reliability checks, which `data check` and `data clean` share. */
export const RELIABILITY_OPTIONS: readonly OptionEntry[] = [
  {
    flag: '--held-out',
    type: 'string',
    help: 'data that training must not know: prompts that stand in both are found',
  },
  {
    flag: '--folds',
    type: 'integer',
    help: 'train small adapters on all but one of so many parts and find pairs whose sides may be swapped; needs --model',
  },
  { flag: '--fold-pairs', type: 'integer', help: 'pairs that take part in --folds; default 2000' },
  { flag: '--threads', type: 'integer', help: 'threads of --folds; default all cores' },
  { flag: '--seed', type: 'integer', default: 42, help: 'decides the folds and the bootstrap intervals' },
];

const DEFAULT_FOLD_PAIRS = 2000;

/** Options that do nothing without another. Throws bad-input with all of them. */
export function refuseIdleFolds(options: CommandContext['options']): void {
  const problems: Problem[] = [];
  const idle = (flag: string, without: string): void =>
    void problems.push({
      path: flag.slice(2),
      message: `data: ${flag} has no effect without ${without}; add it or leave ${flag} out`,
    });
  if (options['folds'] !== undefined && options['model'] === undefined) idle('--folds', '--model');
  if (options['foldPairs'] !== undefined && options['folds'] === undefined) idle('--fold-pairs', '--folds');
  if (options['threads'] !== undefined && options['folds'] === undefined) idle('--threads', '--folds');
  if (problems.length > 0) throw badInput(problems);
}

/** Runs the checks that the options ask for, with a progress bar. `tokenizer` counts the tokens of answers. */
export async function readReliability(
  sources: readonly DataSource[],
  context: CommandContext,
  tokenizer?: Tokenizer,
): Promise<Reliability> {
  const { options, terminal, signal } = context;
  const { format, heldOut, model, folds, foldPairs, threads, maxLength } = options as Partial<Record<string, string>>;
  const seed = options['seed'] as number;
  const bars = createBars(context);
  // Loaded only where folds are asked for: most checks need neither training nor the runtime behind it.
  const training = folds === undefined ? undefined : await loadTraining();
  const named = format === undefined ? {} : { format };
  try {
    return await checkReliability(sources, {
      ...named,
      ...(tokenizer === undefined ? {} : { tokenizer }),
      seed,
      signal,
      onProgress: (rows) => bars.of('check').update({ done: rows, total: undefined, unit: 'rows' }),
      ...(heldOut === undefined ? {} : { heldOut: await locateData([heldOut], context) }),
      ...(training === undefined || model === undefined
        ? {}
        : {
            heldOutMargins: training.crossValidatedMargins({
              sources,
              ...named,
              model,
              folds: Number(folds),
              seed,
              maxPairs: foldPairs === undefined ? DEFAULT_FOLD_PAIRS : Number(foldPairs),
              training: {
                ...(threads === undefined ? {} : { threads: Number(threads) }),
                ...(maxLength === undefined ? {} : { maxLength: Number(maxLength) }),
              },
              onFold: (fold) => bars.fold(fold, Number(folds)),
              context: training.recipeContext(context, {
                listener: {
                  onStep: ({ step, totalSteps }) => bars.of('train').update({ done: step, total: totalSteps }),
                  onScored: (done, total) => bars.of('score').update({ done, total, unit: 'rows' }),
                },
              }),
            }),
          }),
    });
  } finally {
    terminal.close();
  }
}

async function loadTraining() {
  const [{ crossValidatedMargins }, { recipeContext }] = await Promise.all([
    import('../../train/index.ts'),
    import('../training/recipe-context.ts'),
  ]);
  return { crossValidatedMargins, recipeContext };
}

/** The tokenizer of the model that the options name, if they name one. */
export async function readTokenizer(context: CommandContext): Promise<Tokenizer | undefined> {
  const { model } = context.options;
  if (typeof model !== 'string') return undefined;
  const { path } = await locateModel(model, context);
  const files = await openModelFiles(path);
  try {
    return createTokenizer(files.tokenizer);
  } finally {
    await files.close();
  }
}

function createBars({ terminal }: CommandContext) {
  let prefix = '';
  let bar: { readonly label: string; readonly progress: ProgressBar } | undefined;
  return {
    fold(fold: number, folds: number): void {
      prefix = `fold ${fold + 1} of ${folds}: `;
    },
    of(name: string): ProgressBar {
      const label = `${prefix}${name}`;
      if (bar?.label !== label) bar = { label, progress: terminal.progress(label) };
      return bar.progress;
    },
  };
}
