import { describe, expect, test } from 'vitest';
import { vectorJacobian } from '../autodiff/index.ts';
import { createRandom, elementCount, float32Tensor, type HostTensor } from '../core/index.ts';
import * as g from '../graph/index.ts';
import type { Graph, Node } from '../graph/index.ts';
import { interpret } from '../interpret/index.ts';
import { recompute, type RecomputeLevel } from './recompute.ts';
import { shareSubexpressions } from './share.ts';
import { simplify } from './simplify.ts';

const block = (from: Node, layer: number): { to: Node; weights: Node[] } => {
  const [up, down] = [g.input(`up${layer}`, [8, 4]), g.input(`down${layer}`, [4, 8])];
  const active = g.silu(g.matmul(from, up, { transposeB: true }));
  return { to: g.add(from, g.matmul(active, down, { transposeB: true })), weights: [up, down] };
};

/** Two blocks r = x + W2 silu(W1 x), x [T, 4], W1 [8, 4], W2 [4, 8], and the gradients of all weights. */
function perceptron(): Graph {
  const x = g.input('x', ['T', 4]);
  const first = block(x, 1);
  const second = block(first.to, 2);
  const weights = [...first.weights, ...second.weights];
  const gradients = vectorJacobian([second.to], [g.input('dy', ['T', 4])], weights);
  const names = weights.map((node) => `d/${(node.attributes as { name: string }).name}`);
  const outputs = Object.fromEntries(names.map((name, i) => [name, gradients[i]!]));
  return shareSubexpressions(simplify(g.graph({ y: second.to, ...outputs })));
}

const HINTS = { T: 10 };

function at(source: Graph, budgetBytes: number, forwardOutputs: readonly string[] = ['y']) {
  const result = recompute(source, { forwardOutputs, budgetBytes, hints: HINTS });
  g.verifyGraph(result.graph);
  return result;
}

function valuesFor(source: Graph): Record<string, HostTensor> {
  const random = createRandom(5);
  return Object.fromEntries(
    g.graphInputs(source).map(({ attributes: { name }, shape: declared }) => {
      const shape = g.evaluateShape(declared, { T: 3 });
      return [
        name,
        float32Tensor(
          shape,
          Array.from({ length: elementCount(shape) }, () => random.nextNormal()),
        ),
      ];
    }),
  );
}

/*
 * With T = 10, what the backward pass reads of the forward pass, in bytes of float32:
 *   h1 = W1 x [T, 8] 320 and a1 = silu(h1) 320, h2 and a2 the same, r1 = x + W2 a1 [T, 4] 160. x is an input.
 * nothing:     h1 + a1 + h2 + a2 + r1 = 1440
 * elementwise: the products h1, h2 and the residual r1 = 800; a1 and a2 again from h1 and h2
 * layers:      r1 = 160; h1 and h2 again from x and r1
 */
const BUDGETS: readonly (readonly [budgetBytes: number, level: RecomputeLevel, keptBytes: number])[] = [
  [Infinity, 'nothing', 1440],
  [1440, 'nothing', 1440],
  [1439, 'elementwise', 800],
  [800, 'elementwise', 800],
  [799, 'layers', 160],
  [160, 'layers', 160],
  // Nothing fits: the most is recomputed.
  [0, 'layers', 160],
];

test.each(BUDGETS)('a budget of %s bytes: %s, keeping %s', (budgetBytes, level, keptBytes) => {
  const source = perceptron();
  const result = at(source, budgetBytes);
  expect([result.level, result.keptBytes]).toEqual([level, keptBytes]);
  const inputs = valuesFor(source);
  const [ours, plain] = [interpret(result.graph, inputs), interpret(source, inputs)];
  for (const [name, { data }] of Object.entries(plain)) expect(ours[name]!.data, name).toEqual(data);
});

test('the graph of each level: the backward pass reads copies of what is not kept', () => {
  const source = perceptron();
  expect(at(source, 1440).graph).toBe(source);
  expect(g.printGraph(source)).toMatchInlineSnapshot(`
    "%0 = input "x" : float32 [T, 4]
    %1 = input "up1" : float32 [8, 4]
    %2 = matmul %0 %1 transposeB=true : float32 [T, 8]
    %3 = silu %2 : float32 [T, 8]
    %4 = input "down1" : float32 [4, 8]
    %5 = matmul %3 %4 transposeB=true : float32 [T, 4]
    %6 = add %0 %5 : float32 [T, 4]
    %7 = input "up2" : float32 [8, 4]
    %8 = matmul %6 %7 transposeB=true : float32 [T, 8]
    %9 = silu %8 : float32 [T, 8]
    %10 = input "down2" : float32 [4, 8]
    %11 = matmul %9 %10 transposeB=true : float32 [T, 4]
    %12 = add %6 %11 : float32 [T, 4]
    %13 = input "dy" : float32 [T, 4]
    %14 = matmul %13 %10 : float32 [T, 8]
    %15 = sigmoid %8 : float32 [T, 8]
    %16 = constant 1 : float32 []
    %17 = sub %16 %15 : float32 [T, 8]
    %18 = mul %9 %17 : float32 [T, 8]
    %19 = add %15 %18 : float32 [T, 8]
    %20 = mul %14 %19 : float32 [T, 8]
    %21 = matmul %20 %7 : float32 [T, 4]
    %22 = add %13 %21 : float32 [T, 4]
    %23 = matmul %22 %4 : float32 [T, 8]
    %24 = sigmoid %2 : float32 [T, 8]
    %25 = sub %16 %24 : float32 [T, 8]
    %26 = mul %3 %25 : float32 [T, 8]
    %27 = add %24 %26 : float32 [T, 8]
    %28 = mul %23 %27 : float32 [T, 8]
    %29 = matmul %28 %0 transposeA=true : float32 [8, 4]
    %30 = matmul %22 %3 transposeA=true : float32 [4, 8]
    %31 = matmul %20 %6 transposeA=true : float32 [8, 4]
    %32 = matmul %13 %9 transposeA=true : float32 [4, 8]
    return y=%12 d/up1=%29 d/down1=%30 d/up2=%31 d/down2=%32"
  `);
  expect(g.printGraph(at(source, 800).graph)).toMatchInlineSnapshot(`
    "%0 = input "x" : float32 [T, 4]
    %1 = input "up1" : float32 [8, 4]
    %2 = matmul %0 %1 transposeB=true : float32 [T, 8]
    %3 = silu %2 : float32 [T, 8]
    %4 = input "down1" : float32 [4, 8]
    %5 = matmul %3 %4 transposeB=true : float32 [T, 4]
    %6 = add %0 %5 : float32 [T, 4]
    %7 = input "up2" : float32 [8, 4]
    %8 = matmul %6 %7 transposeB=true : float32 [T, 8]
    %9 = silu %8 : float32 [T, 8]
    %10 = input "down2" : float32 [4, 8]
    %11 = matmul %9 %10 transposeB=true : float32 [T, 4]
    %12 = add %6 %11 : float32 [T, 4]
    %13 = input "dy" : float32 [T, 4]
    %14 = matmul %13 %10 : float32 [T, 8]
    %15 = sigmoid %8 : float32 [T, 8]
    %16 = silu %8 : float32 [T, 8]
    %17 = constant 1 : float32 []
    %18 = sub %17 %15 : float32 [T, 8]
    %19 = mul %16 %18 : float32 [T, 8]
    %20 = add %15 %19 : float32 [T, 8]
    %21 = mul %14 %20 : float32 [T, 8]
    %22 = matmul %21 %7 : float32 [T, 4]
    %23 = add %13 %22 : float32 [T, 4]
    %24 = matmul %23 %4 : float32 [T, 8]
    %25 = sigmoid %2 : float32 [T, 8]
    %26 = silu %2 : float32 [T, 8]
    %27 = sub %17 %25 : float32 [T, 8]
    %28 = mul %26 %27 : float32 [T, 8]
    %29 = add %25 %28 : float32 [T, 8]
    %30 = mul %24 %29 : float32 [T, 8]
    %31 = matmul %30 %0 transposeA=true : float32 [8, 4]
    %32 = matmul %23 %26 transposeA=true : float32 [4, 8]
    %33 = matmul %21 %6 transposeA=true : float32 [8, 4]
    %34 = matmul %13 %16 transposeA=true : float32 [4, 8]
    return y=%12 d/up1=%31 d/down1=%32 d/up2=%33 d/down2=%34"
  `);
  expect(g.printGraph(at(source, 0).graph)).toMatchInlineSnapshot(`
    "%0 = input "x" : float32 [T, 4]
    %1 = input "up1" : float32 [8, 4]
    %2 = matmul %0 %1 transposeB=true : float32 [T, 8]
    %3 = silu %2 : float32 [T, 8]
    %4 = input "down1" : float32 [4, 8]
    %5 = matmul %3 %4 transposeB=true : float32 [T, 4]
    %6 = add %0 %5 : float32 [T, 4]
    %7 = input "up2" : float32 [8, 4]
    %8 = matmul %6 %7 transposeB=true : float32 [T, 8]
    %9 = silu %8 : float32 [T, 8]
    %10 = input "down2" : float32 [4, 8]
    %11 = matmul %9 %10 transposeB=true : float32 [T, 4]
    %12 = add %6 %11 : float32 [T, 4]
    %13 = input "dy" : float32 [T, 4]
    %14 = matmul %13 %10 : float32 [T, 8]
    %15 = matmul %6 %7 transposeB=true : float32 [T, 8]
    %16 = sigmoid %15 : float32 [T, 8]
    %17 = silu %15 : float32 [T, 8]
    %18 = constant 1 : float32 []
    %19 = sub %18 %16 : float32 [T, 8]
    %20 = mul %17 %19 : float32 [T, 8]
    %21 = add %16 %20 : float32 [T, 8]
    %22 = mul %14 %21 : float32 [T, 8]
    %23 = matmul %22 %7 : float32 [T, 4]
    %24 = add %13 %23 : float32 [T, 4]
    %25 = matmul %24 %4 : float32 [T, 8]
    %26 = matmul %0 %1 transposeB=true : float32 [T, 8]
    %27 = sigmoid %26 : float32 [T, 8]
    %28 = silu %26 : float32 [T, 8]
    %29 = sub %18 %27 : float32 [T, 8]
    %30 = mul %28 %29 : float32 [T, 8]
    %31 = add %27 %30 : float32 [T, 8]
    %32 = mul %25 %31 : float32 [T, 8]
    %33 = matmul %32 %0 transposeA=true : float32 [8, 4]
    %34 = matmul %24 %28 transposeA=true : float32 [4, 8]
    %35 = matmul %22 %6 transposeA=true : float32 [8, 4]
    %36 = matmul %13 %17 transposeA=true : float32 [4, 8]
    return y=%12 d/up1=%33 d/down1=%34 d/up2=%35 d/down2=%36"
  `);
});

test('the forward outputs are the very nodes that they were', () => {
  const source = perceptron();
  expect(at(source, 0).graph.outputs['y']).toBe(source.outputs['y']);
});

describe('edges', () => {
  test('an output that is an input, or that the backward pass gives on from the forward pass', () => {
    const x = g.input('x', ['T', 4]);
    const hidden = g.exp(x);
    const source = g.graph({ y: g.mul(hidden, hidden), x, hidden, late: g.neg(hidden) });
    const result = at(source, 0);
    expect(result.keptBytes).toBe(0);
    expect(result.graph.outputs['x']).toBe(x);
    expect(result.graph.outputs['hidden']).toBe(hidden);
    // exp(x) is computed again for what comes after.
    expect(result.graph.outputs['late']!.inputs[0]).not.toBe(hidden);
    expect(g.printGraph(g.graph({ late: result.graph.outputs['late']! }))).toBe(
      g.printGraph(g.graph({ late: source.outputs['late']! })),
    );
  });

  test('no backward pass keeps nothing', () => {
    const source = g.graph({ y: g.exp(g.input('x', ['T'])) });
    expect(at(source, 0)).toEqual({ graph: source, level: 'nothing', keptBytes: 0 });
  });

  test('no forward output recomputes nothing', () => {
    const source = perceptron();
    expect(at(source, 0, [])).toEqual({ graph: source, level: 'nothing', keptBytes: 0 });
  });

  test('parameters that the loss does not reach have gradients of zeros, which keep nothing', () => {
    const [x, unused] = [g.input('x', ['T', 4]), g.input('unused', [2, 2])];
    const y = g.reduceSum(g.exp(x));
    const [dx, zero] = vectorJacobian([y], [g.input('one', [])], [x, unused]);
    const source = g.graph({ y, dx: dx!, zero: zero! });
    const result = at(source, 0);
    expect(result.keptBytes).toBe(0);
    const inputs = { x: float32Tensor([1, 4], [0, 1, 2, 3]), one: float32Tensor([], [1]) };
    expect(Array.from(interpret(result.graph, inputs)['zero']!.data)).toEqual([0, 0, 0, 0]);
  });

  test('a name that is no output is refused', () => {
    expect(() => at(perceptron(), 0, ['y', 'loss'])).toThrow(
      'internal: recompute: forwardOutputs must name outputs (y, d/up1, d/down1, d/up2, d/down2), got loss',
    );
  });

  test('embeddings and views are not counted twice', () => {
    const table = g.input('table', [50, 6]);
    const x = g.gather(table, g.input('ids', ['T'], 'int32'));
    const viewed = g.reshape(x, ['T', 2, 3]);
    const y = g.mul(viewed, viewed);
    const [dx] = vectorJacobian([y], [g.input('dy', y.shape)], [table]);
    // x [T, 6] once: 240 bytes.
    expect(at(g.graph({ y, dx: dx! }), 240)).toMatchObject({ level: 'nothing', keptBytes: 240 });
  });
});
