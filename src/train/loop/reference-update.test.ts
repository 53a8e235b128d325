import { afterAll, beforeAll, expect, test } from 'vitest';
import { float32Tensor } from '../../core/index.ts';
import { interpret } from '../../interpret/index.ts';
import { openDevice, type Device, type DeviceTensor } from '../../runtime/index.ts';
import type { MicroBatch, BatchProgram, Values } from '../../policy/index.ts';
import { createMovingReference, mixGraph } from './reference-update.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice({ device: 'cpu', threads: 1 });
});
afterAll(() => device.dispose());

const parameters = [{ name: 'w', shape: [2] }];

test('a mix of 0.6 of the policy 1.25 and 0.4 of the reference 0.75 is 1.05', () => {
  const inputs = { 'reference/w': float32Tensor([2], [0.75, -2]), w: float32Tensor([2], [1.25, 8]) };
  const { 'mixed/w': mixed } = interpret(mixGraph(parameters, 0.6), inputs);
  expect(mixed!.data[0]).toBeCloseTo(1.05, 6);
  // 0.4 x -2 + 0.6 x 8
  expect(mixed!.data[1]).toBeCloseTo(4, 6);
});

const batch: MicroBatch = { inputs: { x: float32Tensor([1], [7]) }, tokens: 1, counts: new Float32Array(1) };

/** A reference whose log-probability is the first weight that it had when it was last refreshed. */
async function reference(mix: number, policy: DeviceTensor, refreshed: number[]) {
  let seen = NaN;
  return createMovingReference(
    { device, parameters, current: new Map([['w', policy]]) },
    {
      isDue: (step) => step % 2 === 0,
      mix,
      inputs: { logps: 'referenceLogps', sharedLogps: 'sharedReferenceLogps' },
      compile: async (copies) => {
        const program: Partial<BatchProgram> = {
          refresh: async () => {
            seen = (await copies.get('w')!.read()).data[0] as number;
            refreshed.push(seen);
          },
          evaluate: async ({ x }: Values) => ({ logps: float32Tensor([1], [seen]), other: x as never }),
          dispose: async () => {},
        };
        return program as BatchProgram;
      },
    },
  );
}

test.each([
  { mix: 1, after: [5, 5, 9], written: [9, -1] },
  // 0.5 x 1 + 0.5 x 5 = 3, and 0.5 x 3 + 0.5 x 9 = 6
  { mix: 0.5, after: [3, 3, 6], written: [6, -0.75] },
])(
  'mix $mix: the reference moves after the steps that are due, and stays in between',
  async ({ mix, after, written }) => {
    const policy = await device.upload(float32Tensor([2], [1, 0]));
    const refreshed: number[] = [];
    const moving = await reference(mix, policy, refreshed);
    const logps = async (): Promise<number> =>
      (await moving.complete(batch)).inputs['referenceLogps']!.data[0] as number;
    const told: number[] = [];
    expect(await logps()).toBe(1);
    for (const [step, value] of [2, 5, 7, 9].entries()) {
      await policy.write(float32Tensor([2], [value, -1]));
      await moving.afterStep({ step: step + 1 });
      told.push(await logps());
    }
    expect(told).toEqual([1, ...after]);
    // What depends on the weights alone is computed again only after they moved.
    expect(refreshed).toEqual([1, after[0], after[2]]);
    expect(Array.from((await moving.tensors.get('reference/w')!.read()).data)).toEqual(written);
    expect(Object.keys((await moving.complete(batch)).inputs)).toEqual(['x', 'referenceLogps']);
    await moving.dispose();
  },
);
