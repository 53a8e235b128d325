import type { NodeOf } from '../graph/index.ts';
import { broadcastStrides, offsetsOf, stridesOf, type Environment, type Value, type ValueRules } from './value.ts';

/** Strides of a matrix's two last axes, read transposed or not. */
function matrixStrides({ shape }: Value, transposed: boolean): readonly [number, number] {
  const [row, column] = stridesOf(shape).slice(-2) as [number, number];
  return transposed ? [column, row] : [row, column];
}

/** Where each of the result's matrices starts in an operand whose leading axes broadcast to `lead`. */
function matrixStarts({ shape }: Value, lead: readonly number[]): Int32Array {
  const strides = broadcastStrides(shape.slice(0, -2), lead);
  const size = shape.at(-1)! * shape.at(-2)!;
  return offsetsOf(
    lead,
    strides.map((stride) => stride * size),
  );
}

function matmul(node: NodeOf<'matmul'>, inputs: readonly Value[], { shapeOf }: Environment): Value {
  const { transposeA, transposeB, scale } = node.attributes;
  const [a, b] = inputs as [Value, Value];
  const shape = shapeOf(node.shape);
  const [rows, columns] = shape.slice(-2) as [number, number];
  const inner = a.shape.at(transposeA ? -2 : -1)!;
  const lead = shape.slice(0, -2);
  const startsA = matrixStarts(a, lead);
  const startsB = matrixStarts(b, lead);
  const [aRow, aInner] = matrixStrides(a, transposeA);
  const [bInner, bColumn] = matrixStrides(b, transposeB);
  const data = new Float64Array(startsA.length * rows * columns);
  let position = 0;
  for (let matrix = 0; matrix < startsA.length; matrix++) {
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        let sum = 0;
        const fromA = startsA[matrix]! + row * aRow;
        const fromB = startsB[matrix]! + column * bColumn;
        for (let k = 0; k < inner; k++) sum += a.data[fromA + k * aInner]! * b.data[fromB + k * bInner]!;
        data[position++] = scale * sum;
      }
    }
  }
  return { dtype: 'float64', shape, data };
}

function rope(_node: NodeOf<'rope'>, inputs: readonly Value[]): Value {
  const [x, cosine, sine] = inputs as [Value, Value, Value];
  const width = x.shape.at(-1)!;
  const half = width / 2;
  const angles = offsetsOf(
    [...x.shape.slice(0, -1), half],
    broadcastStrides(cosine.shape, [...x.shape.slice(0, -1), half]),
  );
  const data = new Float64Array(x.data.length);
  for (const [position, angle] of angles.entries()) {
    const first = Math.floor(position / half) * width + (position % half);
    const [x1, x2] = [x.data[first]!, x.data[first + half]!];
    data[first] = x1 * cosine.data[angle]! - x2 * sine.data[angle]!;
    data[first + half] = x2 * cosine.data[angle]! + x1 * sine.data[angle]!;
  }
  return { dtype: 'float64', shape: x.shape, data };
}

export const LINEAR_RULES = { matmul, rope } satisfies Partial<ValueRules>;
