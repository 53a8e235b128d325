import { existsSync } from 'node:fs';
import { isObject, type JsonObject } from '../core/index.ts';
import { writeLinesAtomic } from '../files/index.ts';
import type { TextMode, TokenisationReport } from '../data/index.ts';
import { hasBroken, sampleFaults, SAMPLES_FILE, samplesText } from '../monitor/index.ts';
import type { TrainingDataCheck } from '../reliability/index.ts';
import { availableBytes, fixedMemory, markOf, requireMemory, resolvedTextRows, type Asking } from '../policy/index.ts';
import type { CommonSpecification } from '../specification/index.ts';
import { placesOf, readRunFile, type RunFolder, type RunRecord } from '../store/index.ts';
import type { Tokenizer } from '../tokenizer/index.ts';
import { restoreCheckpoint } from './checkpoint-files.ts';
import type { RecipeContext, RecipeResult, SampledPrompt } from './context.ts';
import { runLoop, type LoopEvents, type LoopOptions, type LoopProgress } from './loop/loop.ts';
import type { Task } from './loop/task.ts';
import { openTraining, type Training } from './loop/training.ts';
import { keptSteps, selectionOf, takeUp, warnOfPatience, writeOutcome } from './run-end.ts';
import { checkSections, tokenisationSections } from './run-report.ts';
import { intervalsOf } from './plan/intervals.ts';
import type { PreparedPlan } from './plan/make-plan.ts';
import { createRunClock, type RunClock } from './plan/run-clock.ts';
import type { PlannedTime } from './plan/run-plan.ts';
import { openRun, type RunWriter } from './run-writer.ts';
import { createSampling, NO_SAMPLES, type SampledRows } from './samples.ts';
import { planOf, type Session } from './session.ts';
import { watchRun } from './watch.ts';

export interface TrainOptions {
  readonly session: Session;
  readonly specification: CommonSpecification;
  readonly context: RecipeContext;
  readonly task: Task;
  readonly prepared: PreparedPlan;
  /** When the command began, by performance.now(). */
  readonly began: number;
  readonly reports: Readonly<Record<string, TokenisationReport>>;
  /** What was said of the rows before. */
  readonly check: TrainingDataCheck | undefined;
  /** The records that were held out of the data, for others to measure on. */
  readonly heldOutRecords: (() => AsyncIterable<string>) | undefined;
  /** The prompts that the report shows answered. */
  readonly promptsOf: (tokenizer: Tokenizer) => readonly SampledPrompt[];
  /** The rows that are trained on, in which answers are looked for. */
  readonly trained: SampledRows;
  /** How rows of texts become tokens, and how the model is to be asked then. */
  readonly asking: { readonly textRows: TextMode; readonly asked: Asking | undefined };
  /** What run.json says of reference and data. */
  readonly identity: Pick<RunRecord, 'reference' | 'data' | 'measured' | 'chosen'>;
}

type BudgetedSpecification = CommonSpecification & { readonly memoryBudgetMb: number };

/** Everything after the task is made: run folder, programs, the loop, the artefact, the report. Throws as these do; what is complete stays. */
export async function trainInRunFolder(options: TrainOptions): Promise<RecipeResult> {
  const { session, context, task } = options;
  const { clock: templateClock } = session.tokenizer.chatTemplate ?? {};
  // What rows say of the time decides them, so it stands beside what else does.
  const specification = {
    ...options.specification,
    templateTime: templateClock?.time,
    textRows: resolvedTextRows(options.asking.textRows, session.tokenizer),
    memoryBudgetMb: memoryBudgetMb(options),
  };
  const record = recordOf(specification, options);
  const selection = selectionOf(specification, task);
  const writer = openRun(specification.output, record, { context, selection });
  let training: Training | undefined;
  try {
    const heldOutFile = await writeHeldOut(writer.folder, options.heldOutRecords);
    context.listener.onLoad?.('compiling the training step');
    training = await openInMemory(specification, options);
    const sampling = createSampling(session, training.trainable, {
      context,
      samples: specification.samples,
      hasHeldOut: task.heldOut !== undefined,
      promptsOf: options.promptsOf,
      trained: options.trained,
    });
    await sampling.beforeTraining();
    const start = await startOf(writer, training);
    const { totalSteps, stepsPerEpoch } = training.source;
    const watch = watchRun(writer.folder, context, { specification: record.specification, totalSteps });
    const loop = loopOptions(specification, totalSteps, watch.signal);
    warnOfPatience(specification, { totalSteps, evaluateSteps: loop.evaluateSteps, context });
    context.listener.onStart?.(start.step, totalSteps);
    const clock = createRunClock(options.prepared.costs, options.prepared.plan, options.began);
    clock.start();
    let planned: PlannedTime | undefined;
    const events = timedEvents(
      writer.events(training, { stepsPerEpoch, keep: keptSteps(specification), watch }),
      clock,
      (time) => {
        planned = time;
        context.listener.onEstimate?.(time);
      },
    );
    const isEnded = start.owesEvaluation !== true && selection?.standing().endsRun === true;
    takeUp(writer, record, !isEnded && start.step < totalSteps);
    const result = isEnded
      ? { ...start, isComplete: true, isEarly: start.step < totalSteps }
      : await runLoop({ training, start, events, options: loop });
    if (result.isComplete) watch.finish();
    if (result.step > 0) context.listener.onLoad?.(`saving what was trained in ${specification.output}`);
    const trained = { ...session, asked: options.asking.asked };
    const ended = await writeOutcome({ writer, training, trained, selection }, { result, specification, context });
    // Its memory is free for the answers.
    await training.release();
    const sampled = result.isComplete ? await sampling.afterTraining() : NO_SAMPLES;
    for (const sample of sampled.shown) context.listener.onSample?.(sample);
    const verdict = { ...watch.verdict(), ...(sampled.verdict && { samples: sampled.verdict }) };
    if (sampled.judged.length > 0) writer.folder.write(SAMPLES_FILE, samplesText(sampled.judged));
    if (sampled.verdict !== undefined && hasBroken(sampled.verdict))
      context.listener.onWarning?.(`samples: ${sampleFaults(sampled.verdict)}`);
    writer.report({
      data: [...checkSections(options.check), ...tokenisationSections(options.reports, templateClock?.printed())],
      samples: sampled.shown,
      samplesNote: sampling.note,
      verdict,
      ended,
    });
    const stoppedBy = result.isComplete ? undefined : watch.stoppedBy();
    return {
      run: specification.output,
      steps: result.step,
      totalSteps,
      isComplete: result.isComplete,
      firstEvaluation: writer.firstEvaluation(),
      lastEvaluation: writer.lastEvaluation(),
      lastStep: writer.lastStep(),
      took: {
        seconds: (performance.now() - options.began) / 1000,
        ...(planned === undefined ? {} : { planned }),
        peakBytes: process.resourceUsage().maxRSS * 1024,
        plannedPeakBytes: options.prepared.plan.memory.peakBytes,
      },
      verdict,
      ...(stoppedBy && { stoppedBy }),
      samples: sampled.shown,
      ...(heldOutFile !== undefined && { heldOutFile }),
      ...ended,
    };
  } finally {
    await training?.dispose();
    writer.dispose();
  }
}

/** In a run's folder: the records that were held out of its data. */
export const HELD_OUT_FILE = 'held-out.jsonl';

/** Writes the records that were held out, where they stand in no file of their own. Gives its path. */
async function writeHeldOut(
  folder: Pick<RunFolder, 'file'>,
  records: TrainOptions['heldOutRecords'],
): Promise<string | undefined> {
  if (records === undefined) return undefined;
  const path = folder.file(HELD_OUT_FILE);
  if (existsSync(path)) return path;
  await writeLinesAtomic(path, async (write) => {
    for await (const line of records()) write(line);
  });
  return path;
}

/** The same events, from which a clock hears how long things take. */
function timedEvents(events: LoopEvents, clock: RunClock, tell: (time: PlannedTime) => void): LoopEvents {
  return {
    ...events,
    onStep: async (record, isLogged) => {
      const time = clock.stepped();
      await events.onStep(record, isLogged);
      if (time !== undefined) tell(time);
    },
    onEvaluation: async (step, metrics) => {
      clock.evaluated();
      return events.onEvaluation(step, metrics);
    },
  };
}

/** run.json: the specification as JSON has it, without what is undefined. */
function recordOf(
  specification: BudgetedSpecification,
  { session, context, identity, asking }: TrainOptions,
): RunRecord {
  const { measured } = identity;
  return {
    specification: JSON.parse(JSON.stringify(specification)) as JsonObject,
    versions: { ...context.versions },
    ...identity,
    measured: { ...(isObject(measured) && measured), asked: asking.asked ?? null } as JsonObject,
    model: { weights: session.policy.startFingerprint, tokenizer: session.tokenizer.identity },
    places: placesOfRun(specification, session.opened.files.location),
  };
}

/** Where the paths of the specification are, and by what the model is known again when it is moved; one of the hub has its name for that. */
function placesOfRun({ output, model }: CommonSpecification, location: string): JsonObject {
  const mark = existsSync(model) ? markOf(location) : undefined;
  return { ...placesOf(output), ...(mark && { model: mark }) };
}

/** Where the run begins: at its newest checkpoint, whose tensors are put back, or at its start. */
async function startOf(writer: RunWriter, training: Training): Promise<LoopProgress> {
  if (writer.checkpoint === undefined) return { step: 0, tokens: 0 };
  return writer.continued(await restoreCheckpoint(writer.checkpoint, training));
}

function loopOptions(specification: CommonSpecification, totalSteps: number, signal: AbortSignal): LoopOptions {
  const { evaluateSteps, checkpointSteps } = intervalsOf(specification, totalSteps);
  return {
    schedule: { name: specification.schedule, learningRate: specification.learningRate },
    microBatchTokens: specification.microBatchTokens,
    seed: specification.seed,
    maxGradientNorm: specification.maxGradientNorm === 0 ? undefined : specification.maxGradientNorm,
    logSteps: specification.logSteps,
    evaluateSteps,
    checkpointSteps,
    signal,
  };
}

/**
 * Bytes for the backward pass, in MB: as given, or as the run that is resumed decided, so that what is computed again stays the same on a machine
 * with other free memory; else a quarter of what is free.
 */
function memoryBudgetMb({ specification, context }: TrainOptions): number {
  if (specification.memoryBudgetMb !== undefined) return specification.memoryBudgetMb;
  const stored = context.isResuming ? readRunFile(specification.output).specification['memoryBudgetMb'] : undefined;
  if (typeof stored === 'number') return stored;
  return Math.max(1, Math.floor((context.availableBytes?.() ?? availableBytes()) / 4 / 2 ** 20));
}

const RESUME_ADVICE =
  'close other programs, or pass a lower --memory-budget-mb, with which the last digits may differ from those of a run that was not interrupted';

/** The task on the device. Throws run-failed when its steps need more memory than there is. */
async function openInMemory(
  specification: BudgetedSpecification,
  { session, task, context }: TrainOptions,
): Promise<Training> {
  const training = await openTraining(session, task, {
    label: specification.output,
    optimizer: specification.optimizer,
    microBatchTokens: specification.microBatchTokens,
    keepBudgetBytes: specification.memoryBudgetMb * 2 ** 20,
  });
  try {
    const { keptBytes, level } = training.program;
    // Weights, gradients and state are there already, so only what comes on top is asked for.
    const { 'vocabulary scores': scores = 0 } = fixedMemory(
      planOf(specification, session.opened, session.policy.adapter?.lora),
    );
    requireMemory(
      { 'values kept for the backward pass': keptBytes, 'vocabulary scores': scores },
      (context.availableBytes ?? availableBytes)(),
      context.isResuming ? RESUME_ADVICE : undefined,
    );
    if (level !== 'nothing')
      context.listener.onNote?.(
        `memory: the backward pass computes ${level === 'layers' ? 'whole layers' : 'elementwise values'} again`,
      );
    return training;
  } catch (thrown) {
    await training.dispose();
    throw thrown;
  }
}
