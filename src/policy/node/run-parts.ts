import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { badInput, isObject } from '../../core/index.ts';
import {
  findCheckpoint,
  isRunInUse,
  listCheckpoints,
  newestCheckpoint,
  placeInRun,
  readRunFile,
  shownPath,
  type CheckpointChoice,
  type RunOutcome,
  type StoredCheckpoint,
} from '../../store/index.ts';
import { findMovedModel } from './moved-model.ts';

/** What of a run is meant. */
export interface RunParts {
  /** Whether it trained every weight, and no adapter. */
  readonly isFull: boolean;
  /** RUN/adapter or RUN/model, where no checkpoint is meant. */
  readonly artefact: string | undefined;
  readonly checkpoint: StoredCheckpoint | undefined;
  /** What the user should know of the choice. */
  readonly notes: readonly string[];
}

/**
 * What a run has of a model: its artefact, or the checkpoint that is asked for. Of a run that has not ended, and so left no artefact, the newest checkpoint, with
 * a note. Throws bad-input where there is neither, and says what there is.
 */
export function partsOfRun(run: string, choice?: CheckpointChoice): RunParts {
  const { specification, outcome } = readRunFile(run);
  const { method } = specification;
  const [adapter, model] = [join(run, 'adapter'), join(run, 'model')];
  const isFull = method === 'full' || (!existsSync(adapter) && existsSync(model));
  if (choice !== undefined) return { isFull, artefact: undefined, ...checkpointOf(run, choice) };
  const path = isFull ? model : adapter;
  if (existsSync(path)) return { isFull, artefact: path, checkpoint: undefined, notes: stoppedNotes(run, outcome) };
  const folder = isFull ? 'model/' : 'adapter/';
  const newest = newestCheckpoint(run);
  if (newest === undefined) throw noArtefact(run, folder);
  const why = isRunInUse(run) ? 'is still training' : 'has not ended (--resume continues it)';
  const note = `${run} ${why} and has no ${folder} yet: its last checkpoint is taken, ${run}@step-${newest.step}`;
  return { isFull, artefact: undefined, checkpoint: newest, notes: [note] };
}

/** That a run was stopped, and what its artefact then is. */
function stoppedNotes(run: string, outcome: RunOutcome | undefined): string[] {
  if (outcome === undefined || outcome.isComplete) return [];
  const { step, totalSteps, artefact } = outcome;
  return [
    `${run} was stopped after step ${step} of ${totalSteps} (--resume continues it): its ${artefact.folder}/ is that of step ${artefact.step}`,
  ];
}

function checkpointOf(run: string, choice: CheckpointChoice): Pick<RunParts, 'checkpoint' | 'notes'> {
  const { best, ...checkpoint } = findCheckpoint(run, choice);
  if (typeof choice === 'number') return { checkpoint, notes: [] };
  const measured = best === undefined ? '' : ` (${best.metric} ${Number(best.value.toPrecision(4))} on held-out rows)`;
  return { checkpoint, notes: [`${run}@${choice} is step-${checkpoint.step}${measured}`] };
}

function noArtefact(run: string, folder: string): Error {
  const message = isRunInUse(run)
    ? `the run is still training and has no ${folder} and no checkpoint yet; wait for its first`
    : `the run must have ended with ${folder} or have a checkpoint, it has neither; continue it with --resume`;
  return badInput({ file: run, message });
}

/** The steps of a run's checkpoints as they are named. */
export function stepsOf(run: string): string[] {
  return listCheckpoints(run).map(({ step }) => `step-${step}`);
}

/** What a run began from, as it can be named here: its model, and the adapter that it continued. */
export interface RunStart {
  readonly model: string;
  readonly adapter?: string;
  /** That the model was found elsewhere. */
  readonly notes: readonly string[];
}

/**
 * What a run began from. Paths of run.json are those of where the run began; a model that is not there any more is looked for, and taken where its files are the same. Throws
 * bad-input for a run.json that names no model.
 */
export function startOfRun(run: string): RunStart {
  const { model, adapter } = readRunFile(run).specification;
  if (typeof model !== 'string')
    throw badInput({ file: run, message: 'run.json must name the model that the run was trained on, it does not' });
  const continued = typeof adapter === 'string' ? { adapter: withRun(run, adapter) } : {};
  return { ...modelOfStart(run, model), ...continued };
}

function modelOfStart(run: string, named: string): Pick<RunStart, 'model' | 'notes'> {
  const model = placeInRun(run, named);
  if (model !== undefined) return { model, notes: [] };
  // A name of the hub is at no place, and was at none when the run began.
  if (!wasHere(run) && !/^[./~\\]|^[A-Za-z]:[\\/]|\.gguf$/i.test(named)) return { model: named, notes: [] };
  const moved = findMovedModel(run, named);
  if (moved === undefined) return { model: named, notes: [] };
  const path = shownPath(moved.path);
  const same = moved.isMarked ? 'is the same file and is taken' : 'has its name and is tried';
  return { model: path, notes: [`${run}/run.json names ${named}, which is not there; ${path} ${same}`] };
}

/** Whether the model of a run was a path when it began. */
export function wasHere(run: string): boolean {
  const { places } = readRunFile(run);
  return isObject(places) && places['model'] !== undefined;
}

/** An adapter's name with the place of its run or folder as it is here. */
function withRun(run: string, named: string): string {
  const [, path, at] = /^(.*?)(@(?:step-\d+|best|last))?$/s.exec(named) as unknown as [string, string, string?];
  const place = placeInRun(run, named) ?? placeInRun(run, path);
  if (place === undefined) return named;
  return placeInRun(run, named) === undefined ? `${place}${at ?? ''}` : place;
}
