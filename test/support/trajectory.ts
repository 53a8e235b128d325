import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { HostTensor } from '../../src/core/index.ts';
import {
  packedLength,
  type TokenizedUnpaired,
  type TokenizedRanking,
  type TokenizedPair,
} from '../../src/data/index.ts';
import {
  loraParameterSpecs,
  parameterSpecs,
  plainDecoder,
  weightInputs,
  withLora,
  type Decoder,
} from '../../src/models/index.ts';
import type { ResolvedObjective } from '../../src/objectives/index.ts';
import { OPTIMIZERS } from '../../src/optim/index.ts';
import type { Device, DeviceTensor } from '../../src/runtime/index.ts';
import {
  compileBatchProgram,
  forwardGraph,
  hintsFor,
  loadModel,
  pairCotangentGraph,
  pairMicroBatch,
  pairObjectiveGraph,
  pairScoreGraph,
  preferenceCotangentGraph,
  preferenceForwardGraph,
  preferenceLossGraph,
  readAdapter,
  requirePairs,
  widthOf,
  type OpenedModel,
  type PairObjective,
} from '../../src/policy/index.ts';
import { compileScores } from '../../src/score/index.ts';
import {
  createCoupledObjective,
  createMovingReference,
  createTrainable,
  measurePairs,
  rowsOfWidth,
  runLoop,
  type StepRecord,
  type Task,
} from '../../src/train/index.ts';

/** Runs of TRL under every objective, and ours from the same start (fixtures/trajectory/record_objectives.py). */
const FIXTURES = join(import.meta.dirname, '..', 'fixtures', 'trajectory');

/** One run of TRL: its settings, and per metric the values of all steps. */
export interface RecordedRun {
  readonly settings: Readonly<Record<string, unknown>>;
  readonly loss: readonly number[];
  readonly grad_norm: readonly number[];
  /** Losses of the run repeated in float64, where TRL can. */
  readonly float64?: readonly number[];
  readonly [metric: string]: unknown;
}

interface RecordedObjectives {
  readonly steps: number;
  readonly batch: number;
  readonly learning_rate: number;
  readonly rows: readonly Readonly<Record<'prompt' | 'chosen' | 'rejected', readonly number[]>>[];
  readonly runs: Readonly<Record<string, RecordedRun>>;
}

export const recorded = JSON.parse(readFileSync(join(FIXTURES, 'objectives.json'), 'utf8')) as RecordedObjectives;

/** The recorded pairs; with `bare` prompts, of their first token alone. */
export function recordedPairs(prompts: 'whole' | 'bare' = 'whole'): TokenizedPair[] {
  return recorded.rows.map(({ prompt, chosen, rejected }, row) => ({
    id: `row ${row}`,
    prompt: Int32Array.from(prompts === 'bare' ? prompt.slice(0, 1) : prompt),
    chosen: Int32Array.from(chosen),
    rejected: Int32Array.from(rejected),
  }));
}

/** What the reference says of every pair: [2 x pairs] sums over whole answers and over the shared length. */
export type ReferenceSums = Readonly<Partial<Record<'referenceLogps' | 'sharedReferenceLogps', Float32Array>>>;

/** The adapter's start, the reference and the plain decoder: what all runs share. */
export interface Start {
  readonly device: Device;
  readonly opened: OpenedModel;
  readonly weights: ReadonlyMap<string, DeviceTensor>;
  readonly adapter: Awaited<ReturnType<typeof readAdapter>>;
  readonly plain: Decoder;
}

export async function openStart(device: Device, opened: OpenedModel): Promise<Start> {
  const { config } = opened;
  const { weights } = await loadModel(device, config, opened.files.checkpoint);
  const adapter = await readAdapter(join(FIXTURES, 'objectives-initial'), config);
  return { device, opened, weights, adapter, plain: plainDecoder(config, weightInputs(config)) };
}

export async function referenceOf(
  { device, plain, weights }: Start,
  pairs: readonly TokenizedPair[],
): Promise<ReferenceSums> {
  const program = await compileBatchProgram(
    device,
    { evaluate: pairScoreGraph(plain, ['sharedLogps']) },
    { label: 'reference', hints: hintsFor(512, 200), resident: weights },
  );
  await program.refresh();
  const outputs = await program.evaluate(pairMicroBatch(pairs).inputs);
  await program.dispose();
  return {
    referenceLogps: outputs['logps']!.data as Float32Array,
    sharedReferenceLogps: outputs['sharedLogps']!.data as Float32Array,
  };
}

export interface TrajectoryRun {
  readonly objective: ResolvedObjective;
  readonly pairs: readonly TokenizedPair[];
  readonly reference: ReferenceSums;
  /** Of a micro-batch, which TRL has none of unless a run is `row_by_row`. */
  readonly microBatchTokens: number;
  readonly steps: number;
}

function taskOf({ pairs, reference }: Pick<TrajectoryRun, 'pairs' | 'reference'>, objective: PairObjective): Task {
  return {
    train: { count: pairs.length, idOf: (row) => pairs[row]!.id, lengthOf: (row) => packedLength(pairs[row]!) },
    heldOut: undefined,
    lossScale: (rows) => 1 / rows.length,
    batch: (_split, rows) => {
      const batch = pairMicroBatch(rows.map((row) => pairs[row]!));
      const both = Object.entries(reference).map(([name, values]): [string, HostTensor] => {
        const data = Float32Array.from(rows.flatMap((row) => [values[2 * row]!, values[2 * row + 1]!]));
        return [name, { dtype: 'float32', shape: [rows.length, 2], data }];
      });
      return { ...batch, inputs: { ...batch.inputs, ...Object.fromEntries(both) } };
    },
    measure: () => measurePairs(objective.rewardBeta),
  };
}

/** Trains the adapter from its start as the recorded runs did, and returns every step. */
export async function trainTrajectory(start: Start, run: TrajectoryRun): Promise<StepRecord[]> {
  const { device, opened, weights, adapter, plain } = start;
  const objective = requirePairs(run.objective);
  const models = { decoder: withLora(plain, adapter.lora, { path: 'separate' }) };
  const parameters = loraParameterSpecs(opened.config, adapter.lora);
  const initial = new Map<string, DeviceTensor>();
  for (const [name, tensor] of adapter.weights) initial.set(name, await device.upload(tensor));
  const trainable = await createTrainable(device, initial, { parameters, optimizer: ADAMW });
  const isCoupled = objective.coupling === 'batch';
  const program = await compileBatchProgram(
    device,
    isCoupled
      ? { train: pairCotangentGraph(models, objective, { parameters }), evaluate: forwardGraph(models, objective) }
      : { train: pairObjectiveGraph(models, objective, { parameters }), evaluate: pairScoreGraph(models.decoder) },
    { ...COMPILED, resident: new Map([...weights, ...initial]), gradients: trainable.gradients },
  );
  const coupled = isCoupled ? await createCoupledObjective(device, objective, { betaInput: false }) : undefined;
  const task = { ...taskOf(run, objective), coupled };
  const records = await runSteps({ task, program, trainable }, { ...run, learningRate: recorded.learning_rate });
  await coupled?.dispose();
  await program.dispose();
  await trainable.dispose();
  return records;
}

/** TRL's sync_ref_model: the reference becomes (1 - mix) reference + mix policy every so many steps. */
export interface MovingRun extends Omit<TrajectoryRun, 'reference'> {
  readonly every: number;
  readonly mix: number;
  readonly learningRate: number;
}

/** Trains every weight of a copy of the model under a reference that moves, and returns every step. */
export async function trainMovingTrajectory({ device, opened, plain }: Start, run: MovingRun): Promise<StepRecord[]> {
  const objective = requirePairs(run.objective);
  const { weights } = await loadModel(device, opened.config, opened.files.checkpoint);
  const parameters = parameterSpecs(opened.config);
  const trainable = await createTrainable(device, weights, { parameters, optimizer: ADAMW });
  const program = await compileBatchProgram(
    device,
    { train: pairObjectiveGraph({ decoder: plain }, objective, { parameters }), evaluate: pairScoreGraph(plain) },
    { ...COMPILED, resident: weights, gradients: trainable.gradients },
  );
  const movingReference = await createMovingReference(
    { device, parameters, current: weights },
    {
      isDue: (step) => step % run.every === 0,
      mix: run.mix,
      inputs: { logps: 'referenceLogps' },
      compile: (resident) =>
        compileScores(device, plain, { label: 'moving reference', resident, microBatchTokens: 512 }),
    },
  );
  const task = { ...taskOf({ ...run, reference: {} }, objective), movingReference };
  const records = await runSteps({ task, program, trainable }, run);
  await movingReference.dispose();
  await program.dispose();
  await trainable.dispose();
  return records;
}

function lengthOf(row: TokenizedUnpaired | TokenizedRanking): number {
  const answers = 'answers' in row ? row.answers.map(({ ids }) => ids) : [row.completion];
  return answers.reduce((sum, { length }) => sum + length, row.prompt.length);
}

/** Trains the adapter from its start on single answers, or lists of so many at most, `batch` rows a step in order, and returns every step. */
export async function trainAnswers(
  start: Start,
  run: Omit<TrajectoryRun, 'pairs' | 'reference'> & {
    readonly rows: readonly TokenizedUnpaired[] | readonly TokenizedRanking[];
    readonly longestRanking?: number;
  },
): Promise<StepRecord[]> {
  const { device, opened, weights, adapter, plain } = start;
  const { objective, rows } = run;
  const width = widthOf(objective, run.longestRanking ?? 0);
  const { batch: microBatch, measure } = rowsOfWidth(objective, width);
  const scorer = await compileScores(device, plain, {
    label: 'reference',
    resident: weights,
    microBatchTokens: 512,
    width,
  });
  await scorer.refresh();
  const reference = (await scorer.evaluate(microBatch(rows).inputs))['logps']!.data as Float32Array;
  const models = { decoder: withLora(plain, adapter.lora, { path: 'separate' }) };
  const parameters = loraParameterSpecs(opened.config, adapter.lora);
  const initial = new Map<string, DeviceTensor>();
  for (const [name, tensor] of adapter.weights) initial.set(name, await device.upload(tensor));
  const trainable = await createTrainable(device, initial, { parameters, optimizer: ADAMW });
  const isCoupled = objective.coupling === 'batch';
  const program = await compileBatchProgram(
    device,
    isCoupled
      ? {
          train: preferenceCotangentGraph(models, objective, { parameters, width }),
          evaluate: preferenceForwardGraph(models, objective, width),
        }
      : {
          train: preferenceLossGraph(models, objective, { parameters, width }),
          evaluate: preferenceForwardGraph(models, objective, width),
        },
    { ...COMPILED, resident: new Map([...weights, ...initial]), gradients: trainable.gradients },
  );
  const coupled = isCoupled ? await createCoupledObjective(device, objective, { betaInput: false, width }) : undefined;
  const task: Task = {
    train: {
      count: rows.length,
      idOf: (row) => rows[row]!.id,
      lengthOf: (row) => lengthOf(rows[row]!),
    },
    heldOut: undefined,
    lossScale: (batch) => 1 / batch.length,
    batch: (_split, numbers) => {
      const batch = microBatch(numbers.map((row) => rows[row]!));
      const data = Float32Array.from(numbers.flatMap((row) => [...reference.subarray(width * row, width * (row + 1))]));
      const referenceLogps: HostTensor = { dtype: 'float32', shape: [numbers.length, width], data };
      return objective.needsReference ? { ...batch, inputs: { ...batch.inputs, referenceLogps } } : batch;
    },
    measure: () => measure(objective.rewardBeta),
    coupled,
  };
  const records = await runSteps({ task, program, trainable }, { ...run, learningRate: recorded.learning_rate });
  await coupled?.dispose();
  await program.dispose();
  await trainable.dispose();
  return records;
}

const ADAMW = { name: 'adamw', options: OPTIMIZERS.adamw.defaults } as const;
const COMPILED = { label: 'trajectory', hints: hintsFor(512, 200) } as const;

/** The loop over the recorded order and schedule. */
async function runSteps(
  parts: Pick<Parameters<typeof runLoop>[0], 'task' | 'program' | 'trainable'>,
  { steps, microBatchTokens, learningRate }: Pick<MovingRun, 'steps' | 'microBatchTokens' | 'learningRate'>,
): Promise<StepRecord[]> {
  const records: StepRecord[] = [];
  const stop = new AbortController();
  await runLoop({
    ...parts,
    start: { step: 0, tokens: 0 },
    events: {
      onStep: (record) => {
        records.push(record);
        if (records.length === steps) stop.abort();
      },
      onEvaluation: () => {},
      onCheckpoint: () => {},
    },
    options: {
      schedule: { name: 'linear', learningRate, warmupSteps: 0, totalSteps: recorded.steps },
      batchSize: recorded.batch,
      microBatchTokens,
      seed: 0,
      order: 'sequential',
      lengthBuckets: false,
      maxGradientNorm: 1,
      logSteps: 1,
      evaluateSteps: undefined,
      checkpointSteps: undefined,
      signal: stop.signal,
    },
  });
  return records;
}
