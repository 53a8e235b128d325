import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { vectorJacobian } from '../autodiff/index.ts';
import { float32Tensor, type HostTensor } from '../core/index.ts';
import * as g from '../graph/index.ts';
import type { Graph } from '../graph/index.ts';
import { interpret } from '../interpret/index.ts';
import {
  programInputs,
  programs,
  programValues,
  runProgram,
  type Operations,
} from '../../test/support/random-programs.ts';
import { contractRowSums } from './contract.ts';
import { hoist } from './hoist.ts';
import { optimise } from './optimise.ts';
import { reassociate } from './reassociate.ts';
import { recompute } from './recompute.ts';
import { shareSubexpressions } from './share.ts';
import { simplify } from './simplify.ts';

/** Everything that a pass looks for, with factors that join without rounding. */
const OPERATIONS: Operations = {
  unary: [
    (x) => g.neg(x),
    (x) => g.mul(x, 0.5),
    (x) => g.mul(2, x),
    (x) => g.mul(x, -1),
    (x) => g.div(x, 4),
    (x) => g.div(x, 1),
    (x) => g.add(x, 0),
    (x) => g.mul(1, x),
    (x) => g.sub(x, g.mul(g.scalar(0.5), 3)),
    (x) => g.transpose(x, [1, 0]),
    (x) => g.reshape(g.reshape(x, [...x.shape, 1]), x.shape),
    (x) => g.broadcastTo(x, x.shape),
    (x) => g.concat([x], 1),
    (x) => g.stopGradient(x),
    (x) => g.tanh(x),
    (x) => g.softmax(x),
    (x) => g.reduceSum(x, { axes: [1], keepDims: true }),
    (x) => g.div(g.reduceSum(x, { axes: [0], keepDims: true }), g.cast(g.dimSize('T'), 'float32')),
    (x) => g.mul(x, g.cast(g.scalar(2, 'int32'), 'float32')),
    (x) => g.inverseRms(x, 0.5),
  ],
  binary: [
    (a, b) => g.add(a, b),
    (a, b) => g.add(a, g.neg(b)),
    (a, b) => g.sub(a, g.neg(b)),
    (a, b) => g.mul(a, b),
    (a, b) => g.where(g.not(g.not(g.less(a, b))), a, b),
    (a, b) => g.matmul(a, b, { scale: 0.25 }),
    (a, b) => g.matmul(g.transpose(a, [1, 0]), g.mul(b, 0.5)),
    (a, b) => g.matmul(g.mul(a, 0.25), b, { transposeB: true }),
    (a, b) => g.matmul(g.matmul(a, b, { transposeB: true, scale: 0.25 }), b),
    (a, b) => g.matmul(b, g.matmul(g.transpose(b, [1, 0]), a, { scale: 0.25 }), { transposeB: true }),
    (a, b) => g.matmul(g.matmul(b, a, { scale: 0.25 }), b, { transposeA: true }),
    (a, b) => g.matmul(g.softmax(g.matmul(a, b, { transposeB: true })), b),
    (a, b) => g.reduceSum(g.mul(g.softmax(a), g.matmul(b, b, { transposeB: true })), { axes: [1], keepDims: true }),
    (a, b) => g.reduceSum(g.mul(a, g.matmul(b, b, { transposeB: true })), { axes: [1], keepDims: true }),
  ],
};

interface Case {
  readonly source: Graph;
  readonly inputs: Readonly<Record<string, HostTensor>>;
}

/** A program's last values, and the gradients of the very last with respect to what it reaches. */
function build(program: Parameters<typeof runProgram>[1], seed: number): Case {
  const pool = runProgram(programInputs(), program, OPERATIONS);
  const y = pool.at(-1)!;
  const reached = g.graphInputs(g.graph({ y }));
  const gradients = vectorJacobian([g.reduceSum(y)], [g.input('one', [])], reached);
  const outputs = { y, before: pool.at(-2)!, ...Object.fromEntries(gradients.map((node, i) => [`d${i}`, node])) };
  // y stands among the outputs so that every symbol is known.
  const source = g.graph({ ...outputs, x: pool[0]!, column: pool[3]! });
  const needsOne = g.graphInputs(source).some((node) => node.attributes.name === 'one');
  const inputs = programValues(source, seed, (z) => Math.tanh(z));
  return { source, inputs: needsOne ? { ...inputs, one: float32Tensor([], [1]) } : inputs };
}

function reachedOnly(source: Graph, inputs: Case['inputs']): Case['inputs'] {
  const names = new Set(g.graphInputs(source).map((node) => node.attributes.name));
  return Object.fromEntries(Object.entries(inputs).filter(([name]) => names.has(name)));
}

/** The largest |a - b| / max(1, largest |b| of the output); NaN counts as infinite. */
function difference(source: Graph, { source: original, inputs }: Case): number {
  const ours = interpret(source, reachedOnly(source, inputs));
  const plain = interpret(original, reachedOnly(original, inputs));
  expect(Object.keys(ours)).toEqual(Object.keys(plain));
  const errors = Object.entries(plain).map(([name, { shape, data }]) => {
    expect(ours[name]!.shape).toEqual(shape);
    const scale = Math.max(1, ...data.map(Math.abs));
    return Math.max(0, ...data.map((value, i) => Math.abs(value - ours[name]!.data[i]!) / scale));
  });
  const worst = Math.max(...errors);
  return Number.isNaN(worst) ? Infinity : worst;
}

const HINTS = { T: 4 };
const isInvariant = (name: string): boolean => name === 'w' || name === 'row';

/** The inputs with what a hoisted graph computes once. */
function withHoisted(once: Graph, inputs: Case['inputs']): Case['inputs'] {
  const values = interpret(once, reachedOnly(once, inputs));
  return { ...inputs, ...(values as unknown as Record<string, HostTensor>) };
}

const PASSES: Readonly<Record<string, { readonly run: (source: Graph) => Graph; readonly tolerance: number }>> = {
  share: { run: shareSubexpressions, tolerance: 0 },
  simplify: { run: simplify, tolerance: 1e-9 },
  reassociate: { run: (source) => reassociate(source, HINTS), tolerance: 1e-9 },
  contract: { run: contractRowSums, tolerance: 1e-9 },
  'recompute elementwise or layers': {
    run: (source) => recompute(source, { forwardOutputs: ['y', 'before'], budgetBytes: 0, hints: HINTS }).graph,
    tolerance: 0,
  },
  optimise: { run: (source) => optimise(source, { hints: HINTS }).body, tolerance: 1e-9 },
};

const RUNS = { seed: 20260101, numRuns: 100 };

describe.each(Object.entries(PASSES))('%s', (_name, { run, tolerance }) => {
  test('keeps every value of random graphs and their gradients, and changes some graphs', () => {
    let changed = 0;
    fc.assert(
      fc.property(programs(2, 12), fc.nat(1e6), (program, seed) => {
        const built = build(program, seed);
        const source = run(built.source);
        g.verifyGraph(source);
        if (g.printGraph(source) !== g.printGraph(built.source)) changed += 1;
        return difference(source, built) <= tolerance;
      }),
      RUNS,
    );
    expect(changed).toBeGreaterThan(0);
  });
});

describe('hoist', () => {
  test('keeps every value bit for bit, and what runs once reads invariant inputs alone', () => {
    let moved = 0;
    fc.assert(
      fc.property(programs(2, 12), fc.nat(1e6), (program, seed) => {
        const built = build(program, seed);
        const { once, body } = hoist(built.source, isInvariant);
        for (const part of [once, body]) g.verifyGraph(part);
        moved += Object.keys(once.outputs).length;
        const names = g.graphInputs(once).map((node) => node.attributes.name);
        expect(names.filter((name) => !isInvariant(name))).toEqual([]);
        return difference(body, { ...built, inputs: withHoisted(once, built.inputs) }) === 0;
      }),
      RUNS,
    );
    expect(moved).toBeGreaterThan(0);
  });
});

test('all passes with hoisting and recomputation keep every value', () => {
  fc.assert(
    fc.property(programs(2, 12), fc.nat(1e6), fc.nat(400), (program, seed, budgetBytes) => {
      const built = build(program, seed);
      const { once, body } = optimise(built.source, {
        hints: HINTS,
        isInvariant,
        recompute: { forwardOutputs: ['y', 'before'], budgetBytes },
      });
      return difference(body, { ...built, inputs: withHoisted(once, built.inputs) }) <= 1e-9;
    }),
    RUNS,
  );
});
