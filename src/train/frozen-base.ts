import { badUsage, elementCount, BYTES_PER_ELEMENT, type HostTensor } from '../core/index.ts';
import { frozenMatmul, graph, input } from '../graph/index.ts';
import {
  projectionOf,
  readMatrix,
  storedNames,
  storeMatrix,
  type BasePrecision,
  type DenseMatrix,
  type ParameterSpec,
  type Projection,
} from '../models/index.ts';
import type { Device } from '../runtime/index.ts';

/** A base whose projections are kept compactly. */
export interface StoredBase {
  readonly precision: Exclude<BasePrecision, 'float32'>;
  /** The arithmetic, as it stands in the key of stored reference log-probabilities: `base int8`. */
  readonly arithmetic: string;
  /** sqrt(sum (W - stored W)^2 / sum W^2) over all layers of each kind of projection. */
  readonly weightErrors: Readonly<Partial<Record<Projection, number>>>;
  /** Bytes of the projections as they are kept, and in float32. */
  readonly storedBytes: number;
  readonly float32Bytes: number;
}

/** Turns weights into what is uploaded, and sums up what that loses. */
export interface BaseStore {
  /** The tensors of a weight by their input names. */
  tensorsOf(spec: ParameterSpec, tensor: HostTensor<'float32'>): [name: string, tensor: HostTensor][];
  /** Undefined in float32. */
  base(): StoredBase | undefined;
}

/** Bits 0 to 127 use the whole byte; see int8Limit. */
const FULL_LIMIT = 127;
/** 2 * 255 * 63 fits into 16 bits, 2 * 255 * 64 does not safely. */
const NARROW_LIMIT = 63;

/**
 * The largest int8 weight whose products are exact on this processor. Without VNNI or AVX-512 the runtime adds two products of 8 bits in 16, which
 * saturate at 2 * 255 * 127; there weights of 7 bits are kept. Tried with a product at that end.
 */
async function int8Limit(device: Device): Promise<number> {
  const [rows, columns, width] = [16, 32, 64];
  const parts = [input('q', [columns, width], 'int8'), input('scale', [columns])];
  const y = frozenMatmul(input('x', [rows, width]), parts, { storage: 'int8', columns: width, transposeB: true });
  const program = await device.compile(graph({ y }), { label: 'probe of 8-bit products' });
  const { y: result } = await program.run({
    x: { dtype: 'float32', shape: [rows, width], data: new Float32Array(rows * width).fill(1) },
    q: { dtype: 'int8', shape: [columns, width], data: new Int8Array(columns * width).fill(FULL_LIMIT) },
    scale: { dtype: 'float32', shape: [columns], data: new Float32Array(columns).fill(1) },
  });
  await program.dispose();
  const exact = width * FULL_LIMIT;
  const isExact = (result as HostTensor).data.every((value) => Math.abs(value - exact) < 0.5);
  return isExact ? FULL_LIMIT : NARROW_LIMIT;
}

/** Throws bad-usage for a compact precision on another device than the CPU. */
export async function createBaseStore(device: Device, precision: BasePrecision): Promise<BaseStore> {
  if (precision === 'float32') return { tensorsOf: ({ name }, tensor) => [[name, tensor]], base: () => undefined };
  if (device.name !== 'cpu')
    throw badUsage(
      `loadModel: the base must be in float32 on ${device.name}, got ${precision}; compact products are proven on the cpu alone`,
    );
  const limit = precision === 'int8' ? await int8Limit(device) : FULL_LIMIT;
  const sums = new Map<Projection, { error: number; square: number }>();
  let [storedBytes, float32Bytes] = [0, 0];
  return {
    tensorsOf: (spec, tensor) => {
      const projection = projectionOf(spec);
      if (projection === undefined) return [[spec.name, tensor]];
      const shape = spec.shape as readonly [number, number];
      const matrix: DenseMatrix = { name: spec.name, shape, data: tensor.data };
      const parts = storeMatrix(precision, matrix, { int8Limit: limit });
      addError(sums, projection, { exact: tensor.data, stored: readMatrix(precision, parts, shape) });
      float32Bytes += BYTES_PER_ELEMENT.float32 * elementCount(shape);
      for (const part of parts) storedBytes += part.data.byteLength;
      const names = storedNames(spec.name.slice(0, -'.weight'.length), precision);
      return parts.map((part, i) => [names[i]!, part]);
    },
    base: () => ({
      precision,
      arithmetic: limit === FULL_LIMIT ? `base ${precision}` : `base ${precision} of 7 bits`,
      weightErrors: Object.fromEntries([...sums].map(([name, { error, square }]) => [name, rootRatio(error, square)])),
      storedBytes,
      float32Bytes,
    }),
  };
}

function rootRatio(error: number, square: number): number {
  return square === 0 ? 0 : Math.sqrt(error / square);
}

function addError(
  sums: Map<Projection, { error: number; square: number }>,
  projection: Projection,
  { exact, stored }: { readonly exact: Float32Array; readonly stored: Float32Array },
): void {
  const sum = sums.get(projection) ?? { error: 0, square: 0 };
  let [error, square] = [0, 0];
  for (let i = 0; i < exact.length; i++) {
    const difference = exact[i]! - stored[i]!;
    error += difference * difference;
    square += exact[i]! * exact[i]!;
  }
  sums.set(projection, { error: sum.error + error, square: sum.square + square });
}
