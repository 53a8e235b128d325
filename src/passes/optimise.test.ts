import { expect, test } from 'vitest';
import { vectorJacobian } from '../autodiff/index.ts';
import * as g from '../graph/index.ts';
import type { Graph } from '../graph/index.ts';
import { optimise } from './optimise.ts';

/** One adapted projection between an embedding and a norm, with the adapter's gradients. */
function adaptedLayer(): Graph {
  const x = g.gather(g.input('table', [50, 16]), g.input('tokens', ['T'], 'int32'));
  const [A, B] = [g.input('A', [2, 16]), g.input('B', [16, 2])];
  const weight = g.add(g.input('W', [16, 16]), g.matmul(B, A, { scale: 2 }));
  const y = g.rmsNorm(g.add(x, g.matmul(x, g.transpose(weight, [1, 0]))), g.input('norm', [16]), 1e-5);
  const gradients = vectorJacobian([y], [g.input('dy', ['T', 16])], [A, B]);
  return g.graph({ y, dA: gradients[0]!, dB: gradients[1]! });
}

test('an adapted layer after every pass: one product, thin gradients, the norm computed again', () => {
  const { once, body, level, keptBytes } = optimise(adaptedLayer(), {
    hints: { T: 1000 },
    isInvariant: (name) => ['table', 'A', 'B', 'W', 'norm'].includes(name),
    recompute: { forwardOutputs: ['y'], budgetBytes: 130_000 },
  });
  expect(g.printGraph(once)).toMatchInlineSnapshot(`
    "%0 = input "W" : float32 [16, 16]
    %1 = input "B" : float32 [16, 2]
    %2 = input "A" : float32 [2, 16]
    %3 = matmul %1 %2 scale=2 : float32 [16, 16]
    %4 = add %0 %3 : float32 [16, 16]
    return hoisted/0=%4"
  `);
  // Kept: x and x + x W^T, 64,000 bytes each; the norm's inverse root mean square (4,000) is computed again.
  expect([level, keptBytes]).toEqual(['elementwise', 128_000]);
  expect(g.printGraph(body)).toMatchInlineSnapshot(`
    "%0 = input "table" : float32 [50, 16]
    %1 = input "tokens" : int32 [T]
    %2 = gather %0 %1 : float32 [T, 16]
    %3 = input "hoisted/0" : float32 [16, 16]
    %4 = matmul %2 %3 transposeB=true : float32 [T, 16]
    %5 = add %2 %4 : float32 [T, 16]
    %6 = inverseRms %5 epsilon=0.00001 : float32 [T, 1]
    %7 = mul %5 %6 : float32 [T, 16]
    %8 = input "norm" : float32 [16]
    %9 = mul %7 %8 : float32 [T, 16]
    %10 = input "B" : float32 [16, 2]
    %11 = input "dy" : float32 [T, 16]
    %12 = mul %11 %8 : float32 [T, 16]
    %13 = inverseRms %5 epsilon=0.00001 : float32 [T, 1]
    %14 = mul %12 %13 : float32 [T, 16]
    %15 = mul %12 %5 : float32 [T, 16]
    %16 = reduceSum %15 axes=[1] keepDims=true : float32 [T, 1]
    %17 = mul %13 %13 : float32 [T, 1]
    %18 = mul %13 %17 : float32 [T, 1]
    %19 = mul %16 %18 : float32 [T, 1]
    %20 = constant -16 : float32 []
    %21 = div %19 %20 : float32 [T, 1]
    %22 = mul %5 %21 : float32 [T, 16]
    %23 = add %14 %22 : float32 [T, 16]
    %24 = matmul %10 %23 transposeA=true transposeB=true scale=2 : float32 [2, T]
    %25 = matmul %24 %2 : float32 [2, 16]
    %26 = input "A" : float32 [2, 16]
    %27 = matmul %2 %26 transposeB=true scale=2 : float32 [T, 2]
    %28 = matmul %23 %27 transposeA=true : float32 [16, 2]
    return y=%9 dA=%25 dB=%28"
  `);
});

test('without options a graph is only rewritten', () => {
  const source = adaptedLayer();
  const { once, body, level, keptBytes } = optimise(source);
  expect([once.outputs, level, keptBytes]).toEqual([{}, 'nothing', 0]);
  expect(Object.keys(body.outputs)).toEqual(['y', 'dA', 'dB']);
  // A second time changes nothing.
  expect(g.printGraph(optimise(body).body)).toBe(g.printGraph(body));
});

test('a graph that cannot run is refused before any pass can hide it', () => {
  const y = g.mul(g.input('x', [2]), g.cast(g.dimSize('T'), 'float32'));
  expect(() => optimise(g.graph({ y }))).toThrow(
    'graph: symbol T of dimSize [T] must be a dimension of some input, it is none',
  );
});
