import { float32Tensor } from '../core/index.ts';
import {
  add,
  broadcastTo,
  constant,
  dimProduct,
  dimSize,
  gather,
  mul,
  pad,
  permuteRows,
  putRows,
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

/** x has no part in the rows that were put, and updates have theirs there. */
function putRowsParts({ inputs }: NodeOf<'putRows'>, g: Node): readonly (Node | undefined)[] {
  const [x, updates, at] = inputs as [Node, Node, Node];
  const count = Number(at.shape.at(-1));
  const tail = x.shape.slice(count);
  const nothing = broadcastTo(constant(float32Tensor([], [0])), updates.shape);
  const places = at.shape.slice(0, -1);
  let row = reshape(slice(at, { axis: places.length, start: 0, end: 1 }), places);
  for (let axis = 1; axis < count; axis++) {
    const next = reshape(slice(at, { axis: places.length, start: axis, end: axis + 1 }), places);
    row = add(mul(row, dimSize(x.shape[axis]!)), next);
  }
  const rows = reshape(g, [dimProduct(x.shape.slice(0, count)), ...tail]);
  return [putRows(g, nothing, at), gather(rows, row), undefined];
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
  putRows: putRowsParts,
  takeAlong: ({ inputs: [x, index] }, g) => [scatterAddAlong(g, index!, x!.shape.at(-1)!), undefined],
  scatterAddAlong: ({ inputs: [, index] }, g) => [takeAlong(g, index!), undefined],
} satisfies Partial<CotangentRules>;
