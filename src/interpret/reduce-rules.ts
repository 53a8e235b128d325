import type { NodeOf } from '../graph/index.ts';
import { makeValue, offsetsOf, stridesOf, type Environment, type Value, type ValueRules } from './value.ts';

type ReduceKind = 'reduceSum' | 'reduceMax';

function reduce(initial: number, combine: (total: number, element: number) => number) {
  return (
    { attributes: { axes }, shape }: NodeOf<ReduceKind>,
    [x]: readonly Value[],
    { shapeOf }: Environment,
  ): Value => {
    const kept = x!.shape.map((length, axis) => (axes.includes(axis) ? 1 : length));
    const strides = stridesOf(kept).map((stride, axis) => (axes.includes(axis) ? 0 : stride));
    const result = makeValue('float64', shapeOf(shape), () => initial);
    for (const [position, target] of offsetsOf(x!.shape, strides).entries())
      result.data[target] = combine(result.data[target]!, x!.data[position]!);
    return result;
  };
}

/** The rows of the last axis. */
function rowsOf({ shape, data }: Value): Float64Array[] {
  const length = shape.at(-1)!;
  const count = length === 0 ? shape.slice(0, -1).reduce((product, dim) => product * dim, 1) : data.length / length;
  return Array.from({ length: count }, (_, row) => data.subarray(row * length, (row + 1) * length));
}

function maxOf(row: Float64Array): number {
  return row.reduce((most, element) => Math.max(most, element), -Infinity);
}

/** max + log sum exp(x - max); -infinity when every element is. */
export function logSumExpOf(row: Float64Array): number {
  const most = maxOf(row);
  if (most === -Infinity) return -Infinity;
  return most + Math.log(row.reduce((sum, element) => sum + Math.exp(element - most), 0));
}

/** exp(x - max) / sum exp(x - max) */
export function softmaxOf(row: Float64Array): Float64Array {
  const most = maxOf(row);
  const powers = row.map((element) => Math.exp(element - most));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}

function inverseRmsOf(row: Float64Array, epsilon: number): number {
  const squares = row.reduce((sum, element) => sum + element * element, 0);
  return 1 / Math.sqrt(squares / row.length + epsilon);
}

function argsortOf(row: Float64Array): number[] {
  const order = Array.from(row, (_, position) => position);
  return order.toSorted((a, b) => row[a]! - row[b]!);
}

export const REDUCE_RULES = {
  reduceSum: reduce(0, (sum, element) => sum + element),
  reduceMax: reduce(-Infinity, Math.max),
  softmax: (_node, [x]) => {
    const data = new Float64Array(x!.data.length);
    for (const [row, elements] of rowsOf(x!).entries()) data.set(softmaxOf(elements), row * elements.length);
    return { dtype: 'float64', shape: x!.shape, data };
  },
  logSumExp: (_node, [x]) => {
    const rows = rowsOf(x!);
    return makeValue('float64', x!.shape.slice(0, -1), (row) => logSumExpOf(rows[row]!));
  },
  inverseRms: ({ attributes: { epsilon } }, [x]) => {
    const rows = rowsOf(x!);
    return makeValue('float64', [...x!.shape.slice(0, -1), 1], (row) => inverseRmsOf(rows[row]!, epsilon));
  },
  argsort: (_node, [x]) => {
    const order = rowsOf(x!).flatMap(argsortOf);
    return { dtype: 'int32', shape: x!.shape, data: Float64Array.from(order) };
  },
} satisfies Partial<ValueRules>;
