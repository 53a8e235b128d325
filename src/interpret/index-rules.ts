import { badInput, elementCount } from '../core/index.ts';
import type { NodeKind, NodeOf } from '../graph/index.ts';
import { formatPosition, makeValue, type Environment, type Value, type ValueRules } from './value.ts';

/** Throws bad-input for the first index outside [least, limit). */
function checkIndices(kind: NodeKind, index: Value, least: number, limit: number): void {
  const wrong = index.data.findIndex((element) => element < least || element >= limit);
  if (wrong >= 0) {
    throw badInput(
      `${kind}: every index must be in [${least}, ${limit}), got ${index.data[wrong]} at ${formatPosition(index.shape, wrong)}`,
    );
  }
}

/** result row p = x's row index[p], zeros where it is -1; rows of `width` elements. */
function takeRows(x: Value, index: Value, width: number): (position: number) => number {
  return (position) => {
    const row = index.data[Math.floor(position / width)]!;
    return row < 0 ? 0 : x.data[row * width + (position % width)]!;
  };
}

function gather(node: NodeOf<'gather'>, inputs: readonly Value[], { shapeOf }: Environment): Value {
  const [x, index] = inputs as [Value, Value];
  checkIndices('gather', index, 0, x.shape[0]!);
  return makeValue(x.dtype, shapeOf(node.shape), takeRows(x, index, elementCount(x.shape.slice(1))));
}

function scatterAdd(node: NodeOf<'scatterAdd'>, inputs: readonly Value[], { shapeOf }: Environment): Value {
  const [updates, index] = inputs as [Value, Value];
  const result = makeValue('float64', shapeOf(node.shape), () => 0);
  checkIndices('scatterAdd', index, 0, result.shape[0]!);
  const width = elementCount(result.shape.slice(1));
  for (const [position, update] of updates.data.entries()) {
    const target = index.data[Math.floor(position / width)]! * width + (position % width);
    result.data[target] = result.data[target]! + update;
  }
  return result;
}

/** Throws bad-input unless to[from[p]] = p wherever from[p] is not -1. */
function checkInverse(from: Value, to: Value, [fromName, toName]: readonly [string, string]): void {
  const wrong = from.data.findIndex((row, position) => row >= 0 && to.data[row] !== position);
  if (wrong >= 0) {
    const row = from.data[wrong]!;
    throw badInput(
      `permuteRows: ${toName}[${fromName}[p]] must be p, got ${toName}[${row}] = ${to.data[row]} for ${fromName}[${wrong}] = ${row}`,
    );
  }
}

function permuteRows(node: NodeOf<'permuteRows'>, inputs: readonly Value[], { shapeOf }: Environment): Value {
  const [x, index, inverse] = inputs as [Value, Value, Value];
  checkIndices('permuteRows', index, -1, inverse.data.length);
  checkIndices('permuteRows', inverse, -1, index.data.length);
  checkInverse(index, inverse, ['index', 'inverse']);
  checkInverse(inverse, index, ['inverse', 'index']);
  const width = elementCount(x.shape.slice(inverse.shape.length));
  return makeValue('float64', shapeOf(node.shape), takeRows(x, index, width));
}

function putRows(_node: NodeOf<'putRows'>, inputs: readonly Value[]): Value {
  const [x, updates, places] = inputs as [Value, Value, Value];
  const count = places.shape.at(-1)!;
  const width = elementCount(x.shape.slice(count));
  const result = makeValue('float64', x.shape, (position) => x.data[position]!);
  const seen = new Set<number>();
  for (let place = 0; place < places.data.length / count; place++) {
    let row = 0;
    for (let axis = 0; axis < count; axis++) {
      const [index, limit] = [places.data[place * count + axis]!, x.shape[axis]!];
      if (index < 0 || index >= limit)
        throw badInput(
          `putRows: every coordinate of axis ${axis} must be in [0, ${limit}), got ${index} at ${formatPosition(places.shape, place * count + axis)}`,
        );
      row = row * limit + index;
    }
    if (seen.has(row)) throw badInput(`putRows: every place must be another, got one twice, the second at ${place}`);
    seen.add(row);
    for (let i = 0; i < width; i++) result.data[row * width + i] = updates.data[place * width + i]!;
  }
  return result;
}

function takeAlong(_node: NodeOf<'takeAlong'>, inputs: readonly Value[]): Value {
  const [x, index] = inputs as [Value, Value];
  const length = x.shape.at(-1)!;
  const taken = index.shape.at(-1)!;
  checkIndices('takeAlong', index, 0, length);
  return makeValue(
    x.dtype,
    index.shape,
    (position) => x.data[Math.floor(position / taken) * length + index.data[position]!]!,
  );
}

function scatterAddAlong(node: NodeOf<'scatterAddAlong'>, inputs: readonly Value[], { shapeOf }: Environment): Value {
  const [updates, index] = inputs as [Value, Value];
  const result = makeValue('float64', shapeOf(node.shape), () => 0);
  const size = result.shape.at(-1)!;
  const taken = index.shape.at(-1)!;
  checkIndices('scatterAddAlong', index, 0, size);
  for (const [position, update] of updates.data.entries()) {
    const target = Math.floor(position / taken) * size + index.data[position]!;
    result.data[target] = result.data[target]! + update;
  }
  return result;
}

export const INDEX_RULES = {
  gather,
  scatterAdd,
  permuteRows,
  putRows,
  takeAlong,
  scatterAddAlong,
} satisfies Partial<ValueRules>;
