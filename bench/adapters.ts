/**
 * Adapters on a running engine: milliseconds to add the first and the second one of a shape, their bytes, and tokens a second of the base, of
 * adapters computed beside it (separate) and in its weights (sum), turns taken.
 *
 *     tsx bench/adapters.ts --model SmolLM2.gguf [--precision float32] [--rank 16] [--repeats 7] [--threads 2]
 *
 * Adapters are on all projections, with made-up values. Decoding is greedy, from the last first token to the last token.
 */
import { parseArgs } from 'node:util';
import type { HostTensor } from '../src/core/index.ts';
import { BASE, createEngine } from '../src/generate/index.ts';
import {
  adaptablePaths,
  baseDecoder,
  loraParameterSpecs,
  type DecodingPrecision,
  type LoraConfig,
} from '../src/models/index.ts';
import { loadModel, openModel } from '../src/policy/index.ts';
import { openDevice } from '../src/runtime/index.ts';
import { machine } from './machine.ts';
import { median } from './statistics.ts';

const { values } = parseArgs({
  options: {
    model: { type: 'string' },
    precision: { type: 'string', default: 'float32' },
    rank: { type: 'string', default: '16' },
    repeats: { type: 'string', default: '7' },
    threads: { type: 'string', default: '2' },
  },
});
if (values.model === undefined) throw new Error('--model must be given');
const { config, files, tokenizer } = await openModel(values.model);
const device = await openDevice({ threads: Number(values.threads) });
const precision = values.precision as DecodingPrecision;
const { weights, constants } = await loadModel(device, config, files.checkpoint, { precision, purpose: 'decoding' });
await files.close();

function loraOf(scale: number): LoraConfig {
  const paths = adaptablePaths(config).filter((path) => path.startsWith('model.layers'));
  return { dropout: 0, targets: paths.map((path) => ({ path, rank: Number(values.rank), scale })) };
}

function tensorsOf(lora: LoraConfig, seed: number): Map<string, HostTensor> {
  return new Map(
    loraParameterSpecs(config, lora).map(({ name, shape }) => {
      const count = shape.reduce((product, dim) => product * dim, 1);
      const data = Float32Array.from({ length: count }, (_, i) => 0.005 * Math.sin(seed + i * 1.7));
      return [name, { dtype: 'float32', shape, data }];
    }),
  );
}

async function timed(label: string, work: () => Promise<void>): Promise<void> {
  const started = performance.now();
  await work();
  process.stdout.write(`${label}: ${(performance.now() - started).toFixed(0)} ms\n`);
}

const engine = createEngine(device, { maxRows: 16 });
process.stdout.write(`${machine()}, ${values.threads} threads, ${precision}, rank ${values.rank}\n`);
await timed('add the model, compiled', () =>
  engine.addModel(BASE, {
    decoder: baseDecoder(config, precision, 'decoding'),
    tokenizer,
    resident: weights,
    constants,
  }),
);
const sides: (string | undefined)[] = [undefined];
for (const path of precision === 'float32' ? (['separate', 'sum'] as const) : (['separate'] as const)) {
  for (const [i, scale] of [2, 1.5, 2].entries()) {
    const lora = loraOf(scale);
    const tensors = tensorsOf(lora, i);
    await timed(`add adapter ${i + 1}, ${path}`, () => engine.addAdapter(`${path} ${i + 1}`, { lora, tensors, path }));
  }
  await engine.removeAdapter(`${path} 3`);
  await engine.removeAdapter(`${path} 2`);
  sides.push(`${path} 1`);
}
for (const { adapter, bytes } of engine.stats().responders)
  process.stdout.write(`${adapter ?? 'model'}: ${(bytes / 1e6).toFixed(1)} MB\n`);

async function tokensPerSecond(adapter: string | undefined, rows: number): Promise<number> {
  const newTokens = 32;
  let [first, last] = [0, 0];
  const begun = new Set<number>();
  const submissions = Array.from({ length: rows }, (_row, row) =>
    engine.submit({
      prompt: Array.from({ length: 64 }, (_id, i) => 1000 + ((row * 131 + i * 17) % 20_000)),
      maxNewTokens: newTokens,
      stopIds: [],
      adapter,
      onToken: () => {
        last = performance.now();
        if (begun.size < rows && begun.add(row).size === rows) first = last;
      },
    }),
  );
  await Promise.all(submissions.map(({ answer }) => answer));
  return (1000 * rows * (newTokens - 1)) / (last - first);
}

process.stdout.write('| side | answers | decoding, tokens/s: best | median |\n| --- | --- | --- | --- |\n');
for (const rows of [1, 8]) {
  const rates = sides.map((): number[] => []);
  for (let repeat = 0; repeat <= Number(values.repeats); repeat++)
    for (const [i, adapter] of sides.entries()) {
      const rate = await tokensPerSecond(adapter, rows);
      // The first of each warms up.
      if (repeat > 0) rates[i]!.push(rate);
    }
  for (const [i, adapter] of sides.entries())
    process.stdout.write(
      `| ${adapter ?? 'base'} | ${rows} | ${Math.max(...rates[i]!).toFixed(1)} | ${median(rates[i]!).toFixed(1)} |\n`,
    );
}
await engine.dispose();
await device.dispose();
