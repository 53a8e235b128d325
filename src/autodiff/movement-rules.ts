import {
  gather,
  pad,
  permuteRows,
  reshape,
  scatterAdd,
  scatterAddAlong,
  slice,
  takeAlong,
  transpose,
  type Node,
  type NodeOf,
} from '../graph/index.ts';
import { sumTo, type CotangentRules } from './cotangent.ts';

function inverseOf(permutation: readonly number[]): number[] {
  return permutation.map((_axis, i) => permutation.indexOf(i));
}

function concatParts({ inputs, attributes: { axis } }: NodeOf<'concat'>, g: Node): readonly Node[] {
  let start = 0;
  return inputs.map((input) => {
    const end = start + Number(input.shape[axis]);
    const part = slice(g, { axis, start, end });
    start = end;
    return part;
  });
}

/** Kinds that only move or repeat elements: each one's rule is its transpose, and most come in pairs. */
export const MOVEMENT_RULES = {
  reshape: ({ inputs: [x] }, g) => [reshape(g, x!.shape)],
  transpose: ({ attributes: { permutation } }, g) => [transpose(g, inverseOf(permutation))],
  broadcastTo: ({ inputs: [x] }, g) => [sumTo(g, x!.shape)],
  slice: ({ inputs: [x], attributes: { axis, start, end } }, g) => [
    pad(g, { axis, before: start, after: Number(x!.shape[axis]) - end }),
  ],
  pad: ({ inputs: [x], attributes: { axis, before } }, g) => [
    slice(g, { axis, start: before, end: before + Number(x!.shape[axis]) }),
  ],
  concat: concatParts,
  gather: ({ inputs: [x, index] }, g) => [scatterAdd(g, index!, x!.shape[0]!), undefined],
  scatterAdd: ({ inputs: [, index] }, g) => [gather(g, index!), undefined],
  permuteRows: ({ inputs: [, index, inverse] }, g) => [permuteRows(g, inverse!, index!), undefined, undefined],
  takeAlong: ({ inputs: [x, index] }, g) => [scatterAddAlong(g, index!, x!.shape.at(-1)!), undefined],
  scatterAddAlong: ({ inputs: [, index] }, g) => [takeAlong(g, index!), undefined],
} satisfies Partial<CotangentRules>;
