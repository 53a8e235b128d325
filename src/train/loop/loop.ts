import type { JsonObject } from '../../core/index.ts';
import { evaluateRows } from './evaluation.ts';
import type { Metrics } from './metrics.ts';
import { takeStep, type StepOptions } from './step.ts';
import type { Training } from './training.ts';

export interface LoopOptions extends StepOptions {
  /** Every so many steps; undefined: never. The last step is always logged, evaluated and saved. */
  readonly logSteps: number;
  readonly evaluateSteps: number | undefined;
  readonly checkpointSteps: number | undefined;
  readonly signal?: AbortSignal;
}

/** What a resumed run continues from. */
export interface LoopProgress {
  /** Finished optimizer steps. */
  readonly step: number;
  /** Tokens that the model has read in training. */
  readonly tokens: number;
  /** The state of the source and of the parts of a step that have one, by name. */
  readonly states?: Readonly<Record<string, JsonObject>>;
  /** The evaluation after this step was interrupted: what continues begins with it. */
  readonly owesEvaluation?: boolean;
}

/** What the loop tells the outside. Each is awaited, so a slow disk slows the loop instead of filling memory. */
export interface LoopEvents {
  /** After every step; `isLogged` where the record belongs in metrics.jsonl. */
  readonly onStep: (record: StepRecord, isLogged: boolean) => void | Promise<void>;
  readonly onEvaluation: (
    step: number,
    metrics: Metrics,
  ) => EvaluationDecision | undefined | Promise<EvaluationDecision | undefined>;
  readonly onCheckpoint: (progress: LoopProgress) => void | Promise<void>;
}

/** What follows from an evaluation. */
export interface EvaluationDecision {
  /** The model is worth a checkpoint, whether or not one is due. */
  readonly isKept: boolean;
  /** No step shall follow. */
  readonly endsRun: boolean;
}

export interface StepRecord {
  readonly step: number;
  readonly totalSteps: number;
  readonly epoch: number;
  readonly metrics: Metrics;
}

export interface LoopResult extends LoopProgress {
  /** False when the signal stopped the loop before its last step. */
  readonly isComplete: boolean;
  /** An evaluation ended the run before its last step. */
  readonly isEarly?: boolean;
}

export interface LoopInput {
  readonly training: Training;
  readonly start: LoopProgress;
  readonly events: LoopEvents;
  readonly options: LoopOptions;
}

/**
 * The one step loop:
 *
 *     epochs                              rollouts
 *     seeded order of the rows,           prompts > the policy draws answers
 *     stage by stage, cut into            > a reward > advantages, for one
 *     batches                             step or for several
 *            \                                /
 *             source.at(step)  >  rows of the step
 *                                   |
 *                   .---------------+---------------.
 *             micro-batch      micro-batch     micro-batch      cut by tokens, longest first
 *                   |  parts: complete (a reference that moves)
 *             forward, backward: gradients accumulate on the device
 *                   |  parts: solve (an objective of the whole batch stands between the two)
 *                   '---------------+---------------'
 *                           norm > clip > update
 *                                   |  parts: afterStep
 *                   metrics > evaluation > checkpoint (tensors and states of source and parts)
 *                                   |
 *                               next step
 *
 * An epoch is one pass over the rows and a stage some passes over a part of them; both only decide which rows a source gives. At intervals there are
 * a log line, an evaluation and a checkpoint, in this order, so that what a run has written up to a checkpoint is what its resumption
 * would write. An evaluation may ask for a checkpoint, and may end the run behind it. When the signal fires the loop stops after the current step, or after the current micro-batch of an evaluation, which the resumed
 * run then makes whole; a checkpoint is taken first (before the first step there is nothing to save).
 *
 * Throws run-failed with the step, the rows and the likely cause when a loss or gradient is not finite; parameters are then
 * those before the step.
 */
export async function runLoop({ training, start, events, options }: LoopInput): Promise<LoopResult> {
  const { source } = training;
  const { totalSteps } = source;
  let { step, tokens } = start;
  const due = (interval: number | undefined): boolean =>
    step === totalSteps || (interval !== undefined && step % interval === 0);
  const isStopped = (): boolean => options.signal?.aborted === true;
  const progress = (): LoopProgress => ({ step, tokens, ...statesOf(training) });
  const evaluate = (): Promise<EvaluationDecision | undefined> => evaluateHeldOut(training, step, { events, options });
  const ended = (): LoopResult => ({ step, tokens, isComplete: true, ...(step < totalSteps && { isEarly: true }) });
  restoreStates(training, start);
  if (isStopped()) return { ...start, isComplete: false };
  if (step === 0 || start.owesEvaluation === true) {
    const evaluated = await evaluate();
    if (evaluated === undefined) return { ...start, isComplete: false };
    // From here on nothing is owed: whatever ends the run now, its continuation must not evaluate again.
    if (step > 0) await events.onCheckpoint(progress());
    if (evaluated.endsRun) return ended();
  }
  while (step < totalSteps) {
    const started = performance.now();
    const taken = await takeStep(training, step, options);
    step += 1;
    tokens += taken.tokens;
    const seconds = (performance.now() - started) / 1000;
    const metrics = { ...taken.metrics, num_tokens: tokens, tokens_per_second: taken.tokens / seconds };
    await events.onStep({ step, totalSteps, epoch: step / source.stepsPerEpoch, metrics }, due(options.logSteps));
    const evaluated = due(options.evaluateSteps) ? await evaluate() : NOTHING_FOLLOWS;
    const owesEvaluation = evaluated === undefined;
    const { isKept, endsRun } = evaluated ?? NOTHING_FOLLOWS;
    const stops = !endsRun && isStopped() && (step < totalSteps || owesEvaluation);
    if (stops || isKept || endsRun || due(options.checkpointSteps))
      await events.onCheckpoint({ ...progress(), ...(owesEvaluation ? { owesEvaluation } : {}) });
    if (stops) return { step, tokens, isComplete: false };
    if (endsRun) return ended();
  }
  return ended();
}

const NOTHING_FOLLOWS: EvaluationDecision = { isKept: false, endsRun: false };

/** What follows from the evaluation; undefined when the signal ended it, so that it is owed. */
async function evaluateHeldOut(
  training: Training,
  step: number,
  { events, options }: Pick<LoopInput, 'events' | 'options'>,
): Promise<EvaluationDecision | undefined> {
  const { heldOut, source, program } = training;
  if (heldOut === undefined) return NOTHING_FOLLOWS;
  await program.refresh();
  const { microBatchTokens, signal } = options;
  const moment = { step, totalSteps: source.totalSteps };
  const metrics = await evaluateRows(training, heldOut, { moment, microBatchTokens, signal });
  if (metrics === undefined) return undefined;
  return (await events.onEvaluation(step, metrics)) ?? NOTHING_FOLLOWS;
}

function stateHolders({ source, parts }: Training) {
  return [{ name: 'source', holder: source }, ...parts.map((part) => ({ name: part.name, holder: part }))];
}

function statesOf(training: Training): Pick<LoopProgress, 'states'> {
  const states = stateHolders(training).flatMap(({ name, holder }) => {
    const state = holder.save?.();
    return state === undefined ? [] : [[name, state] as const];
  });
  return states.length === 0 ? {} : { states: Object.fromEntries(states) };
}

function restoreStates(training: Training, { states = {} }: LoopProgress): void {
  for (const { name, holder } of stateHolders(training)) {
    const state = states[name];
    if (state !== undefined) holder.restore?.(state);
  }
}
