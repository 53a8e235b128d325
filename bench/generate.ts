/**
 * Tokens a second of preftune's generator and of llama.cpp (node-llama-cpp) on one model, in one run, turns taken: reading prompts and decoding,
 * one answer and sixteen at once; with the floor, the weights' bytes over the machine's measured bandwidth.
 *
 *     mkdir consumers && cd consumers && npm init -y && npm install --ignore-scripts node-llama-cpp
 *     preftune export --model MODEL --to gguf --gguf-type Q8_0 --output MODEL-Q8_0.gguf
 *     tsx bench/generate.ts --model MODEL [--precisions float32,int8] [--consumers consumers --gguf MODEL-Q8_0.gguf ...] [--threads 2] [--repeats 5]
 *
 * Without --consumers only our side is measured. Times are from the call to the last first token (reading), and from there to the last token
 * (decoding); greedy, stop tokens do not stop.
 */
import { spawn } from 'node:child_process';
import { statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { openGenerator } from '../src/generate/index.ts';
import { baseBytes, type DecodingPrecision } from '../src/models/index.ts';
import { openModel } from '../src/policy/index.ts';
import { machine } from './machine.ts';
import { median } from './statistics.ts';

const { values } = parseArgs({
  options: {
    model: { type: 'string' },
    precisions: { type: 'string', default: 'float32,int8' },
    consumers: { type: 'string' },
    gguf: { type: 'string', multiple: true, default: [] },
    threads: { type: 'string', default: '2' },
    repeats: { type: 'string', default: '5' },
    // Answers at once : tokens of each prompt : tokens of each answer.
    loads: { type: 'string', default: '1:448:64,16:64:64' },
    json: { type: 'boolean', default: false },
  },
});
if (values.model === undefined) throw new Error('--model must be given');
const threads = Number(values.threads);

interface Load {
  readonly rows: number;
  readonly promptTokens: number;
  readonly newTokens: number;
}

const LOADS: readonly Load[] = values.loads.split(',').map((text) => {
  const [rows, promptTokens, newTokens] = text.split(':').map(Number) as [number, number, number];
  return { rows, promptTokens, newTokens };
});

interface Times {
  readonly readMs: number;
  readonly decodeMs: number;
}

interface Side {
  readonly name: string;
  /** Of the weights that a token reads. */
  readonly bytes: number;
  measure(load: Load): Promise<Times>;
  close(): Promise<void>;
}

async function ours(model: string, precision: DecodingPrecision): Promise<Side> {
  const generator = await openGenerator({ model, basePrecision: precision, threads, maxRows: 16 });
  const { files, config } = await openModel(model);
  await files.close();
  return {
    name: `preftune ${precision}`,
    bytes: baseBytes(config, precision, 'decoding'),
    async measure({ rows, promptTokens, newTokens }) {
      const prompts = Array.from({ length: rows }, (_row, row) =>
        Array.from({ length: promptTokens }, (_id, i) => 1000 + ((row * 131 + i * 17) % 20_000)),
      );
      const seen = new Set<number>();
      const started = performance.now();
      let [first, last] = [0, 0];
      const onToken = ({ row }: { row: number }): void => {
        last = performance.now();
        if (seen.has(row)) return;
        seen.add(row);
        if (seen.size === rows) first = last;
      };
      await generator.generate(prompts, { maxNewTokens: newTokens, stopIds: [], onToken });
      return { readMs: first - started, decodeMs: last - first };
    },
    close: () => generator.dispose(),
  };
}

function llama(consumers: string, gguf: string): Side {
  const script = join(import.meta.dirname, 'consumers', 'llama-generate.mjs');
  const environment = { ...process.env, BENCH_THREADS: String(threads) };
  const child = spawn(process.execPath, [script, consumers, gguf], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: environment,
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    name: `llama.cpp ${basename(gguf)}`,
    bytes: statSync(gguf).size,
    async measure(load) {
      child.stdin.write(`${JSON.stringify(load)}\n`);
      const { value, done } = await lines.next();
      if (done === true) throw new Error(`llama.cpp ended without an answer for ${gguf}`);
      return JSON.parse(value) as Times;
    },
    async close() {
      child.stdin.end();
      await new Promise((resolve) => child.on('close', resolve));
    },
  };
}

/** Bytes a second of reading memory: the best of some passes over 256 MiB. */
function bandwidth(): number {
  const data = new Float64Array(2 ** 25).fill(1);
  const target = new Float64Array(2 ** 25);
  let best = Infinity;
  for (let pass = 0; pass < 8; pass++) {
    const started = performance.now();
    target.set(data);
    best = Math.min(best, performance.now() - started);
  }
  // A copy reads and writes.
  return (2 * data.byteLength * 1000) / best;
}

/** Tokens a second by the median, and the best. */
function rate(tokens: number, times: readonly number[]): string {
  return `${((1000 * tokens) / median(times)).toFixed(0)} (${((1000 * tokens) / Math.min(...times)).toFixed(0)})`;
}

const sides: Side[] = [];
for (const precision of values.precisions.split(','))
  sides.push(await ours(values.model, precision as DecodingPrecision));
if (values.consumers !== undefined) for (const gguf of values.gguf) sides.push(llama(values.consumers, gguf));
const bytesPerSecond = bandwidth();
const results: { side: string; load: Load; runs: Times[] }[] = [];
for (const load of LOADS) {
  const runs = sides.map((): Times[] => []);
  for (let repeat = 0; repeat <= Number(values.repeats); repeat++)
    for (const [i, side] of sides.entries()) {
      const times = await side.measure(load);
      // The first of each warms up.
      if (repeat > 0) runs[i]!.push(times);
    }
  for (const [i, { name: side }] of sides.entries()) results.push({ side, load, runs: runs[i]! });
}
for (const side of sides) await side.close();
if (values.json) process.stdout.write(`${JSON.stringify({ machine: machine(), bytesPerSecond, results })}\n`);
else {
  process.stdout.write(`${machine()}, ${threads} threads, ${(bytesPerSecond / 1e9).toFixed(1)} GB/s\n`);
  process.stdout.write(
    '| side | answers | reading, tokens/s (best) | decoding, tokens/s (best) | floor of decoding |\n',
  );
  process.stdout.write('| --- | --- | --- | --- | --- |\n');
  for (const { side, load, runs } of results) {
    const { rows, promptTokens, newTokens } = load;
    const read = rate(
      rows * promptTokens,
      runs.map(({ readMs }) => readMs),
    );
    const decode = rate(
      rows * (newTokens - 1),
      runs.map(({ decodeMs }) => decodeMs),
    );
    const floor = (rows * bytesPerSecond) / sides.find(({ name }) => name === side)!.bytes;
    process.stdout.write(
      `| ${side} | ${rows} x (${promptTokens} + ${newTokens}) | ${read} | ${decode} | ${floor.toFixed(0)} |\n`,
    );
  }
}
