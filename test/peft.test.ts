import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HostTensor } from '../src/core/index.ts';
import { openModelFiles, openSafetensorsFile, readAdapterFolder, writeAdapterFolder } from '../src/formats/index.ts';
import { vectorJacobian } from '../src/autodiff/index.ts';
import { graph, graphInputs, input, reduceSum, scalar, type Node } from '../src/graph/index.ts';
import {
  hiddenStates,
  logits as logitsOf,
  loraParameterSpecs,
  packedAttention,
  packedInputs,
  parseModelConfig,
  plainDecoder,
  resolveTargets,
  tokenStatistics,
  weightInputs,
  withLora,
} from '../src/models/index.ts';
import { optimise } from '../src/passes/index.ts';
import { openDevice, type Device } from '../src/runtime/index.ts';
import { completionMicroBatch, loadModel, newAdapter, readAdapter, writeAdapter } from '../src/policy/index.ts';
import { parseDpoSpecification } from '../src/specification/index.ts';
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
  'llama2-dora',
  'llama2-outside',
  'llama2-outside-dora',
  'llama2-pissa',
  'llama2-pissa-converted',
  'llama2-olora',
  'qwen2-dora',
  'qwen2.5-outside',
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

/** The model of a fixture under an adapter folder: logits of every token, and where the fixture's tokens stand among them. */
async function largestDifference(name: string, path: string, way: 'sum' | 'separate'): Promise<number> {
  const files = await openModelFiles(baseOf(name));
  const config = parseModelConfig(files.config);
  const fixture = join(FIXTURES, 'peft', name);
  const { input_ids: ids } = JSON.parse(readFileSync(join(fixture, 'expected.json'), 'utf8')) as {
    input_ids: number[][];
  };
  const model = await loadModel(device, config, files.checkpoint);
  const adapter = await readAdapter(path, config, files.checkpoint);
  const decoder = withLora(plainDecoder(config, weightInputs(config)), adapter.lora, { path: way });
  const packed = packedInputs();
  const hidden = hiddenStates(decoder, {
    tokens: packed.tokens,
    positions: packed.positions,
    attend: packedAttention(config, packed),
    rows: input('lossRows', ['U'], 'int32'),
  });
  const program = await device.compile(graph({ logits: logitsOf(decoder, hidden) }), { label: name });
  const rows = ids.map((list, i) => ({ id: `${i}`, prompt: new Int32Array(0), completion: Int32Array.from(list) }));
  const batch = completionMicroBatch(rows, true);
  const inputs = Object.fromEntries(
    program.inputs.map(({ name: wanted }) => [
      wanted,
      batch.inputs[wanted] ?? model.weights.get(wanted) ?? adapter.weights.get(wanted)!,
    ]),
  );
  const { logits } = (await program.run(inputs)) as Record<string, HostTensor>;
  const wanted = await expectedTensor(name, 'logits');
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
  await program.dispose();
  await model.dispose();
  await files.close();
  return largest;
}

function baseOf(name: string): string {
  return join(FIXTURES, 'models', name.split('-')[0]!);
}

async function expectedTensor(name: string, tensor: string): Promise<Float32Array> {
  const file = await openSafetensorsFile(join(FIXTURES, 'peft', name, 'expected.safetensors'));
  const values = await file.readFloat32(tensor);
  await file.close();
  return values;
}

/** Reads the adapter of a fixture and writes it again. */
async function rewritten(name: string): Promise<string> {
  const files = await openModelFiles(baseOf(name));
  const config = parseModelConfig(files.config);
  const adapter = await readAdapter(join(FIXTURES, 'peft', name), config, files.checkpoint);
  await files.close();
  const target = join(folder.path, name);
  const read = async (tensor: string): Promise<Float32Array> => adapter.weights.get(tensor)!.data as Float32Array;
  await writeAdapter(target, { adapter, config, read });
  return target;
}

/** Adapters of a base that their initialisation changed. */
const ANCHORED = ['llama2-pissa', 'llama2-olora'];

describe.each(ADAPTERS)('%s', (name) => {
  const path = join(FIXTURES, 'peft', name);

  it.each(['sum', 'separate'] as const)("gives PEFT's logits within 1e-4, %s", async (way) => {
    expect(await largestDifference(name, path, way)).toBeLessThan(1e-4);
  });

  it.skipIf(ANCHORED.includes(name))(
    'is written back as it was read: the same tensors, the same configuration',
    async () => {
      const [before, after] = [await readAdapterFolder(path), await readAdapterFolder(await rewritten(name))];
      expect(after.config).toEqual(before.config);
      // What PEFT puts beside an adapter of embedding or head is the model's own.
      const stored = [...before.checkpoint.entries].filter(([tensor]) => !tensor.includes('.base_layer.'));
      expect([...after.checkpoint.entries.keys()].toSorted()).toEqual(stored.map(([tensor]) => tensor).toSorted());
      for (const [tensor, { shape }] of stored) {
        expect(after.checkpoint.entries.get(tensor)!.shape).toEqual(shape);
        expect(await after.checkpoint.readFloat32(tensor)).toEqual(await before.checkpoint.readFloat32(tensor));
      }
      await before.checkpoint.close();
      await after.checkpoint.close();
    },
  );
});

describe.each(ANCHORED)('%s, written back', (name) => {
  it('applies to the base as it is: twice the rank under the same scale, the same logits', async () => {
    const target = await rewritten(name);
    const { config, checkpoint } = await readAdapterFolder(target);
    const { r, lora_alpha: alpha, init_lora_weights: start } = config;
    expect([r, alpha, start]).toEqual([8, 16, true]);
    const shapes = ['A', 'B'].map(
      (factor) =>
        checkpoint.entries.get(`base_model.model.model.layers.0.self_attn.q_proj.lora_${factor}.weight`)!.shape,
    );
    expect(shapes).toEqual([
      [8, 32],
      [32, 8],
    ]);
    await checkpoint.close();
    expect(await largestDifference(name, target, 'separate')).toBeLessThan(1e-4);
  });
});

describe.each([
  'llama2-all-linear',
  'qwen2-all-linear',
  'llama2-dora',
  'qwen2-dora',
  'llama2-outside',
  'llama2-outside-dora',
])('%s', (name) => {
  it.each(['sum', 'separate'] as const)("has PEFT's gradients of the sum of log p, %s", async (way) => {
    const files = await openModelFiles(baseOf(name));
    const config = parseModelConfig(files.config);
    const adapter = await readAdapter(join(FIXTURES, 'peft', name), config, files.checkpoint);
    const { weights } = await loadModel(device, config, files.checkpoint);
    await files.close();
    const decoder = withLora(plainDecoder(config, weightInputs(config)), adapter.lora, { path: way });
    const parameters = loraParameterSpecs(config, adapter.lora);
    const packed = packedInputs();
    const hidden = hiddenStates(decoder, {
      tokens: packed.tokens,
      positions: packed.positions,
      attend: packedAttention(config, packed),
      rows: input('lossRows', ['U'], 'int32'),
    });
    const [predict, targets] = [input('predict', ['C'], 'int32'), input('targets', ['C'], 'int32')];
    const loss = reduceSum(tokenStatistics(decoder, { hidden, predict, targets }).logps);
    const nodes = parameters.map(({ name: wanted }) => inputNamed(loss, wanted));
    const gradients = vectorJacobian([loss], [scalar(1)], nodes);
    const outputs = Object.fromEntries(parameters.map((spec, i) => [`gradient/${spec.name}`, gradients[i]!]));
    const program = await device.compile(optimise(graph({ loss, ...outputs })).body, { label: name });
    const { input_ids: ids, loss: wantedLoss } = JSON.parse(
      readFileSync(join(FIXTURES, 'peft', name, 'expected.json'), 'utf8'),
    ) as { input_ids: number[][]; loss: number };
    const rows = ids.map((list, i) => ({ id: `${i}`, prompt: new Int32Array(0), completion: Int32Array.from(list) }));
    const batch = completionMicroBatch(rows, true);
    const given = (wanted: string) =>
      batch.inputs[wanted] ?? weights.get(wanted) ?? (adapter.weights.get(wanted) as HostTensor<'float32'>);
    const results = (await program.run(
      Object.fromEntries(program.inputs.map(({ name: wanted }) => [wanted, given(wanted)])),
    )) as Record<string, HostTensor>;
    expect(Math.abs(results['loss']!.data[0]! - wantedLoss)).toBeLessThan(1e-3);
    for (const spec of parameters) {
      const wanted = await expectedTensor(name, `grad.base_model.model.${spec.name}`);
      const norm = Math.hypot(...wanted);
      const ours = results[`gradient/${spec.name}`]!.data;
      expect(ours.length).toBe(wanted.length);
      const difference = Math.hypot(...wanted.map((value, i) => value - ours[i]!));
      expect([spec.name, difference < 2e-4 * norm]).toEqual([spec.name, true]);
    }
    await program.dispose();
    for (const tensor of weights.values()) await tensor.dispose();
  });
});

function inputNamed(root: Node, name: string): Node {
  return graphInputs(graph({ root })).find((node) => node.attributes.name === name)!;
}

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
      config: { ...source.config, modules_to_save: ['lm_head'], init_lora_weights: 'loftq', bias: 'all' },
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
      'modules_to_save must be null, got ["lm_head"]; preftune does not compute this variant',
      'init_lora_weights must be one that leaves the base as it is, or pissa or olora, got "loftq"; such an adapter belongs to a changed base: save it with path_initial_model_for_weight_conversion',
      'tensor base_model.model.model.layers.9.self_attn.q_proj.lora_A.weight must belong to a module of the model, it does not; the adapter was made for another model',
    ]);
  });
});
