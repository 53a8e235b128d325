import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRandom, messageOf, type HostTensor } from '../src/core/index.ts';
import { EXPORT } from '../src/cli/export.ts';
import { runCli } from '../src/cli/index.ts';
import { exportModel, openExportSource, type ExportSource, type ExportSpecification } from '../src/export/index.ts';
import { sampleLogps } from '../src/score/index.ts';
import { startPushServer, TOKEN } from '../src/export/testing/push-server.ts';
import { loraParameterSpecs } from '../src/models/index.ts';
import { newAdapter, openModel, writeAdapter } from '../src/policy/index.ts';
import { eventsOf, kindsOf } from './support/events.ts';
import { temporaryFolder } from './support/tiny-model.ts';

/** `preftune export` on the embedded model with an adapter of random weights. */
const MODEL = join(import.meta.dirname, '..', 'assets', 'embedded-model');
const { path: folder, remove } = temporaryFolder();
afterAll(remove);

const SPECIFICATION: ExportSpecification = {
  targets: ['hf'],
  output: join(folder, 'unused'),
  dtype: undefined,
  ggufTypes: ['Q8_0'],
  onnxTypes: ['fp32'],
  maxShardBytes: 5e9,
  overwrite: false,
};

const RUN = join(folder, 'friendly');

/** A run folder as training leaves it, with a random adapter of rank 4 on every projection. */
beforeAll(async () => {
  const { files, config } = await openModel(MODEL);
  const adapter = newAdapter(
    config,
    { rank: 4, alpha: 8, dropout: 0, rankStabilised: false, targets: ['all-linear'] },
    MODEL,
  );
  const random = createRandom(5, 'adapter');
  const weights = new Map<string, HostTensor>(
    loraParameterSpecs(config, adapter.lora).map(({ name, shape }) => {
      const data = Float32Array.from({ length: shape[0]! * shape[1]! }, () => 0.03 * random.nextNormal());
      return [name, { dtype: 'float32', shape, data }];
    }),
  );
  mkdirSync(RUN);
  await writeAdapter(join(RUN, 'adapter'), {
    adapter,
    config,
    read: (name) => Promise.resolve(weights.get(name)!.data as Float32Array),
  });
  const record = {
    formatVersion: 1,
    specification: {
      recipe: 'dpo',
      model: MODEL,
      data: '/home/someone/secret/pairs.jsonl',
      objective: { name: 'sigmoid', options: { beta: 0.1 } },
      learningRate: 1e-4,
    },
    versions: { preftune: '0.1.0' },
    reference: null,
    data: { train: 'ab'.repeat(32), rows: 40 },
    model: { weights: await files.checkpoint.fingerprint(), tokenizer: 'x' },
  };
  writeFileSync(join(RUN, 'run.json'), JSON.stringify(record));
  const lines = [
    { step: 0, eval_loss: 0.7, 'eval_rewards/accuracies': 0.5 },
    { step: 10, eval_loss: 0.5, 'eval_rewards/accuracies': 0.75 },
  ];
  writeFileSync(join(RUN, 'metrics.jsonl'), lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  await files.close();
});

async function withSource<T>(
  options: { source?: string; model?: string },
  use: (source: ExportSource) => Promise<T>,
): Promise<T> {
  const source = await openExportSource({ ...options, resolve: (path) => Promise.resolve(path) });
  return use(source).finally(() => source.close());
}

const OPTIONS = { data: undefined, samples: 8, threads: 1 } as const;

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function cli(words: readonly string[], environment: Record<string, string> = {}): Promise<Ended> {
  let [out, err] = ['', ''];
  const code = await runCli(['export', ...words], {
    version: '0',
    commands: [{ name: 'export', description: '', load: () => Promise.resolve(EXPORT) }],
    process: {
      stdout: { write: (text) => (out += text) },
      stderr: { write: (text) => (err += text) },
      environment: { HF_HOME: folder, ...environment },
      signals: { on: () => undefined, off: () => undefined } as never,
      endAtOnce: () => undefined,
    },
  });
  return { code, out, err };
}

describe('export', () => {
  it('hands a run over in every form at once, each verified', async () => {
    const output = join(folder, 'all');
    const { code, out, err } = await cli([
      RUN,
      '--to',
      'hf,peft,gguf,gguf-lora,onnx,ollama',
      '--onnx-type',
      'fp32,fp16,q8',
      '--output',
      output,
      '--json',
    ]);
    expect([code, kindsOf(eventsOf(err))]).toEqual([0, ['load', 'done']]);
    const lines = out
      .trim()
      .split('\n')
      .map(
        (line) => JSON.parse(line) as { target: string; path: string; mean?: number; format?: string; tokens?: number },
      );
    expect(lines.map(({ target, path, format }) => [target, path.slice(output.length + 1), format])).toEqual([
      ['hf', 'hf', 'F16'],
      ['peft', 'peft', 'F32'],
      ['gguf', 'gguf/friendly-Q8_0.gguf', 'Q8_0'],
      ['ollama', 'gguf/Modelfile', undefined],
      ['gguf-lora', 'gguf-lora/friendly-lora.gguf', 'F32'],
      ['onnx', 'onnx/onnx/model.onnx', 'F32'],
      ['onnx', 'onnx/onnx/model_fp16.onnx', 'F16'],
      ['onnx', 'onnx/onnx/model_quantized.onnx', 'Q8'],
    ]);
    const mean = (index: number): number => lines[index]!.mean!;
    expect(mean(1)).toBe(0);
    expect(mean(4)).toBeLessThan(1e-6);
    expect(mean(5)).toBeLessThan(1e-5);
    expect(mean(0)).toBeLessThan(2e-3);
    for (const index of [2, 7]) expect(mean(index)).toBeLessThan(0.04);
    expect(lines[0]!.tokens).toBe(307);
    expect(readdirSync(output).toSorted()).toEqual(['gguf', 'gguf-lora', 'hf', 'onnx', 'peft']);
    expect(readdirSync(folder).filter((name) => name.startsWith('.'))).toEqual([]);
    const adapter = JSON.parse(readFileSync(join(output, 'peft', 'adapter_config.json'), 'utf8')) as Record<
      string,
      unknown
    >;
    expect([adapter['r'], adapter['base_model_name_or_path']]).toEqual([4, MODEL]);
  });

  it("writes a card with the run's data, objective and results, and no path of this machine", () => {
    const card = readFileSync(join(folder, 'all', 'hf', 'README.md'), 'utf8');
    const lines = card.split('\n');
    expect(lines.slice(0, 7)).toEqual([
      '---',
      'library_name: transformers',
      'pipeline_tag: text-generation',
      'tags:',
      '- preftune',
      '- dpo',
      '---',
    ]);
    for (const line of [
      '# friendly',
      'Made from `embedded-model` with preftune 0.1.0.',
      'Trained on `pairs.jsonl` (40 rows).',
      '| objective | sigmoid, options beta 0.1 |',
      '| learning rate | 0.0001 |',
      '| | step 0 | step 10 |',
      '| loss | 0.7000 | 0.5000 |',
      '| accuracy over pairs (a tie counts one half) | 0.5000 | 0.7500 |',
    ])
      expect(lines).toContain(line);
    expect(card).not.toMatch(/secret|\/home|assets/);
  });

  it('writes shards with an index that open as one model', async () => {
    const output = join(folder, 'shards');
    await withSource({ model: MODEL }, (source) =>
      exportModel(source, { ...SPECIFICATION, output, maxShardBytes: 2e6 }, OPTIONS),
    );
    const shards = readdirSync(output).filter((name) => name.endsWith('.safetensors'));
    expect(shards.toSorted()).toEqual([1, 2, 3, 4].map((n) => `model-0000${n}-of-00004.safetensors`));
    expect(JSON.parse(readFileSync(join(output, 'config.json'), 'utf8'))).toMatchObject({ dtype: 'float16' });
  });

  it('writes one GGUF file where the output is one, and replaces it only when asked', async () => {
    const output = join(folder, 'one.gguf');
    const words = ['--model', MODEL, '--to', 'gguf', '--gguf-type', 'F16', '--output', output];
    expect((await cli(words)).code).toBe(0);
    const first = readFileSync(output);
    const { code, err } = await cli(words);
    expect([code, err]).toEqual([
      2,
      `${output}: export: --output must be new, got a file that exists; name another or pass --overwrite\n`,
    ]);
    expect((await cli([...words, '--overwrite'])).code).toBe(0);
    expect(readFileSync(output).equals(first)).toBe(true);
  });

  it('leaves nothing behind when a weight does not fit its type', async () => {
    const output = join(folder, 'overflow');
    const thrown = await withSource({ model: MODEL }, async (source) => {
      const { opened } = source;
      const { checkpoint } = opened.files;
      const readFloat32: typeof checkpoint.readFloat32 = async (name, into) => {
        const values = await checkpoint.readFloat32(name, into);
        if (name === 'model.layers.3.mlp.down_proj.weight') values[7] = 1e6;
        return values;
      };
      const files = { ...opened.files, checkpoint: { ...checkpoint, readFloat32 } };
      const broken = { ...source, opened: { ...opened, files } };
      return exportModel(broken, { ...SPECIFICATION, output }, OPTIONS).then(() => undefined, messageOf);
    });
    expect(thrown).toBe(
      'model.layers.3.mlp.down_proj.weight: values must lie within 65504 to be stored as F16, got 1000000; store BF16 or F32',
    );
    expect([existsSync(output), readdirSync(folder).filter((name) => name.startsWith('.'))]).toEqual([false, []]);
  });

  it('refuses what is not the trained model: weights that changed after they were scored', async () => {
    const output = join(folder, 'changed');
    const thrown = await withSource({ model: MODEL }, async (source) => {
      const { opened } = source;
      const { checkpoint } = opened.files;
      let reads = 0;
      const readFloat32: typeof checkpoint.readFloat32 = async (name, into) => {
        const values = await checkpoint.readFloat32(name, into);
        // The trained model is scored from the first reading of each weight.
        if (name === 'model.layers.0.self_attn.q_proj.weight' && reads++ > 0) values.reverse();
        return values;
      };
      const files = { ...opened.files, checkpoint: { ...checkpoint, readFloat32 } };
      return exportModel({ ...source, opened: { ...opened, files } }, { ...SPECIFICATION, output }, OPTIONS).then(
        () => undefined,
        messageOf,
      );
    });
    expect(thrown).toMatch(
      /changed: export: log-probabilities of F16 must stay within 0\.005 nats a token of the trained model, got \d+\.\d+ on average .* nothing was kept/,
    );
    expect(existsSync(output)).toBe(false);
  });

  it('verifies on rows of the user', async () => {
    const data = join(folder, 'rows.jsonl');
    const rows = Array.from({ length: 5 }, (_, i) => ({
      prompt: `Question ${i}?`,
      chosen: 'Yes, of course.',
      rejected: 'No.',
    }));
    writeFileSync(data, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
    const { code, out } = await cli([
      '--model',
      MODEL,
      '--to',
      'gguf',
      '--output',
      join(folder, 'rows'),
      '--data',
      data,
      '--samples',
      '3',
      '--json',
    ]);
    expect(code).toBe(0);
    const tokens = await withSource({ model: MODEL }, (source) =>
      Promise.resolve(
        [0, 1, 2].reduce(
          (sum, i) =>
            sum +
            source.opened.tokenizer.encode(`Question ${i}?Yes, of course.`, { addSpecialTokens: false }).length -
            1,
          0,
        ),
      ),
    );
    expect((JSON.parse(out) as { tokens: number }).tokens).toBe(tokens);
  });
});

describe('export --push', () => {
  it('sends the verified folder with the token of the environment', async () => {
    const hub = await startPushServer();
    const output = join(folder, 'pushed');
    const words = ['--model', MODEL, '--to', 'hf', '--output', output, '--push', 'owner/name', '--private', '--json'];
    const { code, out } = await cli(words, { HF_ENDPOINT: hub.endpoint, HF_TOKEN: TOKEN });
    await hub.close();
    expect(code).toBe(0);
    const pushed = JSON.parse(out.trim().split('\n')[1]!) as { url: string; uploaded: string[]; present: string[] };
    expect(pushed.url).toBe(`${hub.endpoint}/owner/name`);
    expect(pushed.uploaded.toSorted()).toEqual(readdirSync(output).toSorted());
    expect([...hub.files.keys()].toSorted()).toEqual(readdirSync(output).toSorted());
    expect(hub.created[0]).toMatchObject({ name: 'name', organization: 'owner', visibility: 'private' });
  });
});

describe('what cannot be', () => {
  it.each([
    [['--to', 'hf,tar', '--output', 'o'], 'a RUN or --model must be given, got neither'],
    [
      ['--model', MODEL, '--to', 'tar', '--output', 'o'],
      '--to must be one of hf, peft, gguf, gguf-lora, onnx, ollama, got "tar"',
    ],
    [
      ['--model', MODEL, '--to', 'hf', '--gguf-type', 'Q8_0', '--output', 'o'],
      '--gguf-type has no effect without --to gguf or ollama; leave it out',
    ],
    [
      ['--model', MODEL, '--to', 'ollama', '--gguf-type', 'Q8_0,F16', '--output', 'o'],
      '--gguf-type must be one type with --to ollama, whose Modelfile names one file, got Q8_0, F16',
    ],
    [
      ['--model', MODEL, '--to', 'hf,gguf', '--push', 'me/it', '--output', 'o'],
      '--push needs an output that is one folder, got hf, gguf in o; push one target at a time',
    ],
    [
      ['--model', MODEL, '--to', 'hf', '--push', 'me/it', '--output', 'o'],
      '--push needs a token of the hub that may write, got none; run `hf auth login` or set HF_TOKEN',
    ],
    [
      ['--model', MODEL, '--to', 'peft', '--output', 'o'],
      'export: --to peft needs an adapter, the model has none; every weight was trained, use --to hf or gguf',
    ],
    [
      ['--model', MODEL, '--to', 'hf', '--output', MODEL],
      `${MODEL}: export: --output must be new or empty, got a folder that holds config.json; name another or pass --overwrite`,
    ],
    [
      [join(folder, 'nowhere'), '--to', 'hf', '--output', 'o'],
      expect.stringContaining(
        `${join(folder, 'nowhere')}: the model must be a folder or .gguf file that exists, got no such folder here; `,
      ),
    ],
  ])('%j', async (words, message) => {
    const { code, err, out } = await cli(words);
    expect([code, out]).toEqual([2, '']);
    expect(err.split('\n')).toContainEqual(message);
  });

  it('a base that moved, and another base than the run was trained on', async () => {
    const record = JSON.parse(readFileSync(join(RUN, 'run.json'), 'utf8')) as { specification: object };
    const moved = join(folder, 'moved');
    mkdirSync(join(moved, 'adapter'), { recursive: true });
    writeFileSync(
      join(moved, 'run.json'),
      JSON.stringify({ ...record, specification: { ...record.specification, model: '/gone/model' } }),
    );
    expect((await cli([moved, '--to', 'hf', '--output', 'o'])).err).toBe(
      `/gone/model: the model that ${moved} was trained on must exist, got nothing at its path, nor its files beside the run, here or in the hub's cache; say where it is now: MODEL+${moved}\n`,
    );
    const other = join(folder, 'all', 'hf');
    expect((await cli([moved, '--model', other, '--to', 'hf', '--output', 'o'])).err).toMatch(
      /^.*: the base must have the weights that .* was trained on \(\/gone\/model, [0-9a-f]{12}\), it has others; name the same file/,
    );
  });
});

/** Recorded by bench/export-consumers.ts: what Transformers, transformers.js and llama.cpp gave for the exports of one embedded model. */
const recorded = JSON.parse(
  readFileSync(join(import.meta.dirname, 'fixtures', 'export', 'consumers.json'), 'utf8'),
) as {
  weights: string;
  samples: number[][];
  logps: Record<string, number[]>;
};
const weights = createHash('sha256')
  .update(readFileSync(join(MODEL, 'model.safetensors')))
  .digest('hex');
const isRecorded = weights === recorded.weights;
if (!isRecorded)
  process.stderr.write(
    'export.test.ts: the embedded model has other weights than those recorded; run bench/export-consumers.ts again\n',
  );

describe.skipIf(!isRecorded)('what others made of the embedded model', () => {
  it('is what the engine computes of the same files', async () => {
    await withSource({ model: MODEL }, async ({ opened }) => {
      const samples = recorded.samples.map((ids) => ({ ids }));
      const { config, files } = opened;
      const ours = await sampleLogps({ config, checkpoint: files.checkpoint }, samples, { threads: 1 });
      const largest = (name: string): number =>
        recorded.logps[name]!.reduce((most, value, i) => Math.max(most, Math.abs(value - ours[i]!)), 0);
      expect(largest('Transformers hf')).toBeLessThan(1e-4);
      expect(largest('transformers.js fp32')).toBeLessThan(1e-4);
      // llama.cpp keeps its cache in 16 bits.
      expect(largest('llama.cpp model-F32.gguf')).toBeLessThan(0.01);
    });
  });
});
