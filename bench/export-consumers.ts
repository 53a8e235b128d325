/**
 * What others make of preftune's exports: llama.cpp (through node-llama-cpp), transformers.js, Transformers and PEFT score the same token ids as
 * preftune's engine scored before the export. docs/export.md has the figures.
 *
 *     mkdir consumers && cd consumers && npm init -y && npm install --ignore-scripts node-llama-cpp @huggingface/transformers
 *     pip install torch transformers peft
 *     tsx bench/export-consumers.ts --consumers consumers --python python3 --output OUT [RUN | --model M [--adapter A]]
 *
 * OUT keeps the exports and figures.json. A consumer that is missing is left out and said.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { deviationOf, sampleLogps } from '../src/score/index.ts';
import { exportModel, openExportSource, sampleSet, type ExportTarget } from '../src/export/index.ts';

interface Scored {
  readonly consumer: string;
  readonly file: string;
  readonly mean: number;
  readonly largest: number;
  readonly tokens: number;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    consumers: { type: 'string', default: 'consumers' },
    python: { type: 'string', default: 'python3' },
    output: { type: 'string' },
    model: { type: 'string' },
    adapter: { type: 'string' },
  },
});
if (values.output === undefined) throw new Error('--output must be given');
const output = resolve(values.output);
const exported = join(output, 'exports');
mkdirSync(output, { recursive: true });

const source = await openExportSource({
  source: positionals[0],
  model: values.model,
  adapter: values.adapter,
  name: 'model',
  resolve: (path) => Promise.resolve(path),
});
const { config, files, tokenizer } = source.opened;
const { samples } = await sampleSet(tokenizer, { data: undefined, count: 8 });
const ours = await sampleLogps({ config, checkpoint: files.checkpoint, adapter: source.adapter }, samples);
const targets: ExportTarget[] = [
  'hf',
  'gguf',
  'onnx',
  ...(source.adapter === undefined ? [] : (['peft', 'gguf-lora'] as const)),
];
const artefacts = await exportModel(
  source,
  {
    targets,
    output: exported,
    dtype: 'F32',
    ggufTypes: ['F32', 'F16', 'BF16', 'Q8_0', 'Q4_K_M', 'Q4_0'],
    onnxTypes: ['fp32', 'fp16', 'q8'],
    maxShardBytes: 5e9,
    overwrite: true,
  },
  { data: undefined, samples: 8, onStage: (stage) => process.stderr.write(`${stage}\n`) },
);
// The base alone, for what applies an adapter to it.
if (source.adapter !== undefined) {
  const base = await openExportSource({
    model: files.location,
    name: 'base',
    resolve: (path) => Promise.resolve(path),
  });
  const common = { onnxTypes: [], maxShardBytes: 5e9, overwrite: true, dtype: 'F32' } as const;
  await exportModel(
    base,
    { ...common, targets: ['hf', 'gguf'], ggufTypes: ['F32'], output: join(output, 'base') },
    { data: undefined, samples: 8 },
  );
  await base.close();
}
await source.close();
writeFileSync(
  join(output, 'samples.json'),
  JSON.stringify({ samples: samples.map(({ ids }) => ids), ours: [...ours] }),
);

const results: Scored[] = [];
const recorded: Record<string, readonly number[]> = {};
const note = (consumer: string, file: string, logps: readonly number[]): void => {
  recorded[`${consumer} ${file}`] = logps.map((value) => Number(value.toFixed(5)));
  const { mean, largest, tokens } = deviationOf(Float32Array.from(logps), ours);
  results.push({ consumer, file, mean, largest, tokens });
  process.stdout.write(
    `${consumer.padEnd(16)} ${file.padEnd(28)} mean ${mean.toPrecision(2)}, largest ${largest.toPrecision(2)} nats a token\n`,
  );
};

/** Runs a script in the consumers' folder and reads the JSON that it prints last: logps by file. */
function runScript(consumer: string, [command, ...words]: readonly [string, ...string[]]): void {
  try {
    const text = execFileSync(command, words, {
      encoding: 'utf8',
      maxBuffer: 1 << 28,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const found = JSON.parse(text.trim().split('\n').at(-1)!) as Record<string, number[]>;
    for (const [file, logps] of Object.entries(found)) note(consumer, file, logps);
  } catch (thrown) {
    process.stdout.write(`${consumer}: left out, ${(thrown as Error).message.split('\n')[0]}\n`);
  }
}

/** SHA-256 of the file that the base's weights stand in, where that is one file. */
function weightsDigest(): string {
  const file = existsSync(join(files.location, 'model.safetensors'))
    ? join(files.location, 'model.safetensors')
    : files.location;
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}

const scripts = join(import.meta.dirname, 'consumers');
const consumers = resolve(values.consumers);
for (const [consumer, script] of [
  ['llama.cpp', 'llama.mjs'],
  ['transformers.js', 'transformers.mjs'],
] as const) {
  if (!existsSync(join(consumers, 'node_modules')))
    process.stdout.write(`${consumer}: left out, nothing is installed in ${consumers}\n`);
  else runScript(consumer, [process.execPath, join(scripts, script), consumers, output]);
}
runScript('Transformers', [values.python, join(scripts, 'transformers.py'), output]);
for (const { path, verdict } of artefacts)
  if (verdict !== undefined)
    results.push({
      consumer: 'preftune',
      file: path.slice(exported.length + 1),
      mean: verdict.mean,
      largest: verdict.largest,
      tokens: verdict.tokens,
    });
writeFileSync(
  join(output, 'logps.json'),
  JSON.stringify({ weights: weightsDigest(), samples: samples.map(({ ids }) => ids), logps: recorded }),
);
writeFileSync(
  join(output, 'figures.json'),
  `${JSON.stringify({ folders: readdirSync(exported), results }, null, 1)}\n`,
);
