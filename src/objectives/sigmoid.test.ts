import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { vectorJacobian } from '../autodiff/index.ts';
import { float32Tensor, type HostTensor } from '../core/index.ts';
import { graph, input, reduceSum, type Graph, type Node } from '../graph/index.ts';
import { interpret } from '../interpret/index.ts';
import { openDevice, type Device } from '../runtime/index.ts';
import { compareGradients } from '../../test/support/gradient-check.ts';
import type { PairStatistics } from './objective.ts';
import { OBJECTIVES, type ObjectiveName } from './registry.ts';

const NAMES = ['chosenLogps', 'rejectedLogps', 'referenceChosenLogps', 'referenceRejectedLogps'] as const;

/** Log-probabilities of pairs: chosen, rejected, and the reference's of both. */
type Pair = readonly [chosen: number, rejected: number, referenceChosen: number, referenceRejected: number];

interface Vector {
  readonly pair: Pair;
  readonly options: Readonly<Record<string, number>>;
  readonly loss: number;
  /** dL / d log pi(chosen); the rejected one's is its negative. */
  readonly gradient?: number;
}

const P0: Pair = [-12.5, -14, -12.5, -14];
const P1: Pair = [-12.5, -14, -13, -13.2];
const P2: Pair = [-21, -30.25, -19.5, -26];
const P3: Pair = [-40, -25, -38, -26.5];

/** -log sigmoid(beta h) and -beta sigmoid(-beta h) in float64, h = 0, 1.3, 2.75, -3.5. */
const VECTORS = {
  sigmoid: [
    { pair: P0, options: { beta: 0.1 }, loss: Math.LN2, gradient: -0.05 },
    { pair: P1, options: { beta: 0.1 }, loss: 0.63025819468169, gradient: -0.046754569361268 },
    { pair: P2, options: { beta: 0.1 }, loss: 0.5650706676896, gradient: -0.043168001652175 },
    { pair: P3, options: { beta: 0.1 }, loss: 0.88338215541878, gradient: -0.058661757891733 },
    { pair: P0, options: { beta: 0.5 }, loss: Math.LN2, gradient: -0.25 },
    { pair: P1, options: { beta: 0.5 }, loss: 0.42005533570272, gradient: -0.17149476866325 },
    { pair: P2, options: { beta: 0.5 }, loss: 0.22541265160165, gradient: -0.10090661113019 },
    { pair: P3, options: { beta: 0.5 }, loss: 1.9102241504381, gradient: -0.42597640098416 },
    // h = 1.5, -7.5, 10.75
    { pair: [-12, -14, -13, -13.5], options: { beta: 0.1 }, loss: 0.620957 },
    { pair: [-35.5, -30, -34, -36], options: { beta: 0.1 }, loss: 1.136871 },
    { pair: [-8.25, -20, -8, -9], options: { beta: 0.1 }, loss: 0.293638 },
    // scaled margins 0, 1, 2
    { pair: [-0.5, -0.1, -0.5, -0.1], options: { beta: 0.1 }, loss: Math.LN2 },
    { pair: [-10, -30, -10.1, -20.1], options: { beta: 0.1 }, loss: 0.313262 },
    { pair: [-1, -21, -0.1, -0.1], options: { beta: 0.1 }, loss: 0.126928 },
  ],
} satisfies Record<ObjectiveName, readonly Vector[]>;

function pairNodes(): PairStatistics {
  return Object.fromEntries(NAMES.map((name) => [name, input(name, ['R'])])) as unknown as PairStatistics;
}

function lossNode(
  name: ObjectiveName,
  options: Readonly<Record<string, number>>,
): { loss: Node; pairs: PairStatistics } {
  const pairs = pairNodes();
  return { loss: OBJECTIVES[name].loss(pairs, options), pairs };
}

/** losses [R], and the gradient of their sum with respect to each log-probability. */
function lossAndGradients(name: ObjectiveName, options: Readonly<Record<string, number>>): Graph {
  const { loss, pairs } = lossNode(name, options);
  const wrt = NAMES.map((key) => pairs[key]);
  const gradients = vectorJacobian([reduceSum(loss)], [input('one', [])], wrt);
  return graph({ loss, ...Object.fromEntries(NAMES.map((key, i) => [key, gradients[i]!])) });
}

function float64Inputs(pairs: readonly Pair[]) {
  const columns = NAMES.map((name, i) => [
    name,
    { dtype: 'float64', shape: [pairs.length], data: Float64Array.from(pairs, (pair) => pair[i]!) } as const,
  ]);
  return { ...Object.fromEntries(columns), one: float32Tensor([], [1]) };
}

function float32Inputs(pairs: readonly Pair[]): Record<string, HostTensor> {
  const columns = NAMES.map((name, i) => [
    name,
    float32Tensor(
      [pairs.length],
      pairs.map((pair) => pair[i]!),
    ),
  ]);
  return { ...Object.fromEntries(columns), one: float32Tensor([], [1]) };
}

const swapped = ([chosen, rejected, referenceChosen, referenceRejected]: Pair): Pair => [
  rejected,
  chosen,
  referenceRejected,
  referenceChosen,
];

describe.each(Object.entries(VECTORS))('%s', (key, vectors: readonly Vector[]) => {
  const name = key as ObjectiveName;

  test.each(vectors)('of $pair with $options is $loss', ({ pair, options, loss, gradient }) => {
    const outputs = interpret(lossAndGradients(name, options), float64Inputs([pair]));
    // beta is a float32 in the graph.
    expect(outputs['loss']!.data[0]).toBeCloseTo(loss, 6);
    if (gradient === undefined) return;
    expect(outputs['chosenLogps']!.data[0]).toBeCloseTo(gradient, 8);
    expect(outputs['rejectedLogps']!.data[0]).toBeCloseTo(-gradient, 8);
  });

  test('agrees with central differences', () => {
    for (const { options } of vectors.slice(0, 5)) {
      const { loss } = lossNode(name, options);
      const { one: _one, ...inputs } = float64Inputs([P0, P1, P2, P3]);
      const compared = compareGradients(loss, inputs, NAMES);
      expect(compared.map((one) => one.name)).toEqual([...NAMES]);
      for (const { relativeError } of compared) expect(relativeError).toBeLessThan(1e-6);
    }
  });
});

test('a policy that is its reference has loss ln 2 exactly, whatever beta and the log-probabilities', () => {
  const pairs: Pair[] = [P0, [-1e4, -3, -1e4, -3], [0, 0, 0, 0], [-0.1, -1e-8, -0.1, -1e-8]];
  for (const beta of [0.01, 0.1, 0.5, 7]) {
    const { loss } = interpret(lossAndGradients('sigmoid', { beta }), float64Inputs(pairs));
    expect(Array.from(loss!.data)).toEqual(pairs.map(() => Math.LN2));
  }
});

test('swapping the sides flips the margin: l(-x) - l(x) = x, and the gradients change places', () => {
  const pairs = [P1, P2, P3];
  const source = lossAndGradients('sigmoid', { beta: 0.5 });
  const there = interpret(source, float64Inputs(pairs));
  const back = interpret(source, float64Inputs(pairs.map(swapped)));
  const margins = [1.3, 2.75, -3.5].map((h) => 0.5 * h);
  margins.forEach((x, i) => {
    expect(back['loss']!.data[i]! - there['loss']!.data[i]!).toBeCloseTo(x, 12);
    // sigmoid(-x) + sigmoid(x) = 1
    expect(there['chosenLogps']!.data[i]! + back['chosenLogps']!.data[i]!).toBeCloseTo(-0.5, 12);
  });
});

test('the loss sees log-ratios alone: a constant on both sides, or on both models, changes nothing', () => {
  const source = lossAndGradients('sigmoid', { beta: 0.25 });
  const plain = interpret(source, float64Inputs([P1, P2, P3]))['loss']!.data;
  const moved = [P1, P2, P3].map(([c, r, rc, rr]): Pair => [c + 8, r + 8, rc - 2, rr - 2]);
  expect(Array.from(interpret(source, float64Inputs(moved))['loss']!.data)).toEqual(Array.from(plain));
});

describe('in float32 on ONNX Runtime', () => {
  let device: Device;
  beforeAll(async () => {
    device = await openDevice({ threads: 1 });
  });
  afterAll(() => device.dispose());

  test('log-ratios of +-1000 have finite losses and gradients', async () => {
    const pairs: Pair[] = [[0, -1000, 0, 0], [-1000, 0, 0, 0], [-500, -1500, -1000, -1000], [0, 0, -1000, 0], P0];
    const program = await device.compile(lossAndGradients('sigmoid', { beta: 1 }), { label: 'loss' });
    const outputs = (await program.run(float32Inputs(pairs))) as Record<string, HostTensor>;
    // The sign of a zero does not matter: x + 0. h = 1000, -1000, 1000, 1000, 0: exp(-1000) is 0 in float32, log(sigmoid(-1000)) would be -infinity.
    expect(Array.from(outputs['loss']!.data, (x) => x + 0)).toEqual([0, 1000, 0, 0, Math.fround(Math.LN2)]);
    expect(Array.from(outputs['chosenLogps']!.data, (x) => x + 0)).toEqual([0, -1, 0, 0, -0.5]);
    expect(Array.from(outputs['rejectedLogps']!.data, (x) => x + 0)).toEqual([0, 1, 0, 0, 0.5]);
    await program.dispose();
  });

  test('agrees with float64 to float32 rounding', async () => {
    const source = lossAndGradients('sigmoid', { beta: 0.1 });
    const program = await device.compile(source, { label: 'loss' });
    const pairs = [P0, P1, P2, P3];
    const outputs = (await program.run(float32Inputs(pairs))) as Record<string, HostTensor>;
    const exact = interpret(source, float32Inputs(pairs));
    for (const [key, { data }] of Object.entries(exact))
      data.forEach((value, i) => expect(outputs[key]!.data[i], key).toBeCloseTo(value, 6));
    await program.dispose();
  });
});
