import { epochOrder, microBatches, type Rows } from '../../data/index.ts';
import { epochStepsOf, stageAt, stepsPerEpoch, totalStepsOf, type Stage } from '../../specification/index.ts';
import type { BatchRows, StepSource } from './source.ts';

/** How passes over rows are cut into optimizer batches. */
export interface OrderOptions {
  readonly batchSize: number;
  readonly seed: number;
  readonly order: 'shuffled' | 'sequential';
  readonly lengthBuckets: boolean;
}

export interface EpochOptions extends OrderOptions {
  /** Parts of the rows that are trained one after the other, each as a run of its own that goes on from the one before. */
  readonly stages: readonly Stage[];
}

/** All rows at once. */
function wholeStage(rows: Rows): Stage {
  return { start: 0, count: rows.count, firstStep: 0, steps: Infinity, warmupSteps: 0, startsAtZero: false };
}

/** The numbers of the rows of each step, a pure function of seed and step, so that a resumed run sees the same. */
function batchesOf(
  rows: Rows,
  { batchSize, seed, order, lengthBuckets }: OrderOptions,
  stages: readonly Stage[],
): (step: number) => readonly number[] {
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

/** Rows of data, and what the loss of some of them is a mean over. */
export interface TrainedRows extends BatchRows {
  /** 1 / rows, or 1 / their scored tokens. */
  readonly lossScale: (rows: readonly number[]) => number;
}

/** Steps over rows that are there: passes in a seeded order, stage by stage, in optimizer batches of `batchSize` rows. */
export function epochSource({ rows, batch, lossScale }: TrainedRows, options: EpochOptions): StepSource {
  const { stages, batchSize } = options;
  const numbersAt = batchesOf(rows, options, stages);
  return {
    totalSteps: totalStepsOf(stages),
    stages,
    stepsPerEpoch: epochStepsOf(stages, batchSize),
    lengths: lengthsOf(rows),
    at: async (step) => {
      const numbers = numbersAt(step);
      return {
        rows: {
          count: numbers.length,
          idOf: (row) => rows.idOf(numbers[row]!),
          lengthOf: (row) => rows.lengthOf(numbers[row]!),
        },
        batch: (group) => batch(group.map((row) => numbers[row]!)),
        lossScale: lossScale(numbers),
      };
    },
  };
}

function lengthsOf(rows: Rows): StepSource['lengths'] {
  let [sum, longest] = [0, 0];
  for (let row = 0; row < rows.count; row++) {
    sum += rows.lengthOf(row);
    longest = Math.max(longest, rows.lengthOf(row));
  }
  return { mean: sum / rows.count, longest };
}

/** Every row once, in the optimizer batches of the first pass over the data; of its first `steps` where there are no more. */
export function firstEpochBatches(rows: Rows, options: OrderOptions, steps = Infinity): (readonly number[])[] {
  const numbersAt = batchesOf(rows, options, [wholeStage(rows)]);
  const length = Math.min(steps, stepsPerEpoch(rows.count, options.batchSize));
  return Array.from({ length }, (_, step) => numbersAt(step));
}

/** The micro-batches of firstEpochBatches. */
export function firstEpochMicroBatches(
  rows: Rows,
  options: OrderOptions & { readonly microBatchTokens: number },
  steps?: number,
): number[][] {
  return firstEpochBatches(rows, options, steps).flatMap((batch) =>
    microBatches(rows, batch, options.microBatchTokens),
  );
}
