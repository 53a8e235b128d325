/** A model in one GGUF file. */
import { badInput, type Problem } from '../../core/index.ts';
import { huggingFaceName, interleavedRows, normShift, type ModelFamily } from '../../models/index.ts';
import type { ByteSource } from '../byte-source.ts';
import type { ModelFiles } from '../checkpoint.ts';
import { configOfGguf } from './gguf-config.ts';
import { originOf } from './gguf-origin.ts';
import { readGgufHeader, type GgufHeader, type GgufTensor } from './gguf-header.ts';
import { checkpointOf, type LocatedTensor } from '../located-tensors.ts';
import type { RopeDivisors } from './gguf-rope.ts';
import { isReadableType, READABLE_TYPES } from '../stored-types.ts';
import type { CreateHash } from '../streaming-hash.ts';

/**
 * Opens a GGUF file as a model: config from its metadata, tensors under Hugging Face's names and in its row order (llama.cpp
 * interleaves the rows of q and k of some families for its rope; readFloat32 undoes that). rope_freqs.weight, and
 * rope_factors_long.weight and rope_factors_short.weight, stay entries under their own names and are expressed in config.rope_scaling.
 *
 * Throws bad-input with all problems: unsupported architecture or tensor types, unknown tensors, missing metadata. Closing
 * the result closes `source`; when opening fails the source is left open.
 */
export async function openGguf(source: ByteSource, createHash: CreateHash): Promise<ModelFiles> {
  const header = await readGgufHeader(source);
  const typeProblems = unreadableTypes(header.tensors, source.name);
  const ropeFactors = typeProblems.length > 0 ? {} : await readRopeFactors(header, source, createHash);
  const { family, config, problems } = configOfGguf(header, source.name, ropeFactors);
  // Names of an unsupported architecture would all be unknown, which says nothing new.
  const mapped = family === undefined ? NOTHING : mapTensors(header, { family, config }, source);
  const all = [...problems, ...typeProblems, ...(problems.length > 0 ? [] : mapped.problems)];
  if (all.length > 0) throw badInput(all);
  const checkpoint = checkpointOf(mapped.tensors, createHash);
  return {
    location: source.name,
    format: 'gguf',
    config,
    generationConfig: undefined,
    tokenizer: { kind: 'gguf', metadata: tokenizerMetadata(header) },
    checkpoint,
    origin: originOf(header.metadata),
    close: () => source.close(),
  };
}

/** The metadata of a GGUF header whose keys start with `tokenizer.`, and a Phi-3's general.name, by which llama.cpp treats its tokens otherwise. */
export function tokenizerMetadata(header: GgufHeader): Map<string, unknown> {
  const name = header.metadata.get('general.name');
  const decides = typeof name === 'string' && /phi-?3/i.test(name);
  return new Map(
    [...header.metadata].filter(([key]) => key.startsWith('tokenizer.') || (decides && key === 'general.name')),
  );
}

function unreadableTypes(tensors: readonly GgufTensor[], file: string): Problem[] {
  const counts = new Map<string, number>();
  for (const { type } of tensors) if (!isReadableType(type)) counts.set(type, (counts.get(type) ?? 0) + 1);
  return [...counts].map(([type, count]) => ({
    file,
    message: `tensor types must be among ${READABLE_TYPES.join(', ')}, got ${type} in ${count} tensors; quantise the model to one of these`,
  }));
}

async function readRopeFactors(header: GgufHeader, source: ByteSource, createHash: CreateHash): Promise<RopeDivisors> {
  const read = async (kind: string): Promise<Float32Array | undefined> => {
    const name = `rope_${kind}.weight`;
    const tensor = header.tensors.find((one) => one.name === name);
    return tensor && checkpointOf([locate(tensor, name, source)], createHash).readFloat32(name);
  };
  return { all: await read('freqs'), long: await read('factors_long'), short: await read('factors_short') };
}

function locate({ type, shape, sizeBytes, offsetBytes }: GgufTensor, name: string, source: ByteSource): LocatedTensor {
  return { entry: { name, storedType: type, shape, sizeBytes }, source, offsetBytes };
}

/** Hugging Face's words for a GGUF file. */
interface Meaning {
  readonly family: ModelFamily;
  readonly config: Readonly<Record<string, unknown>>;
}

interface MappedTensors {
  readonly tensors: LocatedTensor[];
  readonly problems: Problem[];
}

const NOTHING: MappedTensors = { tensors: [], problems: [] };

function mapTensors(header: GgufHeader, meaning: Meaning, source: ByteSource): MappedTensors {
  const problems: Problem[] = [];
  const report = (message: string): void => void problems.push({ file: source.name, message });
  const tensors: LocatedTensor[] = [];
  for (const tensor of header.tensors) {
    const name = huggingFaceName(meaning.family, tensor.name);
    if (name === undefined) {
      report(
        `${JSON.stringify(tensor.name)}: must be a tensor of a ${meaning.family} model, got an unknown name; this model is not supported`,
      );
      continue;
    }
    const shift = normShift(meaning.family, name);
    const located = { ...locate(tensor, name, source), ...(shift === 0 ? {} : { shift }) };
    const heads = interleavedHeads(name, meaning);
    if (heads === undefined) {
      tensors.push(located);
      continue;
    }
    const rows = tensor.shape[0] ?? 0;
    const wholeRows =
      tensor.shape.length === 2 || tensor.type === 'F32' || tensor.type === 'F16' || tensor.type === 'BF16';
    if (rows === 0 || rows % (2 * heads) !== 0 || !wholeRows) {
      report(
        `${JSON.stringify(tensor.name)}: its rows must make ${heads} heads of even size, got shape [${tensor.shape.join(', ')}]`,
      );
    }
    tensors.push({ ...located, interleavedHeads: heads });
  }
  return { tensors, problems };
}

function interleavedHeads(name: string, { family, config }: Meaning): number | undefined {
  const rows = interleavedRows(family, name);
  if (rows === undefined) return undefined;
  return (rows === 'queries' ? config.num_attention_heads : config.num_key_value_heads) as number;
}
