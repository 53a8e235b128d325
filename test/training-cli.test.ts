import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventsOf, kindsOf } from './support/events.ts';
import { shellWords } from '../src/core/index.ts';
import { buildCli, preftune, type Ended } from './support/built-cli.ts';
import { metricLines } from './support/training.ts';
import { temporaryFolder, tinyPairs, writeRows, writeTinyModel } from './support/tiny-model.ts';

/** The commands of training as a user starts them. Paths are relative to a temporary folder, so that messages can be compared whole. */
const folder = temporaryFolder();
const at = (...names: string[]): string => join(folder.path, ...names);
let main: string;

beforeAll(async () => {
  main = buildCli();
  await writeTinyModel(at('model'), { hidden: 16, layers: 1 });
  writeRows(at('pairs.jsonl'), tinyPairs(12));
});
afterAll(folder.remove);

function run(line: string, onError?: (text: string, kill: (signal: NodeJS.Signals) => void) => void): Promise<Ended> {
  return preftune(main, line.split(' '), {
    cwd: folder.path,
    environment: { XDG_CACHE_HOME: at('cache') },
    ...(onError === undefined ? {} : { onError: (text, child) => onError(text, (signal) => void child.kill(signal)) }),
  });
}

const START = '--model model --data pairs.jsonl --threads 1 --rank 2 --batch-size 4';
const beforeOf = (html: string): string => /<div class="answer before">.*?<\/div>/su.exec(html)![0];
const linesOf = (text: string): string[] => text.trimEnd().split('\n');

describe('preftune dpo', () => {
  it('trains, tells how it goes, and says where everything is', async () => {
    const { code, out, err } = await run(
      `dpo ${START} --output run --held-out-fraction 0.25 --max-steps 2 --evaluate-steps 1`,
    );
    expect(code).toBe(0);
    const said = linesOf(err).map((line) => line.replace(/[\d,]+ tok\/s.*$/, 'SPEED'));
    expect(said[0]).toBe(
      'pairs.jsonl: format: trl-preference (prompt, chosen, rejected: texts), from the first 12 rows',
    );
    expect(said[1]).toBe(
      'training data: 12 of 12 rows kept; tokens on average: prompt 55, chosen 10, rejected 6; longest 76',
    );
    expect(said.slice(2, 5)).toEqual([
      "training data: 12 of 12 rows are a user's question and an assistant's answer in the chat template (--text-rows raw: as they stand)",
      'training data: white space at the ends of answers is left out in 12: the template sets its own',
      String.raw`  row 1, chosen: ... s·i·s·t·a·n·t·\n⟦y·e·s·,· ·1·!·<|im_end|>⟧`,
    ]);
    expect(said.find((line) => line.startsWith('step 0:'))).toMatch(
      /^step 0: held-out loss 0\.6931, accuracy 0\.50 \(95 %: \d+-\d+ %, \d+ pairs\), margin 0\.000$/,
    );
    expect(
      said.filter((line) => /^train: 1\/2  50%  loss 0\.6931  acc \d\.\d\d  margin 0\.000  SPEED$/.test(line)).length,
    ).toBe(1);
    expect(said).toContain('step 2: checkpoint saved');
    const told = linesOf(out).filter((line) => !line.startsWith('     '));
    expect(told[2]).toMatch(/^best: {5}held-out loss was lowest at step [12] of 2 \(0\.6\d{3}/);
    expect(told[3]).toMatch(/^samples: {2}.*3 samples show little\.$/);
    expect(told.slice(4, 7)).toEqual([
      'adapter:  run/adapter',
      'report:   run/report.html',
      'metrics:  run/metrics.jsonl (TensorBoard: run/tensorboard)',
    ]);
    // What is to be typed next runs as it stands.
    const next = out.split('next: ')[1]!.replaceAll(/\\\n/g, ' ').trim().split('\n');
    expect(next.map((line) => shellWords(line))).toEqual([
      ['npx', 'preftune', 'generate', '--model', 'run', '--prompt', expect.any(String)],
      ['npx', 'preftune', 'score', '--model', 'run', '--data', 'run/held-out.jsonl'],
    ]);
    for (const line of next) {
      // In a cache of its own: later runs compute their references themselves.
      const environment = { XDG_CACHE_HOME: at('cache-of-next') };
      const typed = await preftune(main, shellWords(line).slice(2), { cwd: folder.path, environment });
      expect([line, typed.code, typed.err]).toEqual([line, 0, expect.not.stringContaining('must')]);
    }
    expect(linesOf(out)[0]).toMatch(/^done: 2 steps, last loss 0\.6\d{3}$/);
    expect(linesOf(out)[1]).toMatch(
      /^held out: accuracy 0\.50 -> [01]\.\d\d \(95 %: \d+-\d+ %, \d+ pairs\), margin 0\.000 -> -?\d\.\d{3}, loss 0\.6931 -> 0\.6\d{3}$/,
    );
  });

  it("leaves the run folder that the design promises, with the run's numbers in each file", () => {
    expect(
      readdirSync(at('run'))
        .filter((name) => !name.startsWith('.'))
        .toSorted(),
    ).toEqual([
      'adapter',
      'checkpoints',
      'held-out.jsonl',
      'metrics.jsonl',
      'report.html',
      'run.json',
      'samples.jsonl',
      'tensorboard',
    ]);
    const heldOut = linesOf(readFileSync(at('run', 'held-out.jsonl'), 'utf8'));
    expect(linesOf(readFileSync(at('pairs.jsonl'), 'utf8'))).toEqual(expect.arrayContaining(heldOut));
    const { data } = JSON.parse(readFileSync(at('run', 'run.json'), 'utf8')) as { data: { rows: number } };
    expect(heldOut.length).toBe(12 - data.rows);
    const lines = metricLines(at('run'));
    expect(lines.map(({ step }) => step)).toEqual([0, 1, 1, 2, 2]);
    expect(Object.keys(lines[1]!)).toEqual([
      'step',
      'epoch',
      'loss',
      'rewards/chosen',
      'rewards/rejected',
      'rewards/margins',
      'rewards/accuracies',
      'logps/chosen',
      'logps/rejected',
      'logits/chosen',
      'logits/rejected',
      'entropy',
      'lengths/chosen',
      'lengths/rejected',
      'rewards/length_correlation',
      'learning_rate',
      'grad_norm',
      'num_tokens',
    ]);
    expect(
      Object.keys(lines[0]!)
        .slice(2)
        .every((name) => name.startsWith('eval_')),
    ).toBe(true);
    const record = JSON.parse(readFileSync(at('run', 'run.json'), 'utf8')) as Record<string, Record<string, unknown>>;
    expect(record['specification']).toMatchObject({
      recipe: 'dpo',
      model: 'model',
      seed: 42,
      learningRate: 5e-5,
      lora: { rank: 2, alpha: 32 },
    });
    expect(Object.keys(record['versions']!)).toEqual(['preftune', 'node', 'onnxruntime']);
    expect(record['model']).toEqual({
      weights: (record['reference'] as { weights: string }).weights,
      tokenizer: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
    });
    const loss = lines[3]!['loss'] as number;
    // The page keeps seven digits.
    expect(readFileSync(at('run', 'report.html'), 'utf8').includes(String(Number(loss.toPrecision(7))))).toBe(true);
    const [events] = readdirSync(at('run', 'tensorboard'));
    const bytes = readFileSync(at('run', 'tensorboard', events!));
    const value = Buffer.alloc(4);
    value.writeFloatLE(loss);
    expect(bytes.includes(value)).toBe(true);
    expect(bytes.includes('loss')).toBe(true);
  });

  it('shows held-out prompts answered before and after, --samples of them', async () => {
    const page = readFileSync(at('run', 'report.html'), 'utf8');
    expect(page).toContain('<p class="note">Held-out prompts, each answered with the likeliest tokens.</p>');
    expect(page.match(/<article class="card sample">/g)).toHaveLength(3);
    expect(page).toMatch(/<h3 class="prompt">Question \d+: what is /);
    const stored = linesOf(readFileSync(at('run', 'samples.jsonl'), 'utf8')).map((line) => JSON.parse(line));
    expect(stored.map((sample: object) => Object.keys(sample))).toEqual(
      stored.map(() => ['prompt', 'chosen', 'before', 'after']),
    );
    expect(stored.map(({ chosen }) => chosen)).toEqual(
      stored.map(({ chosen }) => ({ text: chosen.text, tokens: chosen.text.length })),
    );
    expect(linesOf((await run('diagnose run')).out)[0]).toMatch(/3 samples show little\.$/);
    const { err } = await run(`dpo ${START} --output unheld --max-steps 1 --samples 1`);
    expect(linesOf(err)).toContain('report: 1 prompt answered before and after training');
    const unheld = readFileSync(at('unheld', 'report.html'), 'utf8');
    expect(unheld).toContain('Prompts of the training data (nothing is held out), each answered');
    expect(unheld.match(/<article class="card sample">/g)).toHaveLength(1);
    // Full fine-tuning changes the start, which is asked first then; its answers are the same.
    await run(
      'dpo --model model --data pairs.jsonl --threads 1 --method full --max-steps 1 --samples 1 --output full-samples',
    );
    expect(beforeOf(readFileSync(at('full-samples', 'report.html'), 'utf8'))).toBe(beforeOf(unheld));
    await run(`dpo ${START} --output unsampled --max-steps 1 --samples 0`);
    expect(readFileSync(at('unsampled', 'report.html'), 'utf8')).not.toContain('<article');
  });

  it('--json gives one object on stdout, and on stderr one event a line', async () => {
    const { code, out, err } = await run(`dpo ${START} --output json --max-steps 1 --json --reference-cache own-cache`);
    expect([code, linesOf(out).length]).toEqual([0, 1]);
    const events = eventsOf(err);
    expect(events.filter(({ event }) => event === 'load').length).toBeGreaterThan(3);
    // The reference is in the cache where a test before had the same rows.
    const other = ['load', 'progress', 'reference', 'warning'];
    const kinds = kindsOf(events.filter(({ event }) => !other.includes(event)));
    expect(kinds).toEqual(['plan', 'start', 'step', 'estimate', 'checkpoint', 'sample', 'done']);
    expect(JSON.parse(out)).toMatchObject({
      run: 'json',
      steps: 1,
      totalSteps: 1,
      artefact: 'json/adapter',
      metrics: 'json/metrics.jsonl',
      report: 'json/report.html',
      heldOut: null,
    });
  });

  it('Ctrl-C stops after the step with 130 and a checkpoint, and --output --resume ends the run as if nothing had been', async () => {
    const options = `${START} --held-out-fraction 0.25 --epochs 20 --checkpoint-steps 1000 --samples 0`;
    const straight = await run(`dpo ${options} --output straight`);
    expect(straight.code).toBe(0);
    let isSent = false;
    const stopped = await run(`dpo ${options} --output stopped`, (text, kill) => {
      if (isSent || !/step 0: held-out/.test(text)) return;
      isSent = true;
      kill('SIGINT');
    });
    expect(stopped.code).toBe(130);
    const last = linesOf(stopped.err).at(-1)!;
    expect(last).toMatch(
      /^dpo: stopped after step \d+ of \d+, which is saved and is what stopped\/adapter holds; continue with: npx preftune dpo --output stopped --resume$/,
    );
    const step = Number(/step (\d+) of/.exec(last)![1]);
    expect(readdirSync(at('stopped', 'checkpoints'))).toContain(`step-${step}`);
    expect(existsSync(at('stopped', 'adapter'))).toBe(true);
    const resumed = await run('dpo --output stopped --resume');
    expect(resumed.code).toBe(0);
    expect(resumed.err).toContain(`resuming after step ${step} of `);
    expect(metricLines(at('stopped'))).toEqual(metricLines(at('straight')));
    expect(readFileSync(at('stopped', 'adapter', 'adapter_model.safetensors'))).toEqual(
      readFileSync(at('straight', 'adapter', 'adapter_model.safetensors')),
    );
  });

  it('Ctrl-C in an evaluation stops it, and the resumed run makes it whole', async () => {
    writeRows(at('many.jsonl'), tinyPairs(100));
    const options = `${START} --held-out many.jsonl --max-steps 3 --evaluate-steps 1 --samples 0`;
    expect((await run(`dpo ${options} --output evaluated`)).code).toBe(0);
    let isSent = false;
    const stopped = await run(`dpo ${options} --output in-evaluation`, (text, kill) => {
      if (isSent || !text.includes('train: 1/3')) return;
      isSent = true;
      kill('SIGINT');
    });
    expect(linesOf(stopped.err).at(-1)).toMatch(
      /^dpo: stopped after step 1 of 3, which is saved and is what \S+\/adapter holds; /,
    );
    expect(stopped.code).toBe(130);
    expect(metricLines(at('in-evaluation')).map(({ step }) => step)).toEqual([0, 1]);
    const resumed = await run('dpo --output in-evaluation --resume');
    expect(resumed.code).toBe(0);
    expect(metricLines(at('in-evaluation'))).toEqual(metricLines(at('evaluated')));
  });

  it('Ctrl-C twice ends at once, in the middle of the work, without a word of the runtime', async () => {
    writeRows(at('heavy.jsonl'), tinyPairs(120));
    let sent = 0;
    const line = 'dpo --model model --data heavy.jsonl --threads 1 --output ended --micro-batch-tokens 2000';
    const { code, signal, err } = await run(line, (text, kill) => {
      if (sent === 0 && text.includes('reference: ')) kill(((sent = 1), 'SIGINT'));
      else if (sent === 1 && text.includes('stopping')) kill(((sent = 2), 'SIGINT'));
    });
    expect([code, signal]).toEqual([null, 'SIGINT']);
    expect(linesOf(err)).toContain('stopping after this step; Ctrl-C again ends at once');
    expect(existsSync(at('ended'))).toBe(false);
  });

  it('--config gives options that flags override', async () => {
    writeFileSync(
      at('run.yaml'),
      'model: model\ndata: pairs.jsonl\nlora:\n  rank: 2\nlearning-rate: 1.0e-3\nmaxSteps: 1\nthreads: 1\n',
    );
    const { code } = await run('dpo --config run.yaml --output configured --seed 7');
    expect(code).toBe(0);
    const { specification } = JSON.parse(readFileSync(at('configured', 'run.json'), 'utf8')) as {
      specification: unknown;
    };
    expect(specification).toMatchObject({ seed: 7, learningRate: 1e-3, maxSteps: 1, lora: { rank: 2 } });
  });
});

describe('preftune score', () => {
  it('prints a table, a summary with --json, and every pair to a file: raw, and with the adapter against the base', async () => {
    const plain = await run('score --model model --data pairs.jsonl --threads 1 --output plain.jsonl');
    const adapted = await run(
      'score --model model --adapter run/adapter --data pairs.jsonl --threads 1 --output adapted.jsonl --json',
    );
    expect([plain.code, adapted.code]).toEqual([0, 0]);
    const [rows, with_] = ['plain.jsonl', 'adapted.jsonl'].map((file) =>
      linesOf(readFileSync(at(file), 'utf8')).map((line) => JSON.parse(line) as Record<string, number>),
    );
    expect([rows!.length, with_!.length]).toEqual([12, 12]);
    expect(Object.keys(rows![0]!)).toEqual([
      'id',
      'logps/chosen',
      'logps/rejected',
      'tokens/prompt',
      'tokens/chosen',
      'tokens/rejected',
    ]);
    with_!.forEach((row, i) => {
      expect(row['reference_logps/chosen']).toBeCloseTo(rows![i]!['logps/chosen']!, 4);
      expect(row['rewards/chosen']).toBeCloseTo(0.1 * (row['logps/chosen']! - row['reference_logps/chosen']!), 12);
      expect(row['rewards/margins']).toBeCloseTo(row['rewards/chosen']! - row['rewards/rejected']!, 12);
    });
    const accuracy = with_!.filter((row) => row['rewards/margins']! > 0).length / 12;
    const margin = with_!.reduce((sum, row) => sum + row['rewards/margins']!, 0) / 12;
    expect(JSON.parse(adapted.out)).toMatchObject({
      measure: 'reward',
      rows: 12,
      strictAccuracy: accuracy,
      margin: expect.closeTo(margin, 12),
      lengths: [{ name: '0-31 tokens', rows: 12 }],
      output: 'adapted.jsonl',
    });
    const right = rows!.filter((row) => row['logps/chosen']! > row['logps/rejected']!).length / 12;
    expect(linesOf(plain.out)[0]).toMatch(
      new RegExp(
        String.raw`^12 pairs: the chosen answer scores higher in ${(100 * right).toFixed(1)} % \(95 %: \d+-\d+\) by log-probability \(longer answers score lower; name a --reference to see rewards\)$`,
      ),
    );
    expect(linesOf(plain.err).at(-1)).toBe('wrote 12 rows to plain.jsonl');
    const again = await run('score --model model --data pairs.jsonl --output plain.jsonl');
    expect([again.code, again.err.includes('the output must not exist yet, got a file')]).toEqual([2, true]);
  });

  it('compares means over tokens without a reference', async () => {
    const { code, out } = await run(
      'score --model model --adapter run/adapter --data pairs.jsonl --threads 1 --reference-free average --json --output mean.jsonl',
    );
    const rows = linesOf(readFileSync(at('mean.jsonl'), 'utf8')).map(
      (line) => JSON.parse(line) as Record<string, number>,
    );
    const means = rows.map(
      (row) => row['logps/chosen']! / row['tokens/chosen']! - row['logps/rejected']! / row['tokens/rejected']!,
    );
    expect(code).toBe(0);
    expect(rows[0]!['reference_logps/chosen']).toBeUndefined();
    expect(JSON.parse(out)).toMatchObject({
      measure: 'mean-logps',
      margin: expect.closeTo(means.reduce((sum, value) => sum + value, 0) / 12, 9),
    });
  });
});
