import { describe, expect, test } from 'vitest';
import { vectorJacobian } from '../autodiff/index.ts';
import { createRandom, elementCount, float32Tensor, type HostTensor } from '../core/index.ts';
import * as g from '../graph/index.ts';
import type { Graph, Node } from '../graph/index.ts';
import { interpret } from '../interpret/index.ts';
import { contractRowSums } from './contract.ts';
import { shareSubexpressions } from './share.ts';
import { simplify } from './simplify.ts';

function values(source: Graph): Record<string, HostTensor> {
  const random = createRandom(1);
  return Object.fromEntries(
    g.graphInputs(source).map((node) => {
      const shape = g.evaluateShape(node.shape, { T: 3, S: 3 });
      const elements = Array.from({ length: elementCount(shape) }, () => random.nextNormal());
      return [node.attributes.name, float32Tensor(shape, elements)];
    }),
  );
}

function agrees(source: Graph): Graph {
  const contracted = contractRowSums(source);
  g.verifyGraph(contracted);
  const inputs = values(source);
  const [ours, plain] = [interpret(contracted, inputs), interpret(source, inputs)];
  for (const [name, { shape, data }] of Object.entries(plain)) {
    expect(ours[name]!.shape).toEqual(shape);
    data.forEach((value, i) => expect(ours[name]!.data[i]).toBeCloseTo(value, 12));
  }
  return contracted;
}

/** softmax(q k^T) v and its gradient with respect to q, the heads that share a key in the sequence axis. */
function attentionGradient(): Graph {
  const [q, k, v] = ['q', 'k', 'v'].map((name) => g.input(name, name === 'q' ? [2, '2*T', 4] : [2, 'T', 4])) as [
    Node,
    Node,
    Node,
  ];
  const scores = g.reshape(g.matmul(q, k, { transposeB: true }), [2, 2, 'T', 'T']);
  const weights = g.reshape(g.softmax(scores), [2, '2*T', 'T']);
  const y = g.matmul(weights, v);
  const [dq] = vectorJacobian([y], [g.input('dy', y.shape)], [q]);
  return shareSubexpressions(simplify(g.graph({ y, dq: dq! })));
}

test('the row sum of P * dP in the gradient of attention becomes that of O * dO', () => {
  const source = attentionGradient();
  expect(g.printGraph(source)).toMatchInlineSnapshot(`
    "%0 = input "q" : float32 [2, 2*T, 4]
    %1 = input "k" : float32 [2, T, 4]
    %2 = matmul %0 %1 transposeB=true : float32 [2, 2*T, T]
    %3 = reshape %2 : float32 [2, 2, T, T]
    %4 = softmax %3 : float32 [2, 2, T, T]
    %5 = reshape %4 : float32 [2, 2*T, T]
    %6 = input "v" : float32 [2, T, 4]
    %7 = matmul %5 %6 : float32 [2, 2*T, 4]
    %8 = input "dy" : float32 [2, 2*T, 4]
    %9 = matmul %8 %6 transposeB=true : float32 [2, 2*T, T]
    %10 = reshape %9 : float32 [2, 2, T, T]
    %11 = mul %10 %4 : float32 [2, 2, T, T]
    %12 = reduceSum %11 axes=[3] keepDims=true : float32 [2, 2, T, 1]
    %13 = sub %10 %12 : float32 [2, 2, T, T]
    %14 = mul %4 %13 : float32 [2, 2, T, T]
    %15 = reshape %14 : float32 [2, 2*T, T]
    %16 = matmul %15 %1 : float32 [2, 2*T, 4]
    return y=%7 dq=%16"
  `);
  expect(g.printGraph(agrees(source))).toMatchInlineSnapshot(`
    "%0 = input "q" : float32 [2, 2*T, 4]
    %1 = input "k" : float32 [2, T, 4]
    %2 = matmul %0 %1 transposeB=true : float32 [2, 2*T, T]
    %3 = reshape %2 : float32 [2, 2, T, T]
    %4 = softmax %3 : float32 [2, 2, T, T]
    %5 = reshape %4 : float32 [2, 2*T, T]
    %6 = input "v" : float32 [2, T, 4]
    %7 = matmul %5 %6 : float32 [2, 2*T, 4]
    %8 = input "dy" : float32 [2, 2*T, 4]
    %9 = matmul %8 %6 transposeB=true : float32 [2, 2*T, T]
    %10 = reshape %9 : float32 [2, 2, T, T]
    %11 = mul %8 %7 : float32 [2, 2*T, 4]
    %12 = reduceSum %11 axes=[2] : float32 [2, 2*T]
    %13 = reshape %12 : float32 [2, 2, T, 1]
    %14 = sub %10 %13 : float32 [2, 2, T, T]
    %15 = mul %4 %14 : float32 [2, 2, T, T]
    %16 = reshape %15 : float32 [2, 2*T, T]
    %17 = matmul %16 %1 : float32 [2, 2*T, 4]
    return y=%7 dq=%17"
  `);
});

const unchanged = (outputs: Readonly<Record<string, Node>>): void => {
  const source = shareSubexpressions(g.graph(outputs));
  expect(g.printGraph(agrees(source))).toBe(g.printGraph(source));
};

describe('left alone', () => {
  const [a, b, c] = [g.input('a', ['T', 'S']), g.input('b', ['T', 4]), g.input('c', ['S', 4])];
  const scores = g.matmul(b, c, { transposeB: true });

  test('where A C is not computed anyway', () => {
    unchanged({ y: g.reduceSum(g.mul(a, scores), { axes: [1] }) });
  });

  test('where the scores are scaled, or the sum is over another axis', () => {
    const product = g.matmul(a, c);
    const scaled = g.matmul(b, c, { transposeB: true, scale: 2 });
    unchanged({ y: g.reduceSum(g.mul(a, scaled), { axes: [1] }), product });
    unchanged({ y: g.reduceSum(g.mul(a, scores), { axes: [0] }), product });
    unchanged({ y: g.reduceSum(g.mul(a, scores)), product });
  });

  test('where the product repeats one side along an axis', () => {
    const row = g.input('row', [1, 'S']);
    unchanged({ y: g.reduceSum(g.mul(row, scores), { axes: [1] }), product: g.matmul(row, c) });
    const spread = g.mul(g.reshape(a, ['T', 1, 'S']), g.reshape(scores, [1, 'T', 'S']));
    unchanged({ y: g.reduceSum(spread, { axes: [2] }), product: g.matmul(a, c) });
  });

  test('where A stands in another shape than B C^T and its product does too', () => {
    const [turned, wide] = [g.input('turned', [3, 2, 5]), g.input('wide', [2, 3, 4])];
    const keys = g.input('keys', [5, 4]);
    const product = g.mul(g.reshape(turned, [6, 5]), g.reshape(g.matmul(wide, keys, { transposeB: true }), [6, 5]));
    unchanged({ y: g.reduceSum(product, { axes: [1] }), product: g.matmul(turned, keys) });
  });

  test('where the product that it would use reads the sum itself', () => {
    const sum = g.reduceSum(g.mul(a, scores), { axes: [1], keepDims: true });
    const later = g.matmul(a, g.mul(c, g.reduceSum(sum)));
    unchanged({ sum, later });
  });
});

test('either order of the factors, and a kept axis', () => {
  const [a, b, c] = [g.input('a', ['T', 'S']), g.input('b', ['T', 4]), g.input('c', ['S', 4])];
  const scores = g.matmul(b, c, { transposeB: true });
  const outputs = {
    product: g.matmul(a, c),
    y: g.reduceSum(g.mul(scores, a), { axes: [1], keepDims: true }),
  };
  expect(g.printGraph(agrees(g.graph(outputs)))).toMatchInlineSnapshot(`
    "%0 = input "a" : float32 [T, S]
    %1 = input "c" : float32 [S, 4]
    %2 = matmul %0 %1 : float32 [T, 4]
    %3 = input "b" : float32 [T, 4]
    %4 = mul %3 %2 : float32 [T, 4]
    %5 = reduceSum %4 axes=[1] : float32 [T]
    %6 = reshape %5 : float32 [T, 1]
    return product=%2 y=%6"
  `);
});
