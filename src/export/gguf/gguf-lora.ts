import { badInput, type HostTensor, type Problem } from '../../core/index.ts';
import { openFileSource, readGgufHeader, rowOrder, writeGguf, type GgufWriteTensor } from '../../formats/index.ts';
import {
  adaptablePaths,
  EMBEDDING_PATH,
  HEAD_PATH,
  loraNames,
  nameInGguf,
  type LoraTarget,
  type ModelConfig,
} from '../../models/index.ts';
import type { ReadAdapter } from '../../policy/index.ts';
import { ggufDialect, text, type GgufMetadata } from './gguf-config.ts';
import { interleavedHeads, interleaveRows } from './gguf-tensors.ts';
import { transposed } from '../merge.ts';
import type { ExportSource } from '../source.ts';
import { verifyModel, type Trained, type Verification } from '../verify.ts';

/** What of an adapter llama.cpp cannot apply. */
export function loraProblems({ lora }: ReadAdapter, config: ModelConfig): Problem[] {
  const problems: Problem[] = [];
  const fail = (message: string): void =>
    void problems.push({ message: `gguf-lora: ${message}; use --to gguf, which merges it` });
  if (lora.magnitudes === true)
    fail('the adapter must be plain LoRA, got DoRA, whose magnitudes llama.cpp does not know');
  if (config.tiedHead && lora.targets.some(({ path }) => path === HEAD_PATH || path === EMBEDDING_PATH))
    fail('embedding and head must be two matrices for an adapter on one of them, got a model where they are one');
  return problems;
}

/** One target's tensors as llama.cpp reads them, and what they are times `alpha / rank`. */
interface LoraPair {
  readonly target: LoraTarget;
  readonly rank: number;
  readonly a: Float32Array;
  readonly b: Float32Array;
}

/**
 * Writes an adapter as llama.cpp's GGUF: lora_a [rank, in] and lora_b [out, rank] of each tensor, applied as alpha / rank B A. Where targets have other
 * scales than the file's one alpha gives, B takes the rest. A of the embedding stands transposed.
 *
 * Source: llama.cpp, llama_adapter_lora_init and the adapter keys of the GGUF specification. Throws bad-input for what loraProblems finds.
 */
export async function writeGgufLora(path: string, source: ExportSource, adapter: ReadAdapter): Promise<void> {
  const { config } = source.opened;
  const problems = loraProblems(adapter, config);
  if (problems.length > 0) throw badInput(problems);
  const [first] = adapter.lora.targets;
  const doubledRank = (rank: number): number => (adapter.lora.anchored === true ? 2 * rank : rank);
  const alpha = first!.scale * doubledRank(first!.rank);
  const tensors = adapter.lora.targets.flatMap((target): GgufWriteTensor[] => {
    const { a, b, rank } = pairOf(adapter, target, config);
    const name = nameInGguf(config.family, `${target.path}.weight`)!;
    const factor = (target.scale * rank) / alpha;
    const scaledB = Math.abs(factor - 1) < 1e-12 ? b : b.map((value) => value * factor);
    const isEmbedding = target.path === EMBEDDING_PATH;
    const shapeOfA = isEmbedding ? [a.length / rank, rank] : [rank, a.length / rank];
    return [
      {
        name: `${name}.lora_a`,
        shape: shapeOfA,
        type: 'F32',
        read: () => Promise.resolve(isEmbedding ? transposed(a, rank) : a),
      },
      { name: `${name}.lora_b`, shape: [b.length / rank, rank], type: 'F32', read: () => Promise.resolve(scaledB) },
    ];
  });
  const metadata: GgufMetadata = new Map([
    ['general.architecture', text(ggufDialect(config).architecture)],
    ['general.type', text('adapter')],
    ['general.name', text(source.name)],
    ['adapter.type', text('lora')],
    ['adapter.lora.alpha', { type: 'float32', value: alpha }],
  ]);
  await writeGguf(path, { metadata, tensors });
}

/** A over A0 and B beside -B0 for an anchored adapter; rows of B as llama.cpp turns those of the weight. */
function pairOf({ lora, weights }: ReadAdapter, target: LoraTarget, config: ModelConfig): LoraPair {
  const { a, b, anchorA, anchorB } = loraNames(target.path);
  const values = (name: string): Float32Array => weights.get(name)!.data as Float32Array;
  const heads = interleavedHeads(`${target.path}.weight`, config);
  const turned = (matrix: Float32Array, rank: number): Float32Array =>
    interleaveRows(matrix, matrix.length / rank, heads);
  const { rank } = target;
  if (lora.anchored !== true) return { target, rank, a: values(a), b: turned(values(b), rank) };
  const [A, A0, B, B0] = [values(a), values(anchorA), values(b), values(anchorB)];
  const joined = new Float32Array(2 * B.length);
  for (let at = 0; at < B.length; at++) {
    const [row, column] = [Math.floor(at / rank), at % rank];
    joined[row * 2 * rank + column] = B[at]!;
    joined[row * 2 * rank + rank + column] = -B0[at]!;
  }
  return { target, rank: 2 * rank, a: Float32Array.from([...A, ...A0]), b: turned(joined, 2 * rank) };
}

/** An adapter file read again, in the words of our own engine. */
export async function readGgufLora(
  path: string,
  config: ModelConfig,
): Promise<{ lora: ReadAdapter['lora']; weights: Map<string, HostTensor> }> {
  const file = await openFileSource(path);
  try {
    const { metadata, tensors } = await readGgufHeader(file);
    const alpha = Number(metadata.get('adapter.lora.alpha'));
    const values = async (name: string): Promise<Float32Array<ArrayBuffer>> => {
      const tensor = tensors.find((one) => one.name === name)!;
      const bytes = await file.read(tensor.offsetBytes, tensor.sizeBytes);
      return new Float32Array(bytes.slice().buffer);
    };
    const targets: LoraTarget[] = [];
    const weights = new Map<string, HostTensor>();
    for (const module of new Set(tensors.map(({ name }) => name.replace(/\.lora_[ab]$/, '')))) {
      const modulePath = modulePathOf(module, config);
      const b = tensors.find(({ name }) => name === `${module}.lora_b`)!;
      const [rows, rank] = b.shape as [number, number];
      const isEmbedding = modulePath === EMBEDDING_PATH;
      const a = await values(`${module}.lora_a`);
      const names = loraNames(modulePath);
      const A = isEmbedding ? transposed(a, a.length / rank) : a;
      const B = restoredRows(await values(`${module}.lora_b`), rows, interleavedHeads(`${modulePath}.weight`, config));
      targets.push({ path: modulePath, rank, scale: alpha / rank });
      weights.set(names.a, { dtype: 'float32', shape: [rank, A.length / rank], data: A });
      weights.set(names.b, { dtype: 'float32', shape: [rows, rank], data: B });
    }
    return { lora: { dropout: 0, targets }, weights };
  } finally {
    await file.close();
  }
}

function restoredRows(
  stored: Float32Array<ArrayBuffer>,
  rows: number,
  heads: number | undefined,
): Float32Array<ArrayBuffer> {
  if (heads === undefined) return stored;
  const columns = stored.length / rows;
  const values = new Float32Array(stored.length);
  rowOrder(rows, heads).forEach((to, from) => {
    values.set(stored.subarray(from * columns, (from + 1) * columns), to * columns);
  });
  return values;
}

function modulePathOf(ggufName: string, config: ModelConfig): string {
  const found = adaptablePaths(config).find((path) => nameInGguf(config.family, `${path}.weight`) === ggufName);
  if (found === undefined) throw badInput(`gguf-lora: ${ggufName} must be a tensor of the model, it is not`);
  return found;
}

/** Reads the file again over the base, and compares with the trained model. */
export async function verifyGgufLora(path: string, source: ExportSource, trained: Trained): Promise<Verification> {
  const { config, files } = source.opened;
  const adapter = await readGgufLora(path, config);
  return verifyModel({ config, checkpoint: files.checkpoint, adapter }, undefined, {
    trained,
    format: 'F32',
    what: path,
  });
}
