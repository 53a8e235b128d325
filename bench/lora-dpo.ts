import { availableParallelism } from 'node:os';
import { type RowSet, type TokenizedPair, microBatches, rowsOf } from '../src/data/index.ts';
import type { BasePrecision } from '../src/models/index.ts';
import { resolveObjective } from '../src/objectives/index.ts';
import { openDevice, type Device, type DeviceName } from '../src/runtime/index.ts';
import {
  compileBatchProgram,
  createPolicy,
  hintsFor,
  loadModel,
  pairObjectiveGraph,
  requirePairs,
  pairMicroBatch,
  pairScoreGraph,
  type BatchProgram,
  type OpenedModel,
  type Policy,
  type ResidentModel,
} from '../src/policy/index.ts';
import { createTrainable } from '../src/train/index.ts';
import { parseDpoSpecification } from '../src/specification/index.ts';

/** The settings at which LoRA DPO is fastest here, within the memory that the comparison with peers allows. */
export const BEST_SETTINGS = { rank: 16, maxLength: 512, microBatchTokens: 256, memoryBudgetMb: 300 } as const;

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

/** Puts model and adapter on the device, computes the reference of all pairs, and compiles the training program. */
export async function openLoraDpo(options: LoraDpoOptions): Promise<LoraDpo> {
  const { opened, pairs } = options;
  const specification = parseDpoSpecification({
    model: '-',
    data: '-',
    output: '-',
    lora: { rank: options.rank },
  });
  const device = await openDevice({ device: options.device ?? 'cpu' });
  const model = await loadModel(device, opened.config, opened.files.checkpoint, {
    precision: options.basePrecision,
  });
  const policy = await createPolicy(device, { opened, model, specification });
  const { logps, seconds } = await computeReference(device, { ...options, model, policy });
  const trainable = await createTrainable(device, policy.initial, {
    parameters: policy.parameters,
    optimizer: specification.optimizer,
  });
  const loss = requirePairs(resolveObjective({ objective: 'sigmoid', options: { beta: BETA } }));
  const program = await compileBatchProgram(
    device,
    {
      train: pairObjectiveGraph({ decoder: policy.training }, loss, { parameters: policy.parameters }),
      evaluate: pairObjectiveGraph({ decoder: policy.evaluation }, loss, { parameters: [] }),
    },
    {
      label: 'dpo',
      hints: hintsFor(options.microBatchTokens, meanLength(pairs)),
      resident: new Map([...model.weights, ...policy.initial]),
      gradients: trainable.gradients,
      keepBudgetBytes: options.memoryBudgetMb * BYTES_PER_MIB,
      profile: options.isProfiled ?? false,
    },
  );
  const rows = rowsOf(pairs);
  const accumulate = async (group: readonly number[]) => {
    const micro = pairMicroBatch(group.map((row) => pairs.row(row)));
    const outputs = await program.train({
      ...micro.inputs,
      referenceLogps: {
        dtype: 'float32',
        shape: [group.length, 2],
        data: Float32Array.from(group.flatMap((row) => [logps[2 * row]!, logps[2 * row + 1]!])),
      },
      lossScale: { dtype: 'float32', shape: [], data: Float32Array.of(1 / PAIRS_PER_STEP) },
    });
    const losses = outputs['losses']!.data as Float32Array;
    return { loss: totalOf(losses), tokens: micro.tokens, scored: totalOf(micro.counts) };
  };
  return {
    referenceSeconds: seconds,
    threads: availableParallelism(),
    device,
    program,
    step: async (index) => {
      const batch = Array.from({ length: PAIRS_PER_STEP }, (_, i) => index * PAIRS_PER_STEP + i);
      const faults = process.resourceUsage().minorPageFault;
      const started = performance.now();
      await program.refresh();
      const refreshed = performance.now();
      let [lossSum, tokens, scored] = [0, 0, 0];
      for (const group of microBatches(rows, batch, options.microBatchTokens)) {
        const done = await accumulate(group);
        lossSum += done.loss;
        tokens += done.tokens;
        scored += done.scored;
      }
      const norm = await trainable.gradientNorm();
      await trainable.update({ step: index + 1, learningRate: LEARNING_RATE, norm, maximum: 1 });
      return {
        seconds: (performance.now() - started) / 1000,
        loss: lossSum / PAIRS_PER_STEP,
        tokens,
        scored,
        refreshSeconds: (refreshed - started) / 1000,
        minorPageFaults: process.resourceUsage().minorPageFault - faults,
      };
    },
    endProfile: () => program.endProfile(),
    dispose: () => device.dispose(),
  };
}

function totalOf(values: Iterable<number>): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
}

function meanLength(pairs: RowSet<TokenizedPair>): number {
  return pairs.lengths.reduce((sum, length) => sum + length, 0) / pairs.count;
}

/** Log-probabilities of both answers of every pair under the model without the adapter, [2 * pairs]. */
async function computeReference(
  device: Device,
  {
    pairs,
    microBatchTokens,
    model,
    policy,
  }: LoraDpoOptions & { readonly model: ResidentModel; readonly policy: Policy },
): Promise<{ logps: Float32Array; seconds: number }> {
  const scorer = await compileBatchProgram(
    device,
    { evaluate: pairScoreGraph(policy.reference) },
    {
      label: 'reference',
      hints: hintsFor(microBatchTokens, meanLength(pairs)),
      resident: new Map([...model.weights, ...policy.initial]),
    },
  );
  await scorer.refresh();
  const rows = rowsOf(pairs);
  const order = Array.from({ length: pairs.count }, (_, row) => row);
  order.sort((a, b) => rows.lengthOf(a) - rows.lengthOf(b));
  const values = new Float32Array(2 * pairs.count);
  const started = performance.now();
  for (const group of microBatches(rows, order, microBatchTokens)) {
    const { logps } = await scorer.evaluate(pairMicroBatch(group.map((row) => pairs.row(row))).inputs);
    group.forEach((row, i) => values.set(logps!.data.subarray(2 * i, 2 * i + 2), 2 * row));
  }
  const seconds = (performance.now() - started) / 1000;
  await scorer.dispose();
  return { logps: values, seconds };
}
