/**
 * What several answers to one prompt, log-probabilities of prompts, and the choice of a token cost. Milliseconds, medians, sides in turns.
 *
 *     tsx bench/prompts.ts [--tokens 448] [--answers 8] [--repeats 5] [--threads 2]
 *
 * The model has SmolLM2-135M's shape and made-up values: what it says is no matter here.
 */
import { parseArgs } from 'node:util';
import { createRandom } from '../src/core/index.ts';
import { BASE, chooseToken, createEngine, logpsOf, type GenerationRequest } from '../src/generate/index.ts';
import { parameterSpecs, parseModelConfig, plainDecoder } from '../src/models/index.ts';
import { openDevice, type DeviceTensor } from '../src/runtime/index.ts';
import { machine } from './machine.ts';
import { median } from './statistics.ts';

const { values } = parseArgs({
  options: {
    tokens: { type: 'string', default: '448' },
    answers: { type: 'string', default: '8' },
    repeats: { type: 'string', default: '5' },
    threads: { type: 'string', default: '2' },
  },
});
const [tokens, answers, repeats] = [Number(values.tokens), Number(values.answers), Number(values.repeats)];
const print = (line: string): void => void process.stdout.write(`${line}\n`);
print(`${machine()}, ${values.threads} threads`);

const config = parseModelConfig({
  model_type: 'llama',
  vocab_size: 49152,
  hidden_size: 576,
  intermediate_size: 1536,
  num_hidden_layers: 30,
  num_attention_heads: 9,
  num_key_value_heads: 3,
  max_position_embeddings: 8192,
  rms_norm_eps: 1e-5,
  rope_theta: 100000,
  hidden_act: 'silu',
  tie_word_embeddings: true,
});
const device = await openDevice({ threads: Number(values.threads) });
const resident = new Map<string, DeviceTensor>();
for (const [at, { name, shape }] of parameterSpecs(config).entries()) {
  const data = new Float32Array(shape.reduce((product, dim) => product * dim, 1));
  for (let i = 0; i < data.length; i++) data[i] = shape.length === 1 ? 1 : 0.03 * Math.sin(at + i * 1.7);
  resident.set(name, await device.upload({ dtype: 'float32', shape, data }));
}
const engine = createEngine(device);
const tokenizer = { decode: () => '', stopIds: [] };
await engine.addModel(BASE, { decoder: plainDecoder(config), tokenizer, resident });

const promptOf = (seed: number): number[] => Array.from({ length: tokens }, (_, i) => (seed * 7919 + i * 31) % 49152);

async function timeOf(requests: readonly GenerationRequest[]): Promise<number> {
  const started = performance.now();
  await Promise.all(requests.map((request) => engine.submit(request).answer));
  return performance.now() - started;
}

/** Every side once, in turns, `repeats` times after one that does not count. */
async function compare(sides: Readonly<Record<string, () => readonly GenerationRequest[]>>): Promise<void> {
  const times = new Map(Object.keys(sides).map((name) => [name, [] as number[]]));
  for (let i = 0; i <= repeats; i++)
    for (const [name, requests] of Object.entries(sides)) {
      const time = await timeOf(requests());
      if (i > 0) times.get(name)!.push(time);
    }
  for (const [name, all] of times) print(`${name}: ${median(all).toFixed(0)} (least ${Math.min(...all).toFixed(0)})`);
}

const drawn = { maxNewTokens: 16, temperature: 1 };
let seed = 0;
await compare({
  [`${answers} answers of 16 tokens to one prompt of ${tokens}`]: () => {
    const prompt = promptOf(seed++);
    return Array.from({ length: answers }, (_, stream) => ({ ...drawn, prompt, stream }));
  },
  [`${answers} answers of 16 tokens to ${answers} prompts of ${tokens}`]: () =>
    Array.from({ length: answers }, (_, stream) => ({ ...drawn, prompt: promptOf(seed++), stream })),
});
await compare({
  [`a prompt of ${tokens}, one token behind it`]: () => [{ prompt: promptOf(seed++), maxNewTokens: 1 }],
  [`the same with log-probabilities of the prompt and the likeliest token`]: () => [
    { prompt: promptOf(seed++), maxNewTokens: 1, promptLogps: 1 },
  ],
});
await engine.dispose();
await device.dispose();

const SAMPLINGS = {
  'temperature 0': { temperature: 0, topP: 1 },
  'temperature 1': { temperature: 1, topP: 1 },
  'top-p 0.95': { temperature: 1, topP: 0.95 },
  'top-k 50': { temperature: 1, topP: 1, topK: 50 },
  'min-p 0.05': { temperature: 1, topP: 1, minP: 0.05 },
};
for (const vocabulary of [49_152, 151_936]) {
  const random = createRandom(1, 'bench');
  // Spread as a trained model's are: a few far above the others.
  const scores = Float32Array.from({ length: vocabulary }, () => -Math.log(-Math.log(random.nextFloat())) * 2.2);
  const mask = new Uint32Array(Math.ceil(vocabulary / 32)).fill(0x7fff_ffff);
  const choices: readonly (readonly [string, () => unknown])[] = [
    ...Object.entries(SAMPLINGS).map(
      ([name, sampling]) => [name, () => chooseToken(scores, sampling, random)] as const,
    ),
    ['a constraint, temperature 1', () => chooseToken(scores, SAMPLINGS['temperature 1'], random, { allowed: mask })],
    ['log-probabilities, 5 likeliest', () => logpsOf(scores, 7, 5)],
  ];
  for (const [name, choice] of choices) {
    const times = Array.from({ length: 40 }, () => {
      const started = performance.now();
      choice();
      return performance.now() - started;
    });
    print(`${vocabulary} ids, ${name}: ${median(times.slice(10)).toFixed(2)} ms`);
  }
}
