import { badUsage, elementCount, BYTES_PER_ELEMENT, type HostTensor } from '../core/index.ts';
import { frozenMatmul, graph, input } from '../graph/index.ts';
import {
  HEAD_NAME,
  HEAD_PATH,
  headName,
  projectionOf,
  readMatrix,
  storedNames,
  storeMatrix,
  type BasePrecision,
  type BasePurpose,
  type ModelConfig,
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

export interface ReadWeight {
  readonly spec: ParameterSpec;
  readonly tensor: HostTensor<'float32'>;
}

/** A tensor of a model as it is uploaded. */
export interface StoredTensor {
  readonly name: string;
  readonly tensor: HostTensor;
  /** Whether it is part of a compact matrix. */
  readonly isCompact: boolean;
}

/** Turns weights into what is uploaded, and sums up what that loses. */
export interface BaseStore {
  /** The tensors of a weight. Throws bad-input for one that the precision cannot hold. */
  store(weight: ReadWeight): StoredTensor[];
  /** Undefined in float32. */
  base(): StoredBase | undefined;
}

export interface BaseStoreOptions {
  readonly config: ModelConfig;
  readonly precision: BasePrecision;
  readonly purpose: BasePurpose;
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

function asItIs({ spec, tensor }: ReadWeight): StoredTensor {
  return { name: spec.name, tensor, isCompact: false };
}

/** Throws bad-usage for a compact precision on another device than the CPU, and for float16 to decode. */
export async function createBaseStore(device: Device, options: BaseStoreOptions): Promise<BaseStore> {
  const { config, precision, purpose } = options;
  if (precision === 'float32') return { store: (weight) => [asItIs(weight)], base: () => undefined };
  if (device.name !== 'cpu')
    throw badUsage(
      `loadModel: the base must be in float32 on ${device.name}, got ${precision}; compact products are proven on the cpu alone`,
    );
  if (purpose === 'decoding' && precision === 'float16')
    throw badUsage(
      'loadModel: the base must be in float32, int8 or int4 to decode, got float16; every token would turn all of it into float32',
    );
  const limit = precision === 'int8' ? await int8Limit(device) : FULL_LIMIT;
  const sums = new Map<Projection, { error: number; square: number }>();
  let [storedBytes, float32Bytes] = [0, 0];

  const storeMatrixOf = (path: string, { spec, tensor }: ReadWeight): StoredTensor[] => {
    const shape = spec.shape as readonly [number, number];
    const parts = storeMatrix(precision, { name: spec.name, shape, data: tensor.data }, { int8Limit: limit });
    const projection = projectionOf(spec);
    if (projection !== undefined) {
      addError(sums, projection, { exact: tensor.data, stored: readMatrix(precision, parts, shape) });
      float32Bytes += BYTES_PER_ELEMENT.float32 * elementCount(shape);
      for (const part of parts) storedBytes += part.data.byteLength;
    }
    return storedNames(path, precision).map((name, i) => ({ name, tensor: parts[i]!, isCompact: true }));
  };
  const store = (weight: ReadWeight): StoredTensor[] => {
    const { name } = weight.spec;
    if (projectionOf(weight.spec) !== undefined) return storeMatrixOf(name.slice(0, -'.weight'.length), weight);
    if (purpose === 'training' || name !== headName(config)) return [asItIs(weight)];
    const head = storeMatrixOf(HEAD_PATH, weight);
    // A tied head is the embedding too, whose rows are read in float32.
    return name === HEAD_NAME ? head : [...head, asItIs(weight)];
  };
  return {
    store,
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
