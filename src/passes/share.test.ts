import { expect, test } from 'vitest';
import { float32Tensor, int32Tensor } from '../core/index.ts';
import * as g from '../graph/index.ts';
import { shareSubexpressions, shareWithTable } from './share.ts';

const make = () => {
  const x = g.input('x', ['T', 2]);
  return g.mul(g.add(x, 1), g.exp(g.add(x, 1)));
};

test('equal computations from equal inputs are computed once', () => {
  const source = g.graph({ a: make(), b: g.neg(make()) });
  expect(g.graphNodes(source).length).toBe(15);
  expect(g.printGraph(shareSubexpressions(source))).toMatchInlineSnapshot(`
    "%0 = input "x" : float32 [T, 2]
    %1 = constant 1 : float32 []
    %2 = add %0 %1 : float32 [T, 2]
    %3 = exp %2 : float32 [T, 2]
    %4 = mul %2 %3 : float32 [T, 2]
    %5 = neg %4 : float32 [T, 2]
    return a=%4 b=%5"
  `);
});

const index = (values: number[]) => g.constant(int32Tensor([values.length], values));

test('what differs in an attribute, an operand, its order or a constant stays apart', () => {
  const [a, b] = [g.input('a', [2, 2]), g.input('b', [2, 2])];
  const outputs = {
    product: g.matmul(a, b),
    transposed: g.matmul(a, b, { transposeA: true }),
    scaled: g.matmul(a, b, { scale: 2 }),
    swapped: g.matmul(b, a),
    one: g.scalar(1),
    int: g.scalar(1, 'int32'),
    vector: g.constant(float32Tensor([1], [1])),
    plus: g.constant(float32Tensor([2], [0, 0])),
    minus: g.constant(float32Tensor([2], [0, -0])),
    missing: g.constant(float32Tensor([2], [NaN, 0])),
    infinite: g.constant(float32Tensor([2], [Infinity, 0])),
  };
  const { outputs: shared } = shareSubexpressions(g.graph(outputs));
  expect(new Set(Object.values(shared)).size).toBe(Object.keys(outputs).length);
  const same = shareSubexpressions(g.graph({ p: index([1, 2, 3]), q: index([1, 2, 3]), r: index([12, 3]) })).outputs;
  expect([same['p'] === same['q'], same['p'] === same['r']]).toEqual([true, false]);
});

test('factors that JSON cannot tell apart are told apart', () => {
  const [a, b] = [g.input('a', [2, 2]), g.input('b', [2, 2])];
  const scales = [NaN, Infinity, -Infinity, 0, -0];
  const outputs = Object.fromEntries(scales.map((scale, i) => [`y${i}`, g.matmul(a, b, { scale })]));
  expect(new Set(Object.values(shareSubexpressions(g.graph(outputs)).outputs)).size).toBe(5);
});

test('random numbers of one seed are one value, of two seeds two', () => {
  const seed = g.input('seed', [], 'int32');
  const draw = (offset: number) => g.randomUniform(g.add(seed, offset), [3]);
  const { a, b, c } = shareSubexpressions(g.graph({ a: draw(1), b: draw(1), c: draw(2) })).outputs;
  expect([a === b, a === c]).toEqual([true, false]);
});

test('a shared graph is left as it is, node for node', () => {
  const x = g.input('x', [2]);
  const y = g.mul(g.exp(x), x);
  const once = shareSubexpressions(g.graph({ y, again: y }));
  expect([once.outputs['y'], once.outputs['again']]).toEqual([y, y]);
  expect(once.outputs['y']).toBe(y);
});

test('a table finds what a graph computes, and nothing else', () => {
  const x = g.input('x', [2]);
  const y = g.exp(x);
  const { table } = shareWithTable(g.graph({ y }));
  expect(table.find(g.exp(x))).toBe(y);
  expect(table.find(g.exp(g.exp(x)))).toBe(undefined);
  expect(table.find(g.exp(g.input('x', [2])))).toBe(undefined);
});
