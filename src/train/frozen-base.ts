import { badUsage, elementCount, BYTES_PER_ELEMENT, type HostTensor } from '../core/index.ts';
import { frozenMatmul, graph, input } from '../graph/index.ts';
import {
  columnsName,
  EMBEDDING_NAME,
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
import { createCalibration, type Calibration, type ColumnMaxima } from './calibrate.ts';

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
  /** The tensors of the weights that stand before the layers, of one layer, or of what stands after them, in this order. */
  store(weights: readonly ReadWeight[]): Promise<StoredTensor[]>;
  /** Undefined in float32. */
  base(): StoredBase | undefined;
  dispose(): Promise<void>;
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
  if (precision === 'float32')
    return { store: async (weights) => weights.map(asItIs), base: () => undefined, dispose: async () => {} };
  if (device.name !== 'cpu')
    throw badUsage(
      `loadModel: the base must be in float32 on ${device.name}, got ${precision}; compact products are proven on the cpu alone`,
    );
  if (purpose === 'decoding' && precision === 'float16')
    throw badUsage(
      'loadModel: the base must be in float32, int8 or int4 to decode, got float16; every token would turn all of it into float32',
    );
  const limit = precision === 'int8' ? await int8Limit(device) : FULL_LIMIT;
  const calibration = precision === 'int8' ? await createCalibration(device, config) : undefined;
  const sums = new Map<Projection, { error: number; square: number }>();
  let [storedBytes, float32Bytes] = [0, 0];

  const storeProjection = (path: string, { spec, tensor }: ReadWeight, columns: Columns | undefined) => {
    const shape = spec.shape as readonly [number, number];
    const data = columns === undefined ? tensor.data : scaledColumns(tensor.data, columns.factors);
    const parts = storeMatrix(precision, { name: spec.name, shape, data }, { int8Limit: limit });
    const projection = projectionOf(spec);
    if (projection !== undefined) {
      const stored = readMatrix(precision, parts, shape);
      addError(sums, projection, { exact: tensor.data, stored, factors: columns?.inverse });
      float32Bytes += BYTES_PER_ELEMENT.float32 * elementCount(shape);
      for (const part of parts) storedBytes += part.data.byteLength;
    }
    return storedNames(path, precision).map((name, i) => ({ name, tensor: parts[i]!, isCompact: true }));
  };

  const store: BaseStore['store'] = async (weights) => {
    const maxima = await follow(calibration, weights);
    const columns = columnsOf(weights, maxima);
    const stored: StoredTensor[] = [...columns].map(([name, { inverse }]) => {
      storedBytes += inverse.byteLength;
      return { name, tensor: { dtype: 'float32', shape: [inverse.length], data: inverse }, isCompact: false };
    });
    for (const weight of weights) {
      const path = pathOf(weight.spec);
      const isHead = purpose === 'decoding' && weight.spec.name === headName(config);
      if (isHead) stored.push(...storeProjection(HEAD_PATH, weight, undefined));
      if (projectionOf(weight.spec) !== undefined)
        stored.push(...storeProjection(path, weight, columns.get(columnsName(path)!)));
      else if (!(isHead && weight.spec.name === HEAD_NAME)) stored.push(asItIs(weight));
    }
    return stored;
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
    dispose: async () => calibration?.dispose(),
  };
}

function pathOf({ name }: ParameterSpec): string {
  return name.slice(0, -'.weight'.length);
}

/** What the calibration sees of these weights: the ranges of a layer's inputs, or nothing. */
async function follow(
  calibration: Calibration | undefined,
  weights: readonly ReadWeight[],
): Promise<ColumnMaxima | undefined> {
  const embedding = weights.find(({ spec }) => spec.name === EMBEDDING_NAME);
  if (embedding !== undefined) await calibration?.begin(embedding.tensor);
  const layer = /\.layers\.(\d+)\./.exec(weights[0]?.spec.name ?? '')?.[1];
  if (layer === undefined) return undefined;
  return calibration?.layer(Number(layer), new Map(weights.map(({ spec, tensor }) => [spec.name, tensor])));
}

/** By what the columns of W are multiplied before they are stored, and those of x, its inverse. */
interface Columns {
  readonly factors: Float32Array<ArrayBuffer>;
  readonly inverse: Float32Array<ArrayBuffer>;
}

/** How much of an input's range goes over to the weights: 0 none, 1 all. Between 0.5 and 0.7 the log-probabilities' error is about the same. */
const MIGRATION = 0.6;
const LEAST_RANGE = 1e-5;

/**
 * Factors f_j = (max |x_j|)^a / (max |W_j|)^(1 - a), the latter over all projections that read x: x W^T = (x / f) (W f)^T exactly, and without its few
 * large columns x loses little when its rows are rounded to 8 bits. Source: Xiao et al. 2023 (SmoothQuant), equation 4.
 */
function columnsOf(weights: readonly ReadWeight[], maxima: ColumnMaxima | undefined): ReadonlyMap<string, Columns> {
  const columns = new Map<string, Columns>();
  for (const [name, ranges] of maxima ?? []) {
    const largest = new Float32Array(ranges.length).fill(LEAST_RANGE);
    for (const { spec, tensor } of weights) {
      if (projectionOf(spec) === undefined || columnsName(pathOf(spec)) !== name) continue;
      for (let from = 0; from < tensor.data.length; from += largest.length) {
        for (let j = 0; j < largest.length; j++) {
          const magnitude = Math.abs(tensor.data[from + j]!);
          if (magnitude > largest[j]!) largest[j] = magnitude;
        }
      }
    }
    const factors = ranges.map(
      (range, j) => Math.max(range, LEAST_RANGE) ** MIGRATION / largest[j]! ** (1 - MIGRATION),
    );
    columns.set(name, { factors: Float32Array.from(factors), inverse: Float32Array.from(factors, (f) => 1 / f) });
  }
  return columns;
}

/** A matrix with its columns multiplied by factors. */
function scaledColumns(data: Float32Array, factors: Float32Array): Float32Array<ArrayBuffer> {
  const result = new Float32Array(data.length);
  for (let from = 0; from < data.length; from += factors.length)
    for (let j = 0; j < factors.length; j++) result[from + j] = data[from + j]! * factors[j]!;
  return result;
}

function rootRatio(error: number, square: number): number {
  return square === 0 ? 0 : Math.sqrt(error / square);
}

function addError(
  sums: Map<Projection, { error: number; square: number }>,
  projection: Projection,
  { exact, stored, factors }: { exact: Float32Array; stored: Float32Array; factors: Float32Array | undefined },
): void {
  const sum = sums.get(projection) ?? { error: 0, square: 0 };
  let [error, square] = [0, 0];
  const width = factors?.length ?? exact.length;
  for (let from = 0; from < exact.length; from += width) {
    for (let j = 0; j < width; j++) {
      const value = exact[from + j]!;
      const difference = value - stored[from + j]! * (factors === undefined ? 1 : factors[j]!);
      error += difference * difference;
      square += value * value;
    }
  }
  sums.set(projection, { error: sum.error + error, square: sum.square + square });
}
