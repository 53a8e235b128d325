import { afterAll, describe, expect, test } from 'vitest';
import { NODE_CASES, type BuiltCase } from '../../test/support/node-cases.ts';
import {
  createRandom,
  elementCount,
  float32Tensor,
  hostTensor,
  int32Tensor,
  messageOf,
  type HostTensor,
} from '../core/index.ts';
import {
  add,
  cos,
  graph,
  input,
  logSumExpMatmul,
  matmul,
  mul,
  neg,
  randomUniform,
  rmsNorm,
  rope,
  sin,
  softmaxMatmul,
  softmaxOuter,
  type NodeKind,
} from '../graph/index.ts';
import { interpret } from '../interpret/index.ts';
import { openDevice } from './open-device.ts';
import type { Device } from './types.ts';

/**
 * How a kind's float32 result may differ from the float64 one, at every element: |computed - exact| <= relative *
 * max(|exact|, floor). Sums are measured against the largest element of the result (`sum`), since what cancels in an
 * element has the error of its terms.
 */
interface Tolerance {
  readonly relative: number;
  readonly floor: number | 'sum';
}

const POINTWISE: Tolerance = { relative: 2e-6, floor: 1e-30 };
const SUM: Tolerance = { relative: 2e-6, floor: 'sum' };

const TOLERANCES: Partial<Record<NodeKind, Tolerance>> = {
  // sin(pi) in float32 is the rounding error of pi.
  sin: { relative: 2e-6, floor: 1 },
  cos: { relative: 2e-6, floor: 1 },
  // ONNX Runtime clamps the argument of sigmoid at about -20, where the value is 2e-9.
  sigmoid: { relative: 2e-6, floor: 2e-3 },
  silu: { relative: 2e-6, floor: 0.05 },
  add: SUM,
  sub: SUM,
  reduceSum: SUM,
  softmax: SUM,
  logSumExp: SUM,
  matmul: SUM,
  frozenMatmul: SUM,
  scatterAdd: SUM,
  scatterAddAlong: SUM,
  rope: SUM,
  logSumExpMatmul: SUM,
  softmaxMatmul: SUM,
  // exp(z - logSumExp) with scores z of 1e3, which float32 holds to 3e-5.
  softmaxOuter: { relative: 3e-5, floor: 'sum' },
};

/** The largest |computed - exact| / max(|exact|, floor); NaN when only one side is NaN. */
function errorOf(computed: ArrayLike<number>, exact: Float64Array, floor: number | 'sum'): number {
  const least = floor === 'sum' ? exact.reduce((largest, value) => Math.max(largest, Math.abs(value)), 1e-30) : floor;
  let largest = 0;
  for (let i = 0; i < exact.length; i++) {
    const [c, e] = [computed[i]!, exact[i]!];
    if (c === e || (Number.isNaN(c) && Number.isNaN(e))) continue;
    const error = Math.abs(c - e) / Math.max(Math.abs(e), least);
    if (!(error <= largest)) largest = error;
  }
  return largest;
}

/** WGSL computes tanh by exponentials: its error is absolute. */
const WEBGPU_TOLERANCES: typeof TOLERANCES = { tanh: { relative: 2e-6, floor: 1 } };

/** WebGPU's kernels refuse tensors without elements, or crash on them, so the device refuses them first. */
function hasNoElements(inputs: Readonly<Record<string, HostTensor>>): boolean {
  return Object.values(inputs).some(({ data }) => data.length === 0);
}

function conformance(device: Device, portable = false): void {
  for (const [kind, cases] of Object.entries(NODE_CASES)) {
    // Compact weights are for the CPU alone; WebGPU has no int8 tensors.
    if (kind === 'frozenMatmul' && device.name !== 'cpu') continue;
    for (const nodeCase of cases) {
      test(`${kind}: ${nodeCase.name}`, async () => {
        const { graph: source, inputs } = nodeCase.build();
        const exact = interpret(source, inputs)['y']!;
        // Chunks of 12 rows of the vocabulary cases' 33 scores.
        const program = await device.compile(source, { label: nodeCase.name, chunkBytes: 12 * 33 * 4, portable });
        if (device.name === 'webgpu' && hasNoElements(inputs)) {
          await expect(program.run(inputs)).rejects.toThrow('must have elements on webgpu');
          return;
        }
        const { y } = (await program.run(inputs)) as { y: HostTensor };
        await program.dispose();
        const tolerances = device.name === 'webgpu' ? { ...TOLERANCES, ...WEBGPU_TOLERANCES } : TOLERANCES;
        const { relative, floor } = tolerances[kind as NodeKind] ?? POINTWISE;
        expect(y.shape).toEqual(exact.shape);
        expect(errorOf(y.data, exact.data, floor)).toBeLessThanOrEqual(relative);
      });
    }
  }
}

/** Several nodes that one operator or loop stands for, and what else reads their values. */
const KERNEL_CASES: Readonly<Record<string, () => BuiltCase>> = {
  'a norm whose inverse RMS is read': () => {
    const [x, w] = [input('x', ['T', 64]), input('w', [64])];
    const normed = rmsNorm(x, w, 1e-5);
    const inverse = normed.inputs[0]!.inputs[1]!;
    return {
      graph: graph({ normed, gradient: mul(x, inverse), inverse }),
      inputs: { x: random([5, 64]), w: random([64]) },
    };
  },
  'heads turned by their angles': () => {
    const [x, c, s] = [input('x', ['T', 3, 8]), input('c', ['T', 1, 4]), input('s', ['T', 1, 4])];
    const back = rope(x, c, neg(s));
    const inputs = { x: random([5, 3, 8]), c: random([5, 1, 4]), s: random([5, 1, 4]) };
    return { graph: graph({ y: rope(x, c, s), back }), inputs };
  },
  'one head of a batch': () => {
    const [x, c, s] = [input('x', ['B', 'T', 1, 8]), input('c', ['B', 'T', 1, 4]), input('s', ['B', 'T', 1, 4])];
    const inputs = { x: random([2, 5, 1, 8]), c: random([2, 5, 1, 4]), s: random([2, 5, 1, 4]) };
    return { graph: graph({ y: rope(x, c, s) }), inputs };
  },
  'angles of a long context': () => {
    const x = input('x', ['N']);
    const angles = Float32Array.from({ length: 999 }, (_, i) => (i - 499) * 31.7);
    return { graph: graph({ sine: sin(x), cosine: cos(x) }), inputs: { x: hostTensor('float32', [999], angles) } };
  },
  'an adapter folded into a weight, and a bias': () => {
    const [w, a, b] = [input('w', [48, 32]), input('a', [4, 32]), input('b', [48, 4])];
    const [x, bias] = [input('x', ['T', 32]), input('bias', [48])];
    const folded = add(w, matmul(b, a, { scale: 2 }));
    const inputs = {
      w: random([48, 32]),
      a: random([4, 32]),
      b: random([48, 4]),
      x: random([5, 32]),
      bias: random([48]),
    };
    return { graph: graph({ folded, y: add(matmul(x, folded, { transposeB: true }), bias) }), inputs };
  },
  'both reductions of a vocabulary and the outer product': () => {
    const [h, e, g] = [input('h', ['C', 16]), input('e', [333, 16]), input('g', ['C'])];
    const logSum = logSumExpMatmul(h, e);
    const outputs = { logSum, expected: softmaxMatmul(h, e), outer: softmaxOuter(h, e, mul(g, logSum)) };
    return { graph: graph(outputs), inputs: { h: random([50, 16]), e: random([333, 16]), g: random([50]) } };
  },
  'a vocabulary of known sizes that no chunk divides': () => {
    const [h, e, g] = [input('h', [53, 16]), input('e', [331, 16]), input('g', [53])];
    const outputs = { expected: softmaxMatmul(h, e), outer: softmaxOuter(h, e, g) };
    return { graph: graph(outputs), inputs: { h: random([53, 16]), e: random([331, 16]), g: random([53]) } };
  },
  'dropout masks of one shape': () => {
    const [x, seed] = [input('x', ['T', 300]), input('seed', [], 'int32')];
    const outputs = { a: randomUniform(seed, ['T', 300]), b: randomUniform(add(seed, 1), ['T', 300]), x: neg(x) };
    return { graph: graph(outputs), inputs: { x: random([40, 300]), seed: int32Tensor([], [-5]) } };
  },
};

const numbers = createRandom(11);

function random(shape: readonly number[]): HostTensor<'float32'> {
  return float32Tensor(
    shape,
    Array.from({ length: elementCount(shape) }, () => numbers.nextNormal()),
  );
}

function kernels(device: Device, portable = false): void {
  for (const [name, build] of Object.entries(KERNEL_CASES)) {
    test(name, async () => {
      const built = build();
      const exact = interpret(built.graph, built.inputs);
      const program = await device.compile(built.graph, { label: name, chunkBytes: 12 * 333 * 4, portable });
      const computed = await program.run(built.inputs);
      await program.dispose();
      for (const [output, value] of Object.entries(exact)) {
        expect(computed[output]!.shape).toEqual(value.shape);
        const error = errorOf((computed[output] as HostTensor).data, value.data, 'sum');
        expect([output, error <= 2e-6 ? 'fits' : error]).toEqual([output, 'fits']);
      }
    });
  }
}

const cpu = await openDevice({ threads: 2 });
const webgpu = await openDevice({ device: 'webgpu', threads: 2 }).catch((error: unknown) => {
  process.stderr.write(`conformance on webgpu is skipped: ${messageOf(error)}\n`);
});
afterAll(async () => {
  await cpu.dispose();
  await webgpu?.dispose();
});

describe('every node kind on cpu agrees with the float64 interpreter', () => conformance(cpu));
describe('kernels on cpu', () => kernels(cpu));
describe('every node kind in standard operators', () => conformance(cpu, true));
describe('kernels in standard operators', () => kernels(cpu, true));
if (webgpu !== undefined) {
  describe('every node kind on webgpu agrees with the float64 interpreter', () => conformance(webgpu));
  describe('kernels on webgpu', () => kernels(webgpu));
}
