/** The bytes before and the order of the tensors in a safetensors file that is to be written. */
import { badInput, elementCount, type Problem } from '../core/index.ts';
import { describeValue } from './json.ts';
import { MAX_HEADER_BYTES, MAX_NAME_LENGTH, MAX_RANK, MAX_TENSORS, METADATA_KEY } from './safetensors-header.ts';

/** How written tensors are stored. */
export type SafetensorsType = 'F32' | 'F16' | 'BF16';

/** A tensor to be written. `read` is called once, when its turn comes, so that not all need to be in memory. */
export interface WritableTensor {
  readonly name: string;
  readonly shape: readonly number[];
  /** The values in row-major order. */
  read(): Promise<Float32Array>;
}

export interface SafetensorsLayout {
  /** The length prefix and the JSON, padded with spaces to a multiple of eight bytes. */
  readonly header: Uint8Array<ArrayBuffer>;
  /** In the order in which their bytes follow the header. */
  readonly tensors: readonly WritableTensor[];
  /** Of the whole file. */
  readonly sizeBytes: number;
}

/** Bytes of an element. */
export function bytesPerElement(type: SafetensorsType): number {
  return type === 'F32' ? 4 : 2;
}

/**
 * Lays out `tensors`, all stored as `type`, sorted by name, so that equal tensors give equal bytes; the file is what the
 * reference library writes for the same tensors. Throws bad-input with every bad name and shape.
 */
export function layoutSafetensors(
  tensors: readonly WritableTensor[],
  type: SafetensorsType,
  metadata: Readonly<Record<string, string>> = {},
): SafetensorsLayout {
  checkTensors(tensors);
  const sorted = tensors.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const metadataKeys = Object.keys(metadata).toSorted();
  const parts = metadataKeys.map((key) => `${JSON.stringify(key)}:${JSON.stringify(metadata[key])}`);
  const members = metadataKeys.length > 0 ? [`"${METADATA_KEY}":{${parts.join(',')}}`] : [];
  let end = 0;
  for (const { name, shape } of sorted) {
    const begin = end;
    end += elementCount(shape) * bytesPerElement(type);
    members.push(
      `${JSON.stringify(name)}:{"dtype":"${type}","shape":[${shape.join(',')}],"data_offsets":[${begin},${end}]}`,
    );
  }
  const json = new TextEncoder().encode(`{${members.join(',')}}`);
  const padded = Math.ceil(json.byteLength / 8) * 8;
  if (padded > MAX_HEADER_BYTES) {
    throw badInput(
      `safetensors: the header must have at most ${MAX_HEADER_BYTES} bytes, got ${padded}; write more shards`,
    );
  }
  const header = new Uint8Array(8 + padded).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(padded), true);
  header.set(json, 8);
  return { header, tensors: sorted, sizeBytes: header.byteLength + end };
}

function checkTensors(tensors: readonly WritableTensor[]): void {
  const problems: Problem[] = [];
  const names = new Set<string>();
  for (const { name, shape } of tensors) {
    const shown = `safetensors: ${describeValue(name)}`;
    if (names.has(name)) problems.push({ message: `${shown}: names must be unique, got it twice` });
    names.add(name);
    if (name.length === 0 || name.length > MAX_NAME_LENGTH || name === METADATA_KEY) {
      problems.push({
        message: `${shown}: a name must have 1 to ${MAX_NAME_LENGTH} characters and not be __metadata__`,
      });
    }
    if (shape.length > MAX_RANK || !shape.every((dim) => Number.isSafeInteger(dim) && dim >= 0)) {
      problems.push({
        message: `${shown}: a shape must be at most ${MAX_RANK} non-negative integers, got [${shape.join(', ')}]`,
      });
    }
  }
  if (tensors.length > MAX_TENSORS) {
    problems.push({ message: `safetensors: must hold at most ${MAX_TENSORS} tensors, got ${tensors.length}` });
  }
  if (problems.length > 0) throw badInput(problems);
}

/** One file of a checkpoint and its tensors. */
export interface Shard {
  readonly file: string;
  readonly tensors: readonly WritableTensor[];
}

/**
 * Divides `tensors`, in their order, into files of at most `maxShardBytes` of data each (a single larger tensor stands
 * alone). One file is called `<stem>.safetensors`, several `<stem>-00001-of-00003.safetensors`.
 */
export function divideIntoShards(
  tensors: readonly WritableTensor[],
  options: { readonly stem: string; readonly type: SafetensorsType; readonly maxShardBytes: number },
): Shard[] {
  checkTensors(tensors);
  const groups: WritableTensor[][] = [[]];
  let size = 0;
  for (const tensor of tensors) {
    const bytes = elementCount(tensor.shape) * bytesPerElement(options.type);
    if (size > 0 && size + bytes > options.maxShardBytes) {
      groups.push([]);
      size = 0;
    }
    groups.at(-1)!.push(tensor);
    size += bytes;
  }
  if (groups.length === 1) return [{ file: `${options.stem}.safetensors`, tensors: groups[0]! }];
  const total = fiveDigits(groups.length);
  return groups.map((group, index) => ({
    file: `${options.stem}-${fiveDigits(index + 1)}-of-${total}.safetensors`,
    tensors: group,
  }));
}

function fiveDigits(value: number): string {
  return String(value).padStart(5, '0');
}

/** The text of `<stem>.safetensors.index.json`. */
export function shardIndex(shards: readonly Shard[], type: SafetensorsType): string {
  const pairs = shards.flatMap(({ file, tensors }) => tensors.map((tensor) => [tensor, file] as const));
  pairs.sort(([a], [b]) => (a.name < b.name ? -1 : 1));
  const elements = pairs.reduce((sum, [tensor]) => sum + elementCount(tensor.shape), 0);
  const weightMap = Object.fromEntries(pairs.map(([tensor, file]) => [tensor.name, file]));
  const metadata = { total_parameters: elements, total_size: elements * bytesPerElement(type) };
  return `${JSON.stringify({ metadata, weight_map: weightMap }, null, 2)}\n`;
}
