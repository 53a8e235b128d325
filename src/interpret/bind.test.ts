import { expect, test } from 'vitest';
import { float32Tensor, hostTensor, int32Tensor } from '../core/index.ts';
import * as g from '../graph/index.ts';
import { interpret } from './interpret.ts';
import type { InterpreterInputs } from './bind.ts';

const graph = g.graph({
  y: g.add(g.input('a', ['T', 3]), g.reduceSum(g.input('b', ['T', 'S']), { axes: [1], keepDims: true })),
  flat: g.input('flat', ['2*S']),
  chosen: g.gather(g.input('table', [4]), g.input('index', ['S'], 'int32')),
  mask: g.not(g.input('mask', [2], 'bool')),
});

const GOOD = {
  a: float32Tensor([2, 3], [1, 2, 3, 4, 5, 6]),
  b: float32Tensor([2, 1], [10, 20]),
  flat: float32Tensor([2], [7, 8]),
  table: float32Tensor([4], [0, 1, 2, 3]),
  index: int32Tensor([1], [3]),
  mask: hostTensor('bool', [2], Uint8Array.of(1, 0)),
} satisfies InterpreterInputs;

function problemsOf(inputs: InterpreterInputs): string[] {
  try {
    interpret(graph, inputs);
  } catch (error) {
    return (error as Error).message.split('\n');
  }
  return [];
}

test('accepts what fits', () => {
  expect(interpret(graph, GOOD)['y']!.data).toEqual(Float64Array.of(11, 12, 13, 24, 25, 26));
});

test('names every problem at once', () => {
  const { a: _left_out, ...rest } = GOOD;
  const inputs = {
    ...rest,
    b: int32Tensor([2, 1], [1, 2]),
    flat: float32Tensor([1, 2], [1, 2]),
    table: { dtype: 'float64', shape: [4], data: new Float64Array(3) },
    mask: hostTensor('bool', [2], Uint8Array.of(2, 0)),
    spare: float32Tensor([], [1]),
  } as const;
  expect(problemsOf(inputs)).toEqual([
    'interpret: "spare" must be an input of the graph, its inputs are a, b, flat, index, mask, table; leave it out',
    'interpret: input "a" must be given as float32 [T, 3], got nothing',
    'interpret: input "b" must be float32, got int32',
    'interpret: input "flat" must have shape [2*S], got [1, 2]',
    'interpret: input "mask" must hold 0 or 1 as bool elements, got 2',
    'interpret: input "table" must hold 4 elements for shape [4], got 3',
  ]);
});

test('one symbol, two values', () => {
  expect(problemsOf({ ...GOOD, b: float32Tensor([3, 1], [1, 2, 3]) })).toEqual([
    'interpret: symbol T must have one value, got 2 from input "a" and 3 from input "b"',
  ]);
});

test('a product that does not fit its symbols', () => {
  expect(problemsOf({ ...GOOD, flat: float32Tensor([3], [1, 2, 3]) })).toEqual([
    'interpret: axis 0 of input "flat" must have length 2*S = 2, got 3',
  ]);
});

function indices(shape: readonly number[], values: readonly number[]): g.Node {
  return g.constant(int32Tensor(shape, values));
}

function running(node: g.Node): () => void {
  return () => void interpret(g.graph({ y: node }), {});
}

test('indices out of range', () => {
  expect(problemsOf({ ...GOOD, index: int32Tensor([1], [4]) })).toEqual([
    'gather: every index must be in [0, 4), got 4 at [0]',
  ]);
  const x = g.constant(float32Tensor([2, 2], [1, 2, 3, 4]));
  expect(running(g.takeAlong(x, indices([2, 2], [0, 1, 0, -1])))).toThrow(
    'takeAlong: every index must be in [0, 2), got -1 at [1, 1]',
  );
  expect(running(g.scatterAdd(x, indices([2], [0, 3]), 3))).toThrow(
    'scatterAdd: every index must be in [0, 3), got 3 at [1]',
  );
  expect(running(g.scatterAddAlong(x, indices([2, 2], [0, 1, 2, 0]), 2))).toThrow(
    'scatterAddAlong: every index must be in [0, 2), got 2 at [1, 0]',
  );
});

test('permuteRows checks that index and inverse belong together', () => {
  const x = g.constant(float32Tensor([3], [1, 2, 3]));
  const permute = (index: readonly number[], inverse: readonly number[]): (() => void) => {
    const [i, j] = [index, inverse].map((values) => indices([values.length], values));
    return running(g.permuteRows(x, i!, j!));
  };
  expect(permute([2, 0], [1, -1, 1])).toThrow(
    'permuteRows: inverse[index[p]] must be p, got inverse[2] = 1 for index[0] = 2',
  );
  expect(permute([2, -1], [1, -1, 0])).toThrow(
    'permuteRows: index[inverse[p]] must be p, got index[1] = -1 for inverse[0] = 1',
  );
  expect(permute([3, -1], [1, -1, 0])).toThrow('permuteRows: every index must be in [-1, 3), got 3 at [0]');
  expect(permute([2, 0], [1, -1, 2])).toThrow('permuteRows: every index must be in [-1, 2), got 2 at [2]');
});

test('putRows checks that its places are there, and each another', () => {
  const x = g.constant(float32Tensor([2, 2], [1, 2, 3, 4]));
  const put = (...places: readonly number[]): (() => void) => {
    const updates = g.constant(float32Tensor([2], [5, 6]));
    return running(g.putRows(x, updates, indices([2, 2], places)));
  };
  expect(put(0, 1, 1, 2)).toThrow('putRows: every coordinate of axis 1 must be in [0, 2), got 2 at [1, 1]');
  expect(put(1, 0, 1, 0)).toThrow('putRows: every place must be another, got one twice, the second at 1');
});

test('int32 division by 0', () => {
  const node = g.div(g.constant(int32Tensor([2], [1, 2])), g.constant(int32Tensor([2], [1, 0])));
  expect(running(node)).toThrow('div: int32 divisors must not be 0, got 0 at [1] of the divisor');
});
