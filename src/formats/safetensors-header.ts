/**
 * The header of a safetensors file: eight bytes of its length, JSON, then the tensors' bytes without gaps.
 *
 * Source: the safetensors format description (huggingface/safetensors, README "Format"). Deviations: none; where it leaves a
 * limit open, the constants below are ours.
 */
import { badInput, messageOf, type Problem } from '../core/index.ts';
import type { ByteSource } from './byte-source.ts';
import { describeValue, parseJsonObject } from './json.ts';

/** The format's own limit. */
export const MAX_HEADER_BYTES = 100_000_000;
/** The one key of the header that is not a tensor. */
export const METADATA_KEY = '__metadata__';
export const MAX_TENSORS = 1_000_000;
export const MAX_NAME_LENGTH = 1024;
export const MAX_RANK = 8;
/** Problems that one file may report; the rest is counted. */
const MAX_PROBLEMS = 200;

/** Bits of an element, for the size check. Types newer than this list are only checked against the file's bounds. */
const TYPES_BY_BITS: ReadonlyMap<number, string> = new Map([
  [4, 'F4'],
  [6, 'F6_E2M3 F6_E3M2'],
  [8, 'BOOL U8 I8 F8_E5M2 F8_E4M3 F8_E8M0 F8_E5M2FNUZ F8_E4M3FNUZ'],
  [16, 'I16 U16 F16 BF16'],
  [32, 'I32 U32 F32'],
  [64, 'I64 U64 F64 C64'],
]);

export interface SafetensorsTensor {
  readonly name: string;
  readonly type: string;
  readonly shape: readonly number[];
  /** Absolute, in the file. */
  readonly offsetBytes: number;
  readonly sizeBytes: number;
}

export interface SafetensorsHeader {
  readonly metadata: ReadonlyMap<string, string>;
  /** In the order of their bytes. */
  readonly tensors: readonly SafetensorsTensor[];
}

/**
 * Reads and checks a header: sizes against shapes, ranges against the file, no overlap, no hole, no name twice. Throws
 * bad-input with every problem found.
 */
export async function readSafetensorsHeader(source: ByteSource): Promise<SafetensorsHeader> {
  const { text, dataStart } = await readHeaderText(source);
  const header = parseJsonObject(text, source.name, { uniqueKeys: true });
  const names = Object.keys(header).filter((name) => name !== METADATA_KEY);
  if (names.length > MAX_TENSORS) {
    throw badInput({ file: source.name, message: `must hold at most ${MAX_TENSORS} tensors, got ${names.length}` });
  }
  const messages: string[] = [];
  const metadata = readMetadata(header[METADATA_KEY], messages);
  const tensors: SafetensorsTensor[] = [];
  for (const name of names) {
    const tensor = readEntry(name, header[name], dataStart);
    if (typeof tensor === 'string') messages.push(`${describeValue(name)}: ${tensor}`);
    else tensors.push(tensor);
  }
  tensors.sort((a, b) => a.offsetBytes - b.offsetBytes || a.sizeBytes - b.sizeBytes);
  if (messages.length === 0) checkTiling(tensors, { start: dataStart, end: source.sizeBytes }, messages);
  if (messages.length > 0) throw badInput(problemsOf(source.name, messages));
  return { metadata, tensors };
}

function problemsOf(file: string, messages: readonly string[]): Problem[] {
  const problems = messages.slice(0, MAX_PROBLEMS).map((message) => ({ file, message }));
  const rest = messages.length - problems.length;
  if (rest > 0) problems.push({ file, message: `${rest} more problems` });
  return problems;
}

async function readHeaderText(source: ByteSource): Promise<{ text: string; dataStart: number }> {
  const fail = (message: string): Error => badInput({ file: source.name, offsetBytes: 0, message });
  if (source.sizeBytes < 10) {
    throw fail(`a safetensors file must have at least 10 bytes, got ${source.sizeBytes}; it is truncated or empty`);
  }
  const prefix = await source.read(0, 8);
  const length = Number(new DataView(prefix.buffer, prefix.byteOffset, 8).getBigUint64(0, true));
  if (length > MAX_HEADER_BYTES) {
    throw fail(`the header must have at most ${MAX_HEADER_BYTES} bytes, got ${length}; this is not a safetensors file`);
  }
  if (length > source.sizeBytes - 8) {
    throw fail(`the header's ${length} bytes must lie within the file, got ${source.sizeBytes - 8}; it is truncated`);
  }
  const bytes = await source.read(8, length);
  if (bytes[0] !== 0x7b) throw fail(`the header must start with '{', got byte ${describeValue(bytes[0])}`);
  try {
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes), dataStart: 8 + length };
  } catch (thrown) {
    throw badInput(
      { file: source.name, message: `the header must be UTF-8, got ${messageOf(thrown)}` },
      { cause: thrown },
    );
  }
}

function readMetadata(value: unknown, messages: string[]): Map<string, string> {
  const metadata = new Map<string, string>();
  if (value === undefined) return metadata;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    messages.push(`__metadata__: must map strings to strings, got ${describeValue(value)}`);
    return metadata;
  }
  for (const [key, text] of Object.entries(value)) {
    if (typeof text === 'string') metadata.set(key, text);
    else messages.push(`__metadata__.${key}: must be a string, got ${describeValue(text)}`);
  }
  return metadata;
}

/** The tensor of one header entry, or what is wrong with it. */
function readEntry(name: string, value: unknown, dataStart: number): SafetensorsTensor | string {
  if (name.length === 0 || name.length > MAX_NAME_LENGTH) {
    return `a name must have 1 to ${MAX_NAME_LENGTH} characters, got ${name.length}`;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return `must be an object with dtype, shape and data_offsets, got ${describeValue(value)}`;
  }
  const { dtype, shape, data_offsets: offsets } = value as Record<string, unknown>;
  if (typeof dtype !== 'string') return `dtype must be a string, got ${describeValue(dtype)}`;
  if (!isCounts(shape) || shape.length > MAX_RANK) {
    return `shape must be at most ${MAX_RANK} non-negative integers, got ${describeValue(JSON.stringify(shape))}`;
  }
  if (!isCounts(offsets) || offsets.length !== 2 || offsets[0]! > offsets[1]!) {
    return `data_offsets must be [begin, end] with begin <= end, got ${describeValue(JSON.stringify(offsets))}`;
  }
  const [begin, end] = offsets as [number, number];
  // In bigint: a lying shape such as [2^40, 2^40] must not overflow into a size that fits.
  const elements = shape.reduce((count, dim) => count * BigInt(dim), 1n);
  const bits = bitsOf(dtype);
  if (bits !== undefined && elements * BigInt(bits) !== BigInt(end - begin) * 8n) {
    return `${dtype} of shape [${shape.join(', ')}] must have ${(elements * BigInt(bits)) / 8n} bytes, got ${end - begin}`;
  }
  return { name, type: dtype, shape, offsetBytes: dataStart + begin, sizeBytes: end - begin };
}

function bitsOf(dtype: string): number | undefined {
  for (const [bits, names] of TYPES_BY_BITS) if (names.split(' ').includes(dtype)) return bits;
  return undefined;
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && (item as number) >= 0);
}

/** The tensors, sorted by offset, must cover the data exactly. */
function checkTiling(
  tensors: readonly SafetensorsTensor[],
  data: { readonly start: number; readonly end: number },
  messages: string[],
): void {
  let at = data.start;
  let before = 'the header';
  for (const { name, offsetBytes, sizeBytes } of tensors) {
    if (offsetBytes < at) {
      messages.push(
        `${describeValue(name)}: must start after ${before} at byte ${at}, got ${offsetBytes}; they overlap`,
      );
    } else if (offsetBytes > at) {
      messages.push(
        `${describeValue(name)}: must start at byte ${at}, got ${offsetBytes}; the bytes between belong to no tensor`,
      );
    }
    at = Math.max(at, offsetBytes + sizeBytes);
    before = describeValue(name);
  }
  if (at > data.end) {
    messages.push(`the tensors need ${at} bytes, got a file of ${data.end}; it is truncated, fetch it again`);
  } else if (at < data.end) {
    messages.push(`the last tensor ends at byte ${at} and nothing must follow, got ${data.end - at} more bytes`);
  }
}
