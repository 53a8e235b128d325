import { z } from 'zod';
import { withColumns, type ColumnNames, type DataSource, type TextMode } from '../../data/index.ts';
import { openModelFiles } from '../../formats/index.ts';
import { checkReliability, type Reliability } from '../../reliability/index.ts';
import { createTokenizer, type Tokenizer } from '../../tokenizer/index.ts';
import { present, option, type OptionsOf } from '../../options/index.ts';
import type { CommandContext } from '../frame/command.ts';
import { locateData, locateModel } from '../../hub/index.ts';
import { clockNote, parseModelName, requireClock, trainedAsking, type TrainedAsking } from '../../policy/index.ts';
import { createBars } from '../frame/bars.ts';

/** Options of the reliability checks, which `data check` and `data clean` share. */
export const RELIABILITY_SHAPE = {
  heldOut: option(z.string().min(1).optional(), {
    help: 'data that training must not know: prompts that stand in both are found',
  }),
  folds: option(z.int().min(1).optional(), {
    help: 'train small adapters on all but one of so many parts and find pairs whose sides may be swapped; needs --model',
    onlyWith: { option: 'model' },
  }),
  foldPairs: option(z.int().min(1).optional(), {
    help: 'pairs that take part in --folds',
    usually: '2000',
    onlyWith: { option: 'folds' },
  }),
  threads: option(z.int().min(1).optional(), {
    help: 'threads of --folds',
    usually: 'all cores',
    onlyWith: { option: 'folds' },
  }),
  seed: option(z.int().min(0).default(42), { help: 'decides the folds and the bootstrap intervals' }),
};

const DEFAULT_FOLD_PAIRS = 2000;

export type ReliabilityOptions = OptionsOf<typeof RELIABILITY_SHAPE> & {
  readonly format?: string | undefined;
  readonly columns?: ColumnNames | undefined;
  readonly model?: string | undefined;
  readonly maxLength?: number | undefined;
  readonly textRows?: TextMode | undefined;
  readonly templateTime?: string | undefined;
};

/** Runs the checks that the options ask for, with a progress bar. `tokenizer` counts the tokens of answers. */
export async function readReliability(
  sources: readonly DataSource[],
  options: ReliabilityOptions,
  { context, tokenizer }: { readonly context: CommandContext; readonly tokenizer?: Tokenizer | undefined },
): Promise<Reliability> {
  const { terminal, signal } = context;
  const {
    format,
    heldOut,
    model,
    folds,
    foldPairs = DEFAULT_FOLD_PAIRS,
    threads,
    maxLength,
    templateTime,
    textRows,
    seed,
  } = options;
  const bars = createBars(terminal);
  let fold = '';
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
      ...(heldOut === undefined ? {} : { heldOut: withColumns(await locateData([heldOut], context), options.columns) }),
      ...(training === undefined || model === undefined || folds === undefined
        ? {}
        : {
            heldOutMargins: training.crossValidatedMargins({
              sources,
              ...named,
              model,
              folds,
              seed,
              maxPairs: foldPairs,
              training: present({ threads, maxLength, templateTime, textRows }),
              onFold: (at) => (fold = `fold ${at + 1} of ${folds}: `),
              context: training.recipeContext(context, {
                listener: {
                  onStep: ({ step, totalSteps }) => bars.of(`${fold}train`).update({ done: step, total: totalSteps }),
                  onScored: (done, total) => bars.of(`${fold}score`).update({ done, total, unit: 'rows' }),
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

/** The tokenizer of a model, and how that was trained to be asked, where it says so. */
export interface NamedTokenizer {
  readonly tokenizer: Tokenizer;
  readonly trained: TrainedAsking | undefined;
}

/** The tokenizer of the model that the options name, if they name one. */
export async function readTokenizer(
  model: string | undefined,
  context: CommandContext,
  templateTime?: string,
): Promise<NamedTokenizer | undefined> {
  if (model === undefined) return undefined;
  const name = parseModelName(model);
  const { path } = await locateModel(name.model, context);
  const files = await openModelFiles(path);
  try {
    const tokenizer = createTokenizer(files.tokenizer, { templateTime });
    requireClock(templateTime, [{ name: model, tokenizer }]);
    const note = clockNote(tokenizer, 'row');
    if (note !== undefined) context.terminal.note(note);
    return { tokenizer, trained: trainedAsking(name, { files }) };
  } finally {
    await files.close();
  }
}
