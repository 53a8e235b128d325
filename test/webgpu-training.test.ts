import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { createRandom, messageOf } from '../src/core/index.ts';
import { rowSetOf, type TokenizedPair } from '../src/data/index.ts';
import { openModelFiles } from '../src/formats/index.ts';
import {
  loraParameterSpecs,
  parameterSpecs,
  parseModelConfig,
  plainDecoder,
  resolveTargets,
  weightInputs,
  withLora,
} from '../src/models/index.ts';
import { resolveObjective } from '../src/objectives/index.ts';
import { OPTIMIZERS } from '../src/optim/index.ts';
import { openDevice, type Device, type DeviceTensor } from '../src/runtime/index.ts';
import { loadModel, type BatchProgram } from '../src/policy/index.ts';
import { planStages } from '../src/specification/index.ts';
import { openTraining, preferenceTask, takeStep, type Training } from '../src/train/index.ts';

/**
 * The same training on WebGPU and on the CPU: losses, log-probabilities, gradient norm and every trained value after three
 * optimizer steps agree within 1e-4 of the largest element of each tensor. Weights, gradients and optimizer state stay on the
 * device throughout. Needs Vulkan; SwiftShader will do (docs/devices.md).
 */
const STEPS = 3;
const TOLERANCE = 1e-4;

async function openOrSkip(): Promise<Device | undefined> {
  try {
    return await openDevice({ device: 'webgpu' });
  } catch (thrown) {
    process.stderr.write(`skipped: webgpu does not open here: ${messageOf(thrown).split('\n')[0]}\n`);
    return undefined;
  }
}

const webgpu = await openOrSkip();
const cpu = await openDevice({ device: 'cpu' });

afterAll(async () => {
  await webgpu?.dispose();
  await cpu.dispose();
});

function randomPairs(vocabulary: number): TokenizedPair[] {
  const random = createRandom(7, 'pairs');
  const ids = (length: number): Int32Array<ArrayBuffer> =>
    Int32Array.from({ length }, () => random.nextInt(vocabulary));
  return [5, 3].map((length, i) => ({
    id: String(i),
    prompt: ids(4 + i),
    chosen: ids(length),
    rejected: ids(length + 2),
  }));
}

interface Outcome {
  readonly steps: readonly {
    readonly losses: readonly number[];
    readonly logps: readonly number[];
    readonly norm: number;
  }[];
  readonly tensors: ReadonlyMap<string, Float32Array>;
}

async function train(device: Device, folder: string, method: 'full' | 'lora'): Promise<Outcome> {
  const files = await openModelFiles(join(import.meta.dirname, 'fixtures', 'models', folder));
  const config = parseModelConfig(files.config);
  const model = await loadModel(device, config, files.checkpoint);
  await files.close();
  const plain = plainDecoder(config, weightInputs(config));
  const lora = {
    dropout: 0,
    targets: resolveTargets(config, ['all-linear']).map((path) => ({ path, rank: 4, scale: 2 })),
  };
  const parameters = method === 'full' ? parameterSpecs(config) : loraParameterSpecs(config, lora);
  const decoder = method === 'full' ? plain : withLora(plain, lora, { path: 'separate' });
  const initial = new Map<string, DeviceTensor>();
  const random = createRandom(3, 'adapter');
  for (const { name, shape } of method === 'full' ? [] : parameters) {
    const data = Float32Array.from(
      { length: shape.reduce((size, dim) => size * dim, 1) },
      () => 0.3 * random.nextNormal(),
    );
    initial.set(name, await device.upload({ dtype: 'float32', shape, data }));
  }
  const policy = {
    parameters,
    initial: method === 'full' ? model.weights : initial,
    training: decoder,
    evaluation: decoder,
    reference: plain,
    keepsReference: method === 'lora',
  };
  const pairs = randomPairs(config.vocabularySize);
  const order = { batchSize: pairs.length, seed: 0, order: 'sequential', lengthBuckets: false } as const;
  const stages = planStages(pairs.length, { ...order, epochs: STEPS, warmupRatio: 0 });
  const microBatchTokens = 32;
  const task = preferenceTask({
    policy,
    objective: resolveObjective({ objective: 'sigmoid', options: { beta: 0.1 } }),
    rows: { train: rowSetOf(pairs) },
    reference: { train: { logps: Float32Array.of(-20, -30, -15, -25) } },
    steps: { ...order, stages, microBatchTokens },
  });
  const training = await openTraining({ device, model, policy }, task, {
    label: 'dpo',
    optimizer: { name: 'adamw', options: { ...OPTIMIZERS.adamw.defaults, weightDecay: 0.1 } },
    microBatchTokens,
  });
  const steps: Outcome['steps'][number][] = [];
  for (let step = 0; step < STEPS; step++) steps.push(await takeAndWatch(training, step, microBatchTokens));
  const tensors = new Map<string, Float32Array>();
  for (const [name, tensor] of training.tensors) tensors.set(name, (await tensor.read()).data as Float32Array);
  await training.dispose();
  if (method === 'lora') await model.dispose();
  return { steps, tensors };
}

/** A step, with what its micro-batches gave. */
async function takeAndWatch(
  training: Training,
  step: number,
  microBatchTokens: number,
): Promise<Outcome['steps'][number]> {
  const [losses, logps]: [number[], number[]] = [[], []];
  const watched: BatchProgram['train'] = async (inputs) => {
    const outputs = await training.program.train(inputs);
    losses.push(...outputs['losses']!.data);
    logps.push(...outputs['logps']!.data);
    return outputs;
  };
  const { metrics } = await takeStep({ ...training, program: { ...training.program, train: watched } }, step, {
    schedule: { name: 'constant', learningRate: 1e-2 },
    microBatchTokens,
    seed: 0,
    maxGradientNorm: 1,
  });
  return { losses, logps, norm: metrics['grad_norm']! };
}

/** The largest difference, relative to the largest element of what is expected. */
function difference(got: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(got.length).toBe(expected.length);
  let [largest, scale] = [0, 1e-6];
  for (let i = 0; i < got.length; i++) {
    largest = Math.max(largest, Math.abs(got[i]! - expected[i]!));
    scale = Math.max(scale, Math.abs(expected[i]!));
  }
  return largest / scale;
}

describe.skipIf(webgpu === undefined)('WebGPU trains as the CPU does', () => {
  // Software Vulkan compiles every shader on the CPU: a minute beside other tests.
  test.each([
    ['qwen3', 'full'],
    ['smollm2', 'lora'],
  ] as const)(
    '%s, %s',
    async (folder, method) => {
      const [expected, got] = [await train(cpu, folder, method), await train(webgpu!, folder, method)];
      expected.steps.forEach((step, i) => {
        expect(difference(got.steps[i]!.losses, step.losses)).toBeLessThan(TOLERANCE);
        expect(difference(got.steps[i]!.logps, step.logps)).toBeLessThan(TOLERANCE);
        expect(difference([got.steps[i]!.norm], [step.norm])).toBeLessThan(TOLERANCE);
      });
      // AdamW divides by sqrt(v) + epsilon, which magnifies the rounding of gradients near zero; so values, not their changes.
      for (const [name, values] of expected.tensors) {
        if (!name.startsWith('optimizer/')) expect(difference(got.tensors.get(name)!, values), name).toBeLessThan(1e-3);
      }
    },
    600_000,
  );
});
