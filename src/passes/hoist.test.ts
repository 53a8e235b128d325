import { describe, expect, test } from 'vitest';
import * as g from '../graph/index.ts';
import type { Node } from '../graph/index.ts';
import { hoist } from './hoist.ts';

const WEIGHTS = new Set(['W', 'A', 'B', 'unreached']);
const isInvariant = (name: string): boolean => WEIGHTS.has(name);

function printed(outputs: Readonly<Record<string, Node>>): string {
  const { once, body } = hoist(g.graph(outputs), isInvariant);
  for (const part of [once, body]) g.verifyGraph(part);
  return `once:\n${g.printGraph(once)}\nbody:\n${g.printGraph(body)}`;
}

const x = g.input('x', ['T', 4]);
const W = g.input('W', [3, 4]);
const [A, B] = [g.input('A', [2, 4]), g.input('B', [3, 2])];
const adapted = g.add(W, g.matmul(B, A, { scale: 2 }));

test('W + scale B A is computed once, and nothing that depends on the batch', () => {
  expect(printed({ y: g.matmul(x, adapted, { transposeB: true }), z: g.matmul(x, W, { transposeB: true }) }))
    .toMatchInlineSnapshot(`
    "once:
    %0 = input "W" : float32 [3, 4]
    %1 = input "B" : float32 [3, 2]
    %2 = input "A" : float32 [2, 4]
    %3 = matmul %1 %2 scale=2 : float32 [3, 4]
    %4 = add %0 %3 : float32 [3, 4]
    return hoisted/0=%4
    body:
    %0 = input "x" : float32 [T, 4]
    %1 = input "hoisted/0" : float32 [3, 4]
    %2 = matmul %0 %1 transposeB=true : float32 [T, 3]
    %3 = input "W" : float32 [3, 4]
    %4 = matmul %0 %3 transposeB=true : float32 [T, 3]
    return y=%2 z=%4"
  `);
});

test('a reshape is done again rather than kept: it costs nothing', () => {
  const flat = g.reshape(adapted, [12]);
  expect(
    printed({
      y: g.matmul(x, g.reshape(flat, [4, 3])),
      z: g.reduceSum(g.mul(g.reshape(flat, [3, 4]), g.reduceSum(x))),
    }),
  ).toMatchInlineSnapshot(`
    "once:
    %0 = input "W" : float32 [3, 4]
    %1 = input "B" : float32 [3, 2]
    %2 = input "A" : float32 [2, 4]
    %3 = matmul %1 %2 scale=2 : float32 [3, 4]
    %4 = add %0 %3 : float32 [3, 4]
    return hoisted/0=%4
    body:
    %0 = input "x" : float32 [T, 4]
    %1 = input "hoisted/0" : float32 [3, 4]
    %2 = reshape %1 : float32 [12]
    %3 = reshape %2 : float32 [4, 3]
    %4 = matmul %0 %3 : float32 [T, 3]
    %5 = reshape %2 : float32 [3, 4]
    %6 = reduceSum %0 axes=[0, 1] : float32 []
    %7 = mul %5 %6 : float32 [3, 4]
    %8 = reduceSum %7 axes=[0, 1] : float32 []
    return y=%4 z=%8"
  `);
});

describe('outputs', () => {
  test('one that is an input stays an input, invariant or not', () => {
    const { once, body } = hoist(g.graph({ W, x, same: x }), isInvariant);
    expect(once.outputs).toEqual({});
    expect(body.outputs).toEqual({ W, x, same: x });
  });

  test('one that is hoisted comes from the graph that runs once, under each of its names', () => {
    expect(
      printed({
        adapted,
        again: adapted,
        shape: g.reshape(adapted, [12]),
        y: g.matmul(x, adapted, { transposeB: true }),
      }),
    ).toMatchInlineSnapshot(`
      "once:
      %0 = input "W" : float32 [3, 4]
      %1 = input "B" : float32 [3, 2]
      %2 = input "A" : float32 [2, 4]
      %3 = matmul %1 %2 scale=2 : float32 [3, 4]
      %4 = add %0 %3 : float32 [3, 4]
      return hoisted/0=%4
      body:
      %0 = input "hoisted/0" : float32 [3, 4]
      %1 = reshape %0 : float32 [12]
      %2 = input "x" : float32 [T, 4]
      %3 = matmul %2 %0 transposeB=true : float32 [T, 3]
      return adapted=%0 again=%0 shape=%1 y=%3"
    `);
  });

  test('all hoisted: the body only passes on', () => {
    const { once, body } = hoist(g.graph({ norm: g.reduceSum(g.mul(W, W)) }), isInvariant);
    expect(Object.keys(once.outputs)).toEqual(['hoisted/0']);
    expect(g.printGraph(body)).toBe('%0 = input "hoisted/0" : float32 []\nreturn norm=%0');
  });
});

const stays = (outputs: Readonly<Record<string, Node>>, invariant = isInvariant): void => {
  const source = g.graph(outputs);
  const { once, body } = hoist(source, invariant);
  expect(once.outputs).toEqual({});
  expect(g.printGraph(body)).toBe(g.printGraph(source));
};

describe('stays in the body', () => {
  test('a graph without invariants, and one without inputs', () => {
    stays({ y: g.matmul(x, adapted, { transposeB: true }) }, () => false);
    stays({ y: g.exp(g.scalar(2)) });
    stays({});
  });

  test('arithmetic on constants alone', () => {
    stays({ y: g.mul(x, g.exp(g.scalar(2))) });
  });

  test('what depends on a dimension of the batch', () => {
    const weight = g.input('W', ['T', 4]);
    stays({ y: g.exp(weight), x });
    stays({ y: g.mul(g.reduceSum(W, { axes: [] }), g.cast(g.dimSize('T'), 'float32')), x }, () => false);
    // iota and dimSize are computed where they are used.
    stays({ y: g.gather(W, g.iota(2)), x });
    stays({ y: g.broadcastTo(g.reshape(W, [1, 12]), ['T', 12]), x });
  });
});

test('int32 and bool values are hoisted with their dtype', () => {
  const index = g.input('A', [5], 'int32');
  const { once, body } = hoist(
    g.graph({ y: g.where(g.less(index, 3), g.reduceSum(x), 0), z: g.gather(x, g.add(index, 1)) }),
    isInvariant,
  );
  expect(Object.values(once.outputs).map(({ dtype, shape }) => [dtype, shape])).toEqual([
    ['bool', [5]],
    ['int32', [5]],
  ]);
  expect(g.graphInputs(body).map(({ attributes }) => attributes.name)).toEqual(['hoisted/0', 'hoisted/1', 'x']);
});

test('what only hoisted values read is not handed over', () => {
  const inner = g.exp(W);
  const outer = g.reduceSum(g.mul(inner, 2), { axes: [0] });
  const { once } = hoist(g.graph({ y: g.mul(x, outer) }), isInvariant);
  expect(Object.values(once.outputs)).toEqual([outer]);
});
