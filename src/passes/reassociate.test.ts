import { describe, expect, test } from 'vitest';
import { vectorJacobian } from '../autodiff/index.ts';
import * as g from '../graph/index.ts';
import type { Graph, Node } from '../graph/index.ts';
import { reassociate, typicalSize } from './reassociate.ts';
import { shareSubexpressions } from './share.ts';
import { simplify } from './simplify.ts';

/** Gradients of x (W + 2 B A)^T with respect to A, B and, if asked for, W, ready for regrouping. */
function adapterGradients(rank: number, withWeight: boolean): Graph {
  const [x, W] = [g.input('x', ['T', 16]), g.input('W', [16, 16])];
  const [A, B] = [g.input('A', [rank, 16]), g.input('B', [16, rank])];
  const y = g.matmul(x, g.add(W, g.matmul(B, A, { scale: 2 })), { transposeB: true });
  const wrt = withWeight ? [A, B, W] : [A, B];
  const gradients = vectorJacobian([y], [g.input('dY', ['T', 16])], wrt);
  const outputs = Object.fromEntries(gradients.map((node, i) => [`d${'ABW'[i]}`, node]));
  return shareSubexpressions(simplify(g.graph(outputs)));
}

const HINTS = { T: 100 };

test('the gradient of an adapter becomes thin products: the 16 x 16 one of the weight is never formed', () => {
  const source = adapterGradients(2, false);
  expect(g.printGraph(source)).toMatchInlineSnapshot(`
    "%0 = input "B" : float32 [16, 2]
    %1 = input "dY" : float32 [T, 16]
    %2 = input "x" : float32 [T, 16]
    %3 = matmul %1 %2 transposeA=true : float32 [16, 16]
    %4 = matmul %0 %3 transposeA=true scale=2 : float32 [2, 16]
    %5 = input "A" : float32 [2, 16]
    %6 = matmul %3 %5 transposeB=true scale=2 : float32 [16, 2]
    return dA=%4 dB=%6"
  `);
  // 256 T + 2 * 512 multiplications before, 4 * 32 T after.
  expect(g.printGraph(reassociate(source, HINTS))).toMatchInlineSnapshot(`
    "%0 = input "B" : float32 [16, 2]
    %1 = input "dY" : float32 [T, 16]
    %2 = matmul %0 %1 transposeA=true transposeB=true scale=2 : float32 [2, T]
    %3 = input "x" : float32 [T, 16]
    %4 = matmul %2 %3 : float32 [2, 16]
    %5 = input "A" : float32 [2, 16]
    %6 = matmul %3 %5 transposeB=true scale=2 : float32 [T, 2]
    %7 = matmul %1 %6 transposeA=true : float32 [16, 2]
    return dA=%4 dB=%7"
  `);
});

const unchanged = (source: Graph): void => expect(g.printGraph(reassociate(source, HINTS))).toBe(g.printGraph(source));

describe('left alone', () => {
  test('where the weight is trained too, so that its gradient is needed', () => {
    unchanged(adapterGradients(2, true));
  });

  test('from the rank at which thin products are dearer', () => {
    // T = 100. Rank 4: 256 T + 2 * 1024 = 27,648 before, 4 * 64 T = 25,600 after. Rank 5: 28,160 before, 32,000 after.
    const four = adapterGradients(4, false);
    expect(g.printGraph(reassociate(four, HINTS))).not.toBe(g.printGraph(four));
    unchanged(adapterGradients(5, false));
    unchanged(adapterGradients(8, false));
  });

  test('where something else reads the product', () => {
    const [a, b, c] = [g.input('a', [8, 1]), g.input('b', [1, 8]), g.input('c', [8, 1])];
    const product = g.matmul(a, b);
    unchanged(g.graph({ y: g.matmul(product, c), z: g.exp(product) }));
    unchanged(g.graph({ y: g.matmul(product, c), product }));
    unchanged(g.graph({ y: g.matmul(product, product) }));
  });

  test('where the product is batched', () => {
    const [a, b] = [g.input('a', [2, 8, 1]), g.input('b', [2, 1, 8])];
    unchanged(g.graph({ y: g.matmul(g.matmul(a, b), g.input('c', [2, 8, 1])) }));
  });
});

/** (a b) c in all forms of transposition, where a b is 8 x 8 and everything else is thin. */
const FORMS = [false, true].flatMap((inner) =>
  [false, true].flatMap((left) => [false, true].map((flag) => ({ inner, left, flag }))),
);

test.each(FORMS)(
  'a product of rank 1 is never formed: transposed $inner, on the left $left, $flag',
  ({ inner, left, flag }) => {
    const a = g.input('a', inner ? [1, 8] : [8, 1]);
    const b = g.input('b', inner ? [8, 1] : [1, 8]);
    const product = g.matmul(a, b, { transposeA: inner, transposeB: inner, scale: 3 });
    const c = g.input('c', left ? [8, 2] : [2, 8]);
    const y = left
      ? g.matmul(product, c, { transposeA: flag, scale: 0.5 })
      : g.matmul(c, product, { transposeB: flag, scale: 0.5 });
    const shapes = g
      .graphNodes(reassociate(g.graph({ y }), {}))
      .filter((node: Node) => node.kind === 'matmul')
      .map((node) => node.shape.join('x'));
    expect(shapes).toEqual(left ? ['1x2', '8x2'] : ['2x1', '2x8']);
  },
);

test('typical sizes take hints, and 256 for a symbol without one', () => {
  expect(typicalSize(['2*B*T', 3], { T: 5, B: 7 })).toBe(2 * 7 * 5 * 3);
  expect(typicalSize(['S', 2], {})).toBe(512);
  expect(typicalSize([], {})).toBe(1);
});
