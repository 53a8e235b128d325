import { BLOCK_WIDTH, type NodeOf, type WeightStorage } from '../graph/index.ts';
import { makeValue, type Value, type ValueRules } from './value.ts';

type Stored = readonly Value[];

/** W at row i and column j of its stored parts. */
const ELEMENT: Readonly<Record<WeightStorage, (parts: Stored, i: number, j: number) => number>> = {
  float16: ([w], i, j) => w!.data[i * w!.shape[1]! + j]!,
  int8: ([q, scale], i, j) => scale!.data[i]! * q!.data[i * q!.shape[1]! + j]!,
  int4: ([q, scale], i, j) => {
    const blocks = q!.shape[1]!;
    const byte = q!.data[(i * blocks * BLOCK_WIDTH) / 2 + (j >> 1)]!;
    const bits = j % 2 === 0 ? byte & 15 : byte >> 4;
    return scale!.data[i * blocks + Math.floor(j / BLOCK_WIDTH)]! * (bits - 8);
  },
};

/** The exact product with the stored weight: the oracle, from which a runtime that rounds x too may differ. */
function frozenMatmul({ attributes }: NodeOf<'frozenMatmul'>, [x, ...parts]: readonly Value[]): Value {
  const { storage, columns, transposeB } = attributes;
  const weight = parts[0]!;
  const n = weight.shape[0]!;
  const dense = makeValue('float64', [n, columns], (p) =>
    ELEMENT[storage](parts, Math.floor(p / columns), p % columns),
  ).data;
  const [inner, outer] = transposeB ? [columns, n] : [n, columns];
  const [stepInner, stepOuter] = transposeB ? [1, columns] : [columns, 1];
  return makeValue('float64', [x!.shape[0]!, outer], (position) => {
    const [row, column] = [Math.floor(position / outer), position % outer];
    let sum = 0;
    for (let k = 0; k < inner; k++) sum += x!.data[row * inner + k]! * dense[k * stepInner + column * stepOuter]!;
    return sum;
  });
}

export const FROZEN_RULES = { frozenMatmul } satisfies Partial<ValueRules>;
