import { badInput } from './errors.ts';

/** The element types that a graph computes with. Integers index; bool selects; the rest is arithmetic in float32. */
export type ComputeDType = 'float32' | 'int32' | 'bool';

/** Element types in which frozen weights are kept: only products that know how they are scaled read them. */
export type CompactDType = 'float16' | 'int8' | 'uint8';

export type DType = ComputeDType | CompactDType;

/** The arrays that hold a tensor's elements on the host. bool is one byte an element, 0 or 1; float16 holds its bits. */
export type TypedArrayOf<T extends DType> = T extends 'float32'
  ? Float32Array<ArrayBuffer>
  : T extends 'int32'
    ? Int32Array<ArrayBuffer>
    : T extends 'float16'
      ? Uint16Array<ArrayBuffer>
      : T extends 'int8'
        ? Int8Array<ArrayBuffer>
        : Uint8Array<ArrayBuffer>;

export const BYTES_PER_ELEMENT: Readonly<Record<DType, number>> = {
  float32: 4,
  int32: 4,
  bool: 1,
  float16: 2,
  int8: 1,
  uint8: 1,
};

/** Element types of weights on disk. `other` formats (GGUF's blocks) live in formats/. */
export type StoredDType = 'float32' | 'float16' | 'bfloat16';

const scratch = new Float32Array(1);
const word = new Uint32Array(scratch.buffer);

/** The float32 value of IEEE binary16 bits. Exact for every input, subnormals, infinities and NaN included. */
export function float16ToFloat32(bits: number): number {
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return (bits & 0x8000 ? -1 : 1) * fraction * 2 ** -24;
  // The exponent's bias is 127 instead of 15, and 255 instead of 31 is infinity or NaN.
  word[0] = ((bits & 0x8000) << 16) | ((exponent === 31 ? 255 : exponent + 112) << 23) | (fraction << 13);
  return scratch[0]!;
}

/** The IEEE binary16 bits nearest to `value` (a float32), ties to even; beyond 65504 becomes infinity. */
export function float32ToFloat16(value: number): number {
  scratch[0] = value;
  const bits = word[0]!;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude >= 0x7f800000) return sign | (magnitude > 0x7f800000 ? 0x7e00 : 0x7c00);
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude >= 0x38800000) {
    const rounded = magnitude + 0xfff + ((magnitude >>> 13) & 1);
    return sign | ((rounded - 0x38000000) >>> 13);
  }
  // Subnormal: an integer multiple of 2^-24, ties to even.
  const scaled = Math.abs(scratch[0]) * 2 ** 24;
  const floor = Math.floor(scaled);
  const remainder = scaled - floor;
  return sign | (remainder > 0.5 || (remainder === 0.5 && floor % 2 === 1) ? floor + 1 : floor);
}

/** The float32 value of bfloat16 bits: the same bits followed by sixteen zeros. */
export function bfloat16ToFloat32(bits: number): number {
  word[0] = bits << 16;
  return scratch[0]!;
}

/** The bfloat16 bits nearest to `value` (a float32), ties to even; NaN stays NaN. */
export function float32ToBfloat16(value: number): number {
  scratch[0] = value;
  const bits = word[0]!;
  if ((bits & 0x7fffffff) > 0x7f800000) return ((bits >>> 16) | 0x40) & 0xffff;
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}

/** A tensor on the host: `data` in row-major order, its length the product of `shape`. */
export interface HostTensor<T extends DType = DType> {
  readonly dtype: T;
  readonly shape: readonly number[];
  readonly data: TypedArrayOf<T>;
}

/** The number of elements of a shape; 1 for a scalar. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((count, dim) => count * dim, 1);
}

/** A host tensor over existing data. Throws bad-input when the data do not fill the shape. */
export function hostTensor<T extends DType>(dtype: T, shape: readonly number[], data: TypedArrayOf<T>): HostTensor<T> {
  if (data.length !== elementCount(shape)) {
    throw badInput(
      `hostTensor: data must hold ${elementCount(shape)} elements for shape [${shape.join(', ')}], got ${data.length}`,
    );
  }
  return { dtype, shape, data };
}

export function float32Tensor(shape: readonly number[], values: ArrayLike<number>): HostTensor<'float32'> {
  return hostTensor('float32', shape, Float32Array.from(values));
}

export function int32Tensor(shape: readonly number[], values: ArrayLike<number>): HostTensor<'int32'> {
  return hostTensor('int32', shape, Int32Array.from(values));
}
