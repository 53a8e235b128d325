import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { badInput } from '../../core/index.ts';
import { isRunInUse, listCheckpoints, readRunFile, type StoredCheckpoint } from '../../store/index.ts';

/** What a run folder holds of a model. */
export interface RunParts {
  /** Whether it trained every weight, and no adapter. */
  readonly isFull: boolean;
  /** RUN/adapter or RUN/model; undefined only where a checkpoint is asked for. */
  readonly artefact: string | undefined;
}

/** What a run has, of which its artefact is wanted, or with `step` a checkpoint. Throws bad-input where it has no artefact, and says what it has. */
export function partsOfRun(run: string, step?: string): RunParts {
  const { method } = readRunFile(run).specification;
  const [adapter, model] = [join(run, 'adapter'), join(run, 'model')];
  const isFull = method === 'full' || (!existsSync(adapter) && existsSync(model));
  const path = isFull ? model : adapter;
  const artefact = existsSync(path) ? path : undefined;
  if (artefact === undefined && step === undefined) throw noArtefact(run, isFull ? 'model/' : 'adapter/');
  return { isFull, artefact };
}

function noArtefact(run: string, folder: string): Error {
  const steps = stepsOf(run).map((step) => `${run}@${step}`);
  const or = steps.length === 0 ? '' : `, or name a checkpoint: ${steps.join(', ')}`;
  const message = isRunInUse(run)
    ? `the run is still training and has no ${folder} yet; wait until it ends${or}`
    : `the run must have ended with ${folder}, it holds none; continue it with --resume${or}`;
  return badInput({ file: run, message });
}

function stepsOf(run: string): string[] {
  return listCheckpoints(run).map(({ step }) => `step-${step}`);
}

/** A checkpoint of a run by its name, `step-20`. Throws bad-input with those that there are. */
export function checkpointOfRun(run: string, step: string): StoredCheckpoint {
  const found = listCheckpoints(run).find((one) => `step-${one.step}` === step);
  if (found !== undefined) return found;
  throw badInput({
    file: run,
    message: `the run must have a checkpoint ${step}, it has ${stepsOf(run).join(', ') || 'none'}`,
  });
}

/** What a run began from, as it can be named: its model, and the adapter that it continued. */
export function startOfRun(run: string): { readonly model: string; readonly adapter?: string } {
  const { model, adapter } = readRunFile(run).specification;
  if (typeof model !== 'string')
    throw badInput({ file: run, message: 'run.json must name the model that the run was trained on, it does not' });
  return { model, ...(typeof adapter === 'string' && { adapter }) };
}
