import { type DetectedFormat, formatLine } from '../data/index.ts';
import { type FieldUse, fieldUseLines } from '../data/index.ts';
import {
  askedAs,
  mixtureLines,
  recordsOfPrompts,
  selectRows,
  splitByPrompt,
  type DataSource,
  type RowSet,
  type SourceShare,
  type TokenisationReport,
  type TokenizedCompletion,
  type TokenizedRanking,
  type TokenizedPair,
} from '../data/index.ts';
import { badInput } from '../core/index.ts';
import { trainingDataText, type TrainingDataCheck, type TrainingDataOptions } from '../reliability/index.ts';
import type { RecipeContext } from './context.ts';
import { type Asking, type RunInputs, checkPositions } from '../policy/index.ts';
import type { CommonSpecification } from '../specification/index.ts';

/** Rows to train on and to hold out, tokenised, with the proof of each file. */
export interface TrainingData<T> {
  readonly train: RowSet<T>;
  readonly heldOut: RowSet<T> | undefined;
  readonly reports: Readonly<Record<string, TokenisationReport>>;
  /** The records that were held out of the data, a line of JSON each; undefined where they stand in a file of their own. */
  readonly heldOutRecords: (() => AsyncIterable<string>) | undefined;
  /** What is said of the rows before they are trained on; undefined where nobody asked. */
  readonly check: TrainingDataCheck | undefined;
  /** How a model that is trained on the rows is to be asked; undefined where they do not say it. */
  readonly asked: Asking | undefined;
}

interface Loaded<T> {
  readonly rows: RowSet<T>;
  readonly tokenisation: TokenisationReport;
  readonly formats: readonly DetectedFormat[];
  readonly fieldUse: FieldUse;
  readonly sources: readonly SourceShare[];
  readonly skipped: number;
  readonly notes?: readonly string[];
}

/** More rows are not written out beside a run: the data would stand there twice. */
const MOST_KEPT_ROWS = 20_000;

/**
 * Loads --data and what is held out of it or stands in --held-out. Throws bad-input when nothing is left on one side, or rows are
 * longer than the model's positions.
 */
export async function loadTrainingData<T extends TokenizedPair | TokenizedCompletion | TokenizedRanking>(
  specification: CommonSpecification,
  { inputs, context }: { readonly inputs: RunInputs; readonly context: RecipeContext },
  load: (sources: readonly DataSource[]) => Promise<Loaded<T>>,
): Promise<TrainingData<T>> {
  const { heldOutFraction, seed } = specification;
  const read = async (split: 'train' | 'held-out', sources: readonly DataSource[]): Promise<Loaded<T>> => {
    const loaded = await load(sources);
    for (const format of loaded.formats) context.listener.onNote?.(`${format.file}: ${formatLine(format)}`);
    for (const line of fieldUseLines(loaded.fieldUse)) context.listener.onNote?.(`${split}: ${line}`);
    if (loaded.skipped > 0)
      context.listener.onWarning?.(
        `${split}: ${loaded.skipped} bad ${loaded.skipped === 1 ? 'row was' : 'rows were'} skipped, because of --lenient`,
      );
    for (const line of mixtureLines(loaded.sources)) context.listener.onNote?.(`${split}: ${line}`);
    for (const note of loaded.notes ?? []) context.listener.onNote?.(`${split}: ${note}`);
    context.listener.onTokenised?.(split, loaded.tokenisation);
    checkPositions(loaded.rows, { model: inputs.opened.config, reference: inputs.reference?.config }, split);
    return loaded;
  };
  const conversational = inputs.opened.tokenizer.chatTemplate !== undefined;
  const check = (rows: number, options: Pick<TrainingDataOptions, 'heldOut' | 'heldOutPrompts'>) =>
    checkRows({ inputs, context }, { rows, conversational, ...options });
  const loaded = await read('train', inputs.data);
  const reports = { 'the training data': loaded.tokenisation };
  const asked = askedOf(loaded.tokenisation, inputs);
  if (inputs.heldOut !== undefined) {
    const other = await read('held-out', inputs.heldOut);
    return {
      train: loaded.rows,
      heldOut: other.rows,
      reports: { ...reports, 'the held-out data': other.tokenisation },
      heldOutRecords: undefined,
      asked,
      check: await check(loaded.rows.count, { heldOut: inputs.heldOut }),
    };
  }
  if (heldOutFraction === 0)
    return {
      train: loaded.rows,
      heldOut: undefined,
      reports,
      asked,
      heldOutRecords: undefined,
      check: await check(loaded.rows.count, {}),
    };
  const split = splitByPrompt(loaded.rows, { fraction: heldOutFraction, seed });
  if (split.train.length === 0 || split.heldOut.length === 0)
    throw badInput({
      path: 'heldOutFraction',
      message: `--held-out-fraction needs rows of at least two prompts, got ${loaded.rows.count} rows of one; give held-out rows with --held-out or leave it out`,
    });
  const heldOutPrompts = new Set(Array.from(split.heldOut, (row) => loaded.rows.promptHashes[row]!));
  return {
    train: selectRows(loaded.rows, split.train),
    heldOut: selectRows(loaded.rows, split.heldOut),
    reports,
    heldOutRecords:
      split.heldOut.length > MOST_KEPT_ROWS
        ? undefined
        : () => recordsOfPrompts(inputs.data, { prompts: heldOutPrompts, conversational }),
    asked,
    check: await check(loaded.rows.count, { heldOutPrompts }),
  };
}

/** Tells the findings of `data check` that bear on the run, a line each. */
async function checkRows(
  { inputs, context }: { readonly inputs: RunInputs; readonly context: RecipeContext },
  options: TrainingDataOptions,
): Promise<TrainingDataCheck | undefined> {
  const { checkData, listener, signal } = context;
  const check = await checkData?.(inputs.data, {
    ...options,
    signal,
    ...(listener.onRowsChecked && { onProgress: listener.onRowsChecked }),
  });
  for (const finding of check?.findings ?? []) listener.onDataFinding?.(trainingDataText(finding, check!), finding);
  return check;
}

/** By the rows; texts without prompt, which say nothing, leave it as it was, and a model without template is asked raw. */
function askedOf(report: TokenisationReport, { trained, opened }: RunInputs): Asking | undefined {
  const own = askedAs(report) ?? trained?.asked;
  return own === undefined && opened.tokenizer.chatTemplate === undefined ? 'raw' : own;
}
