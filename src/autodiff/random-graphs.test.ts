import fc from 'fast-check';
import { expect, test } from 'vitest';
import * as g from '../graph/index.ts';
import type { Node } from '../graph/index.ts';
import { compareGradients } from '../../test/support/gradient-check.ts';
import {
  programInputs,
  programs,
  programValues,
  runProgram,
  type Operations,
} from '../../test/support/random-programs.ts';

/** Between -3 and 3, so that long programs stay smooth and bounded. */
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

const SMOOTH: Operations = {
  unary: UNARY.map((operation) => (x) => bounded(operation(x))),
  binary: BINARY.map((operation) => (a, b) => bounded(operation(a, b))),
};

test('random graphs agree with central differences', () => {
  let largest = 0;
  fc.assert(
    fc.property(programs(3, 14), fc.integer({ min: 0, max: 1e6 }), (program, seed) => {
      const y = runProgram(programInputs(), program, SMOOTH).at(-1)!;
      const inputs = programValues(g.graph({ y }), seed);
      const compared = compareGradients(y, inputs, Object.keys(inputs), 1e-4);
      const worst = Math.max(...compared.map(({ relativeError }) => relativeError));
      largest = Math.max(largest, worst);
      return worst < 1e-6;
    }),
    { seed: 20260101, numRuns: 80 },
  );
  expect(largest).toBeGreaterThan(0);
});
