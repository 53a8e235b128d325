import { afterAll, describe, expect, test } from 'vitest';
import { createRandom, float32Tensor, type HostTensor } from '../src/core/index.ts';
import { vectorJacobian } from '../src/autodiff/index.ts';
import { frozenMatmul, graph, input, type Graph, type WeightStorage } from '../src/graph/index.ts';
import { interpret } from '../src/interpret/index.ts';
import { storeMatrix } from '../src/models/index.ts';
import { openDevice } from '../src/runtime/index.ts';

/** Products with a compact weight at a real layer's size, forward and back, beside the exact product with the stored weight. */
const [N, K, T] = [192, 576, 24];
const device = await openDevice({ threads: 2 });
afterAll(() => device.dispose());

const random = createRandom(5, 'products');
const normals = (count: number): Float32Array<ArrayBuffer> =>
  Float32Array.from({ length: count }, () => random.nextNormal());

function shapesOf(storage: WeightStorage, more: { readonly isFine?: true; readonly isRounded?: true } = {}): Graph {
  const parts = {
    float16: () => [input('w', [N, K], 'float16')],
    int8: () => [input('w', [N, K], 'int8'), input('scale', [N])],
    int4: () => [input('w', [N, K / 32, 16], 'uint8'), input('scale', [N, K / 32])],
  }[storage]();
  const x = input('x', ['T', K]);
  const y = frozenMatmul(x, parts, { storage, columns: K, transposeB: true, ...more });
  return graph({ y, dx: vectorJacobian([y], [input('g', ['T', N])], [x])[0]! });
}

function partsOf(storage: WeightStorage): Record<string, HostTensor> {
  const [w, scale] = storeMatrix(storage, { name: 'w', shape: [N, K], data: normals(N * K) });
  return { w: w!, ...(scale === undefined ? {} : { scale }) };
}

function errorOf(computed: HostTensor, exact: Float64Array): number {
  let [error, square] = [0, 0];
  exact.forEach((value, i) => {
    error += (computed.data[i]! - value) ** 2;
    square += value ** 2;
  });
  return Math.sqrt(error / square);
}

async function run(source: Graph, inputs: Record<string, HostTensor>): Promise<Record<string, HostTensor>> {
  const program = await device.compile(source, { label: 'products' });
  const outputs = await program.run(inputs);
  await program.dispose();
  return outputs as Record<string, HostTensor>;
}

/** Rows of very different size, as gradients have them. */
function rows(width: number, count = T): HostTensor {
  const data = normals(count * width).map((value, i) => value * 10 ** ((Math.floor(i / width) % 9) - 6));
  return float32Tensor([count, width], data);
}

describe('relative root mean square error beside the interpreter', () => {
  // int8 rounds x: a row's step is about 3 / 127 deviations, its error 1 / sqrt(12) of a step, 0.7 %.
  test.each([
    ['float16', 1e-6],
    ['int8', 0.01],
    ['int4', 1e-6],
  ] as const)('%s is within %f, forward and back, row by row', async (storage, tolerance) => {
    const source = shapesOf(storage);
    const inputs = { ...partsOf(storage), x: rows(K), g: rows(N) };
    const [computed, exact] = [await run(source, inputs), interpret(source, inputs)];
    for (const [name, width] of [
      ['y', N],
      ['dx', K],
    ] as const) {
      for (let row = 0; row < T; row++) {
        const [from, to] = [row * width, (row + 1) * width];
        const one = float32Tensor([width], computed[name]!.data.subarray(from, to));
        expect(errorOf(one, exact[name]!.data.subarray(from, to)), `${name} row ${row}`).toBeLessThan(tolerance);
      }
    }
  });
});

test('int8: a row gives the same bits whatever stands beside it', async () => {
  const source = shapesOf('int8');
  const [parts, x, g] = [partsOf('int8'), rows(K), rows(N)];
  const all = await run(source, { ...parts, x, g });
  const one = await run(source, {
    ...parts,
    x: float32Tensor([1, K], x.data.subarray(0, K)),
    g: float32Tensor([1, N], g.data.subarray(0, N)),
  });
  expect(one['y']!.data).toEqual(all['y']!.data.subarray(0, N));
  expect(one['dx']!.data).toEqual(all['dx']!.data.subarray(0, K));
});

test('int8: products at the ends of both ranges do not saturate or the weights are narrower', async () => {
  const source = shapesOf('int8');
  const scale = float32Tensor([N], new Float32Array(N).fill(1));
  const limit = 63;
  const w: HostTensor = { dtype: 'int8', shape: [N, K], data: new Int8Array(N * K).fill(limit) };
  const { y } = await run(source, {
    w,
    scale,
    x: float32Tensor([1, K], new Float32Array(K).fill(2)),
    g: float32Tensor([1, N], new Float32Array(N)),
  });
  expect(Array.from(y!.data)).toEqual(Array.from({ length: N }, () => 2 * limit * K));
});

/** y and dx of x and g beside the exact ones: the largest error of a row. */
async function worstRow(source: Graph, inputs: Record<string, HostTensor>): Promise<{ y: number; dx: number }> {
  const [computed, exact] = [await run(source, inputs), interpret(source, inputs)];
  const worst = (name: string, width: number): number =>
    Math.max(
      ...Array.from({ length: T }, (_, row) => {
        const [from, to] = [row * width, (row + 1) * width];
        const one = float32Tensor([width], computed[name]!.data.subarray(from, to));
        return errorOf(one, exact[name]!.data.subarray(from, to));
      }),
    );
  return { y: worst('y', N), dx: worst('dx', K) };
}

test('int8, fine: rows rounded to 16 bits are 100 times as near, gradients as before', async () => {
  const inputs = { ...partsOf('int8'), x: rows(K), g: rows(N) };
  const fine = await worstRow(shapesOf('int8', { isFine: true }), inputs);
  expect(fine.y).toBeLessThan(1e-4);
  expect(fine.dx).toBeGreaterThan(1e-3);
  expect(fine.dx).toBeLessThan(0.01);
});

test('int4, rounded: within 8 bits of a block as a constant of the session', async () => {
  const source = shapesOf('int4', { isRounded: true });
  const [{ w, scale }, x, g] = [partsOf('int4'), rows(K), rows(N)];
  const exact = interpret(source, { w: w!, scale: scale!, x, g });
  const constants = { w: await device.upload(w!), scale: await device.upload(scale!) };
  const program = await device.compile(source, { label: 'rounded', constants });
  const computed = (await program.run({ x, g })) as Record<string, HostTensor>;
  await program.dispose();
  const error = errorOf(computed['y']!, exact['y']!.data);
  expect(error).toBeGreaterThan(1e-4);
  expect(error).toBeLessThan(0.01);
  expect(errorOf(computed['dx']!, exact['dx']!.data)).toBeLessThan(1e-6);
});

test.each([
  ['int8', {}, 0],
  ['int8, fine', { isFine: true as const }, 1e-6],
])('%s: a constant of the session gives what an input gives', async (_name, more, tolerance) => {
  const source = shapesOf('int8', more);
  const [{ w, scale }, x, g] = [partsOf('int8'), rows(K), rows(N)];
  const asInputs = await run(source, { w: w!, scale: scale!, x, g });
  const constants = { w: await device.upload(w!), scale: await device.upload(scale!) };
  const program = await device.compile(source, { label: 'constants', constants });
  expect(program.inputs.map(({ name }) => name)).toEqual(['g', 'x']);
  const asConstants = (await program.run({ x, g })) as Record<string, HostTensor>;
  await program.dispose();
  expect(errorOf(asConstants['y']!, Float64Array.from(asInputs['y']!.data))).toBeLessThanOrEqual(tolerance);
  expect(asConstants['dx']!.data).toEqual(asInputs['dx']!.data);
});

test('constants: an unknown name, one that is frozen too, and another device are refused', async () => {
  const source = shapesOf('int8');
  const [{ w }, tensor] = [partsOf('int8'), await device.upload(float32Tensor([1], [1]))];
  await expect(
    device.compile(source, { label: 'refused', frozen: { w: w! }, constants: { w: tensor, u: tensor } }),
  ).rejects.toThrow(
    'program "refused": constants must name inputs that are not frozen, got "w"\nprogram "refused": constants must name inputs that are not frozen, got "u"',
  );
});
