/**
 * The header of a GGUF file: metadata and tensor places. Our own parser rather than a package's, because every count,
 * length and offset of a foreign file has to be checked before it is believed.
 *
 * Source: the GGUF specification (ggml, docs/gguf.md), versions 2 and 3, little-endian.
 */
import { badInput, type Problem } from '../../core/index.ts';
import type { ByteSource } from '../byte-source.ts';
import { createGgufCursor, type GgufCursor } from './gguf-cursor.ts';
import { MAX_METADATA_ENTRIES, readGgufMetadata, readGgufString, type GgufValue } from './gguf-metadata.ts';
import { ggufType } from './gguf-types.ts';

export const MAX_GGUF_TENSORS = 65_536;
const MAX_TENSOR_NAME_BYTES = 256;
const MAX_DIMENSIONS = 4;
const DEFAULT_ALIGNMENT = 32;
const MAX_ALIGNMENT = 1 << 20;

export interface GgufTensor {
  readonly name: string;
  /** ggml's name of the type, such as Q4_K. */
  readonly type: string;
  /** Rows first, as Hugging Face writes shapes: the reverse of the file's order. */
  readonly shape: readonly number[];
  /** Absolute, in the file. */
  readonly offsetBytes: number;
  readonly sizeBytes: number;
}

export interface GgufHeader {
  readonly version: number;
  readonly metadata: ReadonlyMap<string, GgufValue>;
  /** In file order. A file that holds only a vocabulary has none. */
  readonly tensors: readonly GgufTensor[];
}

/**
 * Reads and checks a header. Throws bad-input: at once where the header cannot be parsed further, and with all problems
 * where tensors do not fit their types or the file.
 */
export async function readGgufHeader(source: ByteSource): Promise<GgufHeader> {
  const cursor = createGgufCursor(source);
  await cursor.need(24, 'a GGUF header');
  const magic = cursor.takeUint32();
  if (magic !== 0x46554747) {
    throw cursor.fail(`a GGUF file must start with 'GGUF', got bytes ${magic.toString(16)}; is this a GGUF file?`);
  }
  const version = cursor.takeUint32();
  if (version !== 2 && version !== 3) {
    const advice = version > 0 && version % 0x10000 === 0 ? 'big-endian files are not read' : 'convert the file again';
    throw cursor.fail(`the GGUF version must be 2 or 3, got ${version}; ${advice}`);
  }
  const tensorCount = Number(cursor.takeUint64());
  const entryCount = Number(cursor.takeUint64());
  if (tensorCount > MAX_GGUF_TENSORS) {
    throw cursor.fail(`must hold at most ${MAX_GGUF_TENSORS} tensors, got ${tensorCount}; the file is damaged`);
  }
  if (entryCount > MAX_METADATA_ENTRIES) {
    throw cursor.fail(
      `must hold at most ${MAX_METADATA_ENTRIES} metadata entries, got ${entryCount}; the file is damaged`,
    );
  }
  const metadata = await readGgufMetadata(cursor, entryCount);
  const alignment = metadata.get('general.alignment') ?? DEFAULT_ALIGNMENT;
  if (
    typeof alignment !== 'number' ||
    alignment < 8 ||
    alignment > MAX_ALIGNMENT ||
    (alignment & (alignment - 1)) !== 0
  ) {
    throw cursor.fail(`general.alignment must be a power of two from 8 to ${MAX_ALIGNMENT}, got ${String(alignment)}`);
  }
  const infos: TensorInfo[] = [];
  for (let index = 0; index < tensorCount; index++) infos.push(await readTensorInfo(cursor, index, tensorCount));
  const dataStart = Math.ceil(cursor.position() / alignment) * alignment;
  return { version, metadata, tensors: placeTensors(infos, { source, dataStart, alignment }) };
}

interface TensorInfo {
  readonly name: string;
  readonly shape: readonly (number | bigint)[];
  readonly typeId: number;
  readonly offset: number | bigint;
}

async function readTensorInfo(cursor: GgufCursor, index: number, count: number): Promise<TensorInfo> {
  const what = `tensor ${index + 1} of ${count}`;
  const name = await readGgufString(cursor, what, MAX_TENSOR_NAME_BYTES);
  await cursor.need(4, what);
  const dimensions = cursor.takeUint32();
  if (dimensions > MAX_DIMENSIONS) {
    throw cursor.fail(`${what} must have at most ${MAX_DIMENSIONS} dimensions, got ${dimensions}; the file is damaged`);
  }
  await cursor.need(dimensions * 8 + 12, what);
  const shape = Array.from({ length: dimensions }, () => cursor.takeUint64()).toReversed();
  return { name, shape, typeId: cursor.takeUint32(), offset: cursor.takeUint64() };
}

interface DataPart {
  readonly source: ByteSource;
  readonly dataStart: number;
  readonly alignment: number;
}

function placeTensors(infos: readonly TensorInfo[], data: DataPart): GgufTensor[] {
  const problems: Problem[] = [];
  const names = new Set<string>();
  const tensors: GgufTensor[] = [];
  const report = (name: string, message: string): void =>
    void problems.push({ file: data.source.name, message: `${JSON.stringify(name)}: ${message}` });
  for (const info of infos) {
    if (names.has(info.name)) report(info.name, 'tensor names must be unique, got it twice');
    names.add(info.name);
    const placed = placeTensor(info, data);
    if (typeof placed === 'string') report(info.name, placed);
    else tensors.push(placed);
  }
  const sorted = tensors.filter(({ sizeBytes }) => sizeBytes > 0).toSorted((a, b) => a.offsetBytes - b.offsetBytes);
  for (const [index, tensor] of sorted.entries()) {
    const before = sorted[index - 1];
    if (before !== undefined && tensor.offsetBytes < before.offsetBytes + before.sizeBytes) {
      report(tensor.name, `its bytes must not overlap those of ${JSON.stringify(before.name)}, got a shared range`);
    }
  }
  if (problems.length > 0) throw badInput(problems);
  return tensors;
}

/** The tensor with its size and place, or what is wrong with it. */
function placeTensor({ name, shape, typeId, offset }: TensorInfo, data: DataPart): GgufTensor | string {
  const type = ggufType(typeId);
  if (type === undefined)
    return `its type must be known, got type number ${typeId}; convert the file with a current llama.cpp`;
  if (shape.some((dim) => typeof dim === 'bigint'))
    return `its dimensions must be below 2^53, got [${shape.join(', ')}]`;
  // In bigint: a lying shape must not overflow into a size that fits.
  const elements = shape.reduce<bigint>((count, dim) => count * BigInt(dim), 1n);
  const columns = BigInt(shape.at(-1) ?? 1);
  if (columns % BigInt(type.elementsPerBlock) !== 0n) {
    return `a row of ${type.name} must be a multiple of ${type.elementsPerBlock} elements, got ${columns}`;
  }
  if (BigInt(offset) % BigInt(data.alignment) !== 0n) {
    return `its offset must be a multiple of the alignment ${data.alignment}, got ${offset}`;
  }
  const size = (elements / BigInt(type.elementsPerBlock)) * BigInt(type.bytesPerBlock);
  const end = BigInt(data.dataStart) + BigInt(offset) + size;
  if (end > BigInt(data.source.sizeBytes)) {
    return `its bytes must end within the file, got an end at byte ${end} of ${data.source.sizeBytes}; the file is truncated`;
  }
  const offsetBytes = data.dataStart + Number(offset);
  return { name, type: type.name, shape: shape.map(Number), offsetBytes, sizeBytes: Number(size) };
}
