import { describe, expect, test } from 'vitest';
import { float32Tensor, int32Tensor } from '../core/index.ts';
import * as g from '../graph/index.ts';
import type { Node } from '../graph/index.ts';
import { interpret } from '../interpret/index.ts';
import { scalarValue } from './pattern.ts';
import { simplify } from './simplify.ts';

function simplified(outputs: Readonly<Record<string, Node>>): string {
  return g.printGraph(simplify(g.graph(outputs)));
}

const x = g.input('x', ['T', 4]);
const w = g.input('w', [3, 4]);

test('the graph before and after, from a loss written without care', () => {
  const scaled = g.matmul(g.mul(x, 2), g.transpose(g.div(w, 4), [1, 0]));
  const source = g.graph({
    y: g.add(g.sub(g.mul(g.neg(g.neg(scaled)), 1), g.neg(g.input('bias', [3]))), g.mul(g.scalar(3), 0)),
  });
  expect(g.printGraph(source)).toMatchInlineSnapshot(`
    "%0 = input "x" : float32 [T, 4]
    %1 = constant 2 : float32 []
    %2 = mul %0 %1 : float32 [T, 4]
    %3 = input "w" : float32 [3, 4]
    %4 = constant 4 : float32 []
    %5 = div %3 %4 : float32 [3, 4]
    %6 = transpose %5 permutation=[1, 0] : float32 [4, 3]
    %7 = matmul %2 %6 : float32 [T, 3]
    %8 = neg %7 : float32 [T, 3]
    %9 = neg %8 : float32 [T, 3]
    %10 = constant 1 : float32 []
    %11 = mul %9 %10 : float32 [T, 3]
    %12 = input "bias" : float32 [3]
    %13 = neg %12 : float32 [3]
    %14 = sub %11 %13 : float32 [T, 3]
    %15 = constant 3 : float32 []
    %16 = constant 0 : float32 []
    %17 = mul %15 %16 : float32 []
    %18 = add %14 %17 : float32 [T, 3]
    return y=%18"
  `);
  expect(g.printGraph(simplify(source))).toMatchInlineSnapshot(`
    "%0 = input "x" : float32 [T, 4]
    %1 = input "w" : float32 [3, 4]
    %2 = matmul %0 %1 transposeB=true scale=0.5 : float32 [T, 3]
    %3 = input "bias" : float32 [3]
    %4 = add %2 %3 : float32 [T, 3]
    return y=%4"
  `);
});

const int = (value: number): Node => g.scalar(value, 'int32');

describe('arithmetic', () => {
  test('on scalar constants is done once, in float32', () => {
    const third = g.div(g.scalar(1), 3);
    const folded = simplify(g.graph({ third, sum: g.add(g.mul(g.scalar(2), 3), g.sub(g.scalar(1), 8)) })).outputs;
    expect([folded['third']!, folded['sum']!].map(scalarValue)).toEqual([Math.fround(1 / 3), -1]);
  });

  test('on int32 stays exact: neither division nor overflow is folded', () => {
    const outputs = {
      sum: g.add(int(2), int(3)),
      quotient: g.div(int(7), int(2)),
      overflow: g.mul(int(2 ** 30), int(4)),
      float: g.cast(g.mul(int(6), int(7)), 'float32'),
    };
    const { sum, quotient, overflow, float } = simplify(g.graph(outputs)).outputs;
    expect(sum).toMatchObject({ kind: 'constant', dtype: 'int32' });
    expect([scalarValue(sum!), scalarValue(float!)]).toEqual([5, 42]);
    expect([quotient!.kind, overflow!.kind, float!.dtype]).toEqual(['div', 'mul', 'float32']);
  });

  test('neutral elements go where the other side alone has the shape', () => {
    const kept = { a: g.add(x, 0), b: g.add(0, x), c: g.mul(x, 1), d: g.mul(1, x), e: g.div(x, 1), f: g.sub(x, 0) };
    for (const node of Object.values(simplify(g.graph(kept)).outputs)) expect(node).toBe(x);
    const zeros = g.constant(float32Tensor([1, 1, 1], [0]));
    expect(simplify(g.graph({ y: g.add(x, zeros) })).outputs['y']!.kind).toBe('add');
    const { y, z } = simplify(g.graph({ y: g.sub(0, x), z: g.div(1, x) })).outputs;
    expect([y!.kind, z!.kind]).toEqual(['sub', 'div']);
  });

  test('signs join: -(-x), x - (-y), x + (-y), (-x) + y, x * -1', () => {
    const [a, b] = [g.input('a', [2]), g.input('b', [2])];
    expect(
      simplified({
        p: g.neg(g.neg(a)),
        q: g.sub(a, g.neg(b)),
        r: g.add(a, g.neg(b)),
        s: g.add(g.neg(a), b),
        t: g.mul(a, -1),
      }),
    ).toMatchInlineSnapshot(`
      "%0 = input "a" : float32 [2]
      %1 = input "b" : float32 [2]
      %2 = add %0 %1 : float32 [2]
      %3 = sub %0 %1 : float32 [2]
      %4 = sub %1 %0 : float32 [2]
      %5 = neg %0 : float32 [2]
      return p=%0 q=%2 r=%3 s=%4 t=%5"
    `);
  });

  test('factors join unless their product leaves the normal range of float32', () => {
    const product = (factors: readonly number[]): Node => {
      const { y } = simplify(g.graph({ y: factors.reduce<Node>((node, factor) => g.mul(node, factor), x) })).outputs;
      return y!;
    };
    expect(scalarValue(product([2, 0.25, 3]).inputs[1]!)).toBe(1.5);
    for (const factors of [
      [1e30, 1e30],
      [1e-30, 1e-30],
      [0, 2],
      [Infinity, 0.5],
    ]) {
      const kept = product(factors);
      expect(kept.inputs[0]!.kind, String(factors)).toBe('mul');
    }
    // By one factor, infinity * 0 would not be a number.
    const huge = simplify(g.graph({ y: g.mul(g.mul(x, 1e30), 1e30) }));
    expect(
      Array.from(interpret(huge, { x: float32Tensor([1, 4], [0, 1e-30, -1e-30, 0]) })['y']!.data, Math.fround),
    ).toEqual(
      Array.from(Float64Array.of(0, 1e-30, -1e-30, 0), (v) =>
        Math.fround(Math.fround(v) * Math.fround(1e30) * Math.fround(1e30)),
      ),
    );
  });

  test('int32 products keep their factors', () => {
    const i = g.input('i', [2], 'int32');
    const { y } = simplify(g.graph({ y: g.mul(g.mul(i, 3), 5) })).outputs;
    expect(y!.inputs[0]!.kind).toBe('mul');
    expect(Array.from(interpret(g.graph({ y: y! }), { i: int32Tensor([2], [1, -2]) })['y']!.data)).toEqual([15, -30]);
  });
});

describe('products', () => {
  test('take transposes of their last axes and scalar factors into themselves', () => {
    const q = g.input('q', ['B', 2, 'T', 4]);
    const k = g.input('k', ['B', 2, 'T', 4]);
    expect(
      simplified({
        both: g.matmul(g.transpose(x, [1, 0]), g.transpose(g.input('v', [3, 'T']), [1, 0]), { scale: 0.5 }),
        scores: g.mul(1, g.matmul(g.div(q, 2), g.transpose(g.mul(0.5, k), [0, 1, 3, 2]))),
        heads: g.matmul(g.transpose(q, [0, 2, 1, 3]), g.transpose(q, [0, 2, 3, 1])),
      }),
    ).toMatchInlineSnapshot(`
      "%0 = input "x" : float32 [T, 4]
      %1 = input "v" : float32 [3, T]
      %2 = matmul %0 %1 transposeA=true transposeB=true scale=0.5 : float32 [4, 3]
      %3 = input "q" : float32 [B, 2, T, 4]
      %4 = input "k" : float32 [B, 2, T, 4]
      %5 = matmul %3 %4 transposeB=true scale=0.25 : float32 [B, 2, T, T]
      %6 = transpose %3 permutation=[0, 2, 1, 3] : float32 [B, T, 2, 4]
      %7 = transpose %3 permutation=[0, 2, 3, 1] : float32 [B, T, 4, 2]
      %8 = matmul %6 %7 : float32 [B, T, 2, 2]
      return both=%2 scores=%5 heads=%8"
    `);
  });

  test('keep a factor that has the shape of a matrix, or none at all', () => {
    const column = g.input('c', ['T', 1]);
    const { y, z } = simplify(
      g.graph({
        y: g.matmul(g.mul(x, column), w, { transposeB: true }),
        z: g.matmul(g.mul(x, 0), w, { transposeB: true }),
      }),
    ).outputs;
    expect([y!.inputs[0]!.kind, z!.inputs[0]!.kind]).toEqual(['mul', 'mul']);
  });
});

test('movements that move nothing go, and two in a row become one', () => {
  const y = g.input('y', ['T', 2, 3]);
  expect(
    simplified({
      reshaped: g.reshape(g.reshape(y, ['2*T', 3]), ['T', 6]),
      back: g.reshape(g.reshape(y, ['6*T']), ['T', 2, 3]),
      turned: g.transpose(g.transpose(y, [1, 2, 0]), [1, 0, 2]),
      unturned: g.transpose(g.transpose(y, [1, 2, 0]), [2, 0, 1]),
    }),
  ).toMatchInlineSnapshot(`
    "%0 = input "y" : float32 [T, 2, 3]
    %1 = reshape %0 : float32 [T, 6]
    %2 = transpose %0 permutation=[2, 1, 0] : float32 [3, 2, T]
    return reshaped=%1 back=%0 turned=%2 unturned=%0"
  `);
  const same = {
    broadcast: g.broadcastTo(y, ['T', 2, 3]),
    slice: g.slice(y, { axis: 1, start: 0, end: 2 }),
    pad: g.pad(y, { axis: 2, before: 0, after: 0 }),
    concat: g.concat([y], 1),
    sum: g.reduceSum(y, { axes: [] }),
    max: g.reduceMax(y, { axes: [] }),
    stopped: g.stopGradient(g.stopGradient(y)),
  };
  for (const [name, node] of Object.entries(simplify(g.graph(same)).outputs)) expect(node, name).toBe(y);
});

test('double negation of a condition goes', () => {
  const condition = g.input('condition', [2], 'bool');
  expect(simplify(g.graph({ y: g.not(g.not(condition)) })).outputs['y']).toBe(condition);
});

test('a long chain is worked off', () => {
  let node: Node = x;
  for (let i = 0; i < 100; i++) node = g.neg(node);
  expect(simplify(g.graph({ y: node })).outputs['y']).toBe(x);
});
