import { availableParallelism } from 'node:os';
import type { RowSet, TokenizedPair } from '../src/data/index.ts';
import type { BasePrecision } from '../src/models/index.ts';
import { resolveObjective } from '../src/objectives/index.ts';
import { createPolicy, loadModel, type BatchProgram, type OpenedModel } from '../src/policy/index.ts';
import { openDevice, type Device, type DeviceName } from '../src/runtime/index.ts';
import { NO_REFERENCE_STORE } from '../src/score/index.ts';
import { parseDpoSpecification, planStages } from '../src/specification/index.ts';
import {
  computeReference,
  openReference,
  openTraining,
  preferenceTask,
  takeStep,
  type PreferenceReference,
  type ReferenceRows,
  type Training,
} from '../src/train/index.ts';

/** The settings at which LoRA DPO is fastest here, within the memory that the comparison with peers allows. */
export const BEST_SETTINGS = { rank: 16, maxLength: 512, microBatchTokens: 256, memoryBudgetMb: 1200 } as const;

/** Rows of an optimizer step, on every side of a comparison. */
export const PAIRS_PER_STEP = 8;

const BETA = 0.1;
const LEARNING_RATE = 1e-5;
const BYTES_PER_MIB = 2 ** 20;

export interface LoraDpoOptions {
  readonly opened: OpenedModel;
  readonly pairs: RowSet<TokenizedPair>;
  readonly rank: number;
  readonly microBatchTokens: number;
  readonly memoryBudgetMb: number;
  /** In what the projections of the base are kept. Default float32. */
  readonly basePrecision?: BasePrecision;
  /** Default cpu. */
  readonly device?: DeviceName;
  /** Records operator times of the training program. */
  readonly isProfiled?: boolean;
}

export interface MeasuredStep {
  readonly seconds: number;
  /** Mean over the rows of the step, in nats. */
  readonly loss: number;
  /** Tokens that the model read: prompts once, no padding. */
  readonly tokens: number;
  /** Tokens of the answers, which alone need scores of the vocabulary. */
  readonly scored: number;
  /** Of the seconds, those of what is computed once a step from weights alone. */
  readonly refreshSeconds: number;
  readonly minorPageFaults: number;
}

/** LoRA DPO one step at a time, each timed. */
export interface LoraDpo {
  /** Seconds that the reference of all pairs took, without compiling its program. */
  readonly referenceSeconds: number;
  readonly threads: number;
  readonly device: Device;
  /** What is computed again in the backward pass, and the bytes kept for it, as estimated. */
  readonly program: Pick<BatchProgram, 'level' | 'keptBytes'>;
  /** The optimizer step over pairs [8 * index, 8 * index + 8): forward, backward, clipping, AdamW. */
  step(index: number): Promise<MeasuredStep>;
  /** The path of ONNX Runtime's trace; it goes with dispose. */
  endProfile(): Promise<string>;
  dispose(): Promise<void>;
}

/** Puts model and adapter on the device, computes the reference of all pairs, and compiles the training program: the recipe's own task. */
export async function openLoraDpo(options: LoraDpoOptions): Promise<LoraDpo> {
  const { opened, pairs, microBatchTokens, rank } = options;
  const specification = parseDpoSpecification({ model: '-', data: '-', output: '-', lora: { rank } });
  const device = await openDevice({ device: options.device ?? 'cpu' });
  const { files, config } = opened;
  const model = await loadModel(device, config, files.checkpoint, { precision: options.basePrecision });
  const on = { device, model, policy: await createPolicy(device, { opened, model, specification }) };
  const objective = resolveObjective({ objective: 'sigmoid', options: { beta: BETA } });
  const stages = planStages(pairs.count, { batchSize: PAIRS_PER_STEP, epochs: 1, warmupRatio: 0 });
  const order = { batchSize: PAIRS_PER_STEP, seed: 0, order: 'sequential', lengthBuckets: false } as const;
  const rows = { objective, rows: { train: pairs }, steps: { ...order, stages, microBatchTokens } };
  const { reference, seconds } = await measureReference(on, rows);
  const training = await openTraining(on, preferenceTask({ policy: on.policy, ...rows, reference }), {
    label: 'dpo',
    optimizer: specification.optimizer,
    microBatchTokens,
    keepBudgetBytes: options.memoryBudgetMb * BYTES_PER_MIB,
    profile: options.isProfiled ?? false,
  });
  return {
    referenceSeconds: seconds,
    threads: availableParallelism(),
    device,
    program: training.program,
    step: (index) => measureStep(training, index, microBatchTokens),
    endProfile: () => training.program.endProfile(),
    dispose: () => device.dispose(),
  };
}

async function measureStep(training: Training, index: number, microBatchTokens: number): Promise<MeasuredStep> {
  let refreshSeconds = 0;
  const refresh = async (): Promise<void> => {
    const started = performance.now();
    await training.program.refresh();
    refreshSeconds = (performance.now() - started) / 1000;
  };
  const faults = process.resourceUsage().minorPageFault;
  const started = performance.now();
  const { metrics, tokens } = await takeStep({ ...training, program: { ...training.program, refresh } }, index, {
    schedule: { name: 'constant', learningRate: LEARNING_RATE },
    microBatchTokens,
    seed: 0,
    maxGradientNorm: 1,
  });
  return {
    seconds: (performance.now() - started) / 1000,
    loss: metrics['loss']!,
    tokens,
    scored: PAIRS_PER_STEP * (metrics['lengths/chosen']! + metrics['lengths/rejected']!),
    refreshSeconds,
    minorPageFaults: process.resourceUsage().minorPageFault - faults,
  };
}

/** Log-probabilities of both answers of every pair under the model without the adapter, and the seconds that they took once their program was there. */
async function measureReference(
  on: Parameters<typeof openReference>[0],
  rows: Pick<ReferenceRows, 'objective' | 'rows' | 'steps'>,
): Promise<{ readonly reference: PreferenceReference; readonly seconds: number }> {
  const { microBatchTokens } = rows.steps;
  const base = await openReference(on, undefined, { objective: rows.objective, width: 2, microBatchTokens });
  let started = 0;
  const open = async (): Promise<BatchProgram> => {
    const program = await base.open();
    await program.refresh();
    started = performance.now();
    return program;
  };
  const reference = await computeReference({ ...base, open }, { ...rows, store: NO_REFERENCE_STORE });
  return { reference, seconds: (performance.now() - started) / 1000 };
}
