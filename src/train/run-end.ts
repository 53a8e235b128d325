import { basename } from 'node:path';
import type { JsonObject } from '../core/index.ts';
import type { CommonSpecification } from '../specification/index.ts';
import { BEST_METRICS, listCheckpoints, type RunOutcome, type RunRecord } from '../store/index.ts';
import { saveArtefact, type TrainedModel } from './artefact.ts';
import { restoreCheckpoint } from './checkpoint-files.ts';
import { choiceSentence } from './choice.ts';
import type { RecipeContext, RecipeResult } from './context.ts';
import type { LoopResult } from './loop/loop.ts';
import type { Task } from './loop/task.ts';
import type { Training } from './loop/training.ts';
import type { KeptSteps, RunWriter } from './run-writer.ts';
import { createSelection, type Selection } from './selection.ts';

/** Which of a run's models stay, when it ends for want of better ones, and what becomes of it. */

/** The evaluations of a run by its metric; undefined where nothing is held out. */
export function selectionOf(
  { bestMetric, earlyStoppingPatience, earlyStoppingImprovement }: CommonSpecification,
  { heldOut }: Task,
): Selection | undefined {
  if (heldOut === undefined || bestMetric === undefined) return undefined;
  return createSelection({
    metric: bestMetric,
    patience: earlyStoppingPatience,
    improvement: earlyStoppingImprovement,
  });
}

/** What --keep and --keep-checkpoints say. A run that is stopped goes on from its newest checkpoint, so that one always stays. */
export function keptSteps({ keep, keepCheckpoints }: CommonSpecification): KeptSteps {
  return { newest: keep.includes('last') ? keepCheckpoints : 1, best: keep.includes('best') };
}

/** Says where early stopping cannot end the run: too few evaluations come before the last step. */
export function warnOfPatience(
  { earlyStoppingPatience: patience }: CommonSpecification,
  {
    totalSteps,
    evaluateSteps = totalSteps,
    context,
  }: { totalSteps: number; evaluateSteps: number | undefined; context: Pick<RecipeContext, 'listener'> },
): void {
  if (patience === undefined || patience * evaluateSteps < totalSteps) return;
  const before = Math.ceil(totalSteps / evaluateSteps) - 1;
  context.listener.onWarning?.(
    `--early-stopping-patience ${patience} cannot end this run: held-out rows are evaluated every ${evaluateSteps} of ${totalSteps} steps, ` +
      `${before === 1 ? 'once' : `${before} times`} before the last; lower it or --evaluate-steps`,
  );
}

/**
 * Takes up a run: run.json says what holds from now on, and where steps follow there is no artefact any more, since it would be one of an
 * earlier step. The checkpoint that it was made of is there.
 */
export function takeUp({ folder }: RunWriter, { specification }: RunRecord, hasSteps: boolean): void {
  if (!folder.isResumed) return;
  const now = KEPT_FIELDS.flatMap((name) => (specification[name] === undefined ? [] : [[name, specification[name]]]));
  // Before the artefact: what run.json says of one must be true.
  folder.amend({
    specification: { ...folder.record.specification, ...(Object.fromEntries(now) as JsonObject) },
    outcome: undefined,
  });
  if (hasSteps) for (const name of ['adapter', 'model']) folder.remove(name);
}

/** What a resumed run may decide otherwise, or decides because its version did not. */
const KEPT_FIELDS = [
  'keep',
  'bestMetric',
  'loadBest',
  'earlyStoppingPatience',
  'earlyStoppingImprovement',
] as const satisfies readonly (keyof CommonSpecification)[];

interface EndedRun {
  readonly writer: RunWriter;
  readonly training: Training;
  readonly trained: TrainedModel;
  readonly selection: Selection | undefined;
}

export interface EndOptions {
  readonly result: LoopResult;
  readonly specification: CommonSpecification;
  readonly context: Pick<RecipeContext, 'listener'>;
}

/** What became of a run, as recipes give it. */
export type EndedResult = Pick<RecipeResult, 'artefact' | 'outcome' | 'artefactEvaluation' | 'choice'>;

/**
 * Writes the artefact of a run that ended, or was stopped after a checkpoint: of its last step, or with loadBest of its best one, whose tensors are
 * then the training's. Then run.json, so that it never speaks of an artefact that is not there.
 */
export async function writeOutcome(
  { writer, training, trained, selection }: EndedRun,
  { result, specification, context }: EndOptions,
): Promise<EndedResult> {
  if (result.step === 0) return { artefact: undefined, outcome: undefined, artefactEvaluation: undefined };
  const { folder } = writer;
  const best = selection?.best();
  if (specification.loadBest && selection !== undefined && best === undefined)
    context.listener.onWarning?.(
      `no ${BEST_METRICS[selection.metric].title} was measured after the start, so the artefact is that of step ${result.step} and not of a best one`,
    );
  const takesBest = specification.loadBest && best !== undefined && (await isLoaded(best.step));
  const artefact = await saveArtefact(folder.path, trained, training.trainable);
  const outcome: RunOutcome = {
    step: result.step,
    totalSteps: training.source.totalSteps,
    isComplete: result.isComplete,
    isEarly: result.isEarly === true,
    artefact: {
      folder: basename(artefact) as RunOutcome['artefact']['folder'],
      step: takesBest ? best.step : result.step,
      choice: takesBest ? 'best' : 'last',
    },
    ...(best && { best }),
  };
  folder.amend({ outcome });
  const keepsBest = keptSteps(specification).best;
  const choice = selection && choiceSentence({ run: specification.output, outcome, selection, keepsBest });
  return {
    artefact,
    outcome,
    artefactEvaluation: writer.evaluationAt(outcome.artefact.step),
    ...(choice !== undefined && { choice }),
  };

  async function isLoaded(step: number): Promise<boolean> {
    if (step === result.step) return true;
    const stored = listCheckpoints(folder.path).find((one) => one.step === step);
    if (stored !== undefined) {
      await restoreCheckpoint(stored, training);
      return true;
    }
    context.listener.onWarning?.(
      `the best checkpoint, step-${step}, is not there any more: the artefact is that of step ${result.step}`,
    );
    return false;
  }
}
