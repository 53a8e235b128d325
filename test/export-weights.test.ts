import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { mergedModel } from '../src/export/index.ts';
import { sampleLogps } from '../src/score/index.ts';
import { ggufConfig, ggufDialect, ggufLimits } from '../src/export/gguf/gguf-config.ts';
import { loraProblems, readGgufLora, writeGgufLora } from '../src/export/gguf/gguf-lora.ts';
import { ggufTensors } from '../src/export/gguf/gguf-tensors.ts';
import type { MergedModel } from '../src/export/merged-model.ts';
import { logpsOfOnnx, onnxFileName, writeOnnxModel } from '../src/export/onnx/onnx-folder.ts';
import type { ExportSource } from '../src/export/source.ts';
import { openModelFiles, readGgufHeader, openFileSource, writeGguf, type ModelFiles } from '../src/formats/index.ts';
import { parseModelConfig, type ModelConfig } from '../src/models/index.ts';
import { openOnnxFile, type OnnxFileTensor } from '../src/runtime/index.ts';
import { readAdapter, type OpenedModel, type ReadAdapter } from '../src/policy/index.ts';
import { sampleModel } from './fixtures/export/sample-model.ts';
import { temporaryFolder } from './support/tiny-model.ts';

/** Weights of exports on the tiny models that Transformers made and the adapters that PEFT made: what is written is what is computed. */
const FIXTURES = join(import.meta.dirname, 'fixtures');
const { path: folder, remove } = temporaryFolder();
afterAll(remove);
const MODELS = readdirSync(join(FIXTURES, 'models'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && existsSync(join(FIXTURES, 'models', entry.name, 'expected.json')))
  .map(({ name }) => name);

interface Fixture {
  readonly files: ModelFiles;
  readonly config: ModelConfig;
  readonly model: MergedModel;
}

async function fixture(name: string): Promise<Fixture> {
  const files = await openModelFiles(join(FIXTURES, 'models', name));
  const config = parseModelConfig(files.config);
  return { files, config, model: mergedModel({ files, config } as OpenedModel, undefined) };
}

/** Token ids without sense, two texts of 5 and 9. */
function samplesFor({ vocabularySize }: ModelConfig): { ids: number[] }[] {
  const ids = Array.from({ length: 9 }, (_, i) => (i * 7 + 3) % vocabularySize);
  return [{ ids: ids.slice(0, 5).toReversed() }, { ids }];
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  return Array.from(a).reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
}

const ADAPTERS = readdirSync(join(FIXTURES, 'peft'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

async function adapted(name: string): Promise<Fixture & { adapter: ReadAdapter }> {
  const base = await fixture(name.slice(0, name.indexOf('-')));
  const adapter = await readAdapter(join(FIXTURES, 'peft', name), base.config, base.files.checkpoint);
  return { ...base, adapter };
}

describe('merging', () => {
  it.each(ADAPTERS)('%s inside the weights scores as beside them', async (name) => {
    const { files, config, adapter } = await adapted(name);
    const samples = samplesFor(config);
    const beside = await sampleLogps({ config, checkpoint: files.checkpoint, adapter }, samples, { threads: 1 });
    const plain = await sampleLogps({ config, checkpoint: files.checkpoint }, samples, { threads: 1 });
    const merged = mergedModel({ files, config } as OpenedModel, adapter);
    const inside = await sampleLogps(merged, samples, { threads: 1 });
    expect(largestDifference(inside, beside)).toBeLessThan(1e-5);
    expect(largestDifference(plain, beside)).toBeGreaterThan(1e-3);
    await files.close();
  });

  it('unties the head where the embedding is adapted', async () => {
    const { files, config, adapter } = await adapted('qwen2.5-outside');
    expect(config.tiedHead).toBe(true);
    const merged = mergedModel({ files, config } as OpenedModel, adapter);
    expect([merged.config.tiedHead, merged.json['tie_word_embeddings']]).toEqual([false, false]);
    expect(merged.checkpoint.entries.has('lm_head.weight')).toBe(true);
    await files.close();
  });
});

describe('GGUF', () => {
  it.each(MODELS)('%s reads back with the same configuration, weights and log-probabilities', async (name) => {
    const { files, config, model } = await fixture(name);
    const path = join(folder, `${name}.gguf`);
    const metadata = new Map([
      ['general.architecture', { type: 'string', value: ggufDialect(config).architecture }] as const,
      ...ggufConfig(model),
      ['tokenizer.ggml.model', { type: 'string', value: 'none' }] as const,
    ]);
    await writeGguf(path, { metadata, tensors: ggufTensors(model, 'F32') });
    const back = await openModelFiles(path);
    const backConfig = parseModelConfig(back.config);
    // What llama.cpp does not know is said, and float32 holds the rope's frequencies.
    const { hasWindows = false, normShift = 0 } = ggufDialect(config);
    const unknown = { ...(hasWindows ? {} : { slidingWindow: 0 }), rope: 0, layerRopes: 0, family: 0, normEpsilon: 0 };
    expect({ ...backConfig, ...unknown }).toEqual({ ...config, ...unknown });
    const isWindowLost = !hasWindows && config.slidingWindow.some((one) => one !== undefined && one < 64);
    const isRopeCut = name.endsWith('dynamic') || config.rope.factors !== undefined;
    expect(ggufLimits(model).length).toBe(isWindowLost || isRopeCut ? 1 : 0);
    expect(largestDifference(backConfig.rope.frequencies, config.rope.frequencies)).toBeLessThan(1e-6);
    expect(backConfig.rope.scale).toBeCloseTo(config.rope.scale, 6);
    for (const entry of model.checkpoint.entries.keys()) {
      const [found, stored] = [await back.checkpoint.readFloat32(entry), await files.checkpoint.readFloat32(entry)];
      // A norm's weight loses the last bits of itself where 1 stands beside it in the file.
      if (normShift === 0 || !entry.endsWith('norm.weight')) expect(found).toEqual(stored);
      else expect(largestDifference(found, stored)).toBeLessThan(3e-7);
    }
    const samples = samplesFor(config);
    const scored = await sampleLogps({ config: backConfig, checkpoint: back.checkpoint }, samples, { threads: 1 });
    const expected = await sampleLogps(
      { config: { ...config, slidingWindow: backConfig.slidingWindow }, checkpoint: files.checkpoint },
      samples,
      { threads: 1 },
    );
    expect(largestDifference(scored, expected)).toBeLessThan(2e-5);
    await Promise.all([back.close(), files.close()]);
  });

  /** Recorded from llama.cpp's library by record_llama.py. */
  const quantised = JSON.parse(readFileSync(join(FIXTURES, 'export', 'llama-quantize.json'), 'utf8')) as Record<
    string,
    Record<string, [string, string]>
  >;

  it.each(['Q8_0', 'Q4_0', 'Q4_K_M'] as const)(
    '%s of a model from a seed is what llama.cpp makes of it, every tensor, byte for byte',
    async (type) => {
      const model = sampleModel();
      const path = join(folder, `${type}.gguf`);
      await writeGguf(path, { metadata: new Map(), tensors: ggufTensors(model, type) });
      const source = await openFileSource(path);
      const { tensors } = await readGgufHeader(source);
      const found: Record<string, [string, string]> = {};
      for (const tensor of tensors) {
        const bytes = await source.read(tensor.offsetBytes, tensor.sizeBytes);
        found[tensor.name] = [tensor.type, createHash('sha256').update(bytes).digest('hex')];
      }
      expect(found).toEqual(quantised[type]);
      await source.close();
    },
  );
});

describe('LoRA GGUF', () => {
  const REFUSED: Readonly<Record<string, string>> = {
    'llama2-dora':
      'gguf-lora: the adapter must be plain LoRA, got DoRA, whose magnitudes llama.cpp does not know; use --to gguf, which merges it',
    'llama2-outside-dora':
      'gguf-lora: the adapter must be plain LoRA, got DoRA, whose magnitudes llama.cpp does not know; use --to gguf, which merges it',
    'qwen2-dora':
      'gguf-lora: the adapter must be plain LoRA, got DoRA, whose magnitudes llama.cpp does not know; use --to gguf, which merges it',
    'qwen2.5-outside':
      'gguf-lora: embedding and head must be two matrices for an adapter on one of them, got a model where they are one; use --to gguf, which merges it',
  };

  it.each(ADAPTERS)('%s reads back and scores the same, or is refused by name', async (name) => {
    const { files, config, adapter } = await adapted(name);
    const refused = REFUSED[name];
    expect(loraProblems(adapter, config).map(({ message }) => message)).toEqual(refused === undefined ? [] : [refused]);
    if (refused === undefined) {
      const path = join(folder, `${name}-lora.gguf`);
      await writeGgufLora(path, { name, opened: { config } } as ExportSource, adapter);
      const back = await readGgufLora(path, config);
      const samples = samplesFor(config);
      const scored = await sampleLogps({ config, checkpoint: files.checkpoint, adapter: back }, samples, {
        threads: 1,
      });
      const expected = await sampleLogps({ config, checkpoint: files.checkpoint, adapter }, samples, { threads: 1 });
      expect(largestDifference(scored, expected)).toBeLessThan(1e-5);
    }
    await files.close();
  });
});

function int64s(rows: readonly (readonly number[])[]): OnnxFileTensor {
  return { type: 'int64', dims: [rows.length, rows[0]!.length], data: BigInt64Array.from(rows.flat(), BigInt) };
}

/** log softmax of each row's next ids, of a batch padded on the left and given in two calls. */
async function scoredInBatch(
  path: string,
  texts: readonly (readonly number[])[],
  config: ModelConfig,
): Promise<number[][]> {
  const file = await openOnnxFile(path);
  const longest = Math.max(...texts.map((ids) => ids.length));
  const padding = texts.map((ids) => longest - ids.length);
  const padded = texts.map((ids, row) => [...Array.from({ length: padding[row]! }, () => 0), ...ids]);
  const positions = padded.map((ids, row) => ids.map((_id, i) => Math.max(0, i - padding[row]!)));
  const masks = padded.map((ids, row) => ids.map((_id, i) => (i < padding[row]! ? 0 : 1)));
  const logps: number[][] = texts.map(() => []);
  const shape = [texts.length, config.keyValueHeads, 0, config.headSize];
  let cache: Record<string, OnnxFileTensor> = Object.fromEntries(
    file.inputs
      .filter((name) => name.startsWith('past'))
      .map((name) => [name, { type: 'float32', dims: shape, data: new Float32Array(0) }]),
  );
  for (const [start, end] of [
    [0, longest - 2],
    [longest - 2, longest],
  ] as const) {
    const cut = (rows: readonly (readonly number[])[]): OnnxFileTensor =>
      int64s(rows.map((row) => row.slice(start, end)));
    const mask = int64s(masks.map((row) => row.slice(0, end)));
    const outputs = await file.run({
      input_ids: cut(padded),
      position_ids: cut(positions),
      attention_mask: mask,
      ...cache,
    });
    const scores = outputs['logits']!.data as Float32Array;
    for (const [row, ids] of padded.entries()) {
      for (let at = Math.max(start, padding[row]!); at < end && at + 1 < longest; at++) {
        const from = (row * (end - start) + at - start) * config.vocabularySize;
        const own = scores.subarray(from, from + config.vocabularySize);
        logps[row]!.push(own[ids[at + 1]!]! - Math.log(own.reduce((sum, score) => sum + Math.exp(score), 0)));
      }
    }
    cache = Object.fromEntries(
      Object.entries(outputs)
        .filter(([name]) => name.startsWith('present'))
        .map(([name, value]) => [name.replace('present', 'past_key_values'), value]),
    );
  }
  await file.dispose();
  return logps;
}

describe('ONNX', () => {
  it.each(MODELS)('%s scores as the engine does: in two calls, and in a batch padded on the left', async (name) => {
    const { files, config, model } = await fixture(name);
    const own = join(folder, `onnx-${name}`);
    await writeOnnxModel(own, { model, type: 'fp32' });
    const path = join(own, onnxFileName('fp32'));
    const samples = samplesFor(config);
    const expected = await sampleLogps(model, samples, { threads: 1 });
    const file = await openOnnxFile(path);
    const scored: number[] = [];
    for (const { ids } of samples) scored.push(...(await logpsOfOnnx(file, ids, config)));
    await file.dispose();
    expect(largestDifference(scored, expected)).toBeLessThan(1e-4);
    const batched = await scoredInBatch(
      path,
      samples.map(({ ids }) => ids),
      config,
    );
    expect(largestDifference(batched.flat(), expected)).toBeLessThan(1e-4);
    await files.close();
  });

  it('scores as the engine does with scales and soft caps', async () => {
    const { files, model: plain } = await fixture('llama2');
    const traits = {
      activation: 'gelu_tanh',
      embeddingScale: 1.5,
      residualScale: 0.75,
      attentionScale: 0.5,
      attentionSoftCap: 2,
      logitScale: 0.5,
      logitSoftCap: 3,
    } as const;
    const model = { ...plain, config: { ...plain.config, ...traits } };
    const own = join(folder, 'onnx-traits');
    await writeOnnxModel(own, { model, type: 'fp32' });
    const samples = samplesFor(model.config);
    const expected = await sampleLogps(model, samples, { threads: 1 });
    const file = await openOnnxFile(join(own, onnxFileName('fp32')));
    const scored: number[] = [];
    for (const { ids } of samples) scored.push(...(await logpsOfOnnx(file, ids, model.config)));
    await file.dispose();
    expect(largestDifference(scored, expected)).toBeLessThan(1e-4);
    expect(largestDifference(await sampleLogps(plain, samples, { threads: 1 }), expected)).toBeGreaterThan(0.1);
    await files.close();
  });
});
