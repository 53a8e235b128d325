import type { Graph } from '../../graph/index.ts';
import { baseBytes, baseDecoder, type Decoder } from '../../models/index.ts';
import type { Device } from '../../runtime/index.ts';
import type { JsonObject } from '../../core/index.ts';
import type { MicroBatch } from '../batches.ts';
import type { RunContext } from '../context.ts';
import { availableBytes } from './available-bytes.ts';
import { openPolicy } from './open-policy.ts';
import { hintsFor, compileBatchProgram } from '../programs.ts';
import type { OpenedModel } from '../understand-model.ts';
import type { ResidentModel } from '../resident-model.ts';

/** What keeping a base compactly loses, measured on rows of the run. */
export interface BaseError {
  readonly precision: string;
  /** Relative root mean square error of the weights of each kind of projection. */
  readonly weights: Readonly<Record<string, number>>;
  readonly storedBytes: number;
  readonly float32Bytes: number;
  /** Undefined where the float32 model did not fit into memory beside. */
  readonly logps?: {
    readonly rows: number;
    readonly scoredTokens: number;
    /** |log-probability of an answer - the float32 base's|, nats. */
    readonly meanDifference: number;
    readonly largestDifference: number;
    /** Sum of the differences over the scored tokens: nats a token. */
    readonly perToken: number;
  };
}

export interface BaseErrorOptions {
  readonly opened: OpenedModel;
  readonly device: Device;
  readonly model: ResidentModel;
  readonly scoreGraph: (decoder: Decoder) => Graph;
  /** One row each. */
  readonly batches: readonly MicroBatch[];
  readonly context: Pick<RunContext, 'availableBytes' | 'listener'>;
}

/** Rows whose log-probabilities are compared. */
export const BASE_ERROR_ROWS = 4;

const MAXIMUM_TOKENS = 1024;

/** Log-probabilities of the rows' answers under one base. */
async function logpsOf(device: Device, model: ResidentModel, options: BaseErrorOptions): Promise<number[]> {
  const { scoreGraph, batches } = options;
  const decoder = baseDecoder(model.config, model.base?.precision ?? 'float32');
  const program = await compileBatchProgram(
    device,
    { evaluate: scoreGraph(decoder) },
    { label: 'error of the base', hints: hintsFor(MAXIMUM_TOKENS, MAXIMUM_TOKENS), resident: model.weights },
  );
  try {
    await program.refresh();
    const values: number[] = [];
    for (const { inputs } of batches) values.push(...(await program.evaluate(inputs))['logps']!.data);
    return values;
  } finally {
    await program.dispose();
  }
}

/** The same rows under the float32 base, on a device of its own, whose memory goes back to the system. */
async function float32Logps(options: BaseErrorOptions): Promise<number[]> {
  const { opened, device } = options;
  const source = { config: opened.config, checkpoint: opened.files.checkpoint };
  // Whether it fits has been asked.
  const exact = await openPolicy(source, { purpose: 'scoring', threads: device.threads, needs: [] });
  try {
    return await logpsOf(exact.device, exact.model, options);
  } finally {
    await exact.dispose();
  }
}

/**
 * Measures what the compact base loses, and tells it: the error of its weights, and how far log-probabilities of a few rows are from the float32
 * base's. Undefined for a float32 base. Where the float32 model would not fit into free memory for that moment, only the weights are measured.
 */
export async function measureBaseError(options: BaseErrorOptions): Promise<BaseError | undefined> {
  const { opened, device, model, batches, context } = options;
  const { base } = model;
  if (base === undefined) return undefined;
  const { precision, weightErrors, storedBytes, float32Bytes } = base;
  const weights = { precision, weights: weightErrors, storedBytes, float32Bytes };
  context.listener.onNote?.(weightsText(weights));
  const needed = baseBytes(opened.config, 'float32');
  if (needed > (context.availableBytes?.() ?? availableBytes())) {
    context.listener.onNote?.(
      `base: its log-probabilities are not compared with float32's, whose ${megabytes(needed)} do not fit into free memory`,
    );
    return weights;
  }
  context.listener.onLoad?.(`comparing the ${precision} base with float32's on ${batches.length} rows`);
  const [stored, exact] = [await logpsOf(device, model, options), await float32Logps(options)];
  const differences = stored.map((value, i) => Math.abs(value - exact[i]!));
  const sum = differences.reduce((total, one) => total + one, 0);
  const scoredTokens = batches.reduce((total, { counts }) => total + counts.reduce((a, b) => a + b, 0), 0);
  const logps = {
    rows: batches.length,
    scoredTokens,
    meanDifference: sum / Math.max(1, differences.length),
    largestDifference: Math.max(0, ...differences),
    perToken: sum / Math.max(1, scoredTokens),
  };
  context.listener.onNote?.(logpsText(logps));
  return { ...weights, logps };
}

/** BaseError as run.json has it. */
export function measuredOf(error: BaseError | undefined): { readonly measured?: JsonObject } {
  return error === undefined ? {} : { measured: { base: JSON.parse(JSON.stringify(error)) as JsonObject } };
}

function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20).toLocaleString('en-US')} MB`;
}

function weightsText({ precision, weights, storedBytes, float32Bytes }: BaseError): string {
  const errors = Object.entries(weights).map(([name, error]) => `${name} ${(100 * error).toPrecision(2)} %`);
  return `base: projections in ${precision} take ${megabytes(storedBytes)} instead of ${megabytes(float32Bytes)}; relative error of the weights ${errors.join(', ')}`;
}

function figure(value: number): string {
  return value.toPrecision(2);
}

function logpsText({ rows, meanDifference, largestDifference, perToken }: NonNullable<BaseError['logps']>): string {
  return (
    `base: log-probabilities of the answers of ${rows} ${rows === 1 ? 'row' : 'rows'} are ${figure(meanDifference)} nats from float32's on average, ` +
    `${figure(largestDifference)} at most, ${figure(perToken)} a token`
  );
}
