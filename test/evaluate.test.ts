import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EVALUATE } from '../src/cli/evaluate.ts';
import { runCli } from '../src/cli/index.ts';
import { memorySource } from '../src/data/index.ts';
import { openModelFiles } from '../src/formats/index.ts';
import { createTokenScorer } from '../src/score/index.ts';
import {
  estimateDrift,
  evaluateBehaviour,
  openSubjects,
  type Evaluation,
  type Subjects,
} from '../src/evaluate/index.ts';
import { graph } from '../src/graph/index.ts';
import {
  hiddenStates,
  logits,
  packedAttention,
  packedInputs,
  parseModelConfig,
  plainDecoder,
  withLora,
} from '../src/models/index.ts';
import { openDevice } from '../src/runtime/index.ts';
import { completionMicroBatch, loadModel, openModel, readAdapter } from '../src/policy/index.ts';
import { largestDifference, loadModelFixture, MODEL_FIXTURES } from './support/model-fixtures.ts';
import { temporaryFolder, tinyPairs, writeRows, writeTinyModel } from './support/tiny-model.ts';
import { runDpo } from './support/training.ts';

/** What `preftune evaluate` measures on models: KL, perplexity, known answers, checkpoints. */
const folder = temporaryFolder();
const at = (...names: string[]): string => join(folder.path, ...names);
const FIXTURES = join(import.meta.dirname, 'fixtures', 'models');

beforeAll(async () => {
  await writeTinyModel(at('model'), { hidden: 16, layers: 1 });
  writeRows(at('pairs.jsonl'), tinyPairs(12));
  writeRows(
    at('prompts.jsonl'),
    tinyPairs(8).map(({ prompt }) => ({ prompt })),
  );
  writeFileSync(at('text.txt'), 'It rained all day.\nThen it stopped.\n\nNobody was there to see it.\n');
  writeRows(at('facts.jsonl'), [
    { question: 'Two and two?', choices: ['4', '5', '6'], answer: '4' },
    { question: 'Who?', answers: ['me'] },
  ]);
  writeRows(at('instructions.jsonl'), [
    { prompt: 'Say hello.', instruction_id_list: ['punctuation:no_comma'], kwargs: [{}] },
    { prompt: 'Say it.', instruction_id_list: ['punctuation:no_comma', 'startend:quotation'], kwargs: [{}, {}] },
  ]);
  await runDpo(
    {
      model: at('model'),
      data: at('pairs.jsonl'),
      heldOut: at('pairs.jsonl'),
      output: at('run'),
      lora: { rank: 4 },
      learningRate: 0.02,
      epochs: 2,
      batchSize: 4,
      checkpointSteps: 2,
      keepCheckpoints: 9,
      evaluateSteps: 2,
      threads: 1,
      samples: 0,
    },
    { folder: folder.path },
  );
}, 120_000);
afterAll(folder.remove);

const row = (prompt: string, completion: string) => ({
  id: prompt,
  prompt: Int32Array.from(Buffer.from(prompt)),
  completion: Int32Array.from(Buffer.from(completion)),
});

/** In float64. */
function logSoftmax(values: Float32Array): number[] {
  const most = Math.max(...values);
  const lse = most + Math.log(values.reduce((sum, value) => sum + Math.exp(value - most), 0));
  return [...values].map((value) => value - lse);
}

async function measure(subjects: Subjects): Promise<Evaluation> {
  const prompts = tinyPairs(30).map(({ prompt }, i) => ({ id: `${i}`, content: prompt }));
  const { evaluation } = await evaluateBehaviour(subjects, {
    prompts,
    maxNewTokens: 12,
    samples: 2,
    texts: [memorySource('a.txt', readFileSync(at('text.txt'), 'utf8'))],
  });
  return evaluation;
}

async function evaluate(line: string, columns = 100) {
  let [out, err] = ['', ''];
  const code = await runCli(['evaluate', ...line.split(' ')], {
    version: '0',
    commands: [{ name: 'evaluate', description: EVALUATE.description, load: async () => EVALUATE }],
    process: {
      stdout: { write: (text) => void (out += text) },
      stderr: { columns, write: (text) => void (err += text) },
      environment: {},
      signals: { on: () => undefined, off: () => undefined } as never,
      endAtOnce: () => undefined,
    },
  });
  return { code, out, err };
}

describe('token scores', () => {
  it.each(MODEL_FIXTURES)("%s: log-probabilities, and perplexity with them, are Transformers'", async (name) => {
    const { expected } = await loadModelFixture(name);
    const { input_ids: texts } = JSON.parse(readFileSync(join(FIXTURES, name, 'expected.json'), 'utf8')) as {
      input_ids: number[][];
    };
    const files = await openModelFiles(join(FIXTURES, name));
    const config = parseModelConfig(files.config);
    const device = await openDevice({ threads: 1 });
    try {
      const { weights } = await loadModel(device, config, files.checkpoint);
      const decoder = plainDecoder(config);
      const scorer = await createTokenScorer(device, { decoder, resident: weights, microBatchTokens: 64 });
      const rows = texts.map((ids, i) => ({
        id: `${i}`,
        prompt: new Int32Array(0),
        completion: Int32Array.from(ids),
      }));
      const scores = await scorer.score(rows);
      const all = scores.flatMap(({ logps }) => [...logps]);
      expect(largestDifference(all, expected['logps']!)).toBeLessThan(1e-4);
      const drift = estimateDrift(scores.map(({ logps }, i) => ({ document: `${i}`, logps })))!;
      const mean = -expected['logps']!.reduce((sum, value) => sum + value, 0) / expected['logps']!.length;
      expect(drift.perplexity / Math.exp(mean)).toBeCloseTo(1, 5);
    } finally {
      await device.dispose();
      await files.close();
    }
  });

  it('KL over the vocabulary is that of the whole distributions, and the reference is the model without its adapter', async () => {
    const { files, config } = await openModel(at('model'));
    const adapter = await readAdapter(at('run', 'adapter'), config, files.checkpoint);
    const device = await openDevice({ threads: 1 });
    try {
      const { weights } = await loadModel(device, config, files.checkpoint);
      const resident = new Map(weights);
      for (const [name, tensor] of adapter.weights) resident.set(name, await device.upload(tensor));
      const plain = plainDecoder(config);
      const decoder = withLora(plain, adapter.lora, { path: 'separate' });
      const scorer = await createTokenScorer(device, {
        decoder,
        reference: plain,
        sharesHead: true,
        resident,
        microBatchTokens: 512,
      });
      const rows = [row('What is it?', 'Rain, I think.'), row('And now?', 'Sun.')];
      const scores = await scorer.score(rows);
      // The same from the scores of every word, summed in float64.
      const packed = packedInputs();
      const layout = { tokens: packed.tokens, positions: packed.positions, attend: packedAttention(config, packed) };
      const program = await device.compile(
        graph({
          policy: logits(decoder, hiddenStates(decoder, layout)),
          reference: logits(plain, hiddenStates(plain, layout)),
        }),
        { label: 'all scores' },
      );
      const { tokens, positions, branches, parents } = completionMicroBatch(rows, false).inputs;
      const outputs = await program.run({
        tokens: tokens!,
        positions: positions!,
        branches: branches!,
        parents: parents!,
        ...Object.fromEntries(resident),
      } as never);
      let start = 0;
      for (const [i, { prompt, completion }] of rows.entries()) {
        const { logps, referenceLogps, kls, entropies } = scores[i]!;
        for (let t = 0; t < completion.length; t++) {
          const place = start + prompt.length + t - 1;
          const of = (name: 'policy' | 'reference'): number[] =>
            logSoftmax(
              (outputs[name] as { data: Float32Array }).data.subarray(
                place * config.vocabularySize,
                (place + 1) * config.vocabularySize,
              ),
            );
          const [p, q] = [of('policy'), of('reference')];
          expect(logps[t]).toBeCloseTo(p[completion[t]!]!, 4);
          expect(referenceLogps![t]).toBeCloseTo(q[completion[t]!]!, 4);
          expect(kls![t]).toBeCloseTo(
            p.reduce((sum, value, v) => sum + Math.exp(value) * (value - q[v]!), 0),
            4,
          );
          expect(entropies[t]).toBeCloseTo(-p.reduce((sum, value) => sum + Math.exp(value) * value, 0), 4);
        }
        start += prompt.length + completion.length;
      }
      expect(Math.max(...scores.flatMap(({ kls }) => [...kls!]))).toBeGreaterThan(0.01);
    } finally {
      await device.dispose();
      await files.close();
    }
  });
});

describe('a policy and its reference', () => {
  const options = { threads: 1, microBatchTokens: 512, batchSize: 8 };

  it('the same adapter as another model gives the same numbers without the exact KL', { timeout: 60_000 }, async () => {
    const policy = { model: at('model'), adapter: at('run', 'adapter') };
    const [shared, apart] = [
      await openSubjects({ ...options, policy }),
      await openSubjects({ ...options, policy, reference: { model: at('model') } }),
    ];
    try {
      const [one, two] = [await measure(shared), await measure(apart)];
      expect([one.kl!.method, two.kl!.method]).toEqual(['exact', 'k3']);
      expect(two.kl!.logRatio.value).toBeCloseTo(one.kl!.logRatio.value, 4);
      expect(two.kl!.k3.value).toBeCloseTo(one.kl!.k3.value, 4);
      // All of them estimate one number.
      const gap = Math.abs(one.kl!.exact!.value - one.kl!.logRatio.value);
      expect(gap).toBeLessThan(3 * one.kl!.logRatio.standardError!);
      expect(two.drift!.difference!.value).toBeCloseTo(one.drift!.difference!.value, 5);
      expect(two.behaviour!.lines.find(({ measure: name }) => name === 'tokens')).toEqual(
        one.behaviour!.lines.find(({ measure: name }) => name === 'tokens'),
      );
    } finally {
      await shared.dispose();
      await apart.dispose();
    }
  });

  it('a model beside itself: KL 0, no drift, no difference', async () => {
    const subjects = await openSubjects({
      ...options,
      policy: { model: at('model') },
      reference: { model: at('model') },
    });
    try {
      const { kl, drift, behaviour } = await measure(subjects);
      expect([kl!.logRatio.value, kl!.k3.value, drift!.difference!.value]).toEqual([0, 0, 0]);
      expect(behaviour!.lines.filter(({ difference }) => difference!.value !== 0)).toEqual([]);
    } finally {
      await subjects.dispose();
    }
  });

  it('refuses a reference with another vocabulary, and names every file that is missing', async () => {
    await expect(
      openSubjects({ ...options, policy: { model: at('none') }, reference: { model: at('nothing') } }),
    ).rejects.toMatchObject({
      problems: [{ file: expect.stringContaining('none') }, { file: expect.stringContaining('nothing') }],
    });
  });
});

describe('the command', () => {
  it(
    'measures a run: behaviour, KL, drift, facts, checkpoints; the folder holds the answers',
    { timeout: 60_000 },
    async () => {
      const line = `${at('run')} --prompts ${at('prompts.jsonl')} --texts ${at('text.txt')} --facts ${at('facts.jsonl')} --instructions ${at('instructions.jsonl')} --frontier --max-new-tokens 8 --threads 1`;
      const { code, out } = await evaluate(`${line} --json --output ${at('out')}`);
      expect(code).toBe(0);
      const value = JSON.parse(out) as Evaluation & {
        frontier: { step: number; kl: { perAnswer: { value: number } }; heldOut: unknown }[];
      };
      expect(Object.keys(value)).toEqual([
        'policy',
        'reference',
        'behaviour',
        'kl',
        'drift',
        'facts',
        'instructions',
        'frontier',
      ]);
      const { policy: follows, reference: followed } = value.instructions!;
      expect([follows.prompts, follows.instructions, followed!.prompts]).toEqual([2, 3, 2]);
      expect(value.frontier.map(({ step }) => step)).toEqual([2, 4, 6]);
      // The last checkpoint is the adapter.
      expect(value.frontier.at(-1)!.kl.perAnswer.value).toBeCloseTo(value.kl!.perAnswer.value, 6);
      expect(value.frontier[0]!.kl.perAnswer.value).toBeLessThan(value.frontier.at(-1)!.kl.perAnswer.value);
      expect(value.facts!.policy.choices!.questions).toBe(1);
      expect(readFileSync(at('out', 'answers.jsonl'), 'utf8').trim().split('\n').length).toBe(8);
      expect(JSON.parse(readFileSync(at('out', 'evaluation.json'), 'utf8'))).toEqual(JSON.parse(out));
      const html = readFileSync(at('out', 'report.html'), 'utf8');
      for (const id of ['kl', 'frontier', 'behaviour', 'drift', 'facts', 'instructions', 'answers'])
        expect(html).toContain(`<section id="${id}"`);
      expect(html).toContain('8 prompts cannot tell much');
      const { value: perAnswer, interval } = value.kl!.perAnswer as { value: number; interval: { high: number } };
      expect(html).toContain(`<td>${perAnswer.toFixed(3)} +- ${(interval.high - perAnswer).toFixed(3)}</td>`);
      const again = await evaluate(`${line} --output ${at('out')}`);
      expect([again.code, again.err]).toEqual([
        2,
        `--output must be new, got ${at('out')}, which holds an evaluation; name another\n`,
      ]);
      rmSync(at('out'), { recursive: true });
      const narrow = await evaluate(line, 60);
      for (const one of narrow.out.split('\n')) expect(one.length).toBeLessThanOrEqual(60);
      expect(narrow.out).toContain('8 prompts cannot tell much');
    },
  );

  it('leaves KL out at another temperature, and says so', async () => {
    const { code, out, err } = await evaluate(
      `${at('run')} --prompts ${at('prompts.jsonl')} --temperature 0 --max-new-tokens 4 --threads 1`,
    );
    expect(code).toBe(0);
    expect(out).not.toContain('KL');
    expect(err).toContain('KL is left out: it is that of the model only for answers drawn at temperature 1');
  });

  it('says everything that is wrong at once, before a model is opened', async () => {
    const { code, err } = await evaluate(`${at('run')} --model x --samples 0 --frontier`);
    expect([code, err.trim().split('\n')]).toEqual([
      2,
      [
        '--samples must be at least 1, got 0',
        '--samples has no effect without --prompts; add it or leave --samples out',
        '--model has no effect with a run folder, which names it; leave one out',
        '--prompts, --texts, --facts or --instructions must be given, got nothing to measure with; a start: --prompts prompts.txt, a prompt a line',
        '--frontier needs a run folder and --prompts',
      ],
    ]);
    const missing = await evaluate(`--model ${at('model')} --prompts ${at('nothing.jsonl')}`);
    expect([missing.code, missing.err]).toEqual([2, expect.stringContaining('nothing.jsonl')]);
    expect(existsSync(at('out'))).toBe(false);
  });
});
