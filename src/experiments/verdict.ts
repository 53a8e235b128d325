import type { VERDICT_WORDS } from '../api/index.ts';
import { count } from '../core/index.ts';
import type { CandidateAnalysis } from './analysis.ts';
import type { ExperimentDefinition, GuardrailName } from './definition.ts';

export type VerdictWord = (typeof VERDICT_WORDS)[number];

export interface Verdict {
  readonly word: VerdictWord;
  /** In a sentence or two, for whoever decides. */
  readonly text: string;
  readonly daysLeft: number | null;
}

export interface VerdictContext {
  readonly definition: ExperimentDefinition;
  readonly analysis: CandidateAnalysis;
  /** The p of the sample-ratio check. */
  readonly ratioP: number;
  readonly isRunning: boolean;
  readonly closed: number;
  /** Units that came a day, lately. */
  readonly unitsPerDay: number;
}

/** Below it, who is in which arm is not what the coin said. */
export const RATIO_ALARM = 0.01;

const GUARDRAIL_WORDS: Readonly<Record<GuardrailName, string>> = {
  error_rate: 'answers that failed',
  first_token: 'the time to the first token',
  length: 'the length of answers',
  refusal_rate: 'refusals',
  response_rate: 'how many people react in other ways',
  thumbs_down: 'thumbs down',
};

export function guardrailText(name: GuardrailName): string {
  return GUARDRAIL_WORDS[name];
}

/** What the interval says, and nothing else: the rule that decides is the interval that is drawn. */
export function judge(context: VerdictContext): Verdict {
  const { definition, analysis, ratioP, isRunning, closed } = context;
  const { margin, metric, budget } = definition;
  if (ratioP < RATIO_ALARM)
    return said(
      'withheld',
      `Units did not come to the arms in the shares that were meant (p ${ratioP.toPrecision(2)}): something loses or moves them, and no number here can be trusted. Find it, and begin a new experiment.`,
    );
  if (analysis.effect.isEmpty())
    return said(
      'withheld',
      'No single effect fits what was seen from beginning to end: it changed while the experiment ran. See the days, and begin a new experiment.',
    );
  const breached = analysis.guardrails().filter(({ status }) => status === 'breached');
  if (breached.length > 0)
    return said(
      'stopped by a guardrail',
      `${listed(breached.map(({ name }) => guardrailText(name)))}: beyond what was allowed, whatever else it does.`,
    );
  const { low, high } = analysis.effect.interval();
  const isLower = metric.better === 'lower';
  const [good, bad] = [isLower ? high <= 0 : low >= 0, isLower ? low >= 0 : high <= 0];
  const hasUnits = analysis.effect.control.units > 0 && analysis.effect.candidate.units > 0;
  if (hasUnits && good !== bad) {
    const words = `${metric.signal.replaceAll('_', ' ')}: ${points(low)} to ${points(high)} points against the control`;
    return good
      ? said('better', `The candidate is better. ${words}.`)
      : said('worse', `The candidate is worse. ${words}.`);
  }
  if (hasUnits && low >= -margin && high <= margin)
    return said('equal', `They are equal within ${points(margin)} points: ${points(low)} to ${points(high)}.`);
  if (closed >= budget || !isRunning)
    return said(
      'out of budget',
      isRunning || closed >= budget
        ? `Nothing was decided within ${count(budget)} units: the effect is ${points(low)} to ${points(high)} points.`
        : `It was stopped before anything was decided: the effect is ${points(low)} to ${points(high)} points.`,
    );
  return goOn(context, { low, high });
}

/** Widths fall as one over the root of the units: how many more until the interval leaves 0, or fits into the margin, if the estimate stays. */
function goOn(
  { definition, analysis, closed, unitsPerDay }: VerdictContext,
  { low, high }: { readonly low: number; readonly high: number },
): Verdict {
  const { estimate, control, candidate } = analysis.effect;
  const units = control.units + candidate.units;
  const undecided = `Nothing is decided yet: the effect is ${points(low)} to ${points(high)} points.`;
  if (units < 20 || unitsPerDay <= 0) return said('go on', `${undecided} Too little has come to say how long.`);
  const half = (high - low) / 2;
  const wanted = Math.max(Math.abs(estimate), definition.margin - Math.abs(estimate), 1e-6);
  // Other candidates take their part of the traffic.
  const needed = Math.min(closed * Math.max(1.05, half / wanted) ** 2, definition.budget);
  const daysLeft = Math.max(0, needed - closed) / unitsPerDay;
  const rounded = daysLeft < 2 ? Math.round(daysLeft * 10) / 10 : Math.round(daysLeft);
  return {
    word: 'go on',
    text: `${undecided} At this traffic about ${rounded} days more.`,
    daysLeft,
  };
}

function said(word: VerdictWord, text: string): Verdict {
  return { word, text, daysLeft: null };
}

/** Percentage points. */
function points(value: number): string {
  return (100 * value).toFixed(1);
}

function listed(words: readonly string[]): string {
  const text = words.join(', ');
  return text.charAt(0).toUpperCase() + text.slice(1);
}
