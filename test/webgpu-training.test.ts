import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { createRandom, messageOf, type HostTensor } from '../src/core/index.ts';
import type { TokenizedPair } from '../src/data/index.ts';
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
import {
  compileBatchProgram,
  loadModel,
  pairMicroBatch,
  pairObjectiveGraph,
  requirePairs,
} from '../src/policy/index.ts';
import { createTrainable } from '../src/train/index.ts';

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
  const trainable = await createTrainable(device, method === 'full' ? model.weights : initial, {
    parameters,
    optimizer: { name: 'adamw', options: { ...OPTIMIZERS.adamw.defaults, weightDecay: 0.1 } },
  });
  const loss = requirePairs(resolveObjective({ objective: 'sigmoid', options: { beta: 0.1 } }));
  const program = await compileBatchProgram(
    device,
    {
      train: pairObjectiveGraph({ decoder: decoder }, loss, { parameters }),
      evaluate: pairObjectiveGraph({ decoder: decoder }, loss, { parameters: [] }),
    },
    {
      label: 'dpo',
      hints: { T: 32, U: 16, C: 16, R: 2 },
      resident: new Map([...model.weights, ...initial]),
      gradients: trainable.gradients,
    },
  );
  const pairs = randomPairs(config.vocabularySize);
  const batch = pairMicroBatch(pairs);
  const referenceLogps: HostTensor = { dtype: 'float32', shape: [2, 2], data: Float32Array.of(-20, -30, -15, -25) };
  const lossScale: HostTensor = { dtype: 'float32', shape: [], data: Float32Array.of(1 / pairs.length) };
  const steps: Outcome['steps'][number][] = [];
  for (let step = 1; step <= STEPS; step++) {
    await program.refresh();
    const outputs = await program.train({ ...batch.inputs, referenceLogps, lossScale });
    const norm = await trainable.gradientNorm();
    await trainable.update({ step, learningRate: 1e-2, norm, maximum: 1 });
    steps.push({ losses: [...outputs['losses']!.data], logps: [...outputs['logps']!.data], norm });
  }
  const tensors = new Map<string, Float32Array>();
  for (const [name, tensor] of trainable.tensors) tensors.set(name, (await tensor.read()).data as Float32Array);
  await program.dispose();
  await trainable.dispose();
  if (method === 'lora') await model.dispose();
  return { steps, tensors };
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
