import { join } from 'node:path';
import type { HostTensor } from '../../src/core/index.ts';
import { openModelFiles } from '../../src/formats/index.ts';
import {
  BASE,
  createEngine,
  createGenerator,
  type Engine,
  type EngineOptions,
  type Submission,
} from '../../src/generate/index.ts';
import {
  loraAnchorSpecs,
  loraParameterSpecs,
  parseModelConfig,
  plainDecoder,
  withLora,
  type LoraConfig,
} from '../../src/models/index.ts';
import { loadModel } from '../../src/policy/index.ts';
import { openDevice, type Device, type DeviceTensor } from '../../src/runtime/index.ts';

// Texts are not looked at.
export const tokenizer = { decode: (ids: readonly number[]) => ids.map((id) => `${id} `).join(''), stopIds: [] };
export const PROMPTS = [
  [1, 5, 9, 14],
  [1, 7],
  [1, 3, 3, 8, 20],
];

/** An adapter on three of the small model's projections. */
export function loraOf(rank: number, scale: number, more: Partial<LoraConfig> = {}): LoraConfig {
  const paths = ['q_proj', 'v_proj'].map((name) => `model.layers.0.self_attn.${name}`);
  return {
    dropout: 0,
    targets: [...paths, 'model.layers.1.mlp.down_proj'].map((path) => ({ path, rank, scale })),
    ...more,
  };
}

/** Waits for the first token of an answer. */
export async function firstToken({ tokens }: Submission): Promise<void> {
  await tokens[Symbol.asyncIterator]().next();
}

/** The ids that an engine answers the prompts with, all of them together. */
export function ask(engine: Engine, adapter?: string, maxNewTokens = 12): Promise<number[][]> {
  const submissions = PROMPTS.map((prompt) => engine.submit({ prompt, maxNewTokens, adapter }));
  return Promise.all(submissions.map(async ({ answer }) => [...(await answer).ids]));
}

/** The small model of the fixtures on a device, with engines and adapters of made-up values. */
export async function openSmallModel() {
  const device = await openDevice({ threads: 1 });
  const files = await openModelFiles(join(import.meta.dirname, '..', 'fixtures', 'models', 'llama2'));
  const config = parseModelConfig(files.config);
  const model = await loadModel(device, config, files.checkpoint);
  await files.close();

  /** Values between -0.4 and 0.4 that depend on the seed. */
  const tensorsOf = (lora: LoraConfig, seed: number): Map<string, HostTensor> => {
    const specs = [...loraParameterSpecs(config, lora), ...loraAnchorSpecs(config, lora)];
    return new Map(
      specs.map(({ name, shape }, at) => {
        const count = shape.reduce((product, dim) => product * dim, 1);
        const data = Float32Array.from({ length: count }, (_, i) => 0.4 * Math.sin(seed * 37 + at * 11 + i * 1.7));
        return [name, { dtype: 'float32', shape, data }];
      }),
    );
  };

  const upload = async (tensors: ReadonlyMap<string, HostTensor>): Promise<Map<string, DeviceTensor>> => {
    const placed = new Map<string, DeviceTensor>();
    for (const [name, tensor] of tensors) placed.set(name, await device.upload(tensor));
    return placed;
  };

  const engineOf = async (options: EngineOptions = {}, on: Device = device): Promise<Engine> => {
    const engine = createEngine(on, options);
    await engine.addModel(BASE, { decoder: plainDecoder(config), tokenizer, resident: model.weights });
    return engine;
  };

  /** What an adapter, or the base, answers in a generator that holds nothing else and whose scales are numbers of its graph. */
  const alone = async (
    lora?: LoraConfig,
    tensors?: ReadonlyMap<string, HostTensor>,
    maxNewTokens = 12,
  ): Promise<number[][]> => {
    const placed = await upload(tensors ?? new Map());
    const plain = plainDecoder(config);
    const decoder = lora === undefined ? plain : withLora(plain, lora, { path: 'separate' });
    const generator = await createGenerator(device, {
      decoder,
      tokenizer,
      resident: new Map([...model.weights, ...placed]),
    });
    const answers = await generator.generate(PROMPTS, { maxNewTokens });
    await generator.dispose();
    for (const tensor of placed.values()) await tensor.dispose();
    return answers.map(({ ids }) => [...ids]);
  };

  /** Of tensors; what programs and the pool hold is left out. */
  const residentBytes = async (): Promise<number> => {
    const { pool: _pool, models: _models, ...others } = (await device.memory()).residentBytes;
    return Object.values(others).reduce((sum, bytes) => sum + bytes, 0);
  };

  return { device, config, model, tensorsOf, upload, engineOf, alone, residentBytes };
}

export type SmallModel = Awaited<ReturnType<typeof openSmallModel>>;

export interface WatchedDevice {
  readonly device: Device;
  /** Labels of what was compiled. */
  readonly compiled: string[];
  /** Makes the next runs of steps fail. */
  failSteps(count: number): void;
  /** The bytes of the largest tensor that there is memory for. */
  limit(bytes: number): void;
}

/** The device, watched, and failing where it is told to. */
export function watch(on: Device): WatchedDevice {
  const compiled: string[] = [];
  let [failing, most] = [0, Infinity];
  const watched: Device = {
    ...on,
    compile: async (source, options) => {
      compiled.push(options.label);
      const program = await on.compile(source, options);
      if (options.label !== 'generate') return program;
      return {
        ...program,
        run: (inputs, run) => {
          if (failing === 0) return program.run(inputs, run);
          failing--;
          return Promise.reject(new Error('the device fell over'));
        },
      };
    },
    upload: (tensor, options) => {
      if (tensor.data.byteLength > most) return Promise.reject(new RangeError('Array buffer allocation failed'));
      return on.upload(tensor, options);
    },
  };
  return {
    device: watched,
    compiled,
    failSteps: (count) => (failing = count),
    limit: (bytes) => (most = bytes),
  };
}
