import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { float32ToFloat16, runFailed } from '../../core/index.ts';
import { configText } from '../../formats/index.ts';
import { streamFileAtomic, type WritableFile } from '../../files/index.ts';
import { storeMatrix, type ModelConfig } from '../../models/index.ts';
import type { FrozenValue, OnnxTensor } from '../../onnx/index.ts';
import { openOnnxFile, type OnnxFile, type OnnxFileTensor } from '../../runtime/index.ts';
import { companionFiles } from '../hf.ts';
import type { MergedModel } from '../merged-model.ts';
import { blockedShape, encodeDecoder, isCompact, onnxDecoder } from './onnx-decoder.ts';
import { ONNX_SUFFIXES, type OnnxType } from './onnx-types.ts';
import type { ExportSource } from '../source.ts';
import { judge, requireSameTokenizer, type Trained, type Verification } from '../verify.ts';
import { understandTokenizer } from '../written-tokenizer.ts';

/** The system refuses 2 GiB and more in one write. */
const MAX_WRITE_BYTES = 1 << 30;
const ALIGNMENT = 64;

/** The model file's path in its folder; its weights stand in `<path>_data`. */
export function onnxFileName(type: OnnxType): string {
  return join('onnx', `model${ONNX_SUFFIXES[type]}.onnx`);
}

/** Writes one model file and its data file into `folder`/onnx, a tensor at a time. */
export async function writeOnnxModel(
  folder: string,
  { model, type }: { readonly model: MergedModel; readonly type: OnnxType },
): Promise<void> {
  const stem = `model${ONNX_SUFFIXES[type]}`;
  const decoder = onnxDecoder(model.config, type);
  await mkdir(join(folder, 'onnx'), { recursive: true });
  const tensors: OnnxTensor[] = [];
  const location = `${stem}.onnx_data`;
  await streamFileAtomic(join(folder, 'onnx', location), async (file) => {
    let offsetBytes = 0;
    for (const value of decoder.weights) {
      for (const { bytes, ...tensor } of await storedWeight(model, value, type)) {
        const padding = new Uint8Array((ALIGNMENT - (bytes.byteLength % ALIGNMENT)) % ALIGNMENT);
        await writeWhole(file, bytes);
        await writeWhole(file, padding);
        tensors.push({ ...tensor, data: { location, offsetBytes, lengthBytes: bytes.byteLength } });
        offsetBytes += bytes.byteLength + padding.byteLength;
      }
    }
  });
  await writeFile(join(folder, 'onnx', `${stem}.onnx`), encodeDecoder(decoder, tensors));
}

type StoredWeight = Omit<OnnxTensor, 'data'> & { readonly bytes: Uint8Array };

/** The tensors of one weight: itself in float32, or a matrix in float16, or in 8 bits with a scale for each row. */
async function storedWeight({ checkpoint }: MergedModel, value: FrozenValue, type: OnnxType): Promise<StoredWeight[]> {
  const { name, onnxName } = value;
  const dims = value.shape as readonly number[];
  const values = (await checkpoint.readFloat32(name)) as Float32Array<ArrayBuffer>;
  if (!isCompact(value, type)) return [{ name: onnxName, type: 'float32', dims, bytes: bytesOf(values) }];
  if (type === 'fp16') {
    const half = Uint16Array.from(values, float32ToFloat16);
    const at = half.findIndex((bits) => (bits & 0x7fff) >= 0x7c00);
    if (at >= 0)
      throw runFailed(`${name}: values must lie within 65504 to be stored as fp16, got ${values[at]}; export fp32`);
    return [{ name: `${onnxName}.half`, type: 'float16', dims, bytes: bytesOf(half) }];
  }
  const blocked = blockedShape(dims as readonly [number, number]);
  const [rows, blocks, width] = blocked;
  // A block is to the store what a row is to others: what shares a scale.
  const [q, scale] = storeMatrix('int8', { name, shape: [rows * blocks, width], data: values });
  return [
    { name: `${onnxName}.int8`, type: 'int8', dims: blocked, bytes: bytesOf(q!.data) },
    { name: `${onnxName}.scale`, type: 'float32', dims: [rows, blocks, 1], bytes: bytesOf(scale!.data) },
  ];
}

async function writeWhole(file: WritableFile, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.byteLength;)
    done += (await file.write(bytes, done, Math.min(MAX_WRITE_BYTES, bytes.byteLength - done))).bytesWritten;
}

function bytesOf(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

/** What stands beside onnx/: configuration with what transformers.js must know of the files, tokenizer, how to decode. */
export async function writeOnnxCompanions(
  folder: string,
  {
    source,
    model,
    types,
  }: { readonly source: ExportSource; readonly model: MergedModel; readonly types: readonly OnnxType[] },
): Promise<void> {
  const { generationConfig, tokenizerFilesToCopy = [], textFiles = {} } = companionFiles(source);
  const externalData = Object.fromEntries(types.map((type) => [`model${ONNX_SUFFIXES[type]}.onnx`, 1]));
  const config = {
    ...model.json,
    'transformers.js_config': { dtype: types[0], use_external_data_format: externalData, kv_cache_dtype: 'float32' },
  };
  await writeFile(join(folder, 'config.json'), configText(config));
  await writeFile(join(folder, 'generation_config.json'), jsonText(generationConfig));
  for (const [name, content] of Object.entries(textFiles)) await writeFile(join(folder, name), content);
  for (const path of tokenizerFilesToCopy) await copyFile(path, join(folder, basename(path)));
}

function jsonText(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** Runs the model file over the samples as another program would: each in two calls, the second over the cache of the first. */
export async function verifyOnnx(
  folder: string,
  { trained, config, type }: { readonly trained: Trained; readonly config: ModelConfig; readonly type: OnnxType },
): Promise<Verification> {
  const path = join(folder, onnxFileName(type));
  requireSameTokenizer(await understandTokenizer(folder, trained.tokenizer), { trained, what: folder, isGguf: false });
  const file = await openOnnxFile(path);
  try {
    const logps: number[] = [];
    for (const { ids } of trained.samples.samples) logps.push(...(await logpsOfOnnx(file, ids, config)));
    const format = type === 'fp32' ? 'F32' : type === 'fp16' ? 'F16' : 'Q8';
    return judge(Float32Array.from(logps), { trained, format, what: path });
  } finally {
    await file.dispose();
  }
}

/** Log-probabilities of all ids but the first, in nats, in two calls: the second goes on from the cache of the first. */
export async function logpsOfOnnx(file: OnnxFile, ids: readonly number[], config: ModelConfig): Promise<number[]> {
  const half = Math.ceil(ids.length / 2);
  const logps: number[] = [];
  let cache: Record<string, OnnxFileTensor> = emptyCache(config);
  for (const [start, end] of [
    [0, half],
    [half, ids.length],
  ] as const) {
    if (start === end) continue;
    const outputs = await file.run({
      input_ids: int64s(ids.slice(start, end)),
      attention_mask: int64s(ids.slice(0, end).map(() => 1)),
      position_ids: int64s(ids.slice(start, end).map((_id, i) => start + i)),
      ...cache,
    });
    const scores = outputs['logits']!.data as Float32Array;
    for (let at = start; at < end && at + 1 < ids.length; at++)
      logps.push(
        logpOf(
          scores.subarray((at - start) * config.vocabularySize, (at - start + 1) * config.vocabularySize),
          ids[at + 1]!,
        ),
      );
    cache = Object.fromEntries(
      Object.entries(outputs)
        .filter(([name]) => name.startsWith('present.'))
        .map(([name, tensor]) => [name.replace('present.', 'past_key_values.'), tensor]),
    );
  }
  return logps;
}

function int64s(values: readonly number[]): OnnxFileTensor {
  return { type: 'int64', dims: [1, values.length], data: BigInt64Array.from(values, BigInt) };
}

function emptyCache({ layers, keyValueHeads, headSize }: ModelConfig): Record<string, OnnxFileTensor> {
  const names = Array.from({ length: layers }, (_, layer) =>
    ['key', 'value'].map((part) => `past_key_values.${layer}.${part}`),
  );
  return Object.fromEntries(
    names
      .flat()
      .map((name) => [name, { type: 'float32', dims: [1, keyValueHeads, 0, headSize], data: new Float32Array(0) }]),
  );
}

/** log softmax(scores)[id] */
function logpOf(scores: Float32Array, id: number): number {
  const largest = scores.reduce((most, score) => Math.max(most, score), -Infinity);
  return scores[id]! - largest - Math.log(scores.reduce((sum, score) => sum + Math.exp(score - largest), 0));
}
