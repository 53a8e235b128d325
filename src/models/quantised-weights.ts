import { badInput, float16ToFloat32, float32ToFloat16, hostTensor, type HostTensor } from '../core/index.ts';
import { BLOCK_WIDTH, type WeightStorage } from '../graph/index.ts';

/** A matrix W [n, k] in float32, row-major. */
export interface DenseMatrix {
  readonly name: string;
  readonly shape: readonly [n: number, k: number];
  readonly data: Float32Array<ArrayBuffer>;
}

export interface StoreOptions {
  /** The largest magnitude of an int8 weight, at most 127. Default 127. */
  readonly int8Limit?: number;
}

/** The tensors that hold a matrix, in the order in which frozenMatmul reads them. */
type Store = (matrix: DenseMatrix, options: StoreOptions) => HostTensor[];

/** The largest finite float16. */
const FLOAT16_MAXIMUM = 65504;

function storeFloat16({ name, shape, data }: DenseMatrix): HostTensor[] {
  const bits = new Uint16Array(data.length);
  for (let i = 0; i < data.length; i++) {
    if (Math.abs(data[i]!) > FLOAT16_MAXIMUM) {
      throw badInput(
        `weights: ${name} must lie within +-${FLOAT16_MAXIMUM} to be kept in float16, got ${data[i]}; keep the base in float32 or int8`,
      );
    }
    bits[i] = float32ToFloat16(data[i]!);
  }
  return [hostTensor('float16', shape, bits)];
}

/** Symmetric, a scale for each row: scale_i = max_j |W_ij| / limit, q_ij = round(W_ij / scale_i). */
function storeInt8({ shape, data }: DenseMatrix, { int8Limit = 127 }: StoreOptions): HostTensor[] {
  const [rows, columns] = shape;
  const [q, scale] = [new Int8Array(data.length), new Float32Array(rows)];
  for (let i = 0; i < rows; i++) {
    const end = (i + 1) * columns;
    let largest = 0;
    for (let at = end - columns; at < end; at++) {
      const magnitude = Math.abs(data[at]!);
      if (magnitude > largest) largest = magnitude;
    }
    scale[i] = largest === 0 ? 1 : largest / int8Limit;
    const steps = int8Limit / largest;
    if (largest > 0) for (let at = end - columns; at < end; at++) q[at] = Math.floor(data[at]! * steps + 0.5);
  }
  return [hostTensor('int8', shape, q), hostTensor('float32', [rows], scale)];
}

/** Writes bits 0 to 15 of the block from `start` to `end` (0 beyond it), and gives the scale at which they stand for scale (bits - 8). */
function storeBlock(data: Float32Array, bits: Uint8Array, [start, end]: readonly [number, number]): number {
  bits.fill(8);
  let extreme = 0;
  for (let at = start; at < end; at++) if (Math.abs(data[at]!) > Math.abs(extreme)) extreme = data[at]!;
  if (extreme === 0) return 1;
  // The extreme value becomes -8, the end that reaches farther.
  const steps = -8 / extreme;
  let product = 0;
  let square = 0;
  for (let at = start; at < end; at++) {
    const value = data[at]!;
    const q = Math.min(7, Math.floor(value * steps + 0.5));
    bits[at - start] = q + 8;
    product += value * q;
    square += q * q;
  }
  // The scale that is best for these bits in least squares.
  return product / square;
}

/** Symmetric blocks of BLOCK_WIDTH columns; what a last block lacks is stored as 0. */
function storeInt4({ shape, data }: DenseMatrix): HostTensor[] {
  const [rows, columns] = shape;
  const blocks = Math.ceil(columns / BLOCK_WIDTH);
  const packed = new Uint8Array((rows * blocks * BLOCK_WIDTH) / 2);
  const scale = new Float32Array(rows * blocks);
  const bits = new Uint8Array(BLOCK_WIDTH);
  for (let block = 0; block < rows * blocks; block++) {
    const row = Math.floor(block / blocks) * columns;
    const start = row + (block % blocks) * BLOCK_WIDTH;
    scale[block] = storeBlock(data, bits, [start, Math.min(start + BLOCK_WIDTH, row + columns)]);
    for (let j = 0; j < BLOCK_WIDTH / 2; j++)
      packed[(block * BLOCK_WIDTH) / 2 + j] = bits[2 * j]! | (bits[2 * j + 1]! << 4);
  }
  return [hostTensor('uint8', [rows, blocks, BLOCK_WIDTH / 2], packed), hostTensor('float32', [rows, blocks], scale)];
}

const STORES: Readonly<Record<WeightStorage, Store>> = {
  float16: storeFloat16,
  int8: storeInt8,
  int4: storeInt4,
};

/** A matrix in a compact storage. Throws bad-input for a weight that float16 cannot hold. */
export function storeMatrix(storage: WeightStorage, matrix: DenseMatrix, options: StoreOptions = {}): HostTensor[] {
  return STORES[storage](matrix, options);
}

/** The float32 matrix that stored parts stand for, row-major [n, k]. */
export function readMatrix(
  storage: WeightStorage,
  parts: readonly HostTensor[],
  [rows, columns]: readonly [number, number],
): Float32Array<ArrayBuffer> {
  const [stored, scale] = parts;
  const result = new Float32Array(rows * columns);
  const bytes = stored!.data;
  if (storage === 'float16') {
    for (let at = 0; at < result.length; at++) result[at] = float16ToFloat32(bytes[at]!);
    return result;
  }
  const scales = scale!.data;
  const blocks = Math.ceil(columns / BLOCK_WIDTH);
  for (let i = 0; i < rows; i++) {
    const from = i * columns;
    if (storage === 'int8') for (let j = 0; j < columns; j++) result[from + j] = bytes[from + j]! * scales[i]!;
    else {
      const packed = (i * blocks * BLOCK_WIDTH) / 2;
      for (let j = 0; j < columns; j++) {
        const bits = (bytes[packed + (j >> 1)]! >> (j % 2 === 0 ? 0 : 4)) & 15;
        result[from + j] = (bits - 8) * scales[i * blocks + Math.floor(j / BLOCK_WIDTH)]!;
      }
    }
  }
  return result;
}
