import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openModelFiles, openSafetensorsFile } from '../formats/index.ts';
import { parseModelConfig, plainDecoder, withLora } from '../models/index.ts';
import { openDevice, type DeviceTensor } from '../runtime/index.ts';
import { loadModel, readAdapter } from '../policy/index.ts';
import { compileMove, emptyCache, moveCache } from './cache.ts';
import { stepGraph } from './step-graph.ts';
import { stepLayout, type RowTokens } from './step-layout.ts';
import { compileStep } from './step-program.ts';

/** Scores of cached decoding against uncached ones of Transformers and PEFT (record.py of test/fixtures/models and peft). */
const FIXTURES = join(import.meta.dirname, '..', '..', 'test', 'fixtures');
const MODELS = ['llama2', 'llama3', 'llama-bias', 'llama-rope-yarn', 'smollm2', 'mistral', 'qwen2-sliding', 'qwen3'];

const device = await openDevice({ threads: 2 });
afterAll(() => device.dispose());

/** A model, or an adapter on its model, with what was recorded of it. */
async function open(name: string, base?: string) {
  const folder = join(FIXTURES, base === undefined ? 'models' : 'peft', name);
  const files = await openModelFiles(base === undefined ? folder : join(FIXTURES, 'models', base));
  const config = parseModelConfig(files.config);
  const model = await loadModel(device, config, files.checkpoint);
  const adapter = base === undefined ? undefined : await readAdapter(folder, config);
  const resident = new Map(model.weights);
  for (const [path, tensor] of adapter?.weights ?? []) resident.set(path, await device.upload(tensor));
  const expected = await openSafetensorsFile(join(folder, 'expected.safetensors'));
  const logits = await expected.readFloat32('logits');
  await expected.close();
  const { input_ids } = JSON.parse(await readFile(join(folder, 'expected.json'), 'utf8')) as {
    input_ids: number[][];
  };
  const plain = plainDecoder(config);
  const decoder = adapter === undefined ? plain : withLora(plain, adapter.lora);
  const program = await compileStep(device, stepGraph(decoder), { weights: new Set(resident.keys()) });
  const step = await program.bind(resident);
  const dispose = async (): Promise<void> => {
    await step.dispose();
    await program.dispose();
    for (const tensor of resident.values()) await tensor.dispose();
    await files.close();
  };
  return { config, step, logits, inputIds: input_ids, dispose };
}

const ADAPTERS = [
  ['llama2-all-linear', 'llama2'],
  ['llama2-rslora', 'llama2'],
  ['qwen2-qkv', 'qwen2'],
] as const;

describe.each([...MODELS.map((name) => [name, undefined] as const), ...ADAPTERS])('%s', (name, base) => {
  it('gives the recorded scores when a prompt is read in one pass and continued token by token', async () => {
    const { config, step, logits, inputIds, dispose } = await open(name, base);
    const [rows, length] = [inputIds.length, inputIds[0]!.length];
    const V = config.vocabularySize;
    let cache = await emptyCache(device, config, { rows, capacity: length - 2 });
    const move = await compileMove(device, config);
    // Row 0 reads 5 tokens at once and then one by one, row 1 three and one by one, row 2 (if any) two; and so on.
    const fed = inputIds.map(() => 0);
    let largest = 0;
    for (;;) {
      const news: RowTokens[] = [];
      for (const [row, ids] of inputIds.entries()) {
        const start = fed[row]!;
        const count = start === 0 ? Math.max(2, 5 - 2 * row) : 1;
        if (start < length) news.push({ row, start, ids: ids.slice(start, start + count) });
      }
      if (news.length === 0) break;
      if (news.some(({ start, ids }) => start + ids.length > cache.capacity))
        cache = await moveCache(move, cache, { config, keep: inputIds.map((_, row) => row), capacity: length + 3 });
      const layout = stepLayout(news, { ...cache, keyValueHeads: config.keyValueHeads });
      const scores = await step.run({ ...layout, ...Object.fromEntries(cache.tensors) });
      expect(scores.shape).toEqual([news.length, V]);
      for (const [i, { row, start, ids }] of news.entries()) {
        fed[row] = start + ids.length;
        const at = (row * length + fed[row] - 1) * V;
        for (let id = 0; id < V; id++)
          largest = Math.max(largest, Math.abs(scores.data[i * V + id]! - logits[at + id]!));
      }
    }
    expect(largest).toBeLessThan(1e-4);
    await cache.dispose();
    await move.dispose();
    await dispose();
  });
});

it('moveCache keeps the rows asked for, in their order, with zeros in the new slots', async () => {
  const { config, dispose } = await open('llama3');
  const shape = [3, config.keyValueHeads, 2, config.headSize];
  const cache = await emptyCache(device, config, { rows: 3, capacity: 2 });
  const block = config.headSize * 2;
  // Every element of row r and head h is 10 r + h + 1.
  const values = Float32Array.from(
    { length: shape.reduce((size, dim) => size * dim, 1) },
    (_, i) => 10 * Math.floor(i / (block * config.keyValueHeads)) + (Math.floor(i / block) % config.keyValueHeads) + 1,
  );
  const name = 'cache/0/v';
  await cache.tensors.get(name)!.write({ dtype: 'float32', shape, data: values });
  const move = await compileMove(device, config);
  const moved = await moveCache(move, cache, { config, keep: [2, 0], capacity: 3 });
  const expected = [2, 0].flatMap((row) =>
    Array.from({ length: config.keyValueHeads }, (_, head) => [
      ...Array<number>(block).fill(10 * row + head + 1),
      ...Array<number>(config.headSize).fill(0),
    ]).flat(),
  );
  expect((await (moved.tensors.get(name) as DeviceTensor).read()).data).toEqual(Float32Array.from(expected));
  await expect(cache.tensors.get(name)!.read()).rejects.toThrow('dispose');
  await moved.dispose();
  await move.dispose();
  await dispose();
});
