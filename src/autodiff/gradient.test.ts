import { describe, expect, test } from 'vitest';
import { float32Tensor, hostTensor, int32Tensor } from '../core/index.ts';
import * as g from '../graph/index.ts';
import type { Node } from '../graph/index.ts';
import { interpret, type Float64Tensor } from '../interpret/index.ts';
import { gradient, vectorJacobian } from './gradient.ts';

const { log, sqrt, LN2 } = Math;

interface GivenArray {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

const array = (shape: readonly number[], data: readonly number[]): GivenArray => ({ shape, data });
const list = (...data: readonly number[]): GivenArray => ({ shape: [data.length], data });
const ints = (...data: readonly number[]): Node => g.constant(int32Tensor([data.length], data));
const weights = (...data: readonly number[]): Node => g.constant(float32Tensor([data.length], data));

function toTensor({ shape, data }: GivenArray): Float64Tensor {
  return { dtype: 'float64', shape, data: Float64Array.from(data) };
}

/** The gradients of the scalar `make` gives, with respect to every input. */
function gradientsOf<const Given extends Readonly<Record<string, GivenArray>>>(
  given: Given,
  make: (nodes: { readonly [K in keyof Given]: Node }) => Node,
): { readonly [K in keyof Given]: readonly number[] } {
  const names = Object.keys(given);
  const nodes = names.map((name) => g.input(name, given[name]!.shape));
  const loss = make(Object.fromEntries(names.map((name, i) => [name, nodes[i]])) as never);
  const gradients = gradient(loss, nodes);
  const outputs = interpret(
    // The inputs stand among the outputs, so that each is in the graph.
    g.graph({ ...Object.fromEntries(names.map((name, i) => [name, gradients[i]!])), ...keep(nodes) }),
    Object.fromEntries(names.map((name) => [name, toTensor(given[name]!)])),
  );
  for (const name of names) expect(outputs[name]!.shape).toEqual(given[name]!.shape);
  return Object.fromEntries(names.map((name) => [name, Array.from(outputs[name]!.data)])) as never;
}

function keep(nodes: readonly Node[]): Record<string, Node> {
  return Object.fromEntries(nodes.map((node, i) => [`input ${i}`, node]));
}

/** sum(x * weights), so that the cotangent of x is the weights. */
const weighed = (x: Node, ...data: readonly number[]): Node =>
  g.reduceSum(g.mul(x, g.constant(float32Tensor(x.shape as number[], data))));

function expectClose(actual: readonly number[], expected: readonly number[]): void {
  expect(actual).toHaveLength(expected.length);
  for (const [i, value] of expected.entries())
    expect(Math.abs(actual[i]! - value), `element ${i}: ${actual[i]}`).toBeLessThanOrEqual(1e-15 * Math.abs(value));
}

describe('derived by hand', () => {
  test('DPO: d/dm of -log sigmoid(beta m) is -beta sigmoid(-beta m)', () => {
    // beta = 0.5, m = 2 ln 3: sigmoid(-ln 3) = 1/4; m = 0: 1/2.
    const { m } = gradientsOf({ m: list(2 * log(3), 0) }, (n) => g.neg(g.reduceSum(g.logSigmoid(g.mul(n.m, 0.5)))));
    expectClose(m, [-0.125, -0.25]);
  });

  test('a product of matrices', () => {
    // loss = sum_ij c_ij (a b)_ij: da = c b^T, db = a^T c.
    const given = { a: array([2, 2], [1, 2, 3, 4]), b: array([2, 1], [5, 6]) };
    const { a, b } = gradientsOf(given, (n) => weighed(g.matmul(n.a, n.b), 1, 10));
    expect(a).toEqual([5, 6, 50, 60]);
    expect(b).toEqual([31, 42]);
  });

  test('one weight for a batch: the sum over all rows', () => {
    const given = { x: array([2, 2, 1], [1, 2, 3, 4]), w: array([1, 2], [5, 6]) };
    const { x, w } = gradientsOf(given, (n) => weighed(g.matmul(n.x, n.w), 1, 0, 0, 1, 2, 0, 0, 2));
    expect(x).toEqual([5, 6, 10, 12]);
    expect(w).toEqual([1 + 6, 2 + 8]);
  });

  test('softmax: p (g - sum(g p))', () => {
    // p = 1/8, 2/8, 5/8 and g = 8, 0, 0: sum(g p) = 1.
    const { x } = gradientsOf({ x: list(0, LN2, log(5)) }, (n) => weighed(g.softmax(n.x), 8, 0, 0));
    expectClose(x, [7 / 8, -2 / 8, -5 / 8]);
  });

  test('logSumExp: g softmax(x)', () => {
    const { x } = gradientsOf({ x: list(0, LN2, log(5)) }, (n) => g.mul(16, g.logSumExp(n.x)));
    expectClose(x, [2, 4, 10]);
  });

  test('negative log-likelihood of one token: softmax(x) - one-hot', () => {
    const { x } = gradientsOf({ x: list(0, LN2, log(5)) }, (n) =>
      g.neg(g.reduceSum(g.takeAlong(g.logSoftmax(n.x), ints(1)))),
    );
    expectClose(x, [1 / 8, 2 / 8 - 1, 5 / 8]);
  });

  test('logSumExpMatmul', () => {
    // Scores of h = (1): 0, ln 2, ln 5. dh = g sum_v p_v e_v, de_v = g p_v h.
    const given = { h: array([1, 1], [1]), e: array([3, 1], [0, LN2, log(5)]) };
    const { h, e } = gradientsOf(given, (n) => weighed(g.logSumExpMatmul(n.h, n.e), 8));
    expectClose(h, [2 * LN2 + 5 * log(5)]);
    expectClose(e, [1, 2, 5]);
  });

  test('inverseRms: -y^3 x / n', () => {
    // mean(9 + 16)/2 = 12.5.
    const { x } = gradientsOf({ x: list(3, 4) }, (n) => g.reduceSum(g.inverseRms(n.x, 0)));
    const cube = 1 / (12.5 * sqrt(12.5));
    expectClose(x, [(-3 * cube) / 2, (-4 * cube) / 2]);
  });

  test('broadcasting: the sum over what was repeated', () => {
    const given = { a: array([2, 1], [2, 3]), b: list(5, 7), c: array([], [11]) };
    const { a, b, c } = gradientsOf(given, (n) => weighed(g.mul(g.mul(n.a, n.b), n.c), 1, 10, 100, 1000));
    expect(a).toEqual([11 * (5 + 70), 11 * (500 + 7000)]);
    expect(b).toEqual([11 * (2 + 300), 11 * (20 + 3000)]);
    expect(c).toEqual([10 + 140 + 1500 + 21000]);
  });

  test('a quotient', () => {
    const { a, b } = gradientsOf({ a: list(3), b: list(2) }, (n) => g.reduceSum(g.div(n.a, n.b)));
    expect([a, b]).toEqual([[0.5], [-0.75]]);
  });

  test('silu: s + y (1 - s)', () => {
    // s = 3/4, y = 3/4 ln 3.
    const { x } = gradientsOf({ x: list(log(3), 0) }, (n) => g.reduceSum(g.silu(n.x)));
    expectClose(x, [0.75 + (0.75 * log(3)) / 4, 0.5]);
  });

  test('kinks: equal sides share, abs has 0', () => {
    const given = { a: list(1, 5, 3), b: list(4, 2, 3) };
    expect(gradientsOf(given, (n) => weighed(g.maximum(n.a, n.b), 2, 4, 8))).toEqual({ a: [0, 4, 4], b: [2, 0, 4] });
    expect(gradientsOf(given, (n) => weighed(g.minimum(n.a, n.b), 2, 4, 8))).toEqual({ a: [2, 0, 4], b: [0, 4, 4] });
    expect(gradientsOf({ x: list(-2, 0, 3) }, (n) => g.reduceSum(g.abs(n.x)))).toEqual({ x: [-1, 0, 1] });
    const rows = { x: array([2, 3], [1, 7, 7, 2, 2, 2]) };
    expect(gradientsOf(rows, (n) => weighed(g.reduceMax(n.x, { axes: [1] }), 4, 9))).toEqual({ x: [0, 2, 2, 3, 3, 3] });
  });

  test('where passes exact zeros to the side not taken', () => {
    const { x } = gradientsOf({ x: list(-4, 4) }, (n) => g.reduceSum(g.where(g.less(0, n.x), g.log(n.x), n.x)));
    expect(x).toEqual([1, 0.25]);
  });

  test('gather adds up the rows it took more than once', () => {
    const given = { x: array([3, 2], [1, 2, 3, 4, 5, 6]) };
    const { x } = gradientsOf(given, (n) => weighed(g.gather(n.x, ints(2, 0, 2)), 1, 2, 3, 4, 10, 20));
    expect(x).toEqual([3, 4, 0, 0, 11, 22]);
  });

  test('permuteRows: back the same way, zero for rows that nobody took', () => {
    const given = { x: array([3, 1], [1, 2, 3]) };
    const { x } = gradientsOf(given, (n) =>
      weighed(g.permuteRows(n.x, ints(2, -1, 0, -1), ints(2, -1, 0)), 1, 2, 3, 4),
    );
    expect(x).toEqual([3, 0, 1]);
  });

  test('putRows: to x where nothing was put, to the updates what their places get', () => {
    const given = { x: array([2, 2], [1, 2, 3, 4]), u: list(5) };
    const { x, u } = gradientsOf(given, (n) => weighed(g.putRows(n.x, n.u, g.reshape(ints(1, 0), [1, 2])), 1, 2, 3, 4));
    expect([x, u]).toEqual([[1, 2, 0, 4], [3]]);
  });

  test('slice, pad and concat', () => {
    const given = { a: list(1, 2, 3), b: list(4) };
    const { a, b } = gradientsOf(given, (n) => {
      const middle = g.slice(n.a, { axis: 0, start: 1, end: 3 });
      return weighed(g.pad(g.concat([n.b, middle, n.b], 0), { axis: 0, before: 1, after: 0 }), 9, 1, 2, 3, 4);
    });
    expect(a).toEqual([0, 2, 3]);
    expect(b).toEqual([5]);
  });

  test('rope turns back', () => {
    // One pair turned by 90 degrees: y = (-x2, x1), so g = (1, 2) gives (2, -1).
    const { x } = gradientsOf({ x: list(3, 4) }, (n) => weighed(g.rope(n.x, weights(0), weights(1)), 1, 2));
    expect(x).toEqual([2, -1]);
  });

  test('sort: each element gets the cotangent of its place', () => {
    const { x } = gradientsOf({ x: list(5, 1, 3) }, (n) => weighed(g.takeAlong(n.x, g.argsort(n.x)), 10, 20, 30));
    expect(x).toEqual([30, 10, 20]);
  });

  test('nothing passes stopGradient, comparisons and sign', () => {
    const { x, unused } = gradientsOf({ x: list(2, -3), unused: array([1, 2], [0, 0]) }, (n) =>
      g.reduceSum(g.mul(g.stopGradient(n.x), g.mul(n.x, g.add(g.sign(n.x), g.cast(g.less(n.x, 0), 'float32'))))),
    );
    expect(x).toEqual([2, -3 * (-1 + 1)]);
    expect(unused).toEqual([0, 0]);
  });
});

/** d/dx of d/dx sum(make(x)). */
function second(make: (x: Node) => Node, ...values: readonly number[]): readonly number[] {
  return gradientsOf({ x: list(...values) }, (n) => g.reduceSum(gradient(g.reduceSum(make(n.x)), [n.x])[0]!)).x;
}

describe('extremes', () => {
  test('finite where the plain formulas are not', () => {
    expect(gradientsOf({ x: list(-1e3, 1e3, -104, 0) }, (n) => g.reduceSum(g.logSigmoid(n.x)))).toEqual({
      x: [1, 0, 1 / (1 + Math.exp(-104)), 0.5],
    });
    const rows = { x: array([2, 2], [1e3, -1e3, 1e3, 1e3]) };
    expect(gradientsOf(rows, (n) => weighed(g.logSumExp(n.x), 1, 2))).toEqual({ x: [1, 0, 1, 1] });
    expect(gradientsOf(rows, (n) => weighed(g.softmax(n.x), 1, 2, 3, 7))).toEqual({ x: [0, 0, -1, 1] });
    const { x } = gradientsOf({ x: list(-1e3, -LN2, -1e-12) }, (n) => g.reduceSum(g.log1mexp(n.x)));
    expectClose(x, [-0, -1, -1e12 + 0.5]);
  });

  test('second derivatives too', () => {
    // -sigmoid'(x)
    expectClose(second(g.logSigmoid, 0, -log(3)), [-0.25, -0.1875]);
    expect(second(g.logSigmoid, 1e3, -1e3).map(Math.abs)).toEqual([0, 0]);
    // -exp(x) / (1 - exp(x))^2
    expectClose(second(g.log1mexp, -LN2), [-2]);
    expect(second(g.log1mexp, -1e3).map(Math.abs)).toEqual([0]);
  });
});

describe('the graphs that come out', () => {
  test('a layer over a batch: flags instead of transposes, one flat product for the weight', () => {
    const x = g.input('x', ['B', 'T', 4]);
    const w = g.input('w', [3, 4]);
    const [dx, dw] = vectorJacobian([g.matmul(x, w, { transposeB: true })], [g.input('g', ['B', 'T', 3])], [x, w]);
    expect(g.printGraph(g.graph({ dx: dx!, dw: dw! }))).toMatchInlineSnapshot(`
      "%0 = input "g" : float32 [B, T, 3]
      %1 = input "w" : float32 [3, 4]
      %2 = matmul %0 %1 : float32 [B, T, 4]
      %3 = reshape %0 : float32 [B*T, 3]
      %4 = input "x" : float32 [B, T, 4]
      %5 = reshape %4 : float32 [B*T, 4]
      %6 = matmul %3 %5 transposeA=true : float32 [3, 4]
      return dx=%2 dw=%6"
    `);
  });

  test('heads that share keys: a product a head, then their sum', () => {
    const q = g.input('q', ['B', 2, 3, 'T', 8]);
    const k = g.input('k', ['B', 2, 1, 'S', 8]);
    const scores = g.matmul(q, k, { transposeB: true, scale: 0.5 });
    const [dk] = vectorJacobian([scores], [g.input('g', scores.shape)], [k]);
    expect(g.printGraph(g.graph({ dk: dk! }))).toMatchInlineSnapshot(`
      "%0 = input "g" : float32 [B, 2, 3, T, S]
      %1 = input "q" : float32 [B, 2, 3, T, 8]
      %2 = matmul %0 %1 transposeA=true scale=0.5 : float32 [B, 2, 3, S, 8]
      %3 = reduceSum %2 axes=[2] keepDims=true : float32 [B, 2, 1, S, 8]
      return dk=%3"
    `);
  });

  test('DPO: no multiplication by the loss cotangent, no sum of zeros', () => {
    const margin = g.input('margin', ['B']);
    const [slope] = gradient(g.neg(g.mean(g.logSigmoid(g.mul(margin, 0.5)))), [margin]);
    expect(g.printGraph(g.graph({ slope: slope! }))).toMatchInlineSnapshot(`
      "%0 = constant 1 : float32 []
      %1 = neg %0 : float32 []
      %2 = dimSize dim=B : int32 []
      %3 = cast %2 to=float32 : float32 []
      %4 = div %1 %3 : float32 []
      %5 = input "margin" : float32 [B]
      %6 = constant 0.5 : float32 []
      %7 = mul %5 %6 : float32 [B]
      %8 = neg %7 : float32 [B]
      %9 = sigmoid %8 : float32 [B]
      %10 = mul %4 %9 : float32 [B]
      %11 = mul %10 %6 : float32 [B]
      return slope=%11"
    `);
  });

  test('a vocabulary too large to hold', () => {
    const h = g.input('h', ['C', 8]);
    const e = g.input('e', [1000, 8]);
    const [dh, de] = gradient(g.reduceSum(g.logSumExpMatmul(h, e)), [h, e]);
    expect(g.printGraph(g.graph({ dh: dh!, de: de! }))).toMatchInlineSnapshot(`
      "%0 = input "h" : float32 [C, 8]
      %1 = input "e" : float32 [1000, 8]
      %2 = softmaxMatmul %0 %1 : float32 [C, 8]
      %3 = constant 1 : float32 []
      %4 = broadcastTo %3 : float32 [C]
      %5 = softmaxOuter %0 %1 %4 : float32 [1000, 8]
      return dh=%2 de=%5"
    `);
  });

  test('the same graph gives the same text', () => {
    const [first, again] = [0, 1].map(() => {
      const x = g.input('x', ['T', 4]);
      const y = g.add(g.mul(x, g.softmax(x)), g.mul(g.tanh(x), g.inverseRms(x, 1e-5)));
      return g.printGraph(g.graph({ dx: gradient(g.reduceSum(g.add(y, y)), [x])[0]! }));
    });
    expect(again).toBe(first);
  });
});

describe('arguments', () => {
  test('with respect to a node inside the graph, and to the loss', () => {
    const x = g.input('x', []);
    const y = g.mul(x, x);
    const loss = g.mul(y, 3);
    const [dx, dy, dLoss] = gradient(loss, [x, y, loss]);
    const values = interpret(g.graph({ dx: dx!, dy: dy!, dLoss: dLoss! }), { x: float32Tensor([], [5]) });
    expect(Object.values(values).map(({ data }) => data[0])).toEqual([30, 3, 1]);
  });

  test('several outputs add up', () => {
    const x = g.input('x', [2]);
    const [dx] = vectorJacobian([g.mul(x, x), x, x], [weights(1, 2), weights(10, 20), weights(100, 200)], [x]);
    const values = interpret(g.graph({ dx: dx! }), { x: float32Tensor([2], [3, 4]) });
    expect(values['dx']!.data).toEqual(Float64Array.of(116, 236));
  });

  test('another loss is refused', () => {
    const message = 'gradient: the loss must be a float32 scalar, got';
    const x = g.input('x', ['T']);
    expect(() => gradient(x, [x])).toThrow(`${message} float32 [T]; reduce it first`);
    expect(() => gradient(g.scalar(1, 'int32'), [x])).toThrow(`${message} int32 []; reduce it first`);
  });

  test('all problems at once', () => {
    const x = g.input('x', ['T']);
    const i = g.input('i', [2], 'int32');
    const mask = g.constant(hostTensor('bool', [1], Uint8Array.of(1)));
    expect(() => vectorJacobian([x, i, x], [weights(1), x], [i, mask])).toThrow(
      [
        'vectorJacobian: each output must have one cotangent, got 3 and 2',
        'vectorJacobian: cotangent 0 must be float32 [T] like its output, got float32 [1]',
        'vectorJacobian: output 1 must be float32, got int32 [2]',
        'vectorJacobian: wrt 0 must be float32, got input int32 [2]',
        'vectorJacobian: wrt 1 must be float32, got constant bool [1]',
      ].join('\n'),
    );
  });

  test('20,000 nodes in a row', () => {
    const x = g.input('x', []);
    let y = x;
    for (let i = 0; i < 10_000; i++) y = g.add(g.neg(y), x);
    // y_{i+1} = x - y_i: after an even number of steps y = x.
    const [dx] = gradient(y, [x]);
    expect(interpret(g.graph({ dx: dx!, x }), { x: float32Tensor([], [2]) })['dx']!.data).toEqual(Float64Array.of(1));
  });
});
