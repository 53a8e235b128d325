import type { NodeOf } from '../graph/index.ts';
import {
  broadcastOffsets,
  makeValue,
  offsetsOf,
  stridesOf,
  type Environment,
  type Value,
  type ValueRules,
} from './value.ts';

/** The value whose elements are x's at `offsets`. */
function pick(x: Value, shape: readonly number[], offsets: Int32Array): Value {
  return makeValue(x.dtype, shape, (position) => x.data[offsets[position]!]!);
}

/** Copies `part` into `whole` at `start` along `axis`. */
function place(part: Value, whole: Value, axis: number, start: number): void {
  const strides = stridesOf(whole.shape);
  const offsets = offsetsOf(part.shape, strides, start * strides[axis]!);
  for (const [position, offset] of offsets.entries()) whole.data[offset] = part.data[position]!;
}

function concat(node: NodeOf<'concat'>, inputs: readonly Value[], { shapeOf }: Environment): Value {
  const { axis } = node.attributes;
  const whole = makeValue(inputs[0]!.dtype, shapeOf(node.shape), () => 0);
  let start = 0;
  for (const part of inputs) {
    place(part, whole, axis, start);
    start += part.shape[axis]!;
  }
  return whole;
}

/** Movements of elements. */
export const SHAPE_RULES = {
  reshape: (node, [x], { shapeOf }) => ({ dtype: x!.dtype, shape: shapeOf(node.shape), data: x!.data }),
  transpose: ({ shape, attributes: { permutation } }, [x], { shapeOf }) => {
    const strides = stridesOf(x!.shape);
    const result = shapeOf(shape);
    return pick(
      x!,
      result,
      offsetsOf(
        result,
        permutation.map((axis) => strides[axis]!),
      ),
    );
  },
  broadcastTo: ({ shape }, [x], { shapeOf }) => pick(x!, shapeOf(shape), broadcastOffsets(x!.shape, shapeOf(shape))),
  slice: ({ shape, attributes: { axis, start } }, [x], { shapeOf }) => {
    const strides = stridesOf(x!.shape);
    return pick(x!, shapeOf(shape), offsetsOf(shapeOf(shape), strides, start * strides[axis]!));
  },
  pad: ({ shape, attributes: { axis, before } }, [x], { shapeOf }) => {
    const whole = makeValue('float64', shapeOf(shape), () => 0);
    place(x!, whole, axis, before);
    return whole;
  },
  concat,
} satisfies Partial<ValueRules>;
