import type { InferenceSession, Tensor } from 'onnxruntime-common';
import { elementCount, internal, type DType, type HostTensor, type TypedArrayOf } from '../core/index.ts';
import { graph, input, stopGradient } from '../graph/index.ts';
import { lowerGraph } from '../onnx/index.ts';
import { onnxRuntime } from './onnxruntime.ts';
import { sessionOptions } from './session-options.ts';
import type { DeviceName } from './types.ts';

/** Free buffers that are kept for the next output of their size; beyond this those of the size that nobody took for longest go back to the system. */
const MAX_POOL_BYTES = 256 * 2 ** 20;
/** Steps of training ask for the same sizes again; caches of answers have sizes of their own, and the next one has another. */
const MAX_UNUSED_MS = 30_000;

interface FreeBuffers {
  readonly buffers: ArrayBuffer[];
  usedAt: number;
}

const ARRAYS = {
  float32: Float32Array,
  int32: Int32Array,
  bool: Uint8Array,
  float16: Uint16Array,
  int8: Int8Array,
  uint8: Uint8Array,
} as const;

export function toTensor({ dtype, shape, data }: HostTensor): Tensor {
  return new (onnxRuntime().Tensor)(dtype, data, shape);
}

export function toHost(tensor: Tensor): HostTensor {
  const data = tensor.data as TypedArrayOf<DType>;
  return { dtype: tensor.type as DType, shape: tensor.dims, data };
}

/** The elements of an int8 matrix [n, k] as [k, n], in squares that stay in the cache. */
export function turned({ shape, data }: HostTensor): Int8Array {
  const [rows, columns] = shape as [number, number];
  const square = 64;
  const from = data as Int8Array;
  const to = new Int8Array(from.length);
  for (let top = 0; top < rows; top += square) {
    for (let left = 0; left < columns; left += square) {
      const [bottom, right] = [Math.min(top + square, rows), Math.min(left + square, columns)];
      for (let i = top; i < bottom; i++) for (let j = left; j < right; j++) to[j * rows + i] = from[i * columns + j]!;
    }
  }
  return to;
}

/**
 * The tensors that live on the device, by handle. On cpu and cuda they are buffers of this thread, reused by size; on
 * webgpu they are GPU buffers, reached through sessions that copy one value.
 */
export class TensorStore {
  private readonly tensors = new Map<number, Tensor>();
  /** By size, the one that was asked for or given back last at the end. */
  private readonly pool = new Map<number, FreeBuffers>();
  /** Buffers that were made here. Those that came by upload are no outputs, and no output would take their place in the pool. */
  private readonly made = new WeakSet<ArrayBuffer>();
  private readonly copiers = new Map<string, Promise<InferenceSession>>();
  private readonly device: DeviceName;
  private readonly threads: number;
  private readonly now: () => number;
  private pooledBytes = 0;

  constructor(device: DeviceName, threads: number, now: () => number = () => performance.now()) {
    this.device = device;
    this.threads = threads;
    this.now = now;
  }

  get poolBytes(): number {
    return this.pooledBytes;
  }

  get(handle: number): Tensor {
    const tensor = this.tensors.get(handle);
    if (tensor === undefined) throw internal(`tensor ${handle} is not on the device`);
    return tensor;
  }

  /** Puts a tensor under a handle; one that was there before is disposed. */
  set(handle: number, tensor: Tensor): void {
    this.release(this.tensors.get(handle));
    this.tensors.set(handle, tensor);
  }

  /** A tensor with a buffer of its own, perhaps a used one: its elements are undefined. Not for webgpu. */
  allocate(dtype: DType, shape: readonly number[]): Tensor {
    const count = elementCount(shape);
    const sizeBytes = count * ARRAYS[dtype].BYTES_PER_ELEMENT;
    const used = this.freeOf(sizeBytes).pop();
    if (used !== undefined) this.pooledBytes -= sizeBytes;
    const buffer = used ?? new ArrayBuffer(sizeBytes);
    this.made.add(buffer);
    const data = new ARRAYS[dtype](buffer);
    return new (onnxRuntime().Tensor)(dtype, data as TypedArrayOf<typeof dtype>, shape);
  }

  async upload(handle: number, tensor: HostTensor): Promise<void> {
    if (this.device !== 'webgpu') {
      this.set(handle, toTensor(tensor));
      return;
    }
    const copier = await this.copier('upload', tensor.dtype, tensor.shape.length);
    const { 'out.y': uploaded } = await copier.run({ 'in.x': toTensor(tensor) });
    this.set(handle, uploaded as Tensor);
  }

  async write(handle: number, tensor: HostTensor): Promise<void> {
    if (this.device === 'webgpu') return this.upload(handle, tensor);
    (this.get(handle).data as Float32Array).set(tensor.data as Float32Array);
  }

  /** A copy that the caller may transfer. */
  async read(handle: number): Promise<HostTensor> {
    const tensor = this.get(handle);
    if (this.device !== 'webgpu') {
      const { dtype, shape, data } = toHost(tensor);
      return { dtype, shape, data: data.slice() as typeof data };
    }
    // getData() of a tensor on the GPU aborts the process in onnxruntime-node 1.30.
    const copier = await this.copier('read', tensor.type as DType, tensor.dims.length);
    const { 'out.y': copy } = await copier.run({ 'in.x': tensor });
    return toHost(copy as Tensor);
  }

  free(handle: number): void {
    this.release(this.tensors.get(handle));
    this.tensors.delete(handle);
  }

  clear(): void {
    for (const tensor of this.tensors.values()) if (this.device === 'webgpu') tensor.dispose();
    this.tensors.clear();
    this.pool.clear();
    this.pooledBytes = 0;
  }

  private release(tensor: Tensor | undefined): void {
    if (tensor === undefined) return;
    if (this.device === 'webgpu') {
      tensor.dispose();
      return;
    }
    const { buffer } = tensor.data as Float32Array<ArrayBuffer>;
    const sizeBytes = buffer.byteLength;
    if (sizeBytes === 0 || sizeBytes > MAX_POOL_BYTES || !this.made.has(buffer)) return;
    this.freeOf(sizeBytes).push(buffer);
    this.pooledBytes += sizeBytes;
    const oldest = this.now() - MAX_UNUSED_MS;
    for (const [size, { buffers, usedAt }] of this.pool) {
      if (usedAt >= oldest && this.pooledBytes <= MAX_POOL_BYTES) break;
      this.pool.delete(size);
      this.pooledBytes -= buffers.length * size;
    }
  }

  /** The free buffers of a size, which is the one used last from now on. */
  private freeOf(sizeBytes: number): ArrayBuffer[] {
    const known = this.pool.get(sizeBytes) ?? { buffers: [], usedAt: 0 };
    known.usedAt = this.now();
    this.pool.delete(sizeBytes);
    this.pool.set(sizeBytes, known);
    return known.buffers;
  }

  /** A session that copies a tensor of a dtype and rank to or from the device. */
  private copier(direction: 'upload' | 'read', dtype: DType, rank: number): Promise<InferenceSession> {
    const key = `${direction} ${dtype} ${rank}`;
    const known = this.copiers.get(key);
    if (known !== undefined) return known;
    const shape = Array.from({ length: rank }, (_, axis) => `D${axis}`);
    const copy = graph({ y: stopGradient(input('x', shape, dtype)) });
    const { bytes, outputs } = lowerGraph(copy, { target: 'portable' });
    const made = onnxRuntime().InferenceSession.create(
      bytes,
      sessionOptions({
        device: this.device,
        threads: this.threads,
        deviceOutputs: direction === 'upload' ? outputs.map(({ onnxName }) => onnxName) : [],
        externalData: [],
        profilePrefix: undefined,
      }),
    );
    this.copiers.set(key, made);
    return made;
  }
}
