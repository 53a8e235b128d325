import type { TokenisationReport } from '../data/index.ts';
import type { Graph } from '../graph/index.ts';
import type { LoraConfig, ModelConfig } from '../models/index.ts';
import { openDevice, type Device } from '../runtime/index.ts';
import { readRunFile, type RunRecord } from '../store/index.ts';
import type { JsonObject } from '../core/index.ts';
import type { Tokenizer } from '../tokenizer/index.ts';
import {
  newLora,
  type RunInputs,
  availableBytes,
  fixedMemory,
  referenceMemory,
  requireMemory,
  createPolicy,
  type Policy,
  hintsFor,
  placeWeights,
  type OpenedModel,
  compileBatchProgram,
  type BatchProgram,
  type ResidentModel,
} from '../policy/index.ts';
import { saveArtefact } from './artefact.ts';
import { restoreCheckpoint } from './checkpoint-files.ts';
import type { RecipeContext, RecipeResult, SampledPrompt } from './context.ts';
import { runLoop } from './loop/loop.ts';
import { openRun, tokenisationSections, watchRun } from './run-writer.ts';
import { createSampling } from './samples.ts';
import { residentTensors, createTrainable, type Trainable } from './loop/trainable.ts';
import {
  type CommonSpecification,
  epochStepsOf,
  planStages,
  totalStepsOf,
  type Stage,
} from '../specification/index.ts';
import type { Task } from './loop/task.ts';

/** A model on a device with what a specification trains of it. */
export interface Session {
  readonly device: Device;
  readonly opened: OpenedModel;
  readonly model: ResidentModel;
  readonly policy: Policy;
  readonly tokenizer: Tokenizer;
  dispose(): Promise<void>;
}

export interface SessionOptions {
  readonly context: Pick<RecipeContext, 'availableBytes'>;
  /** Another model that is loaded beside this one to compute the reference. */
  readonly reference?: ModelConfig;
  /** The reference is a copy of what is trained. */
  readonly movesReference?: boolean;
  /** Random weights instead of the files'. */
  readonly initialise?: boolean;
}

/** Puts the model on the device. Throws run-failed before that when the plan needs more memory than there is. */
export async function openSession(
  specification: CommonSpecification,
  { opened }: RunInputs,
  { context, reference, movesReference = false, initialise = false }: SessionOptions,
): Promise<Session> {
  const plan = planOf(specification, opened);
  const available = context.availableBytes?.();
  requireMemory(fixedMemory({ ...plan, movesReference }), available);
  if (reference !== undefined) requireMemory(referenceMemory(plan, reference), available);
  const { device: name, threads } = specification;
  const device = await openDevice({ device: name, ...(threads === undefined ? {} : { threads }) });
  try {
    const model = await placeWeights(device, opened, {
      precision: specification.basePrecision,
      ...(initialise ? { initialise: { seed: specification.seed } } : {}),
    });
    const policy = await createPolicy(device, { opened, model, specification });
    return { device, opened, model, policy, tokenizer: opened.tokenizer, dispose: () => device.dispose() };
  } catch (thrown) {
    await device.dispose();
    throw thrown;
  }
}

function planOf(specification: CommonSpecification, { config }: OpenedModel, adapter?: LoraConfig) {
  const { method, lora, optimizer, microBatchTokens, basePrecision } = specification;
  const fresh = lora && newLora(config, lora);
  // A continued adapter is small beside the weights that it changes.
  const continued = { dropout: 0, targets: [] };
  return {
    config,
    lora: method === 'full' ? undefined : (adapter ?? fresh ?? continued),
    optimizer: optimizer.name,
    microBatchTokens,
    basePrecision,
  };
}

export interface TrainOptions {
  readonly session: Session;
  readonly specification: CommonSpecification;
  readonly context: RecipeContext;
  readonly task: Task;
  /** Where the rows are trained in parts. */
  readonly stages?: readonly Stage[];
  readonly graphs: { readonly train: Graph; readonly evaluate: Graph; readonly statistics?: Graph };
  readonly reports: Readonly<Record<string, TokenisationReport>>;
  /** The prompts that the report shows answered. */
  readonly promptsOf: (tokenizer: Tokenizer) => readonly SampledPrompt[];
  /** What run.json says of reference and data. */
  readonly identity: Pick<RunRecord, 'reference' | 'data' | 'measured'>;
}

const DEFAULT_INTERVALS = 10;

/** Everything after the data are tokenised and the graphs are made: run folder, programs, the loop, the artefact, the report. */
export async function trainInRunFolder(options: TrainOptions): Promise<RecipeResult> {
  const { session, context, task, identity, reports } = options;
  const specification = { ...options.specification, memoryBudgetMb: memoryBudgetMb(options) };
  const record: RunRecord = {
    // As run.json will hold it: without what is undefined.
    specification: JSON.parse(JSON.stringify(specification)) as JsonObject,
    versions: { ...context.versions },
    ...identity,
    model: { weights: session.policy.startFingerprint, tokenizer: session.tokenizer.identity },
  };
  const writer = openRun(specification.output, record, context);
  let [trainable, program]: [Trainable | undefined, BatchProgram | undefined] = [undefined, undefined];
  try {
    const { policy, device } = session;
    trainable = await createTrainable(device, policy.initial, {
      parameters: policy.parameters,
      optimizer: specification.optimizer,
    });
    program = await compileTraining({ ...options, specification }, trainable);
    const sampling = createSampling(session, trainable, {
      context,
      samples: specification.samples,
      hasHeldOut: task.heldOut !== undefined,
      promptsOf: options.promptsOf,
    });
    await sampling.beforeTraining();
    const saved = { tensors: new Map([...trainable.tensors, ...(task.movingReference?.tensors ?? [])]) };
    const start =
      writer.checkpoint === undefined
        ? { step: 0, tokens: 0 }
        : writer.continued(await restoreCheckpoint(writer.checkpoint, saved));
    const stages = options.stages ?? planStages(task.train.count, specification);
    const perEpoch = epochStepsOf(stages, specification.batchSize);
    const totalSteps = totalStepsOf(stages);
    const interval = Math.max(1, Math.round(totalSteps / DEFAULT_INTERVALS));
    const watch = watchRun(writer, context, { specification: record.specification, totalSteps });
    context.listener.onStart?.(start.step, totalSteps);
    const result = await runLoop({
      task,
      program,
      trainable,
      start,
      events: writer.events(saved, { perEpoch, keep: specification.keepCheckpoints, watch }),
      options: {
        schedule: {
          name: specification.schedule,
          learningRate: specification.learningRate,
          warmupSteps: stages[0]!.warmupSteps,
          totalSteps,
        },
        stages,
        batchSize: specification.batchSize,
        microBatchTokens: specification.microBatchTokens,
        seed: specification.seed,
        order: specification.order,
        lengthBuckets: specification.lengthBuckets,
        maxGradientNorm: specification.maxGradientNorm === 0 ? undefined : specification.maxGradientNorm,
        logSteps: specification.logSteps,
        evaluateSteps: specification.evaluateSteps ?? interval,
        checkpointSteps: specification.checkpointSteps ?? interval,
        signal: watch.signal,
      },
    });
    if (result.isComplete) watch.finish();
    const artefact = result.isComplete ? await saveArtefact(writer.folder.path, session, trainable) : undefined;
    // Its memory is free for the answers.
    await program.dispose();
    program = undefined;
    const samples = result.isComplete ? await sampling.afterTraining() : [];
    const verdict = watch.verdict();
    writer.report({ data: tokenisationSections(reports), samples, samplesNote: sampling.note, verdict });
    const stoppedBy = result.isComplete ? undefined : watch.stoppedBy();
    return {
      run: specification.output,
      steps: result.step,
      totalSteps,
      isComplete: result.isComplete,
      firstEvaluation: writer.firstEvaluation(),
      lastEvaluation: writer.lastEvaluation(),
      lastStep: writer.lastStep(),
      verdict,
      ...(stoppedBy && { stoppedBy }),
      samples,
      artefact,
    };
  } finally {
    await program?.dispose();
    await trainable?.dispose();
    writer.dispose();
  }
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

async function compileTraining(
  { session, specification, task, graphs, context }: TrainOptions & { specification: { memoryBudgetMb: number } },
  trainable: Trainable,
): Promise<BatchProgram> {
  const lengths = Array.from({ length: task.train.count }, (_, row) => task.train.lengthOf(row));
  const meanLength = lengths.reduce((sum, length) => sum + length, 0) / lengths.length;
  const longest = lengths.reduce((most, length) => Math.max(most, length), 0);
  const resident = residentTensors(session.model, trainable);
  const program = await compileBatchProgram(session.device, graphs, {
    label: specification.output,
    hints: hintsFor(Math.max(specification.microBatchTokens, longest), meanLength),
    resident,
    gradients: trainable.gradients,
    keepBudgetBytes: specification.memoryBudgetMb * 2 ** 20,
  });
  // Weights, gradients and state are there already, so only what comes on top is asked for.
  const { 'vocabulary scores': scores = 0 } = fixedMemory(
    planOf(specification, session.opened, session.policy.adapter?.lora),
  );
  requireMemory(
    { 'values kept for the backward pass': program.keptBytes, 'vocabulary scores': scores },
    context.availableBytes?.(),
    context.isResuming ? RESUME_ADVICE : undefined,
  );
  if (program.level !== 'nothing')
    context.listener.onNote?.(
      `memory: the backward pass computes ${program.level === 'layers' ? 'whole layers' : 'elementwise values'} again`,
    );
  return program;
}
