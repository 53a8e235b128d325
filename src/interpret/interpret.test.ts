import { describe, expect, test } from 'vitest';
import { NODE_CASES } from '../../test/support/node-cases.ts';
import { float32Tensor, float32ToFloat16, hostTensor, int32Tensor } from '../core/index.ts';
import * as g from '../graph/index.ts';
import type { Node, NodeKind } from '../graph/index.ts';
import { interpret } from './interpret.ts';
import type { InterpreterInputs } from './bind.ts';
import type { Value } from './value.ts';

const { log, exp, sqrt, LN2, PI } = Math;

interface HandDerived {
  readonly node: Node;
  readonly inputs?: InterpreterInputs;
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

const float = (shape: readonly number[], values: readonly number[]): Node => g.constant(float32Tensor(shape, values));
const float16 = (shape: readonly number[], values: readonly number[]): Node =>
  g.constant(hostTensor('float16', shape, Uint16Array.from(values, float32ToFloat16)));
const int = (shape: readonly number[], values: readonly number[]): Node => g.constant(int32Tensor(shape, values));
const bool = (values: readonly number[]): Node =>
  g.constant(hostTensor('bool', [values.length], Uint8Array.from(values)));
const vector = (...values: readonly number[]): Node => float([values.length], values);

/** Exact float64 elements, where float32 would round the derivation's numbers. */
const exact = (make: (x: Node) => Node, values: readonly number[]): Pick<HandDerived, 'node' | 'inputs'> => ({
  node: make(g.input('x', [values.length])),
  inputs: { x: { dtype: 'float64', shape: [values.length], data: Float64Array.from(values) } },
});

const elementwise = (
  make: (x: Node) => Node,
  values: readonly number[],
  data: readonly number[],
): readonly HandDerived[] => [{ ...exact(make, values), shape: [values.length], data }];

const vectorOf = (node: Node, data: readonly number[]): readonly HandDerived[] => [
  { node, shape: [data.length], data },
];

/** 2 x 3, rows 1 2 3 and 4 5 6. */
const M = float([2, 3], [1, 2, 3, 4, 5, 6]);
const zeros = [0, 0, 0];

const HAND_DERIVED = {
  input: [
    {
      node: g.input('x', ['T']),
      inputs: { x: float32Tensor([2], [1, 2]) },
      shape: [2],
      data: [1, 2],
    },
  ],
  constant: vectorOf(vector(1, -2), [1, -2]),
  iota: vectorOf(g.iota(4), [0, 1, 2, 3]),
  dimSize: [{ node: g.makeNode('dimSize', [], { dim: 7 }), shape: [], data: [7] }],
  // seed 0, position 0: every step multiplies or shifts 0. The others are pinned by random-word.test.ts.
  randomUniform: [{ node: g.randomUniform(g.scalar(0, 'int32'), [1]), shape: [1], data: [0] }],
  neg: elementwise(g.neg, [1, -2], [-1, 2]),
  exp: elementwise(g.exp, [0, 1, -LN2], [1, Math.E, 0.5]),
  // expm1(x) = x + x^2/2 + ...: at 1e-10, 1e-10 + 5e-21.
  expm1: elementwise(g.expm1, [1e-10, LN2], [1e-10 + 5e-21, 1]),
  log: elementwise(g.log, [1, Math.E, 0], [0, 1, -Infinity]),
  // log(1+x) = x - x^2/2 + ...
  log1p: elementwise(g.log1p, [1e-10, 1], [1e-10 - 5e-21, LN2]),
  // log(1 - 1/2) = -ln 2; near 0 log(-x - x^2/2) = log(-x) + x/2; far away -exp(x).
  log1mexp: elementwise(g.log1mexp, [-LN2, -1e-10, -40], [-LN2, log(1e-10) - 5e-11, -exp(-40)]),
  sqrt: elementwise(g.sqrt, [4, 2, 0], [2, Math.SQRT2, 0]),
  abs: elementwise(g.abs, [-3, 0, 2], [3, 0, 2]),
  sign: elementwise(g.sign, [-3, 0, 2], [-1, 0, 1]),
  sin: elementwise(g.sin, [0, PI / 2, -PI / 6], [0, 1, -0.5]),
  cos: elementwise(g.cos, [0, PI / 3, PI], [1, 0.5, -1]),
  // (e^x - e^-x)/(e^x + e^-x) at ln 2: (2 - 1/2)/(2 + 1/2) = 0.6.
  tanh: elementwise(g.tanh, [0, LN2, -1e3], [0, 0.6, -1]),
  // 1/(1 + 1/3) = 0.75.
  sigmoid: elementwise(g.sigmoid, [0, log(3), -log(3), -1e3, 1e3], [0.5, 0.75, 0.25, 0, 1]),
  logSigmoid: elementwise(g.logSigmoid, [0, -log(3), -1e3, 1e3], [-LN2, log(0.25), -1e3, 0]),
  silu: elementwise(g.silu, [0, log(3), -1e3, 1e3], [0, 0.75 * log(3), 0, 1e3]),
  add: [
    { node: g.add(float([2, 1], [1, 2]), vector(10, 20)), shape: [2, 2], data: [11, 21, 12, 22] },
    { node: g.add(int([1], [2147483647]), 1), shape: [1], data: [-2147483648] },
  ],
  sub: [{ node: g.sub(M, vector(1, 2, 3)), shape: [2, 3], data: [0, 0, 0, 3, 3, 3] }],
  mul: [
    { node: g.mul(M, 2), shape: [2, 3], data: [2, 4, 6, 8, 10, 12] },
    // 65537^2 = 2^32 + 2^17 + 1.
    { node: g.mul(int([1], [65537]), 65537), shape: [1], data: [131073] },
  ],
  div: [
    { node: g.div(vector(1, -1, 0), vector(4, 0, 5)), shape: [3], data: [0.25, -Infinity, 0] },
    { node: g.div(int([3], [7, -7, 5]), int([3], [2, 2, -3])), shape: [3], data: [3, -3, -1] },
  ],
  maximum: vectorOf(g.maximum(vector(1, 2, -3), vector(1, -2, 4)), [1, 2, 4]),
  minimum: vectorOf(g.minimum(vector(1, 2, -3), vector(1, -2, 4)), [1, -2, -3]),
  equal: vectorOf(g.equal(vector(1, 2, 3), 2), [0, 1, 0]),
  less: vectorOf(g.less(vector(1, 2, 3), 2), [1, 0, 0]),
  lessEqual: vectorOf(g.lessEqual(vector(1, 2, 3), 2), [1, 1, 0]),
  and: vectorOf(g.and(bool([0, 0, 1, 1]), bool([0, 1, 0, 1])), [0, 0, 0, 1]),
  or: vectorOf(g.or(bool([0, 0, 1, 1]), bool([0, 1, 0, 1])), [0, 1, 1, 1]),
  not: vectorOf(g.not(bool([0, 1])), [1, 0]),
  where: vectorOf(g.where(bool([1, 0]), vector(1, NaN), vector(NaN, 2)), [1, 2]),
  cast: [
    ...vectorOf(g.cast(vector(1.9, -1.9, 0), 'int32'), [1, -1, 0]),
    ...vectorOf(g.cast(vector(0.5, 0, -3), 'bool'), [1, 0, 1]),
    ...vectorOf(g.cast(int([2], [3, -4]), 'float32'), [3, -4]),
  ],
  stopGradient: vectorOf(g.stopGradient(vector(1, 2)), [1, 2]),
  reduceSum: [
    { node: g.reduceSum(M), shape: [], data: [21] },
    { node: g.reduceSum(M, { axes: [0] }), shape: [3], data: [5, 7, 9] },
    { node: g.reduceSum(M, { axes: [1], keepDims: true }), shape: [2, 1], data: [6, 15] },
    { node: g.reduceSum(float([0, 2], []), { axes: [0] }), shape: [2], data: [0, 0] },
  ],
  reduceMax: [
    { node: g.reduceMax(M), shape: [], data: [6] },
    { node: g.reduceMax(M, { axes: [0] }), shape: [3], data: [4, 5, 6] },
    { node: g.reduceMax(M, { axes: [1], keepDims: true }), shape: [2, 1], data: [3, 6] },
  ],
  softmax: [
    { node: g.softmax(float([2, 2], [1e3, 1e3, 1e3, -1e3])), shape: [2, 2], data: [0.5, 0.5, 1, 0] },
    { ...exact(g.softmax, [0, LN2, log(5)]), shape: [3], data: [1 / 8, 2 / 8, 5 / 8] },
  ],
  logSumExp: [
    { node: g.logSumExp(float([2, 2], [1e3, 1e3, -1e3, -1e3])), shape: [2], data: [1e3 + LN2, -1e3 + LN2] },
    { ...exact(g.logSumExp, [0, LN2, log(5)]), shape: [], data: [log(8)] },
    { node: g.logSumExp(vector(-Infinity, -Infinity)), shape: [], data: [-Infinity] },
  ],
  // (9 + 16) / 2 + 0.25 = 12.75; a row of zeros gives 1/sqrt(epsilon) = 2.
  inverseRms: [{ node: g.inverseRms(float([2, 2], [3, 4, 0, 0]), 0.25), shape: [2, 1], data: [1 / sqrt(12.75), 2] }],
  argsort: [
    { node: g.argsort(float([2, 4], [2, 1, 2, 1, 9, 8, 7, 8])), shape: [2, 4], data: [1, 3, 0, 2, 2, 1, 3, 0] },
  ],
  matmul: [
    { node: g.matmul(M, float([3, 2], [1, 0, 0, 1, 1, 1])), shape: [2, 2], data: [4, 5, 10, 11] },
    { node: g.matmul(M, M, { transposeB: true, scale: 0.5 }), shape: [2, 2], data: [7, 16, 16, 38.5] },
    {
      node: g.matmul(M, M, { transposeA: true }),
      shape: [3, 3],
      data: [17, 22, 27, 22, 29, 36, 27, 36, 45],
    },
    // The batch of two row vectors (1 2 3) and (4 5 6) times one column.
    { node: g.matmul(g.reshape(M, [2, 1, 3]), float([3, 1], [1, 1, 2])), shape: [2, 1, 1], data: [9, 21] },
  ],
  frozenMatmul: [
    // W = [[1, -2, 0.5]] in float16, M W^T and (2)(1 x 1) W.
    {
      node: g.frozenMatmul(M, [float16([1, 3], [1, -2, 0.5])], { storage: 'float16', columns: 3, transposeB: true }),
      shape: [2, 1],
      data: [1 - 4 + 1.5, 4 - 10 + 3],
    },
    {
      node: g.frozenMatmul(float([1, 1], [2]), [float16([1, 3], [1, -2, 0.5])], {
        storage: 'float16',
        columns: 3,
        transposeB: false,
      }),
      shape: [1, 3],
      data: [2, -4, 1],
    },
    // W = 2 [[-128, 0, 127]]
    {
      node: g.frozenMatmul(M, [g.constant(hostTensor('int8', [1, 3], Int8Array.of(-128, 0, 127))), vector(2)], {
        storage: 'int8',
        columns: 3,
        transposeB: true,
      }),
      shape: [2, 1],
      data: [2 * (-128 + 3 * 127), 2 * (-4 * 128 + 6 * 127)],
    },
    // Bytes 0x90 and 0x8f: bits 0, 9, 15 stand for -8, 1, 7; the fourth column does not count.
    {
      node: g.frozenMatmul(
        M,
        [
          g.constant(
            hostTensor('uint8', [1, 1, 16], Uint8Array.of(0x90, 0x8f, ...Array.from({ length: 14 }, () => 0))),
          ),
          float([1, 1], [0.5]),
        ],
        { storage: 'int4', columns: 3, transposeB: true },
      ),
      shape: [2, 1],
      data: [(-8 + 2 + 21) / 2, (-32 + 5 + 42) / 2],
    },
  ],
  reshape: [{ node: g.reshape(M, [3, 2]), shape: [3, 2], data: [1, 2, 3, 4, 5, 6] }],
  transpose: [
    { node: g.transpose(M, [1, 0]), shape: [3, 2], data: [1, 4, 2, 5, 3, 6] },
    // Result axis i is x's axis permutation[i]: y[k, 0, j] = x[0, j, k].
    { node: g.transpose(g.reshape(M, [1, 2, 3]), [2, 0, 1]), shape: [3, 1, 2], data: [1, 4, 2, 5, 3, 6] },
  ],
  broadcastTo: [
    { node: g.broadcastTo(float([2, 1], [1, 2]), [2, 2, 2]), shape: [2, 2, 2], data: [1, 1, 2, 2, 1, 1, 2, 2] },
  ],
  slice: [{ node: g.slice(M, { axis: 1, start: 1, end: 3 }), shape: [2, 2], data: [2, 3, 5, 6] }],
  pad: [
    { node: g.pad(M, { axis: 0, before: 1, after: 0 }), shape: [3, 3], data: [...zeros, 1, 2, 3, 4, 5, 6] },
    { node: g.pad(float([2, 1], [1, 2]), { axis: 1, before: 1, after: 1 }), shape: [2, 3], data: [0, 1, 0, 0, 2, 0] },
  ],
  concat: [{ node: g.concat([M, float([2, 1], [7, 8])], 1), shape: [2, 4], data: [1, 2, 3, 7, 4, 5, 6, 8] }],
  gather: [{ node: g.gather(M, int([2, 1], [1, 1])), shape: [2, 1, 3], data: [4, 5, 6, 4, 5, 6] }],
  scatterAdd: [{ node: g.scatterAdd(M, int([2], [2, 2]), 3), shape: [3, 3], data: [...zeros, ...zeros, 5, 7, 9] }],
  permuteRows: [
    {
      node: g.permuteRows(M, int([3], [1, -1, 0]), int([2], [2, 0])),
      shape: [3, 3],
      data: [4, 5, 6, ...zeros, 1, 2, 3],
    },
  ],
  putRows: [
    {
      node: g.putRows(M, float([1, 3], [7, 8, 9]), int([1, 1], [1])),
      shape: [2, 3],
      data: [1, 2, 3, 7, 8, 9],
    },
    { node: g.putRows(M, float([2], [7, 8]), int([2, 2], [0, 2, 1, 0])), shape: [2, 3], data: [1, 2, 7, 8, 5, 6] },
  ],
  takeAlong: [{ node: g.takeAlong(M, int([2, 2], [2, 2, 0, 1])), shape: [2, 2], data: [3, 3, 4, 5] }],
  scatterAddAlong: [
    { node: g.scatterAddAlong(M, int([2, 3], [1, 1, 0, 0, 0, 0]), 2), shape: [2, 2], data: [3, 3, 15, 0] },
  ],
  // x1 = (1, 2), x2 = (3, 4); the first pair is turned by 90 degrees, the second by 180.
  rope: [{ node: g.rope(vector(1, 2, 3, 4), vector(0, -1), vector(1, 0)), shape: [4], data: [-3, -2, 1, -4] }],
  // Scores of h = (1), e = (0, ln 2, ln 5) and of h = (0): weights 1/8 2/8 5/8 and 1/3 each.
  logSumExpMatmul: vocabulary((h, e) => g.logSumExpMatmul(h, e), [2], [log(8), log(3)]),
  softmaxMatmul: vocabulary((h, e) => g.softmaxMatmul(h, e), [2, 1], [(2 * LN2 + 5 * log(5)) / 8, (LN2 + log(5)) / 3]),
  // Row v is sum over c of weight_c p_cv h_c; h = (0) adds nothing.
  softmaxOuter: vocabulary((h, e) => g.softmaxOuter(h, e, vector(16, 100)), [3, 1], [2, 4, 10]),
} satisfies Record<NodeKind, readonly HandDerived[]>;

function vocabulary(
  make: (h: Node, e: Node) => Node,
  shape: readonly number[],
  data: readonly number[],
): readonly HandDerived[] {
  const inputs = { e: { dtype: 'float64', shape: [3, 1], data: Float64Array.of(0, LN2, log(5)) } } as const;
  return [{ node: make(float([2, 1], [1, 0]), g.input('e', [3, 1])), inputs, shape, data }];
}

function run(node: Node, inputs: InterpreterInputs = {}): Value {
  return interpret(g.graph({ y: node }), inputs)['y']!;
}

const ALL: Readonly<Record<NodeKind, readonly HandDerived[]>> = HAND_DERIVED;

describe.each(Object.entries(ALL))('%s', (kind, examples) => {
  test.each(examples.map((example, index) => [index, example] as const))('by hand %i', (_index, example) => {
    expect(example.node.kind).toBe(kind);
    const { shape, data, dtype } = run(example.node, example.inputs);
    expect(shape).toEqual(example.shape);
    expect(dtype).toBe(example.node.dtype === 'float32' ? 'float64' : example.node.dtype);
    expect(data).toHaveLength(example.data.length);
    for (const [position, expected] of example.data.entries()) {
      const actual = data[position]!;
      const message = `element ${position}`;
      if (!Number.isFinite(expected)) expect(actual, message).toBe(expected);
      else expect(Math.abs(actual - expected), message).toBeLessThanOrEqual(4e-16 * Math.abs(expected));
    }
  });

  test.each(NODE_CASES[kind as NodeKind])('shape of $name', ({ build }) => {
    const { graph, inputs } = build();
    const y = interpret(graph, inputs)['y']!;
    const dims = { B: 2, S: 3, T: 5, Z: 0 };
    expect(y.shape).toEqual(g.evaluateShape(graph.outputs['y']!.shape, dims));
    expect(y.data.findIndex(Number.isNaN)).toBe(-1);
  });
});

test('a symbol takes its value from the inputs', () => {
  const x = g.input('x', ['T', 'B']);
  const source = g.graph({ mean: g.mean(x), flat: g.reshape(x, ['B*T']), count: g.dimSize('2*B*T') });
  const outputs = interpret(source, { x: float32Tensor([2, 3], [1, 2, 3, 4, 5, 9]) });
  expect(outputs).toEqual({
    mean: { dtype: 'float64', shape: [], data: Float64Array.of(4) },
    flat: { dtype: 'float64', shape: [6], data: Float64Array.of(1, 2, 3, 4, 5, 9) },
    count: { dtype: 'int32', shape: [], data: Float64Array.of(12) },
  });
});

test('float64 inputs keep their digits', () => {
  const inputs = { x: { dtype: 'float64', shape: [], data: Float64Array.of(0.1) } } as const;
  expect(run(g.mul(g.input('x', []), 2), inputs).data).toEqual(Float64Array.of(0.2));
});

test('20,000 nodes in a row', () => {
  let node = g.input('x', []);
  for (let i = 0; i < 20_000; i++) node = g.add(node, 1);
  expect(run(node, { x: float32Tensor([], [0.5]) }).data).toEqual(Float64Array.of(20_000.5));
});
