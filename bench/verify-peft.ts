/**
 * npx tsx bench/verify-peft.ts --python PYTHON
 *
 * Does PEFT read what preftune trained? For tiny Llama and Qwen2 models: ten steps of LoRA DPO on random pairs, the adapter written as a PEFT folder, its
 * logits computed here and by PEFT (test/fixtures/peft/verify.py). Fails when they differ by 1e-4 or more. PYTHON needs torch, transformers and peft.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createRandom, type HostTensor } from '../src/core/index.ts';
import { rowSetOf, type TokenizedPair } from '../src/data/index.ts';
import { openModelFiles } from '../src/formats/index.ts';
import { graph, input, matmul } from '../src/graph/index.ts';
import {
  hiddenStates,
  initialiseLora,
  loraParameterSpecs,
  packedAttention,
  packedInputs,
  parseModelConfig,
  plainDecoder,
  weightInputs,
  withLora,
} from '../src/models/index.ts';
import { resolveObjective } from '../src/objectives/index.ts';
import { OPTIMIZERS } from '../src/optim/index.ts';
import { openDevice, type Device, type DeviceTensor } from '../src/runtime/index.ts';
import { completionMicroBatch, loadModel, newAdapter, writeAdapter } from '../src/policy/index.ts';
import { planStages } from '../src/specification/index.ts';
import { openTraining, preferenceTask, takeStep } from '../src/train/index.ts';

const FIXTURES = join(import.meta.dirname, '..', 'test', 'fixtures');
const STEPS = 10;
const TOLERANCE = 1e-4;

interface Verified {
  readonly peft: string;
  readonly base_difference: number;
  readonly logits: readonly (readonly (readonly number[])[])[];
}

function randomIds(length: number, vocabulary: number, name: string): Int32Array<ArrayBuffer> {
  const random = createRandom(3, name);
  return Int32Array.from({ length }, () => 3 + random.nextInt(vocabulary - 3));
}

function randomPairs(vocabulary: number): TokenizedPair[] {
  return [0, 1, 2, 3].map((id) => ({
    id: `${id}`,
    prompt: randomIds(5 + id, vocabulary, `prompt ${id}`),
    chosen: randomIds(4, vocabulary, `chosen ${id}`),
    rejected: randomIds(6, vocabulary, `rejected ${id}`),
  }));
}

/** Trains an adapter, writes it to `folder`, and returns the logits of every token of `ids` but the last. */
async function train(device: Device, model: string, folder: string): Promise<{ ids: number[]; logits: Float32Array }> {
  const files = await openModelFiles(model);
  const config = parseModelConfig(files.config);
  const base = await loadModel(device, config, files.checkpoint);
  await files.close();
  const lora = { rank: 4, alpha: 8, dropout: 0, rankStabilised: false, targets: ['all-linear'] };
  const adapter = newAdapter(config, lora, model);
  const parameters = loraParameterSpecs(config, adapter.lora);
  const start = initialiseLora(parameters, createRandom(1, 'lora'));
  const initial = new Map<string, DeviceTensor>();
  for (const { name, shape } of parameters)
    initial.set(name, await device.upload({ dtype: 'float32', shape, data: start.get(name)! }));
  const plain = plainDecoder(config, weightInputs(config));
  const decoder = withLora(plain, adapter.lora);
  const policy = {
    parameters,
    initial,
    training: decoder,
    evaluation: decoder,
    reference: plain,
    keepsReference: true,
  };
  const pairs = randomPairs(config.vocabularySize);
  const order = { batchSize: pairs.length, seed: 0, order: 'sequential', lengthBuckets: false } as const;
  const stages = planStages(pairs.length, { ...order, epochs: STEPS, warmupRatio: 0 });
  const microBatchTokens = 128;
  const task = preferenceTask({
    policy,
    objective: resolveObjective({ objective: 'sigmoid', options: { beta: 0.1 } }),
    rows: { train: rowSetOf(pairs) },
    reference: { train: { logps: new Float32Array(2 * pairs.length) } },
    steps: { ...order, stages, microBatchTokens },
  });
  const training = await openTraining({ device, model: base, policy }, task, {
    label: 'verify',
    optimizer: { name: 'adamw', options: OPTIMIZERS.adamw.defaults },
    microBatchTokens,
  });
  for (let step = 0; step < STEPS; step++)
    await takeStep(training, step, {
      schedule: { name: 'constant', learningRate: 1e-2 },
      microBatchTokens,
      seed: 0,
      maxGradientNorm: 1,
    });
  await writeAdapter(folder, {
    adapter,
    config,
    read: async (name) => (await training.tensors.get(name)!.read()).data as Float32Array,
  });
  const packed = packedInputs();
  const hidden = hiddenStates(decoder, {
    tokens: packed.tokens,
    positions: packed.positions,
    attend: packedAttention(config, packed),
    rows: input('lossRows', ['U'], 'int32'),
  });
  const head = decoder.weights(config.tiedHead ? 'model.embed_tokens.weight' : 'lm_head.weight');
  const forward = await device.compile(graph({ logits: matmul(hidden, head, { transposeB: true }) }), {
    label: 'logits',
  });
  const ids = randomIds(24, config.vocabularySize, 'asked');
  const batch = completionMicroBatch([{ id: '0', prompt: new Int32Array(0), completion: ids }], true);
  const given = Object.fromEntries(
    forward.inputs.map(({ name }) => [name, batch.inputs[name] ?? initial.get(name) ?? base.weights.get(name)!]),
  );
  const { logits } = (await forward.run(given)) as Record<string, HostTensor>;
  return { ids: [...ids], logits: logits!.data as Float32Array };
}

const { values } = parseArgs({ options: { python: { type: 'string', default: 'python3' } } });
const device = await openDevice({ device: 'cpu' });
for (const name of ['llama2', 'qwen2']) {
  const folder = mkdtempSync(join(tmpdir(), 'preftune-verify-'));
  try {
    const model = join(FIXTURES, 'models', name);
    const { ids, logits } = await train(device, model, join(folder, 'adapter'));
    writeFileSync(join(folder, 'ids.json'), JSON.stringify(ids));
    const output = join(folder, 'logits.json');
    const script = join(FIXTURES, 'peft', 'verify.py');
    execFileSync(
      values.python,
      [script, model, join(folder, 'adapter'), join(folder, 'ids.json'), '--output', output],
      { stdio: 'inherit' },
    );
    const verified = JSON.parse(readFileSync(output, 'utf8')) as Verified;
    const wanted = verified.logits[0]!.slice(0, -1).flat();
    const largest = Math.max(...wanted.map((value, i) => Math.abs(value - logits[i]!)));
    process.stdout.write(
      `${name}: PEFT ${verified.peft} reads the adapter; largest difference of a logit ${largest.toExponential(1)}, ` +
        `the adapter changes logits by up to ${verified.base_difference.toFixed(3)}\n`,
    );
    if (!(largest < TOLERANCE && verified.base_difference > 0.01)) process.exitCode = 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
await device.dispose();
