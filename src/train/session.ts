import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { selectRows, splitByPrompt, type RowSet, type TokenisationReport } from '../data/index.ts';
import { writeModelFolder, type WritableTensor } from '../formats/index.ts';
import type { Graph } from '../graph/index.ts';
import { openDevice, type Device, type DeviceTensor } from '../runtime/index.ts';
import type { JsonObject, RunRecord } from '../store/index.ts';
import type { Tokenizer } from '../tokenizer/index.ts';
import { restoreCheckpoint } from './checkpoint-files.ts';
import type { RecipeContext, RecipeResult } from './context.ts';
import { runLoop, stepsPerEpoch } from './loop.ts';
import { createPolicy, saveAdapter, type Policy } from './policy.ts';
import { availableBytes, hintsFor, openModel, placeWeights, requireMemory, type OpenedModel } from './prepare.ts';
import { compileBatchProgram, type BatchProgram } from './programs.ts';
import type { ResidentModel } from './resident-model.ts';
import { openRun, tokenisationSections, type RunWriter } from './run-writer.ts';
import type { CommonSpecification } from './specification.ts';
import type { Task } from './task.ts';
import { createTrainable, type Trainable } from './trainable.ts';

/** Rows to train on and to hold out, tokenised, with the proof of each file. */
export interface TrainingData<T> {
  readonly train: RowSet<T>;
  readonly heldOut: RowSet<T> | undefined;
  readonly reports: Readonly<Record<string, TokenisationReport>>;
}

interface Loaded<T> {
  readonly rows: RowSet<T>;
  readonly tokenisation: TokenisationReport;
}

/** Loads --data and what is held out of it or stands in --held-out. */
export async function loadTrainingData<T>(
  specification: CommonSpecification,
  context: RecipeContext,
  load: (path: string) => Promise<Loaded<T>>,
): Promise<TrainingData<T>> {
  const { data, heldOut, heldOutFraction, seed } = specification;
  const loaded = await load(await context.resolve(data, 'data'));
  context.listener.onTokenised?.('train', loaded.tokenisation);
  const reports = { 'the training data': loaded.tokenisation };
  if (heldOut !== undefined) {
    const other = await load(await context.resolve(heldOut, 'data'));
    context.listener.onTokenised?.('held-out', other.tokenisation);
    return {
      train: loaded.rows,
      heldOut: other.rows,
      reports: { ...reports, 'the held-out data': other.tokenisation },
    };
  }
  if (heldOutFraction === 0) return { train: loaded.rows, heldOut: undefined, reports };
  const split = splitByPrompt(loaded.rows, { fraction: heldOutFraction, seed });
  return { train: selectRows(loaded.rows, split.train), heldOut: selectRows(loaded.rows, split.heldOut), reports };
}

/** A model on a device with what a specification trains of it. */
export interface Session {
  readonly device: Device;
  readonly opened: OpenedModel;
  readonly model: ResidentModel;
  readonly policy: Policy;
  readonly tokenizer: Tokenizer;
  dispose(): Promise<void>;
}

export async function openSession(
  specification: CommonSpecification,
  context: RecipeContext,
  initialise = false,
): Promise<Session> {
  const opened = await openModel(await context.resolve(specification.model, 'model'));
  const { device: name, threads } = specification;
  const device = await openDevice({ device: name, ...(threads === undefined ? {} : { threads }) });
  try {
    const model = await placeWeights(device, opened, initialise ? { seed: specification.seed } : undefined);
    const policy = await createPolicy(device, { opened, model, specification });
    const dispose = async (): Promise<void> => {
      await device.dispose();
      await opened.files.close();
    };
    return { device, opened, model, policy, tokenizer: opened.tokenizer, dispose };
  } catch (thrown) {
    await device.dispose();
    await opened.files.close();
    throw thrown;
  }
}

export interface TrainOptions {
  readonly session: Session;
  readonly specification: CommonSpecification;
  readonly context: RecipeContext;
  readonly task: Task;
  readonly graphs: { readonly train: Graph; readonly evaluate: Graph };
  readonly reports: Readonly<Record<string, TokenisationReport>>;
  /** What run.json says of reference and data. */
  readonly identity: Pick<RunRecord, 'reference' | 'data'>;
}

const DEFAULT_INTERVALS = 10;

/** Everything after the data are tokenised and the graphs are made: run folder, programs, the loop, the artefact, the report. */
export async function trainInRunFolder(options: TrainOptions): Promise<RecipeResult> {
  const { session, specification, context, task, identity, reports } = options;
  const record: RunRecord = {
    specification: specification as unknown as JsonObject,
    versions: { ...context.versions },
    ...identity,
  };
  const writer = openRun(specification.output, record, context);
  let [trainable, program]: [Trainable | undefined, BatchProgram | undefined] = [undefined, undefined];
  try {
    const { policy, device } = session;
    trainable = await createTrainable(device, policy.initial, {
      parameters: policy.parameters,
      optimizer: specification.optimizer,
    });
    program = await compileTraining(options, trainable);
    const start =
      writer.checkpoint === undefined ? { step: 0, tokens: 0 } : await restoreCheckpoint(writer.checkpoint, trainable);
    const perEpoch = stepsPerEpoch(task.train.count, specification.batchSize);
    const totalSteps = Math.min(
      specification.maxSteps ?? Infinity,
      Math.max(1, Math.round(perEpoch * specification.epochs)),
    );
    const interval = Math.max(1, Math.round(totalSteps / DEFAULT_INTERVALS));
    const result = await runLoop({
      task,
      program,
      trainable,
      start,
      events: writer.events(trainable, { perEpoch, keep: specification.keepCheckpoints }),
      options: {
        schedule: {
          name: specification.schedule,
          learningRate: specification.learningRate,
          warmupSteps: Math.ceil(specification.warmupRatio * totalSteps),
          totalSteps,
        },
        batchSize: specification.batchSize,
        microBatchTokens: specification.microBatchTokens,
        seed: specification.seed,
        order: specification.order,
        lengthBuckets: specification.lengthBuckets,
        maxGradientNorm: specification.maxGradientNorm ?? undefined,
        logSteps: specification.logSteps,
        evaluateSteps: specification.evaluateSteps ?? interval,
        checkpointSteps: specification.checkpointSteps ?? interval,
        ...(context.signal === undefined ? {} : { signal: context.signal }),
      },
    });
    const artefact = result.isComplete ? await saveArtefact(options, trainable, writer) : undefined;
    writer.report({ data: tokenisationSections(reports) });
    return {
      run: specification.output,
      steps: result.step,
      isComplete: result.isComplete,
      firstEvaluation: writer.firstEvaluation(),
      lastEvaluation: writer.lastEvaluation(),
      lastStep: writer.lastStep(),
      artefact,
    };
  } finally {
    await program?.dispose();
    await trainable?.dispose();
    writer.dispose();
  }
}

async function compileTraining(
  { session, specification, task, graphs, context }: TrainOptions,
  trainable: Trainable,
): Promise<BatchProgram> {
  const lengths = Array.from({ length: task.train.count }, (_, row) => task.train.lengthOf(row));
  const meanLength = lengths.reduce((sum, length) => sum + length, 0) / lengths.length;
  const longest = lengths.reduce((most, length) => Math.max(most, length), 0);
  const resident = new Map<string, DeviceTensor>([
    ...session.model.weights,
    ...[...trainable.tensors].filter(([name]) => !name.startsWith('optimizer/')),
  ]);
  const keepBudgetBytes =
    specification.memoryBudgetMb === undefined ? availableBytes() / 4 : specification.memoryBudgetMb * 2 ** 20;
  const program = await compileBatchProgram(session.device, graphs, {
    label: specification.output,
    hints: hintsFor(Math.max(specification.microBatchTokens, longest), meanLength),
    resident,
    gradients: trainable.gradients,
    keepBudgetBytes,
  });
  const adapted =
    session.policy.adapter === undefined
      ? 0
      : [...session.model.weights.values()].reduce((sum, tensor) => sum + tensor.sizeBytes, 0);
  requireMemory(program.keptBytes + adapted, {
    'values kept for the backward pass': program.keptBytes,
    'adapted weights': adapted,
  });
  if (program.level !== 'nothing')
    context.listener.onNote?.(
      `memory: the backward pass computes ${program.level === 'layers' ? 'whole layers' : 'elementwise values'} again`,
    );
  return program;
}

/** adapter/ or model/, complete or absent. */
async function saveArtefact({ session }: TrainOptions, trainable: Trainable, { folder }: RunWriter): Promise<string> {
  const { policy, opened } = session;
  if (policy.adapter !== undefined) {
    const path = folder.file('adapter');
    await saveAdapter(path, policy, trainable.tensors);
    return path;
  }
  const path = folder.file('model');
  const tensors = policy.parameters.map(({ name, shape }): WritableTensor => ({
    name,
    shape,
    read: async () => (await trainable.tensors.get(name)!.read()).data as Float32Array,
  }));
  await writeModelFolder(path, {
    config: opened.files.config,
    ...(opened.files.generationConfig === undefined ? {} : { generationConfig: opened.files.generationConfig }),
    tokenizerFilesToCopy: tokenizerFiles(opened.files.location),
    tensors,
    overwrite: true,
  });
  return path;
}

const TOKENIZER_FILES = [
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'chat_template.jinja',
  'chat_template.json',
  'vocab.json',
  'merges.txt',
  'tokenizer.model',
];

function tokenizerFiles(folder: string): string[] {
  return TOKENIZER_FILES.map((name) => join(folder, name)).filter((path) => existsSync(path));
}
