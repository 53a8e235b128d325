import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createRandom, float32Tensor } from '../core/index.ts';
import * as g from '../graph/index.ts';
import type { Node } from '../graph/index.ts';
import { compareGradients } from '../../test/support/gradient-check.ts';

/** One step of a random program: an operation over values made before, all of rank 2 and between -3 and 3. */
interface Step {
  readonly operation: number;
  readonly left: number;
  readonly right: number;
}

const bounded = (x: Node): Node => g.mul(g.tanh(x), 3);

const UNARY = [
  (x: Node) => g.neg(x),
  (x: Node) => g.silu(x),
  (x: Node) => g.sigmoid(x),
  (x: Node) => g.logSigmoid(x),
  (x: Node) => g.softmax(x),
  (x: Node) => g.reduceSum(x, { axes: [0], keepDims: true }),
  (x: Node) => g.unsqueeze(g.logSumExp(x), -1),
  (x: Node) => g.inverseRms(x, 0.1),
  (x: Node) => g.transpose(x, [1, 0]),
  (x: Node) => g.sqrt(g.add(g.mul(x, x), 0.5)),
];

const BINARY = [
  (a: Node, b: Node) => g.add(a, b),
  (a: Node, b: Node) => g.sub(a, b),
  (a: Node, b: Node) => g.mul(a, b),
  (a: Node, b: Node) => g.div(a, g.add(g.exp(b), 1)),
  (a: Node, b: Node) => g.where(g.less(g.scalar(0.3), g.stopGradient(a)), a, b),
  (a: Node, b: Node) => g.matmul(a, b),
  (a: Node, b: Node) => g.matmul(a, b, { transposeA: true, scale: 0.5 }),
  (a: Node, b: Node) => g.matmul(a, b, { transposeB: true }),
];

/** The operation where the shapes allow it, otherwise undefined. */
function attempt(make: () => Node): Node | undefined {
  try {
    return make();
  } catch {
    return undefined;
  }
}

function runProgram(start: readonly Node[], program: readonly Step[]): Node {
  const pool = [...start];
  for (const { operation, left, right } of program) {
    const a = pool[left % pool.length]!;
    const b = pool[right % pool.length]!;
    const unary = UNARY[operation % (UNARY.length + BINARY.length)];
    const binary = BINARY[(operation % (UNARY.length + BINARY.length)) - UNARY.length];
    const made = unary ? unary(a) : attempt(() => binary!(a, b));
    if (made !== undefined) pool.push(bounded(made));
  }
  return pool.at(-1)!;
}

const STEP = fc.record({ operation: fc.nat(1000), left: fc.nat(1000), right: fc.nat(1000) });

test('random graphs agree with central differences', () => {
  let largest = 0;
  fc.assert(
    fc.property(fc.array(STEP, { minLength: 3, maxLength: 14 }), fc.integer({ min: 0, max: 1e6 }), (program, seed) => {
      const random = createRandom(seed);
      const shapes = { x: ['T', 3], w: [3, 2], row: [1, 3], column: ['T', 1] } as const;
      const lengths: Record<string, number> = { T: 4 };
      const nodes = Object.entries(shapes).map(([name, shape]) => g.input(name, shape));
      const y = runProgram(nodes, program);
      const reached = g.graphInputs(g.graph({ y })).map((node) => node.attributes.name);
      const inputs = Object.fromEntries(
        nodes.flatMap((node) => {
          if (node.kind !== 'input' || !reached.includes(node.attributes.name)) return [];
          const shape = g.evaluateShape(node.shape, lengths);
          const values = Array.from({ length: shape[0]! * shape[1]! }, () => random.nextNormal());
          return [[node.attributes.name, float32Tensor(shape, values)]];
        }),
      );
      const worst = Math.max(...compareGradients(y, inputs, reached, 1e-4).map(({ relativeError }) => relativeError));
      largest = Math.max(largest, worst);
      return worst < 1e-6;
    }),
    { seed: 20260101, numRuns: 80 },
  );
  expect(largest).toBeGreaterThan(0);
});
