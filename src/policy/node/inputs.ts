import { existsSync } from 'node:fs';
import { badInput, badInputProblems, type Problem } from '../../core/index.ts';
import { parseWeightedName, sourcesOfPath, withColumns, type ColumnNames, type DataSource } from '../../data/index.ts';
import { checkRunFolder } from '../../store/index.ts';
import type { Tokenizer } from '../../tokenizer/index.ts';
import type { ReadAdapter } from '../adapter-checkpoint.ts';
import { compareTokenizers } from '../compare-tokenizers.ts';
import type { RunContext } from '../context.ts';
import type { TrainedAsking } from '../asking.ts';
import { adapterText, parseModelAndAdapter, parseModelName, type ModelName } from './model-name.ts';
import { startOfRun } from './run-parts.ts';
import { openModelAndAdapter, openNamedModel, type ResolveModel } from './open-named.ts';
import { openModel } from './open-model.ts';
import { clockNote, requireClock, templateTimeOf, trainedTimeNote } from './template-time.ts';
import { trainedAsking } from './trained-asking.ts';
import type { OpenedModel } from '../understand-model.ts';

/** What the user named, found and opened, before anything is computed or written. */
export interface RunInputs {
  readonly opened: OpenedModel;
  /** What stands on the model; training begins with it. */
  readonly adapter: ReadAdapter | undefined;
  /** How the model was trained to be asked, where it says so. */
  readonly trained: TrainedAsking | undefined;
  readonly data: readonly DataSource[];
  readonly heldOut: readonly DataSource[] | undefined;
  /** The model of --reference, and its adapter where it has one. */
  readonly reference: (OpenedModel & { readonly adapter: ReadAdapter | undefined }) | undefined;
  close(): Promise<void>;
}

export interface NamedInputs {
  readonly model: string;
  readonly adapter?: string | undefined;
  readonly data: string | readonly string[];
  readonly heldOut?: string | readonly string[] | undefined;
  /** What the rows of both call the fields. */
  readonly columns?: ColumnNames | undefined;
  readonly reference?: string | undefined;
  readonly output?: string | undefined;
  /** What chat templates are told, a local time in ISO 8601; default: that of the run that is resumed, else now. */
  readonly templateTime?: string | undefined;
  /** The model's own weights are not read. */
  readonly initialise?: boolean;
  /** The name of the model may say its adapter, as RUN does: it is scored, and not trained. Default false. */
  readonly takesAdapted?: boolean;
}

/**
 * The rows that a user named, in that order; a name that is no file may have its weight in a mixture behind it (`b.parquet=0.3`). Throws
 * bad-input for a weight that is none.
 */
export async function sourcesOf(
  named: string | readonly string[],
  { resolve, sources }: Pick<RunContext, 'resolve' | 'sources'>,
): Promise<readonly DataSource[]> {
  const found: DataSource[] = [];
  for (const text of typeof named === 'string' ? [named] : named) {
    const { name, weight } = existsSync(text) ? { name: text, weight: undefined } : parseWeightedName(text);
    const own = sources === undefined ? await sourcesOfPath(await resolve(name, 'data')) : await sources(name);
    found.push(...(weight === undefined ? own : own.map((source) => ({ ...source, weight }))));
  }
  return found;
}

/**
 * Finds everything that is named and opens the model. Throws bad-input with the problems of all of them at once: paths that do not
 * exist, an output folder that cannot be used, weights or an adapter that do not fit the configuration, a reference with another vocabulary.
 */
export async function openInputs(
  asked: NamedInputs,
  context: RunContext & { readonly isResuming?: boolean },
): Promise<RunInputs> {
  const problems: Problem[] = [];
  const attempt = async <T>(work: () => T | Promise<T>): Promise<T | undefined> => {
    try {
      return await work();
    } catch (thrown) {
      problems.push(...badInputProblems(thrown));
      return undefined;
    }
  };
  const named = context.isResuming === true ? await attempt(() => foundAgain(asked, context)) : asked;
  if (named === undefined) throw badInput(problems);
  const { output } = named;
  const resolve = (model: string): Promise<string> => context.resolve(model, 'model');
  const mayFetch = fetchingOf(named, context);
  if (output !== undefined) await attempt(() => checkRunFolder(output, context.isResuming === true));
  const templateTime = await attempt(() => templateTimeOf(named, context));
  // What is small comes first: a missing file should not wait for a model's download.
  const rows = async (name: string | readonly string[]): Promise<readonly DataSource[] | undefined> =>
    attempt(async () => withColumns(await sourcesOf(mayFetch(name, 'data'), context), named.columns));
  const data = await rows(named.data);
  const heldOut = named.heldOut === undefined ? undefined : await rows(named.heldOut);
  const reference =
    named.reference === undefined || mayFetch(named.reference, 'model').length === 0
      ? undefined
      : await attempt(() => {
          context.listener.onLoad?.(`opening ${named.reference!}`);
          return openNamedModel(parseModelName(named.reference!), { resolve, templateTime });
        });
  const policy =
    mayFetch(named.model, 'model').length === 0
      ? undefined
      : await attempt(() => {
          context.listener.onLoad?.(`opening ${named.model}`);
          return openPolicyModel(named, { resolve, templateTime });
        });
  context.listener.onLoad?.(undefined);
  if (policy !== undefined) {
    const { tokenizer } = policy.opened;
    await attempt(() => requireClock(named.templateTime, [{ name: named.model, tokenizer }]));
  }
  if (reference !== undefined && policy !== undefined) {
    const { tokenizer } = policy.opened;
    await attempt(() => compareTokenizers(tokenizer, reference.opened.tokenizer, context.listener.onWarning));
  }
  const close = async (): Promise<void> => {
    await policy?.close();
    await reference?.close();
  };
  if (problems.length > 0 || policy === undefined || data === undefined) {
    await close();
    throw badInput(problems);
  }
  const { opened, adapter, trained } = policy;
  for (const note of [...(opened.notes ?? []), ...(reference?.opened.notes ?? [])]) context.listener.onNote?.(note);
  for (const note of timeNotes(named, opened.tokenizer)) context.listener.onNote?.(note);
  return {
    opened,
    adapter,
    trained,
    data,
    heldOut,
    reference: reference && { ...reference.opened, adapter: reference.adapter },
    close,
  };
}

/** What a run that goes on names: its model is looked for where it is not at its path any more. */
function foundAgain(named: NamedInputs, { listener }: RunContext): NamedInputs {
  const { output, model } = named;
  if (output === undefined || existsSync(model)) return named;
  const start = startOfRun(output);
  for (const note of start.notes) listener.onNote?.(note);
  return { ...named, model: start.model };
}

/**
 * Keeps of names those that may be opened: where one of all is wrong, what must be fetched is left alone, since it would be fetched for nothing. A wrong name is
 * kept, and is told by whoever opens it.
 */
function fetchingOf(
  { model, data, heldOut = [], reference }: NamedInputs,
  { whereIs = () => 'here' }: RunContext,
): (names: string | readonly string[], kind: 'model' | 'data') => readonly string[] {
  const placeOf = (name: string, kind: 'model' | 'data'): 'here' | 'hub' | 'nowhere' => {
    try {
      return whereIs(kind === 'model' ? parseModelName(name).model : name, kind);
    } catch (thrown) {
      badInputProblems(thrown);
      return 'nowhere';
    }
  };
  const isWrong =
    [model, ...(reference === undefined ? [] : [reference])].some((name) => placeOf(name, 'model') === 'nowhere') ||
    [data, heldOut].flat().some((name) => placeOf(name, 'data') === 'nowhere');
  return (names, kind) => [names].flat().filter((name) => !isWrong || placeOf(name, kind) !== 'hub');
}

/** What the rows say of the time, where the chat template prints it; of a model that is scored, whether it was trained on another. */
function timeNotes({ model, adapter, takesAdapted = false }: NamedInputs, tokenizer: Tokenizer): string[] {
  const note = clockNote(tokenizer, takesAdapted ? 'row' : 'row of this run, also when it is resumed on another day');
  if (note === undefined) return [];
  const trained = takesAdapted ? trainedTimeNote(parseModelAndAdapter({ model, adapter }), tokenizer) : undefined;
  return trained === undefined ? [note] : [note, trained];
}

/** The model with its adapter, the problems of both at once. */
async function openPolicyModel(
  { model, adapter, initialise = false, takesAdapted = false }: NamedInputs,
  options: { readonly resolve: ResolveModel; readonly templateTime: string | undefined },
): Promise<Pick<RunInputs, 'opened' | 'adapter' | 'trained'> & { close(): Promise<void> }> {
  const name = parseModelName(model);
  if (!takesAdapted) requireTrainable(name);
  if (!initialise) {
    const found = await openModelAndAdapter({ model, adapter }, { ...options, isChecked: !takesAdapted });
    return { ...found, trained: trainedAsking(found.name, found.opened) };
  }
  const { resolve, templateTime } = options;
  const opened = await openModel(await resolve(name.model), { withoutWeights: true, templateTime });
  return { opened, adapter: undefined, trained: undefined, close: () => opened.files.close() };
}

/** Training from a model with an adapter can mean two things, and a checkpoint is no model that others could be given. */
function requireTrainable({ text, model, adapter, checkpoint }: ModelName): void {
  if (adapter !== undefined)
    throw badInput({
      file: text,
      message: `the model to train must have no adapter, got one with ${adapterText(adapter)}; continue it with --model ${model} --adapter ${adapterText(adapter)}, or put it into the model with preftune export --to hf`,
    });
  if (checkpoint !== undefined)
    throw badInput({
      file: text,
      message: 'the model to train must be one that stays, got a checkpoint; write it with preftune export --to hf',
    });
}
