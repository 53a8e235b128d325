import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { rowSetOf, type TokenizedPair } from '../../src/data/index.ts';
import { resolveObjective, type ResolvedObjective } from '../../src/objectives/index.ts';
import { OPTIMIZERS, type OptimizerName } from '../../src/optim/index.ts';
import {
  createPolicy,
  loadModel,
  readAdapter,
  type OpenedModel,
  type Policy,
  type ResidentModel,
} from '../../src/policy/index.ts';
import type { Device } from '../../src/runtime/index.ts';
import { NO_REFERENCE_STORE, type ReferenceValues } from '../../src/score/index.ts';
import { parseDpoSpecification, planStages, type ReferenceUpdate } from '../../src/specification/index.ts';
import {
  computeReference,
  openReference,
  openTraining,
  preferenceRows,
  preferenceTask,
  runLoop,
  type PreferenceSteps,
  type StepRecord,
  type Task,
  type TokenizedPreference,
  type Training,
} from '../../src/train/index.ts';

/** Runs of TRL, and ours from the same start, through the recipes' own tasks (fixtures/trajectory/record*.py). */
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

/** A model on a device, from which runs start. */
export interface Start {
  readonly device: Device;
  readonly opened: OpenedModel;
  /** Its weights, which runs under adapters share. */
  readonly base: ResidentModel;
}

export async function openStart(device: Device, opened: OpenedModel): Promise<Start> {
  return { device, opened, base: await loadModel(device, opened.config, opened.files.checkpoint) };
}

/** The adapter from which the recorded runs of objectives start. */
export const OBJECTIVES_ADAPTER = 'objectives-initial';

/** What a run trains: an adapter of the fixtures that is continued, or every weight of a copy of the model. */
export async function openPolicyOf(
  { device, opened, base }: Start,
  adapter: string | undefined,
): Promise<{ readonly device: Device; readonly model: ResidentModel; readonly policy: Policy }> {
  const what = adapter === undefined ? { method: 'full' } : { adapter: join(FIXTURES, adapter) };
  const specification = parseDpoSpecification({ model: '-', data: '-', output: '-', ...what });
  const existing =
    adapter === undefined
      ? undefined
      : await readAdapter(join(FIXTURES, adapter), opened.config, opened.files.checkpoint);
  const model = adapter === undefined ? await loadModel(device, opened.config, opened.files.checkpoint) : base;
  return { device, model, policy: await createPolicy(device, { opened, model, specification, adapter: existing }) };
}

export interface TrajectoryRun {
  readonly objective: ResolvedObjective;
  /** Trained in this order. */
  readonly rows: readonly TokenizedPreference[];
  /** A folder of the fixtures; without one every weight is trained. */
  readonly adapter?: string;
  /** What the reference says of the rows, where it stays. */
  readonly reference?: ReferenceValues;
  readonly update?: ReferenceUpdate;
  readonly optimizer?: OptimizerName;
  readonly learningRate: number;
  /** Rows of a step. */
  readonly batchSize: number;
  /** Of a micro-batch, which TRL has none of unless a run is `row_by_row`. */
  readonly microBatchTokens: number;
  /** Steps of the schedule. */
  readonly totalSteps: number;
  /** Steps that are taken, where they are fewer. */
  readonly steps?: number;
  readonly keepBudgetBytes?: number;
}

function stepsOf({ rows, batchSize, microBatchTokens, totalSteps }: TrajectoryRun): PreferenceSteps {
  const stages = planStages(rows.length, { batchSize, epochs: totalSteps, maxSteps: totalSteps, warmupRatio: 0 });
  return { stages, batchSize, microBatchTokens, seed: 0, order: 'sequential', lengthBuckets: false };
}

/** What the model says of the rows of a run; under `adapter`, the model with it. */
export async function referenceOf(
  start: Start,
  run: TrajectoryRun,
  adapter?: string,
): Promise<ReferenceValues | undefined> {
  const { objective, microBatchTokens } = run;
  const rows = { train: rowSetOf(run.rows) };
  const scores = { objective, width: preferenceRows(objective, rows).width, microBatchTokens };
  const on = await openPolicyOf(start, adapter);
  const reference = await openReference(on, adapter === undefined ? start.opened : undefined, scores);
  const { train } = await computeReference(reference, {
    objective,
    rows,
    steps: stepsOf(run),
    store: NO_REFERENCE_STORE,
  });
  await reference.dispose();
  for (const tensor of on.policy.initial.values()) await tensor.dispose();
  return train;
}

/** Needs what any objective of pairs does of a reference. */
const ANY_PAIRS = resolveObjective({ objective: 'ld_dpo', options: { ldAlpha: 0.5 } });

/** What the model says of whole answers and of their shared length. */
export async function referenceOfPairs(start: Start, rows: readonly TokenizedPair[]): Promise<ReferenceValues> {
  const run = { objective: ANY_PAIRS, rows, batchSize: rows.length, microBatchTokens: 4096, totalSteps: 1 };
  return (await referenceOf(start, { ...run, learningRate: 0 }))!;
}

/** Trains as the recorded runs did, and returns every step. */
export async function trainTrajectory(start: Start, run: TrajectoryRun): Promise<StepRecord[]> {
  const on = await openPolicyOf(start, run.adapter);
  const { objective, reference, update } = run;
  const task = preferenceTask({
    policy: on.policy,
    objective,
    rows: { train: rowSetOf(run.rows) },
    reference: { train: objective.needsReference ? reference : undefined, update },
    steps: stepsOf(run),
  });
  return trainTask(on, task, run);
}

export interface TaskRun {
  readonly optimizer?: OptimizerName;
  readonly learningRate: number;
  readonly microBatchTokens: number;
  readonly steps?: number;
  readonly keepBudgetBytes?: number;
}

/** Opens a task and trains it under the recorded schedule: linear, no warm-up, gradients of norm 1 at most. */
export async function trainTask(
  on: Awaited<ReturnType<typeof openPolicyOf>>,
  task: Task,
  { optimizer = 'adamw', learningRate, microBatchTokens, steps, keepBudgetBytes }: TaskRun,
): Promise<StepRecord[]> {
  const training = await openTraining(on, task, {
    label: 'trajectory',
    optimizer: { name: optimizer, options: OPTIMIZERS[optimizer].defaults },
    microBatchTokens,
    ...(keepBudgetBytes === undefined ? {} : { keepBudgetBytes }),
  });
  try {
    return await recordSteps(training, { learningRate, microBatchTokens, steps });
  } finally {
    await training.dispose();
  }
}

async function recordSteps(
  training: Training,
  {
    learningRate,
    microBatchTokens,
    steps,
  }: Pick<TaskRun, 'learningRate' | 'microBatchTokens'> & { steps?: number | undefined },
): Promise<StepRecord[]> {
  const records: StepRecord[] = [];
  const stop = new AbortController();
  await runLoop({
    training,
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
      schedule: { name: 'linear', learningRate },
      microBatchTokens,
      seed: 0,
      maxGradientNorm: 1,
      logSteps: 1,
      evaluateSteps: undefined,
      checkpointSteps: undefined,
      signal: stop.signal,
    },
  });
  return records;
}
