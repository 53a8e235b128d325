import { dimProduct, sameShape, type Node, type NodeOf, type Shape } from '../graph/index.ts';
import type { Emitter } from './emitter.ts';
import { inputsOf } from './elementwise-rules.ts';

/**
 * `value` in another shape. The shape is a constant wherever it can be: 0 stands for an axis that stays, -1 for the one
 * unknown axis beside known ones (with a second symbol, -1 would fail where that symbol is 0). Only else is it computed.
 */
export function reshapeTo(emitter: Emitter, value: string, { from, to }: { from: Shape; to: Shape }): string {
  if (sameShape(from, to)) return value;
  const symbolic = to.filter((dim) => typeof dim === 'string').length;
  const hasZero = to.includes(0);
  const constant = to.map((dim, axis) => {
    if (typeof dim === 'number') return dim;
    if (from[axis] === dim) return 0;
    return symbolic === 1 ? -1 : undefined;
  });
  const known = !(hasZero && symbolic > 0) && constant.every((dim) => dim !== undefined);
  if (known && !hasZero) return emitter.emit('Reshape', [value, emitter.int64s(constant as number[])]);
  return emitter.emit('Reshape', [value, emitter.shape(to)], { attributes: { allowzero: { int: 1 } } });
}

/** `value` repeated to a shape; an axis that already has its length is 1 in the vector, so its length need not be computed. */
export function expandTo(emitter: Emitter, value: string, { from, to }: { from: Shape; to: Shape }): string {
  if (sameShape(from, to)) return value;
  const offset = to.length - from.length;
  return emitter.emit('Expand', [value, emitter.shape(to.map((dim, axis) => (from[axis - offset] === dim ? 1 : dim)))]);
}

/** Elements start, ..., end-1 of an axis. */
export function sliceAxis(
  { emit, int64s }: Emitter,
  value: string,
  { axis, start, end }: { axis: number; start: number; end: number },
): string {
  return emit('Slice', [value, int64s([start]), int64s([end]), int64s([axis])]);
}

/** Float32 zeros of a shape. ConstantOfShape would make them on the CPU whatever the device. */
export function zeros({ emit, shape, float }: Emitter, wanted: Shape): string {
  return emit('Expand', [float(0), shape(wanted)]);
}

/** 0, 1, ..., length-1 as int32; a constant when the length is known. */
export function iota(emitter: Emitter, length: Shape[number]): string {
  if (typeof length === 'number') {
    return emitter.tensor({ dtype: 'int32', shape: [length], data: Int32Array.from({ length }, (_, i) => i) });
  }
  const { emit, integer } = emitter;
  return emitter.once(`iota ${length}`, () =>
    emit('Range', [integer('int32', 0), dimScalar(emitter, length), integer('int32', 1)]),
  );
}

/** The value of a dimension as an int32 scalar. */
export function dimScalar(emitter: Emitter, dim: Shape[number]): string {
  if (typeof dim === 'number') return emitter.integer('int32', dim);
  const { emit, int64s } = emitter;
  return emitter.once(`scalar ${dim}`, () =>
    emit('Cast', [emit('Squeeze', [emitter.dim(dim), int64s([0])])], { attributes: { to: { int: 6 } } }),
  );
}

export const SHAPE_RULES = {
  constant: (node: NodeOf<'constant'>, emitter: Emitter) => emitter.tensor(node.attributes.value),
  iota: (node: NodeOf<'iota'>, emitter: Emitter) => iota(emitter, node.attributes.length),
  dimSize: (node: NodeOf<'dimSize'>, emitter: Emitter) => dimScalar(emitter, node.attributes.dim),
  reshape: (node: Node, emitter: Emitter) => {
    const x = node.inputs[0]!;
    return reshapeTo(emitter, emitter.valueOf(x), { from: x.shape, to: node.shape });
  },
  broadcastTo: (node: Node, emitter: Emitter) => {
    const x = node.inputs[0]!;
    return expandTo(emitter, emitter.valueOf(x), { from: x.shape, to: node.shape });
  },
  transpose: (node: NodeOf<'transpose'>, emitter: Emitter) => {
    const { permutation } = node.attributes;
    const x = node.inputs[0]!;
    const value = emitter.valueOf(x);
    if (permutation.every((axis, i) => axis === i)) return value;
    const moved = permutation.filter((axis) => x.shape[axis] !== 1);
    if (moved.every((axis, i) => i === 0 || axis > moved[i - 1]!))
      return reshapeTo(emitter, value, { from: x.shape, to: node.shape });
    return emitter.emit('Transpose', [value], { attributes: { perm: { ints: permutation } } });
  },
  slice: (node: NodeOf<'slice'>, emitter: Emitter) =>
    sliceAxis(emitter, emitter.valueOf(node.inputs[0]!), node.attributes),
  pad: (node: NodeOf<'pad'>, emitter: Emitter) => {
    const { axis, before, after } = node.attributes;
    const value = emitter.valueOf(node.inputs[0]!);
    if (before + after === 0) return value;
    return emitter.emit('Pad', [value, emitter.int64s([before, after]), emitter.float(0), emitter.int64s([axis])]);
  },
  concat: (node: NodeOf<'concat'>, emitter: Emitter) =>
    emitter.emit('Concat', inputsOf(node, emitter), { attributes: { axis: { int: node.attributes.axis } } }),
} as const;

/** The leading axes of a shape as one, and the rest. */
export function flattenLeading(shape: Shape, axes: number): Shape {
  return [dimProduct(shape.slice(0, axes)), ...shape.slice(axes)];
}
