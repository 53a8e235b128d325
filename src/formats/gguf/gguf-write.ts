/**
 * The bytes before the tensors of a GGUF file that is to be written.
 *
 * Source: the GGUF specification (ggml, docs/gguf.md), version 3, little-endian, alignment 32.
 */
import { badInput, elementCount, internal } from '../../core/index.ts';
import { bytesOfType, type WritableType } from '../blocks/quantise.ts';
import { STORED_TYPES } from '../stored-types.ts';

const SCALARS = { uint32: 4, int32: 5, float32: 6, bool: 7, string: 8 } as const;
const ARRAY = 9;
const ALIGNMENT = 32;
/** ggml's numbers of the types that are written. */
const TYPE_IDS: Readonly<Record<WritableType, number>> = {
  F32: 0,
  F16: 1,
  Q4_0: 2,
  Q5_0: 6,
  Q8_0: 8,
  Q4_K: 12,
  Q6_K: 14,
  BF16: 30,
};
const MAX_NAME_BYTES = 63;

/** A metadata value with the type that it is written in. */
export type GgufWriteValue =
  | { readonly type: 'uint32' | 'int32' | 'float32'; readonly value: number }
  | { readonly type: 'bool'; readonly value: boolean }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'strings'; readonly value: readonly string[] }
  | { readonly type: 'bools'; readonly value: readonly boolean[] }
  | { readonly type: 'int32s' | 'float32s'; readonly value: ArrayLike<number> };

export interface GgufWriteTensor {
  /** llama.cpp's name. */
  readonly name: string;
  /** Rows first, as Hugging Face writes shapes. */
  readonly shape: readonly number[];
  readonly type: WritableType;
  /** The values in row-major order; called once, when its turn comes. */
  read(): Promise<Float32Array>;
}

export interface GgufLayout {
  /** Everything before the first tensor, padded to the alignment. */
  readonly header: Uint8Array<ArrayBuffer>;
  /** Bytes of each tensor, and zeros after it up to the next. */
  readonly places: readonly { readonly sizeBytes: number; readonly paddingBytes: number }[];
  /** Of the whole file. */
  readonly sizeBytes: number;
}

/** Lays a file out. Throws bad-input for a name that is too long or there twice, or rows that are no whole blocks of their type. */
export function layoutGguf(
  metadata: ReadonlyMap<string, GgufWriteValue>,
  tensors: readonly GgufWriteTensor[],
): GgufLayout {
  checkTensors(tensors);
  const bytes = createBytes();
  bytes.text('GGUF');
  bytes.uint32(3);
  bytes.uint64(tensors.length);
  bytes.uint64(metadata.size);
  for (const [key, value] of metadata) {
    bytes.string(key);
    writeValue(bytes, value);
  }
  let offset = 0;
  const places = tensors.map(({ name, shape, type }) => {
    bytes.string(name);
    bytes.uint32(shape.length);
    for (const dim of shape.toReversed()) bytes.uint64(dim);
    bytes.uint32(TYPE_IDS[type]);
    bytes.uint64(offset);
    const sizeBytes = bytesOfType(type, elementCount(shape));
    const paddingBytes = (ALIGNMENT - (sizeBytes % ALIGNMENT)) % ALIGNMENT;
    offset += sizeBytes + paddingBytes;
    return { sizeBytes, paddingBytes };
  });
  const header = bytes.finish(ALIGNMENT);
  return { header, places, sizeBytes: header.byteLength + offset };
}

function checkTensors(tensors: readonly GgufWriteTensor[]): void {
  const names = new Set<string>();
  const problems = tensors.flatMap(({ name, shape, type }) => {
    const isRepeated = names.has(name);
    names.add(name);
    const { elementsPerBlock } = STORED_TYPES[type];
    const columns = shape.at(-1) ?? 1;
    const fail = (message: string) => ({ message: `gguf: ${JSON.stringify(name)}: ${message}` });
    return [
      ...(isRepeated ? [fail('names must be unique, got it twice')] : []),
      ...(name.length > MAX_NAME_BYTES
        ? [fail(`a name must have at most ${MAX_NAME_BYTES} bytes, got ${name.length}`)]
        : []),
      ...(columns % elementsPerBlock === 0
        ? []
        : [fail(`a row of ${type} must be a multiple of ${elementsPerBlock} elements, got ${columns}`)]),
    ];
  });
  if (problems.length > 0) throw badInput(problems);
}

function writeValue(bytes: Bytes, entry: GgufWriteValue): void {
  switch (entry.type) {
    case 'strings':
      bytes.uint32(ARRAY);
      bytes.uint32(SCALARS.string);
      bytes.uint64(entry.value.length);
      for (const text of entry.value) bytes.string(text);
      return;
    case 'bools':
      bytes.uint32(ARRAY);
      bytes.uint32(SCALARS.bool);
      bytes.uint64(entry.value.length);
      bytes.raw(Uint8Array.from(entry.value, (one) => (one ? 1 : 0)));
      return;
    case 'int32s':
    case 'float32s':
      bytes.uint32(ARRAY);
      bytes.uint32(entry.type === 'int32s' ? SCALARS.int32 : SCALARS.float32);
      bytes.uint64(entry.value.length);
      bytes.raw(entry.type === 'int32s' ? Int32Array.from(entry.value) : Float32Array.from(entry.value));
      return;
    case 'string':
      bytes.uint32(SCALARS.string);
      bytes.string(entry.value);
      return;
    case 'bool':
      bytes.uint32(SCALARS.bool);
      bytes.raw(Uint8Array.of(entry.value ? 1 : 0));
      return;
    case 'float32':
      bytes.uint32(SCALARS.float32);
      bytes.raw(Float32Array.of(entry.value));
      return;
    default:
      if (!Number.isInteger(entry.value)) throw internal(`a GGUF integer is ${entry.value}`);
      bytes.uint32(SCALARS[entry.type]);
      bytes.raw(entry.type === 'int32' ? Int32Array.of(entry.value) : Uint32Array.of(entry.value));
  }
}

type Bytes = ReturnType<typeof createBytes>;

/** A growing buffer of little-endian values, as every platform of Node is. */
function createBytes() {
  let buffer = new Uint8Array(1 << 16);
  let length = 0;
  const encoder = new TextEncoder();
  const raw = (view: ArrayBufferView): void => {
    const needed = length + view.byteLength;
    if (needed > buffer.byteLength) {
      const larger = new Uint8Array(Math.max(needed, 2 * buffer.byteLength));
      larger.set(buffer.subarray(0, length));
      buffer = larger;
    }
    buffer.set(new Uint8Array(view.buffer, view.byteOffset, view.byteLength), length);
    length = needed;
  };
  const uint64 = (value: number): void => raw(BigUint64Array.of(BigInt(value)));
  return {
    raw,
    uint64,
    uint32: (value: number): void => raw(Uint32Array.of(value)),
    text: (text: string): void => raw(encoder.encode(text)),
    string(text: string): void {
      const encoded = encoder.encode(text);
      uint64(encoded.byteLength);
      raw(encoded);
    },
    finish(alignment: number): Uint8Array<ArrayBuffer> {
      return buffer.slice(0, Math.ceil(length / alignment) * alignment).fill(0, length);
    },
  };
}
