import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { badInput } from '../core/index.ts';
import { BEST_METRICS, bestEvaluation, isBestMetric, type BestEvaluation } from './best-metric.ts';
import { listCheckpoints, newestCheckpoint, type StoredCheckpoint } from './checkpoints.ts';
import { METRICS_FILE, readMetrics } from './metrics.ts';
import { readRunFile } from './run-folder.ts';

/** A checkpoint of a run that somebody asked for: by its step, the newest, or the best on the held-out rows. */
export type CheckpointChoice = number | 'last' | 'best';

/** A checkpoint, and for the best one what it is best by. */
export interface FoundCheckpoint extends StoredCheckpoint {
  readonly best?: BestEvaluation;
}

/**
 * The checkpoint of a run. The best one is that of the best evaluation in metrics.jsonl by the run's own metric (`bestMetric` in run.json; loss where it says nothing), among
 * the evaluations up to the newest checkpoint: what a killed run had measured after that is measured again when it is resumed. Nothing else records the
 * best, so nothing can contradict it. Throws bad-input where there is no such checkpoint, with those that there are.
 */
export function findCheckpoint(run: string, choice: CheckpointChoice): FoundCheckpoint {
  if (choice === 'best') return bestCheckpoint(run);
  const found = choice === 'last' ? newestCheckpoint(run) : listCheckpoints(run).find(({ step }) => step === choice);
  return found ?? lacks(run, choice === 'last' ? 'a checkpoint' : `a checkpoint step-${choice}`);
}

function bestCheckpoint(run: string): FoundCheckpoint {
  const best = bestOfRun(run);
  if (best === undefined) {
    const newest = newestCheckpoint(run);
    throw badInput({
      file: run,
      message: `the run must have evaluated held-out rows after its first step to have a best checkpoint, it has not${
        newest === undefined ? '' : `; name ${run}@last, or train with --held-out or --held-out-fraction`
      }`,
    });
  }
  const found = listCheckpoints(run).find(({ step }) => step === best.step);
  return found === undefined
    ? lacks(run, `its best checkpoint, step-${best.step} (${BEST_METRICS[best.metric].title} ${best.value})`)
    : { ...found, best };
}

/** The best evaluation of a run up to its newest checkpoint, whether or not its checkpoint is there; undefined where nothing was evaluated. Throws bad-input for what is no run. */
export function bestOfRun(run: string): BestEvaluation | undefined {
  const { bestMetric } = readRunFile(run).specification;
  const file = join(run, METRICS_FILE);
  const newest = newestCheckpoint(run);
  if (newest === undefined || !existsSync(file)) return undefined;
  return bestEvaluation(readMetrics(file), isBestMetric(bestMetric) ? bestMetric : 'loss', newest.step);
}

function lacks(run: string, what: string): never {
  const names = listCheckpoints(run).map(({ step }) => `step-${step}`);
  throw badInput({ file: run, message: `the run must have ${what}, it has ${names.join(', ') || 'none'}` });
}
