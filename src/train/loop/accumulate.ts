import { hashString, runFailed, type HostTensor } from '../../core/index.ts';
import { microBatches } from '../../data/index.ts';
import type { BatchProgram, MicroBatch, Values } from '../../policy/index.ts';
import type { Metrics } from './metrics.ts';
import { scalarsOf, type ForwardPart, type Moment, type Scalars, type StepPart } from './part.ts';
import type { StepRows } from './source.ts';
import type { Task } from './task.ts';
import { scalarTensor } from './trainable.ts';

/** What gradients are computed with. */
export interface Accumulation {
  readonly measure: Task['measure'];
  readonly program: BatchProgram;
  readonly parts: readonly StepPart[];
}

export interface AccumulateOptions {
  readonly moment: Moment;
  /** Decides what dropout draws, with step and micro-batch. */
  readonly seed: number;
  readonly microBatchTokens: number;
}

/** A micro-batch of a step. */
interface Piece {
  /** The numbers of its rows in the step. */
  readonly group: readonly number[];
  readonly batch: MicroBatch;
  readonly inputs: Values;
}

interface DonePiece {
  readonly piece: Piece;
  readonly outputs: Readonly<Record<string, HostTensor>>;
}

/** Forward and backward over every micro-batch of a step; gradients accumulate on the device. Throws run-failed naming the rows whose loss is not finite. */
export async function accumulateGradients(
  { measure: measureOf, program, parts }: Accumulation,
  step: StepRows,
  { moment, seed, microBatchTokens }: AccumulateOptions,
): Promise<{ readonly metrics: Metrics; readonly tokens: number }> {
  const scalars = scalarsOf(parts, moment);
  const measure = measureOf(scalars);
  const counted = moment.step + 1;
  const all = Array.from({ length: step.rows.count }, (_, row) => row);
  const pieces: Piece[] = [];
  for (const [index, group] of microBatches(step.rows, all, microBatchTokens).entries()) {
    let batch = step.batch(group);
    for (const part of parts) batch = (await part.complete?.(batch)) ?? batch;
    const dropoutSeed = int32Scalar(hashString(`${seed}/${counted}/${index}`) | 0);
    pieces.push({ group, batch, inputs: { ...batch.inputs, ...scalarInputs(scalars), dropoutSeed } });
  }
  const { lossScale } = step;
  const coupled = parts.find(({ solve }) => solve !== undefined);
  const done =
    coupled === undefined
      ? trainEach(program, pieces, lossScale)
      : trainCoupled({ program, coupled }, pieces, { lossScale, scalars });
  let tokens = 0;
  for await (const { piece, outputs } of done) {
    requireFinite(outputs['losses']!, { step: counted, rows: piece.group, ids: step.rows.idOf });
    measure.add(piece.batch, outputs);
    tokens += piece.batch.tokens;
  }
  return { metrics: measure.result(), tokens };
}

/** Every micro-batch has its own losses. */
async function* trainEach(
  program: BatchProgram,
  pieces: readonly Piece[],
  lossScale: number,
): AsyncIterable<DonePiece> {
  for (const piece of pieces)
    yield { piece, outputs: await program.train({ ...piece.inputs, lossScale: scalarTensor(lossScale) }) };
}

/** The losses belong to the batch: all forward passes, the objective over all their statistics, then all backward passes. */
async function* trainCoupled(
  { program, coupled }: { readonly program: BatchProgram; readonly coupled: StepPart },
  pieces: readonly Piece[],
  scales: { readonly lossScale: number; readonly scalars: Scalars },
): AsyncIterable<DonePiece> {
  const forward: ForwardPart[] = [];
  for (const { batch, inputs } of pieces) forward.push({ batch, outputs: await program.statistics(inputs) });
  const solved = await coupled.solve!(forward, { ...scales, isTraining: true });
  for (const [index, piece] of pieces.entries()) {
    const { losses, cotangents } = solved[index]!;
    const { backward } = piece.batch;
    const outputs = await program.train({ ...piece.inputs, ...backward, ...cotangents });
    yield { piece, outputs: { ...(backward === undefined ? outputs : forward[index]!.outputs), losses } };
  }
}

/** Scalars as inputs of a graph. */
export function scalarInputs(scalars: Scalars): Record<string, HostTensor> {
  return Object.fromEntries(Object.entries(scalars).map(([name, value]) => [name, scalarTensor(value)]));
}

function int32Scalar(value: number): HostTensor {
  return { dtype: 'int32', shape: [], data: Int32Array.of(value) };
}

function requireFinite(
  losses: HostTensor,
  { step, rows, ids }: { step: number; rows: readonly number[]; ids: (row: number) => string },
): void {
  const bad = rows.filter((_row, i) => !Number.isFinite(losses.data[i]!));
  if (bad.length === 0) return;
  const named = `${bad.length === 1 ? 'row' : 'rows'} ${bad.slice(0, MAX_NAMED_ROWS).map(ids).join(', ')}`;
  throw runFailed(`step ${step}: the loss must be finite, it is not for ${named}; ${divergence(step)}`);
}

/** Rows that an error names at most. */
export const MAX_NAMED_ROWS = 8;

/** The likely cause of a value that is not finite, and what to do. `step` counts from 1. */
export function divergence(step: number): string {
  return step === 1
    ? 'nothing is trained yet, so the weights are the likely cause: try the model with preftune score'
    : 'the weights have diverged, most likely because the learning rate is too high: start again with a lower --learning-rate; checkpoints that were saved are finite';
}
