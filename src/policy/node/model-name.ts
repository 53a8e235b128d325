import { existsSync, statSync } from 'node:fs';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { badInput, badInputProblems, type PreftuneError, type Problem } from '../../core/index.ts';
import { nearPath } from '../../hub/index.ts';
import { RUN_FILE, type CheckpointChoice, type StoredCheckpoint } from '../../store/index.ts';
import { describeAdapterBase, isAdapterFolder } from './adapter-folder.ts';
import { partsOfRun, startOfRun, wasHere } from './run-parts.ts';

/**
 * What a user calls a model. Every command takes the same spellings, and what is on disk under the whole name wins over taking it apart:
 *
 *     MODEL            a Hugging Face folder, a .gguf file, or a hub id (owner/name, owner/name@revision, owner/name/file.gguf)
 *     MODEL+ADAPTER    a PEFT adapter on it; ADAPTER may be RUN, RUN@step-N, RUN@best and RUN@last too
 *     RUN              a run folder: its model with the adapter that it trained, or the model that it trained
 *     RUN@step-N       the same at a checkpoint; RUN/checkpoints/step-N too
 *     RUN@best         at the checkpoint that is best on the held-out rows; RUN@last at the newest
 *     RUN/adapter      the run's model with this adapter
 */
export interface ModelName {
  /** As it was written. */
  readonly text: string;
  /** A folder, a .gguf file or a hub id. */
  readonly model: string;
  readonly adapter?: AdapterName | undefined;
  /** Weights in place of those of `model`, which gives configuration and tokenizer: of a run that trained every one. */
  readonly checkpoint?: StoredCheckpoint;
  /** The run folder that it comes from; `model` is then what the run was trained on. */
  readonly run?: string;
  /** What the user should know of how it was understood: which checkpoint was taken, where a model was found. Left out where there is nothing. */
  readonly notes?: readonly string[];
}

/** What a user calls an adapter: a PEFT folder, or a checkpoint of a run that trains one. */
export type AdapterName = (
  | { readonly kind: 'folder'; readonly path: string }
  | { readonly kind: 'checkpoint'; readonly run: string; readonly checkpoint: StoredCheckpoint }
) & {
  /** As of a ModelName. */
  readonly notes?: readonly string[];
};

/** An adapter as it can be named again: the folder, or RUN@step-N. */
export function adapterText(adapter: AdapterName): string {
  return adapter.kind === 'folder' ? adapter.path : `${adapter.run}@step-${adapter.checkpoint.step}`;
}

/** The run folder that an adapter lies in, if it lies in one. */
export function runOfAdapter(adapter: AdapterName): string | undefined {
  if (adapter.kind === 'checkpoint') return adapter.run;
  const parent = dirname(adapter.path);
  return isRun(parent) ? parent : undefined;
}

/** Whether a name says an adapter; false for one that cannot be taken apart, which is told when it is opened. */
export function hasAdapter(text: string): boolean {
  try {
    return parseModelName(text).adapter !== undefined;
  } catch {
    return false;
  }
}

/**
 * Takes a name apart without opening anything. Throws bad-input for a run without artefact, a checkpoint that is not there, an adapter without its
 * model, a model in an adapter's place; a model that is not on disk is the business of whoever fetches it.
 */
export function parseModelName(text: string): ModelName {
  if (existsSync(text)) return nameOfPath(text);
  const [run, choice] = choiceOf(text) ?? [];
  if (run !== undefined && isRun(run)) return nameOfRun(text, { run, choice });
  const at = plusOf(text);
  if (at > 0) return parseModelAndAdapter({ model: text.slice(0, at), adapter: text.slice(at + 1) }, text);
  if (run !== undefined) throw noRun(run, text);
  return { text, model: text };
}

/** A model with an adapter that is named apart from it, such as by --adapter. Throws bad-input with the problems of both. */
export function parseModelAndAdapter(
  { model, adapter }: { readonly model: string; readonly adapter?: string | undefined },
  text = adapter === undefined ? model : `${model}+${adapter}`,
): ModelName {
  if (adapter === undefined) return parseModelName(model);
  const problems: Problem[] = [];
  const attempt = <T>(work: () => T): T | undefined => {
    try {
      return work();
    } catch (thrown) {
      problems.push(...badInputProblems(thrown));
      return undefined;
    }
  };
  const [base, own] = [attempt(() => parseModelName(model)), attempt(() => parseAdapterName(adapter))];
  if (base?.adapter !== undefined)
    problems.push({
      file: model,
      message: `a model that an adapter is put on must have none of its own, got one with ${adapterText(base.adapter)}; name ${base.model}, or leave ${adapter} out`,
    });
  if (base === undefined || own === undefined || problems.length > 0) throw badInput(problems);
  const { run: _run, notes = [], ...rest } = base;
  return { ...rest, text, adapter: own, ...noted([...notes, ...(own.notes ?? [])]) };
}

/** An adapter by any of its names. Throws bad-input for what is none, and for runs as parseModelName does. */
export function parseAdapterName(text: string): AdapterName {
  if (!existsSync(text)) {
    const [run, choice] = choiceOf(text) ?? [];
    if (run !== undefined) {
      if (!isRun(run)) throw noRun(run, text);
      return adapterOfRun(run, choice);
    }
    throw badInput({
      file: text,
      message: `the adapter must be a folder that exists, as PEFT writes it; ${didYouMeanPath(text)}`,
    });
  }
  if (isRun(text)) return adapterOfRun(text);
  const [run, choice] = checkpointFolderOf(text) ?? [];
  if (run !== undefined) return adapterOfRun(run, choice);
  if (isModel(text))
    throw badInput({
      file: text,
      message: 'the adapter must be a PEFT folder, got a model; name it in the place of the model',
    });
  if (!statSync(text).isDirectory())
    throw badInput({
      file: text,
      message: 'the adapter must be a PEFT folder, got a file; name the folder it lies in',
    });
  const inside = join(text, 'adapter');
  return { kind: 'folder', path: !isAdapterFolder(text) && isAdapterFolder(inside) ? inside : text };
}

function nameOfPath(path: string): ModelName {
  if (isRun(path)) return nameOfRun(path, { run: path });
  const [run, choice] = checkpointFolderOf(path) ?? [];
  if (run !== undefined) return nameOfRun(path, { run, choice });
  if (!isAdapterFolder(path) || isModel(path)) return { text: path, model: path };
  const parent = dirname(path);
  if (isRun(parent)) return { text: path, ...modelOfRun(parent), adapter: { kind: 'folder', path }, run: parent };
  throw badInput({
    file: path,
    message: `the model must hold weights, got a PEFT adapter; write MODEL+${path} with the model that it was trained on${describeAdapterBase(path)}`,
  });
}

function nameOfRun(
  text: string,
  { run, choice }: { readonly run: string; readonly choice?: CheckpointChoice | undefined },
): ModelName {
  const { isFull, artefact, checkpoint, notes } = partsOfRun(run, choice);
  if (isFull && artefact !== undefined) return { text, model: artefact, run, ...noted(notes) };
  const { model, notes: own = [] } = modelOfRun(run);
  const named = { text, model, run, ...noted([...own, ...notes]) };
  if (checkpoint === undefined) return { ...named, adapter: { kind: 'folder', path: artefact! } };
  return isFull ? { ...named, checkpoint } : { ...named, adapter: { kind: 'checkpoint', run, checkpoint } };
}

/** The model that a run was trained on: where that is a run that trained every weight, what it left. */
function modelOfRun(run: string): Pick<ModelName, 'model' | 'notes'> {
  const { model, notes } = startOfRun(run);
  if (existsSync(model)) {
    if (!isRun(model)) return { model, ...noted(notes) };
    const { isFull, artefact } = partsOfRun(model);
    if (isFull && artefact !== undefined) return { model: artefact, ...noted(notes) };
    throw badInput({ file: run, message: `the model of a run must have no adapter, got ${model}, which has one` });
  }
  if (wasHere(run) || /^[./~]/.test(model))
    throw badInput({
      file: model,
      message: `the model that ${run} was trained on must exist, got nothing at its path, nor its files beside the run, here or in the hub's cache; say where it is now: MODEL+${run}`,
    });
  return { model, ...noted(notes) };
}

function adapterOfRun(run: string, choice?: CheckpointChoice): AdapterName {
  const { isFull, artefact, checkpoint, notes } = partsOfRun(run, choice);
  if (isFull)
    throw badInput({
      file: run,
      message:
        'the adapter must be a PEFT folder, got a run that trained every weight; name it in the place of the model',
    });
  if (checkpoint !== undefined) return { kind: 'checkpoint', run, checkpoint, ...noted(notes) };
  return { kind: 'folder', path: artefact!, ...noted(notes) };
}

function noted(notes: readonly string[]): { readonly notes?: readonly string[] } {
  return notes.length === 0 ? {} : { notes };
}

/** `RUN@step-N`, `RUN@best` and `RUN@last` taken apart. */
function choiceOf(text: string): readonly [run: string, choice: CheckpointChoice] | undefined {
  const [, run, step, word] = /^(.+)@(?:step-(\d+)|(best|last))$/s.exec(text) ?? [];
  if (run === undefined) return undefined;
  return [run, step === undefined ? (word as 'best' | 'last') : Number(step)];
}

/** `RUN/checkpoints/step-N` taken apart. */
function checkpointFolderOf(path: string): readonly [run: string, choice: CheckpointChoice] | undefined {
  const [folder, name] = [dirname(resolve(path)), basename(path)];
  const step = /^step-(\d+)$/.exec(name)?.[1];
  if (step === undefined || basename(folder) !== 'checkpoints' || !isRun(dirname(folder))) return undefined;
  return [join(path, '..', '..'), Number(step)];
}

function noRun(run: string, text: string): PreftuneError {
  const what = text.slice(run.length + 1);
  return badInput({
    file: run,
    message: `${what} must be a checkpoint of a run folder, got ${existsSync(run) ? 'no run' : 'nothing'} at this path; ${didYouMeanPath(run, `@${what}`)}`,
  });
}

/** A near path that exists, with what stood behind the name. */
function didYouMeanPath(path: string, behind = ''): string {
  const near = existsSync(path) ? undefined : nearPath(path);
  return near === undefined ? 'check the path' : `did you mean ${near}${behind}?`;
}

function isThere(text: string): boolean {
  return existsSync(text) || existsSync(choiceOf(text)?.[0] ?? '');
}

/** Where MODEL ends in MODEL+ADAPTER, of several places the one at which most is on disk, else the last; -1 without one. */
function plusOf(text: string): number {
  const places = [...text.matchAll(/\+/g)].map(({ index }) => index).filter((at) => at > 0 && at < text.length - 1);
  const weight = (at: number): number => 2 * Number(isThere(text.slice(0, at))) + Number(isThere(text.slice(at + 1)));
  return places.toSorted((a, b) => weight(b) - weight(a) || b - a)[0] ?? -1;
}

/** Whether a path is a run folder. */
function isRun(path: string): boolean {
  return existsSync(join(path, RUN_FILE));
}

function isModel(path: string): boolean {
  if (!statSync(path).isDirectory()) return extname(path).toLowerCase() === '.gguf';
  return existsSync(join(path, 'config.json'));
}
