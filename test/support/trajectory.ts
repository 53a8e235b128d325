import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { HostTensor } from '../../src/core/index.ts';
import { packedLength, type TokenizedPair } from '../../src/data/index.ts';
import { loraParameterSpecs, plainDecoder, weightInputs, withLora, type Decoder } from '../../src/models/index.ts';
import type { ResolvedObjective } from '../../src/objectives/index.ts';
import { OPTIMIZERS } from '../../src/optim/index.ts';
import type { Device, DeviceTensor } from '../../src/runtime/index.ts';
import {
  compileBatchProgram,
  createCoupledObjective,
  createTrainable,
  forwardGraph,
  hintsFor,
  loadModel,
  measurePairs,
  pairCotangentGraph,
  pairMicroBatch,
  pairObjectiveGraph,
  pairScoreGraph,
  readAdapter,
  requirePairs,
  runLoop,
  type OpenedModel,
  type PairObjective,
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
export type ReferenceSums = Readonly<Record<'referenceLogps' | 'sharedReferenceLogps', Float32Array>>;

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

function taskOf({ pairs, reference }: TrajectoryRun, objective: PairObjective): Task {
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
  const trainable = await createTrainable(device, initial, {
    parameters,
    optimizer: { name: 'adamw', options: OPTIMIZERS.adamw.defaults },
  });
  const isCoupled = objective.coupling === 'batch';
  const program = await compileBatchProgram(
    device,
    isCoupled
      ? { train: pairCotangentGraph(models, objective, { parameters }), evaluate: forwardGraph(models, objective) }
      : { train: pairObjectiveGraph(models, objective, { parameters }), evaluate: pairScoreGraph(models.decoder) },
    {
      label: 'trajectory',
      hints: hintsFor(512, 200),
      resident: new Map([...weights, ...initial]),
      gradients: trainable.gradients,
    },
  );
  const coupled = isCoupled ? await createCoupledObjective(device, objective, { betaInput: false }) : undefined;
  const records: StepRecord[] = [];
  const stop = new AbortController();
  await runLoop({
    task: { ...taskOf(run, objective), coupled },
    program,
    trainable,
    start: { step: 0, tokens: 0 },
    events: {
      onStep: (record) => {
        records.push(record);
        if (records.length === run.steps) stop.abort();
      },
      onEvaluation: () => {},
      onCheckpoint: () => {},
    },
    options: {
      schedule: {
        name: 'linear',
        learningRate: recorded.learning_rate,
        warmupSteps: 0,
        totalSteps: recorded.steps,
      },
      batchSize: recorded.batch,
      microBatchTokens: run.microBatchTokens,
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
  await coupled?.dispose();
  await program.dispose();
  await trainable.dispose();
  return records;
}
