import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HostTensor } from '../src/core/index.ts';
import { openModelFiles, openSafetensorsFile, readAdapterFolder, writeAdapterFolder } from '../src/formats/index.ts';
import { graph, input, matmul } from '../src/graph/index.ts';
import {
  hiddenStates,
  loraParameterSpecs,
  packedAttention,
  packedInputs,
  parseModelConfig,
  plainDecoder,
  resolveTargets,
  weightInputs,
  withLora,
} from '../src/models/index.ts';
import { openDevice, type Device } from '../src/runtime/index.ts';
import {
  completionMicroBatch,
  loadModel,
  newAdapter,
  parseDpoSpecification,
  readAdapter,
  writeAdapter,
} from '../src/train/index.ts';
import { failureOf } from './support/training.ts';
import { temporaryFolder } from './support/tiny-model.ts';

/** Adapters that PEFT made (fixtures/peft/record.py) in our forward pass, and ours in PEFT's layout. */
const FIXTURES = join(import.meta.dirname, 'fixtures');
const ADAPTERS = [
  'llama2-all-linear',
  'llama2-layers',
  'llama2-pattern',
  'llama2-qv',
  'llama2-rank-pattern',
  'llama2-rslora',
  'qwen2-all-linear',
  'qwen2-qkv',
  'qwen2-rslora',
];

const folder = temporaryFolder();
let device: Device;
beforeAll(async () => {
  device = await openDevice({ device: 'cpu', threads: 1 });
});
afterAll(async () => {
  await device.dispose();
  folder.remove();
});

describe.each(ADAPTERS)('%s', (name) => {
  const path = join(FIXTURES, 'peft', name);
  const base = join(FIXTURES, 'models', name.split('-')[0]!);

  it("gives PEFT's logits within 1e-4", async () => {
    const files = await openModelFiles(base);
    const config = parseModelConfig(files.config);
    const { input_ids: ids } = JSON.parse(readFileSync(join(path, 'expected.json'), 'utf8')) as {
      input_ids: number[][];
    };
    const model = await loadModel(device, config, files.checkpoint);
    const adapter = await readAdapter(path, config);
    const decoder = withLora(plainDecoder(config, weightInputs(config)), adapter.lora);
    const packed = packedInputs();
    const hidden = hiddenStates(decoder, {
      tokens: packed.tokens,
      positions: packed.positions,
      attend: packedAttention(config, packed),
      rows: input('lossRows', ['U'], 'int32'),
    });
    const head = decoder.weights(config.tiedHead ? 'model.embed_tokens.weight' : 'lm_head.weight');
    const program = await device.compile(graph({ logits: matmul(hidden, head, { transposeB: true }) }), {
      label: name,
    });
    const rows = ids.map((list, i) => ({ id: `${i}`, prompt: new Int32Array(0), completion: Int32Array.from(list) }));
    const batch = completionMicroBatch(rows, true);
    const inputs = Object.fromEntries(
      program.inputs.map(({ name: wanted }) => [
        wanted,
        batch.inputs[wanted] ?? model.weights.get(wanted) ?? adapter.weights.get(wanted)!,
      ]),
    );
    const { logits } = (await program.run(inputs)) as Record<string, HostTensor>;
    const expected = await openSafetensorsFile(join(path, 'expected.safetensors'));
    const wanted = await expected.readFloat32('logits');
    await expected.close();
    const vocabulary = config.vocabularySize;
    const [predict, owners] = [batch.inputs['predict']!.data, batch.inputs['owners']!.data];
    const seen = rows.map(() => 0);
    let largest = 0;
    // The scored tokens of a row stand in order, each with the place of the token that predicts it.
    for (let scored = 0; scored < predict.length; scored++) {
      const row = owners[scored]!;
      const position = seen[row]!++;
      const from = predict[scored]! * vocabulary;
      const to = (row * ids[0]!.length + position) * vocabulary;
      for (let id = 0; id < vocabulary; id++)
        largest = Math.max(largest, Math.abs(logits!.data[from + id]! - wanted[to + id]!));
    }
    expect(seen).toEqual(rows.map(({ completion }) => completion.length - 1));
    expect(largest).toBeLessThan(1e-4);
    await program.dispose();
    await model.dispose();
    await files.close();
  });

  it('is written back as it was read: the same tensors, the same configuration', async () => {
    const files = await openModelFiles(base);
    const config = parseModelConfig(files.config);
    await files.close();
    const adapter = await readAdapter(path, config);
    const target = join(folder.path, name);
    await writeAdapter(target, {
      adapter,
      config,
      read: async (tensor) => adapter.weights.get(tensor)!.data as Float32Array,
    });
    const [before, after] = [await readAdapterFolder(path), await readAdapterFolder(target)];
    expect(after.config).toEqual(before.config);
    expect([...after.checkpoint.entries.keys()].toSorted()).toEqual([...before.checkpoint.entries.keys()].toSorted());
    for (const [tensor, { shape }] of before.checkpoint.entries) {
      expect(after.checkpoint.entries.get(tensor)!.shape).toEqual(shape);
      expect(await after.checkpoint.readFloat32(tensor)).toEqual(await before.checkpoint.readFloat32(tensor));
    }
    await before.checkpoint.close();
    await after.checkpoint.close();
  });
});

function sorted(value: unknown): unknown {
  return Array.isArray(value) ? value.toSorted() : value;
}

describe('a new adapter', () => {
  it.each([
    { fixture: 'llama2-qv', targets: ['q_proj', 'v_proj'], rankStabilised: false },
    { fixture: 'llama2-all-linear', targets: ['all-linear'], rankStabilised: false },
    { fixture: 'llama2-rslora', targets: undefined, rankStabilised: true },
  ])("has PEFT's fields and tensor names: $fixture", async ({ fixture, targets, rankStabilised }) => {
    const files = await openModelFiles(join(FIXTURES, 'models', 'llama2'));
    const config = parseModelConfig(files.config);
    await files.close();
    const { config: peft, checkpoint } = await readAdapterFolder(join(FIXTURES, 'peft', fixture));
    const lora = parseDpoSpecification({
      model: '-',
      data: '-',
      output: '-',
      lora: {
        rank: peft['r'] as number,
        alpha: peft['lora_alpha'] as number,
        rankStabilised,
        targets: targets ?? (peft['target_modules'] as string[]),
      },
    }).lora!;
    const adapter = newAdapter(config, lora, peft['base_model_name_or_path'] as string);
    const names = loraParameterSpecs(config, adapter.lora).map((spec) => `base_model.model.${spec.name}`);
    expect(names.toSorted()).toEqual([...checkpoint.entries.keys()].toSorted());
    await checkpoint.close();
    for (const [field, value] of Object.entries(adapter.peftConfig)) {
      const wanted = peft[field];
      expect([field, sorted(value)]).toEqual([field, sorted(wanted)]);
    }
    const paths = resolveTargets(config, lora.targets);
    expect(adapter.lora.targets.map(({ path }) => path)).toEqual(paths);
  });

  it('that belongs to another model or needs what we do not compute is refused with all problems', async () => {
    const files = await openModelFiles(join(FIXTURES, 'models', 'qwen2'));
    const config = parseModelConfig(files.config);
    await files.close();
    const source = await readAdapterFolder(join(FIXTURES, 'peft', 'llama2-qv'));
    const target = join(folder.path, 'foreign');
    await writeAdapterFolder(target, {
      config: { ...source.config, use_dora: true, bias: 'all' },
      tensors: [
        {
          name: 'base_model.model.model.layers.9.self_attn.q_proj.lora_A.weight',
          shape: [4, 32],
          read: async () => new Float32Array(128),
        },
      ],
    });
    await source.checkpoint.close();
    expect((await failureOf(() => readAdapter(target, config))).messages).toEqual([
      'bias must be "none", got "all"; preftune does not compute this variant',
      'tensor base_model.model.model.layers.9.self_attn.q_proj.lora_A.weight must belong to a module of the model, it does not; the adapter was made for another model',
    ]);
  });
});
