import { elementCount, float16ToFloat32, type DType, type HostTensor } from '../core/index.ts';
import type { Dim, NodeRules, Shape } from '../graph/index.ts';

/** The arithmetic of a value: what is float32 in the graph is float64 here. */
export type ValueDType = 'float64' | 'int32' | 'bool';

/** A tensor of the interpreter, row-major. int32 and bool elements are exact whole numbers in the float64 array. */
export interface Value {
  readonly dtype: ValueDType;
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

/** What a rule may ask about the run. */
export interface Environment {
  /** The value bound to an input. */
  readonly input: (name: string) => Value;
  /** The numbers that a shape stands for. */
  readonly shapeOf: (shape: Shape) => number[];
  readonly sizeOf: (dim: Dim) => number;
}

/** Rules that compute a node's value from the values of its inputs. */
export type ValueRules = NodeRules<Value, [inputs: readonly Value[], environment: Environment]>;

export function valueDType(dtype: DType): ValueDType {
  if (dtype === 'float32' || dtype === 'float16') return 'float64';
  return dtype === 'bool' ? 'bool' : 'int32';
}

/** The numbers that a host tensor's elements stand for. */
export function elementsOf({ dtype, data }: HostTensor): Float64Array {
  return dtype === 'float16' ? Float64Array.from(data, float16ToFloat32) : Float64Array.from(data);
}

/** A value of `shape` whose element i is element(i). */
export function makeValue(dtype: ValueDType, shape: readonly number[], element: (position: number) => number): Value {
  const data = new Float64Array(elementCount(shape));
  for (let position = 0; position < data.length; position++) data[position] = element(position);
  return { dtype, shape, data };
}

/** The row-major strides of a shape, in elements. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides = shape.map(() => 1);
  for (let axis = shape.length - 2; axis >= 0; axis--) strides[axis] = strides[axis + 1]! * shape[axis + 1]!;
  return strides;
}

/**
 * start + sum over axes of index * stride, for every index of `shape` in row-major order. Broadcasting is a stride of 0,
 * a transpose permuted strides, a slice another start: every movement of elements is this one walk.
 */
export function offsetsOf(shape: readonly number[], strides: readonly number[], start = 0): Int32Array {
  const offsets = new Int32Array(elementCount(shape));
  const index = shape.map(() => 0);
  let offset = start;
  for (let position = 0; position < offsets.length; position++) {
    offsets[position] = offset;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis] = index[axis]! + 1;
      offset += strides[axis]!;
      if (index[axis]! < shape[axis]!) break;
      offset -= strides[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
  return offsets;
}

/** Strides that read a tensor of shape `from` as if it were broadcast to `to`: 0 along repeated axes. */
export function broadcastStrides(from: readonly number[], to: readonly number[]): number[] {
  const strides = stridesOf(from);
  const missing = to.length - from.length;
  return to.map((_dim, axis) => (axis < missing || from[axis - missing] === 1 ? 0 : strides[axis - missing]!));
}

/** For every element of a result of shape `to`, the position in a tensor of shape `from` that broadcasts to it. */
export function broadcastOffsets(from: readonly number[], to: readonly number[]): Int32Array {
  return offsetsOf(to, broadcastStrides(from, to));
}

/** The row-major position `position` as indices, for messages: `[1, 0]`. */
export function formatPosition(shape: readonly number[], position: number): string {
  return `[${stridesOf(shape)
    .map((stride, axis) => Math.floor(position / stride) % shape[axis]!)
    .join(', ')}]`;
}
