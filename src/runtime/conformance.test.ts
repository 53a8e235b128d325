import { afterAll, describe, expect, test } from 'vitest';
import { NODE_CASES } from '../../test/support/node-cases.ts';
import { messageOf, type HostTensor } from '../core/index.ts';
import type { NodeKind } from '../graph/index.ts';
import { interpret } from '../interpret/index.ts';
import { openDevice, type Device } from './index.ts';

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

function conformance(device: Device): void {
  afterAll(() => device.dispose());

  for (const [kind, cases] of Object.entries(NODE_CASES)) {
    for (const nodeCase of cases) {
      test(`${kind}: ${nodeCase.name}`, async () => {
        const { graph, inputs } = nodeCase.build();
        const exact = interpret(graph, inputs)['y']!;
        // Chunks of 12 rows of the vocabulary cases' 33 scores.
        const program = await device.compile(graph, { label: nodeCase.name, chunkBytes: 12 * 33 * 4 });
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

const cpu = await openDevice({ threads: 2 });
describe('every node kind on cpu agrees with the float64 interpreter', () => conformance(cpu));

const webgpu = await openDevice({ device: 'webgpu', threads: 2 }).catch((error: unknown) => {
  process.stderr.write(`conformance on webgpu is skipped: ${messageOf(error)}\n`);
});
if (webgpu !== undefined)
  describe('every node kind on webgpu agrees with the float64 interpreter', () => conformance(webgpu));
