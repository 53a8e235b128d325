import { BEST_METRICS, type BestMetric, type RunOutcome } from '../store/index.ts';
import type { Selection } from './selection.ts';

const DIGITS: Readonly<Record<BestMetric, number>> = { loss: 4, accuracy: 2, margin: 3 };

/** What the sentence is made of. */
export interface ChosenStep {
  readonly run: string;
  readonly outcome: RunOutcome;
  readonly selection: Selection;
  /** Whether the best checkpoint is there. */
  readonly keepsBest: boolean;
}

/** Which step was best on the held-out rows, which one the artefact holds, and how to get the other: one sentence; undefined where no step was evaluated. */
export function choiceSentence({ run, outcome, selection, keepsBest }: ChosenStep): string | undefined {
  const best = selection.best();
  if (best === undefined) return undefined;
  const { step, totalSteps, artefact } = outcome;
  const { title, isHigherBetter } = BEST_METRICS[best.metric];
  const show = (value: number): string => value.toFixed(DIGITS[best.metric]);
  const values = selection.values();
  const last = values.get(step);
  const isSame = last === undefined || show(last) === show(best.value);
  const atLast = best.step === step || isSame ? '' : `; ${show(last)} at step ${step}`;
  const lead = `${title} was ${isHigherBetter ? 'highest' : 'lowest'} at step ${best.step} of ${totalSteps} (${show(best.value)}${atLast})`;
  const parts = [lead, ...startOf(values.get(0), { best: best.value, isHigherBetter, show })];
  if (artefact.step === best.step) return `${parts.join('; ')}; the ${artefact.folder} is that of this step`;
  const other = keepsBest
    ? `${run}@best names the other, and --resume --load-best writes it`
    : '--keep last kept no other';
  const about = isSame ? ', where it is about the same' : '';
  return `${parts.join('; ')}; the ${artefact.folder} is that of step ${artefact.step}${about}: ${other}`;
}

function startOf(
  start: number | undefined,
  { best, isHigherBetter, show }: { best: number; isHigherBetter: boolean; show: (value: number) => string },
): string[] {
  if (start === undefined || (isHigherBetter ? best > start : best < start)) return [];
  return [`no step was better than the model as it started (${show(start)})`];
}
