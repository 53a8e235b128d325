import { badInput, hashString, runFailed, type HostTensor } from '../../core/index.ts';
import { epochOrder, microBatches, allMicroBatches, type Rows } from '../../data/index.ts';
import { learningRateAt, type ScheduleOptions } from '../../optim/index.ts';
import type { Metrics } from './metrics.ts';
import { scalarTensor, type Trainable } from './trainable.ts';
import type { MicroBatch, BatchProgram, Values } from '../../policy/index.ts';
import type { ForwardPart } from './coupled-objective.ts';
import { epochStepsOf, stageAt, stepsPerEpoch, type Stage } from '../../specification/index.ts';
import type { Split, Task } from './task.ts';

export interface LoopOptions {
  /** Of the whole run; where there are stages, each has its own with their steps. */
  readonly schedule: ScheduleOptions;
  /** Parts of the rows that are trained one after the other, each as a run of its own that goes on from the one before. Default: all at once. */
  readonly stages?: readonly Stage[];
  readonly batchSize: number;
  readonly microBatchTokens: number;
  readonly seed: number;
  readonly order: 'shuffled' | 'sequential';
  readonly lengthBuckets: boolean;
  readonly maxGradientNorm: number | undefined;
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
  /** The evaluation after this step was interrupted: what continues begins with it. */
  readonly owesEvaluation?: boolean;
  /** Running values of a batch-coupled objective. */
  readonly objectiveState?: Readonly<Record<string, number>>;
}

/** What the loop tells the outside. Each is awaited, so a slow disk slows the loop instead of filling memory. */
export interface LoopEvents {
  /** After every step; `isLogged` where the record belongs in metrics.jsonl. */
  readonly onStep: (record: StepRecord, isLogged: boolean) => void | Promise<void>;
  readonly onEvaluation: (step: number, metrics: Metrics) => void | Promise<void>;
  readonly onCheckpoint: (progress: LoopProgress) => void | Promise<void>;
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
}

type OrderOptions = Pick<LoopOptions, 'batchSize' | 'seed' | 'order' | 'lengthBuckets' | 'stages'>;

interface Context {
  readonly task: Task;
  readonly program: BatchProgram;
  readonly trainable: Trainable;
  readonly options: LoopOptions;
}

/** All rows at once. */
function wholeStage(rows: Rows): Stage {
  return { start: 0, count: rows.count, firstStep: 0, steps: Infinity, warmupSteps: 0 };
}

/** Rows of each step, a pure function of seed and step, so that a resumed run sees the same. */
function batchesOf(rows: Rows, options: OrderOptions): (step: number) => readonly number[] {
  const { batchSize, seed, order, lengthBuckets, stages = [wholeStage(rows)] } = options;
  let known: { readonly stage: Stage; readonly epoch: number; readonly order: Int32Array } | undefined;
  return (step) => {
    const stage = stageAt(stages, step);
    const { start, count, firstStep } = stage;
    const perEpoch = stepsPerEpoch(count, batchSize);
    const epoch = Math.floor((step - firstStep) / perEpoch);
    if (known?.stage !== stage || known.epoch !== epoch) {
      const lengths = Array.from({ length: count }, (_, row) => rows.lengthOf(start + row));
      const bucketing = lengthBuckets ? { bucketing: { lengths } } : {};
      known = { stage, epoch, order: epochOrder({ count, seed, epoch, batchSize, order, ...bucketing }) };
    }
    const from = ((step - firstStep) % perEpoch) * batchSize;
    return Array.from(known.order.subarray(from, from + batchSize), (row) => start + row);
  };
}

/** Every row once, in the optimizer batches of the first pass over the data; of its first `steps` where there are no more. */
export function firstEpochBatches(rows: Rows, options: OrderOptions, steps = Infinity): (readonly number[])[] {
  const batchOf = batchesOf(rows, options);
  const length = Math.min(steps, stepsPerEpoch(rows.count, options.batchSize));
  return Array.from({ length }, (_, step) => batchOf(step));
}

/** The micro-batches of firstEpochBatches. */
export function firstEpochMicroBatches(
  rows: Rows,
  options: OrderOptions & Pick<LoopOptions, 'microBatchTokens'>,
  steps?: number,
): number[][] {
  return firstEpochBatches(rows, options, steps).flatMap((batch) =>
    microBatches(rows, batch, options.microBatchTokens),
  );
}

function scheduleOf({ schedule, stages }: LoopOptions, { steps, warmupSteps }: Stage): ScheduleOptions {
  return stages === undefined ? schedule : { ...schedule, totalSteps: steps, warmupSteps };
}

function requireFinite(
  losses: HostTensor,
  { step, rows, ids }: { step: number; rows: readonly number[]; ids: (row: number) => string },
): void {
  const bad = rows.filter((_row, i) => !Number.isFinite(losses.data[i]!));
  if (bad.length === 0) return;
  const named = `${bad.length === 1 ? 'row' : 'rows'} ${bad.slice(0, MAX_NAMED_ROWS).map(ids).join(', ')}`;
  throw runFailed(`step ${step}: the loss must be finite, it is not for ${named}; ${divergence(step)}`);
}

const MAX_NAMED_ROWS = 8;

/** The likely cause of a value that is not finite, and what to do. */
function divergence(step: number): string {
  return step === 1
    ? 'nothing is trained yet, so the weights are the likely cause: try the model with preftune score'
    : 'the weights have diverged, most likely because the learning rate is too high: start again with a lower --learning-rate; checkpoints that were saved are finite';
}

/** Forward and backward over every micro-batch of a step; gradients accumulate on the device. */
async function accumulate(
  context: Context,
  step: number,
  rows: readonly number[],
): Promise<{ metrics: Metrics; tokens: number }> {
  const { task, options } = context;
  const beta = betaOf(context, step - 1);
  const measure = task.measure(beta);
  const lossScale = task.lossScale(rows);
  const groups = microBatches(task.train, rows, options.microBatchTokens);
  const parts: Part[] = [];
  for (const [index, group] of groups.entries()) {
    const dropoutSeed: HostTensor = {
      dtype: 'int32',
      shape: [],
      data: Int32Array.of(hashString(`${options.seed}/${step}/${index}`) | 0),
    };
    const given = task.batch('train', group);
    const batch = (await task.movingReference?.complete(given)) ?? given;
    parts.push({ group, batch, inputs: { ...batch.inputs, ...betaInput(beta), dropoutSeed } });
  }
  const done =
    task.coupled === undefined
      ? trainEach(context, parts, lossScale)
      : trainCoupled(context, parts, { lossScale, beta });
  let tokens = 0;
  for await (const { part, outputs } of done) {
    requireFinite(outputs['losses']!, { step, rows: part.group, ids: task.train.idOf });
    measure.add(part.batch, outputs);
    tokens += part.batch.tokens;
  }
  return { metrics: measure.result(), tokens };
}

interface Part {
  readonly group: readonly number[];
  readonly batch: MicroBatch;
  readonly inputs: Values;
}

interface DonePart {
  readonly part: Part;
  readonly outputs: Readonly<Record<string, HostTensor>>;
}

function betaOf({ task, options }: Pick<Context, 'task' | 'options'>, step: number): number | undefined {
  const { totalSteps } = options.schedule;
  return task.betaAt?.(Math.min(step, totalSteps - 1), totalSteps);
}

function betaInput(beta: number | undefined): Record<string, HostTensor> {
  return beta === undefined ? {} : { beta: scalarTensor(beta) };
}

/** Every micro-batch has its own losses. */
async function* trainEach({ program }: Context, parts: readonly Part[], lossScale: number): AsyncIterable<DonePart> {
  for (const part of parts)
    yield { part, outputs: await program.train({ ...part.inputs, lossScale: scalarTensor(lossScale) }) };
}

/** The losses belong to the batch: all forward passes, the objective over all their statistics, then all backward passes. */
async function* trainCoupled(
  { task, program }: Context,
  parts: readonly Part[],
  scales: { readonly lossScale: number; readonly beta: number | undefined },
): AsyncIterable<DonePart> {
  const forward: ForwardPart[] = [];
  for (const { batch, inputs } of parts) forward.push({ batch, outputs: await program.statistics(inputs) });
  const solved = await task.coupled!.solve(forward, { ...scales, isTraining: true });
  for (const [index, part] of parts.entries()) {
    const { losses, cotangents } = solved[index]!;
    const { backward } = part.batch;
    const outputs = await program.train({ ...part.inputs, ...backward, ...cotangents });
    yield { part, outputs: { ...(backward === undefined ? outputs : forward[index]!.outputs), losses } };
  }
}

export interface EvaluationOptions {
  readonly split: Split;
  readonly microBatchTokens: number;
  /** Rows of an optimizer batch: the unit of a coupled objective. */
  readonly batchSize?: number;
  readonly beta?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The metrics of all rows of a split, computed without gradients; undefined when the signal fired before the last micro-batch. */
export async function evaluateRows(
  task: Task,
  program: BatchProgram,
  { split, microBatchTokens, batchSize, beta, signal }: EvaluationOptions,
): Promise<Metrics | undefined> {
  const rows = split === 'train' ? task.train : task.heldOut;
  if (rows === undefined || rows.count === 0)
    throw badInput('evaluate: there must be held-out rows, there are none; pass --held-out or --held-out-fraction');
  const measure = task.measure(beta);
  for (const groups of evaluationUnits(rows, microBatchTokens, task.coupled && (batchSize ?? rows.count))) {
    const parts: ForwardPart[] = [];
    for (const group of groups) {
      if (signal?.aborted === true) return undefined;
      const batch = task.batch(split, group);
      parts.push({ batch, outputs: await program.evaluate({ ...batch.inputs, ...betaInput(beta) }) });
    }
    const count = groups.reduce((sum, group) => sum + group.length, 0);
    const solved = await task.coupled?.solve(parts, { lossScale: 1 / count, beta, isTraining: false });
    for (const [index, { batch, outputs }] of parts.entries())
      measure.add(batch, solved === undefined ? outputs : { ...outputs, losses: solved[index]!.losses });
  }
  return measure.result();
}

/** Every row once, in the micro-batches in which rows are evaluated; `unit` as evaluateRows has it for a coupled objective. */
export function evaluationMicroBatches(rows: Rows, maxTokens: number, unit: number | undefined): number[][] {
  return evaluationUnits(rows, maxTokens, unit).flat();
}

/** What is evaluated together: single micro-batches, or for a coupled objective all those of the next `unit` rows. */
function evaluationUnits(rows: Rows, maxTokens: number, unit: number | undefined): number[][][] {
  if (unit === undefined) return allMicroBatches(rows, maxTokens).map((group) => [group]);
  const starts = Array.from({ length: Math.ceil(rows.count / unit) }, (_, index) => index * unit);
  return starts.map((start) => {
    const batch = Array.from({ length: Math.min(unit, rows.count - start) }, (_, row) => start + row);
    return microBatches(rows, batch, maxTokens);
  });
}

/**
 * The one step loop: batches in a seeded order, gradients accumulated over micro-batches, clipping, an optimizer step, and at
 * intervals a log line, an evaluation, a checkpoint. A checkpoint is taken after the evaluation of its step, so that what a
 * run has written up to a checkpoint is what its resumption would write. When the signal fires it stops after the current step, or
 * after the current micro-batch of an evaluation, which the resumed run then makes whole; a checkpoint is taken first (before
 * the first step there is nothing to save).
 *
 * Throws run-failed with the step, the rows and the likely cause when a loss or gradient is not finite; parameters are then
 * those before the step.
 */
export async function runLoop(
  context: Context & { readonly start: LoopProgress; readonly events: LoopEvents },
): Promise<LoopResult> {
  const { task, program, trainable, options, events } = context;
  const { totalSteps } = options.schedule;
  const batchOf = batchesOf(task.train, options);
  const stages = options.stages ?? [wholeStage(task.train)];
  const perEpoch = epochStepsOf(stages, options.batchSize);
  let { step, tokens } = context.start;
  const due = (interval: number | undefined): boolean =>
    step === totalSteps || (interval !== undefined && step % interval === 0);
  const objectiveState = (): Pick<LoopProgress, 'objectiveState'> =>
    task.coupled === undefined ? {} : { objectiveState: task.coupled.state() };
  if (context.start.objectiveState !== undefined) task.coupled?.restore(context.start.objectiveState);
  const isStopped = (): boolean => options.signal?.aborted === true;
  const { microBatchTokens, signal } = options;
  /** Whether nothing is owed. */
  const evaluate = async (): Promise<boolean> => {
    if (task.heldOut === undefined) return true;
    await program.refresh();
    const metrics = await evaluateRows(task, program, {
      split: 'heldOut',
      microBatchTokens,
      batchSize: options.batchSize,
      beta: betaOf(context, step),
      signal,
    });
    if (metrics === undefined) return false;
    await events.onEvaluation(step, metrics);
    return true;
  };
  if (isStopped()) return { ...context.start, isComplete: false };
  if (step === 0 || context.start.owesEvaluation === true) {
    if (!(await evaluate())) return { ...context.start, isComplete: false };
    // From here on nothing is owed: whatever ends the run now, its continuation must not evaluate again.
    if (step > 0) await events.onCheckpoint({ step, tokens, ...objectiveState() });
  }
  while (step < totalSteps) {
    const started = performance.now();
    const rows = batchOf(step);
    await program.refresh();
    const done = await accumulate(context, step + 1, rows);
    const norm = await trainable.gradientNorm();
    if (!Number.isFinite(norm)) {
      const named = rows.slice(0, MAX_NAMED_ROWS).map(task.train.idOf).join(', ');
      throw runFailed(
        `step ${step + 1}: the gradient must be finite, its norm is ${norm}, rows ${named}; ${divergence(step + 1)}`,
      );
    }
    const stage = stageAt(stages, step);
    const stepOfStage = step - stage.firstStep;
    const learningRate = learningRateAt(scheduleOf(options, stage), stepOfStage);
    await trainable.update({ step: stepOfStage + 1, learningRate, norm, maximum: options.maxGradientNorm });
    step += 1;
    await task.movingReference?.afterStep(step);
    if (step < totalSteps && stageAt(stages, step) !== stage) await trainable.resetOptimizer();
    tokens += done.tokens;
    const seconds = (performance.now() - started) / 1000;
    const beta = betaOf(context, step - 1);
    const metrics = {
      ...done.metrics,
      ...(beta === undefined ? {} : { beta }),
      learning_rate: learningRate,
      grad_norm: norm,
      num_tokens: tokens,
      tokens_per_second: done.tokens / seconds,
    };
    await events.onStep({ step, totalSteps, epoch: step / perEpoch, metrics }, due(options.logSteps));
    const owesEvaluation = due(options.evaluateSteps) && !(await evaluate());
    const stops = isStopped() && (step < totalSteps || owesEvaluation);
    if (stops || due(options.checkpointSteps))
      await events.onCheckpoint({ step, tokens, ...objectiveState(), ...(owesEvaluation ? { owesEvaluation } : {}) });
    if (stops) return { step, tokens, isComplete: false };
  }
  return { step, tokens, isComplete: true };
}
