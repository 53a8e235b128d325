import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  answersOf,
  measureContestants,
  openSubjects,
  parseContestants,
  type DrawingOptions,
} from '../src/evaluate/index.ts';
import { exportModel, openExportSource, type ExportSpecification } from '../src/export/index.ts';
import { openGenerator } from '../src/generate/index.ts';
import { openModelAndAdapter, openNamedModel, parseModelName } from '../src/policy/index.ts';
import { openScoreSession, scorePairs } from '../src/score/index.ts';
import { parseScoreSpecification } from '../src/specification/index.ts';
import { buildCli, preftune, type Ended } from './support/built-cli.ts';
import { temporaryFolder, tinyPairs, writeRows, writeTinyModel } from './support/tiny-model.ts';
import { failureOf, runDpo } from './support/training.ts';

/** One name for a model, in every command: what it opens, and that what does not fit into memory is refused before it is loaded. */
const folder = temporaryFolder();
const at = (...names: string[]): string => join(folder.path, ...names);

beforeAll(async () => {
  mkdirSync(at('comparison', 'answers'), { recursive: true });
  await writeTinyModel(at('model'), { hidden: 16, layers: 1 });
  writeRows(at('pairs.jsonl'), tinyPairs(8));
  writeRows(at('prompts.jsonl'), [{ id: 'p', prompt: 'Who?' }]);
  const common = { model: at('model'), data: at('pairs.jsonl'), batchSize: 4, maxSteps: 2, warmupRatio: 0, samples: 0 };
  const kept = { checkpointSteps: 1, keepCheckpoints: 4 };
  const lora = { rank: 2, alpha: 8 };
  const learningRate = 0.01;
  const train = (output: string, more: object): Promise<unknown> =>
    runDpo({ ...common, ...kept, learningRate, output: at(output), ...more }, { folder: folder.path });
  await train('run', { lora });
  await train('dora', { lora: { ...lora, variant: 'dora' } });
  await train('pissa', { lora: { ...lora, variant: 'pissa' } });
  await train('full', { method: 'full' });
  await train('continued', { adapter: at('run') });
  await train('continued-checkpoint', { adapter: at('run@step-1') });
}, 120_000);
afterAll(folder.remove);

describe('a checkpoint is the adapter, or the model, that the run would have written', () => {
  it.each(['run', 'dora', 'pissa', 'continued'])('%s', async (run) => {
    const [last, written, first] = [
      await openNamedModel(parseModelName(at(`${run}@step-2`))),
      await openNamedModel(parseModelName(at(run))),
      await openNamedModel(parseModelName(at(`${run}@step-1`))),
    ];
    expect(last.adapter!.lora).toEqual(written.adapter!.lora);
    expect(last.adapter!.weights).toEqual(written.adapter!.weights);
    expect(first.adapter!.weights).not.toEqual(written.adapter!.weights);
    for (const one of [last, written, first]) await one.close();
  });

  it('of a run that trained every weight', async () => {
    const name = 'model.layers.0.self_attn.q_proj.weight';
    const read = async (text: string): Promise<Float32Array> => {
      const { opened, close } = await openNamedModel(parseModelName(at(text)));
      return opened.files.checkpoint.readFloat32(name).finally(close);
    };
    expect(await read('full@step-2')).toEqual(await read('full'));
    expect(await read('full@step-1')).not.toEqual(await read('full'));
  });

  it('and what another run began from', async () => {
    const first = await openNamedModel(parseModelName(at('run@step-1')));
    const second = await openNamedModel(parseModelName(at('continued-checkpoint@step-1')));
    expect([...second.adapter!.weights.keys()]).toEqual([...first.adapter!.weights.keys()]);
    for (const one of [first, second]) await one.close();
  });
});

it('a base of other weights than the run was trained on is refused', async () => {
  await writeTinyModel(at('other'), { hidden: 16, layers: 1, seed: 9 });
  const source = (model: string): Promise<unknown> =>
    openExportSource({ source: at('run'), model: at(model), resolve: async (path) => path });
  const { code, messages } = await failureOf(() => source('other'));
  expect([code, messages]).toEqual([
    'bad-input',
    [
      expect.stringMatching(
        /^the base must have the weights that .*run was trained on \(.*model, [0-9a-f]{12}\), it has others; name the same file$/,
      ),
    ],
  ]);
  // A run that continued an adapter knows base and adapter as one.
  const continued = await openExportSource({ source: at('continued'), resolve: async (path) => path });
  expect([continued.name, continued.run!.path]).toEqual(['continued', at('continued')]);
  await continued.close();
});

it('what is wrong with the model and with its adapter is said together', async () => {
  const { messages } = await failureOf(() =>
    openModelAndAdapter({ model: at('none'), adapter: at('nothing') }, { resolve: async (path) => path }),
  );
  expect(messages).toEqual([
    'must exist, got nothing at this path; check the spelling',
    'the adapter must be a folder that exists, as PEFT writes it; check the path',
  ]);
});

async function locationOf(model: string, adapter?: string): Promise<string> {
  const generator = await openGenerator({ model: at(model), adapter: adapter && at(adapter), threads: 1 });
  await generator.dispose();
  return generator.location.replaceAll(`${folder.path}/`, '');
}

it('answers of a run are not taken for those of the model under it', async () => {
  expect(await locationOf('model')).toBe('model');
  // What --adapter says stands beside it in the head of a file of answers.
  expect(await locationOf('model', 'run')).toBe('model');
  expect(await locationOf('run')).toBe('model+run/adapter');
  expect(await locationOf('run@step-1')).toBe('model+run@step-1');
  expect(await locationOf('full@step-1')).toBe('model+full/checkpoints/step-1');
});

/** What each command holds is far above a megabyte. */
const availableBytes = (): number => 2 ** 20;

const SPECIFICATION: ExportSpecification = {
  targets: ['peft'],
  output: at('exported'),
  dtype: undefined,
  ggufTypes: [],
  onnxTypes: [],
  maxShardBytes: 1e9,
  overwrite: false,
};

describe('what does not fit into memory is refused before it is loaded', () => {
  const drawing: DrawingOptions = {
    folder: at('comparison'),
    maxNewTokens: 4,
    seed: 0,
    batchSize: 2,
    device: 'cpu',
    threads: 1,
    resolve: async (model) => model,
    availableBytes,
  };
  const prompts = [{ id: 'p', content: 'Who?' }];
  const answers = { ...drawing, samples: 1, temperature: 0, topP: 1, concurrency: 1 };
  const subjects = { threads: 1, microBatchTokens: 512, batchSize: 2, availableBytes };
  const context = {
    resolve: async (name: string) => name,
    referenceCache: at('cache'),
    listener: {},
    availableBytes,
  };

  it.each([
    [
      'generate and chat',
      () => openGenerator({ model: at('run'), availableBytes }),
      /matrices with the adapter inside/,
    ],
    [
      'generate, with compact matrices',
      () => openGenerator({ model: at('run'), basePrecision: 'int8', availableBytes }),
      /arranged matrices 1 MB.* free; take a smaller model or close other programs$/,
    ],
    ['evaluate', () => openSubjects({ ...subjects, policy: { model: at('run') } }), /vocabulary scores/],
    [
      'evaluate, with a reference',
      () => openSubjects({ ...subjects, policy: { model: at('run') }, reference: { model: at('model') } }),
      /reference weights/,
    ],
    [
      'compare, where it draws',
      () => answersOf(parseContestants([at('run')])[1]!, prompts, answers),
      /matrices with the adapter inside/,
    ],
    [
      'compare, where it measures',
      () => measureContestants(parseContestants([at('run')]), { ...drawing, prompts, hasFrontier: false }),
      /vocabulary scores/,
    ],
    [
      'export',
      async () => {
        const source = await openExportSource({ source: at('run'), resolve: async (path) => path });
        const options = { data: undefined, samples: 1, threads: 1, availableBytes };
        return exportModel(source, SPECIFICATION, options).finally(source.close);
      },
      /vocabulary scores/,
    ],
    [
      'score',
      () => scorePairs(parseScoreSpecification({ model: at('run'), data: at('pairs.jsonl'), threads: 1 }), context),
      /vocabulary scores/,
    ],
    [
      'judges',
      () => openScoreSession({ model: at('run'), reference: at('model'), maxLength: 64, availableBytes }),
      /reference weights/,
    ],
  ])('%s', async (_command, work, parts) => {
    const { code, messages } = await failureOf(work);
    expect([code, messages.length]).toEqual(['run-failed', 1]);
    expect(messages[0]).toMatch(
      /^memory: the model needs about 1\d\d MB \(the runtime 150 MB, .*\), got 1 MB free; .*take a smaller model or close other programs$/,
    );
    expect(messages[0]).toMatch(parts);
  });
});

const DRAWN = '--max-new-tokens 6 --threads 1';

function said(line: string, input?: string): Promise<Ended> {
  const environment = { XDG_CACHE_HOME: at('cache') };
  return preftune(buildCli(), line.split(' '), {
    cwd: folder.path,
    environment,
    ...(input !== undefined && { input }),
  });
}

async function answerOf(named: string): Promise<string> {
  const { code, out, err } = await said(`generate --prompt Who? --json ${DRAWN} ${named}`);
  expect([code, err]).toEqual([0, '']);
  return out;
}

async function scoresOf(named: string): Promise<unknown> {
  const { code, out, err } = await said(`score ${named} --data pairs.jsonl --beta 0.2 --threads 1 --json`);
  expect([code, err]).toEqual([0, expect.anything()]);
  return JSON.parse(out);
}

describe('the commands', () => {
  it('generate: every spelling of one model answers alike', { timeout: 60_000 }, async () => {
    const expected = await answerOf('--model model --adapter run/adapter');
    for (const named of [
      '--model run',
      '--model run/adapter',
      '--model model+run',
      '--model model --adapter run@step-2',
    ])
      expect(await answerOf(named)).toBe(expected);
    expect(await answerOf('--model run@step-1')).not.toBe('');
  });

  it('chat: a run talks', async () => {
    const { code, out } = await said(`chat --model run ${DRAWN}`, 'Who?\n');
    expect([code, out.length > 1]).toEqual([0, true]);
  });

  it('score: a run has its reference', { timeout: 60_000 }, async () => {
    const expected = await scoresOf('--model model --adapter run/adapter');
    expect(expected).toMatchObject({ measure: 'reward' });
    expect(await scoresOf('--model run')).toEqual(expected);
    expect(await scoresOf('--model run@step-2 --reference model')).toEqual(expected);
    // Beside itself a model is rewarded with nothing.
    expect(await scoresOf('--model model --adapter run --reference run@step-2')).toMatchObject({ margin: 0 });
  });

  it('evaluate, compare and export take runs, checkpoints and adapters', { timeout: 120_000 }, async () => {
    const measured = await said(`evaluate run@step-1 --prompts prompts.jsonl ${DRAWN} --json`);
    expect([measured.code, JSON.parse(measured.out)]).toEqual([
      0,
      expect.objectContaining({
        policy: { model: at('model'), adapter: 'run@step-1' },
        reference: { model: at('model') },
      }),
    ]);
    const judged = '--judges [{"kind":"length","prefer":"longer","unit":"words"}] --measure 0';
    const compared = await said(
      `compare a=run@step-1 b=model+run/adapter c=full@step-1 --prompts prompts.jsonl ${DRAWN} ${judged} --json --output compared`,
    );
    expect([compared.code, (JSON.parse(compared.out) as { pairs: unknown[] }).pairs.length]).toEqual([0, 2]);
    for (const [named, name] of [
      ['run@step-1', 'run-step-1'],
      ['model+run', 'model-run'],
      ['full@step-1', 'full-step-1'],
    ]) {
      const exported = await said(`export ${named} --to gguf --gguf-type F32 --output out-${name} --threads 1 --json`);
      expect([exported.code, JSON.parse(exported.out)]).toEqual([
        0,
        expect.objectContaining({ path: `out-${name}/${name}-F32.gguf` }),
      ]);
    }
  });

  it('refuses alike', { timeout: 60_000 }, async () => {
    const missing = 'run: the run must have a checkpoint step-7, it has step-1, step-2\n';
    for (const line of [
      'generate --model run@step-7 --prompt Who?',
      'chat --model run@step-7',
      'score --model run@step-7 --data pairs.jsonl',
      'evaluate run@step-7 --prompts prompts.jsonl',
      'compare run@step-7 model --prompts prompts.jsonl --judges [{"kind":"length","prefer":"longer"}] --output refused',
      'export run@step-7 --to hf --output refused',
      'dpo --model run@step-7 --data pairs.jsonl --output refused',
      'sft --model model --adapter run@step-7 --data pairs.jsonl --output refused',
    ]) {
      const { code, err } = await said(line);
      expect([line, code, err]).toEqual([line, 2, missing]);
    }
  });
});
