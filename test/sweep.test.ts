import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../src/cli/index.ts';
import { SWEEP } from '../src/cli/training/sweep.ts';
import { eventsOf } from './support/events.ts';
import { metricLines, runDpo } from './support/training.ts';
import { temporaryFolder, tinyPairs, writeRows, writeTinyModel } from './support/tiny-model.ts';

/** `preftune sweep` as a user runs it, on a random model of one layer. */
const folder = temporaryFolder();
const at = (...names: string[]): string => join(folder.path, ...names);

beforeAll(async () => {
  await writeTinyModel(at('model'), { hidden: 16, layers: 1 });
  writeRows(at('pairs.jsonl'), tinyPairs(12));
  writeRows(at('held-out.jsonl'), tinyPairs(18).slice(12));
});
afterAll(folder.remove);

interface Swept {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

interface SweepJson {
  readonly best: string;
  readonly groups: readonly {
    readonly runs: readonly string[];
    readonly values: Record<string, number | string>;
    readonly mean: Record<string, number> | null;
    readonly spread: Record<string, number> | null;
  }[];
  readonly runs: readonly { readonly name: string; readonly figures: Record<string, number> | null }[];
}

/** Runs the command. `stopAt`: Ctrl-C when stderr has had this text. */
async function sweep(
  line: string,
  { stopAt, columns = 100 }: { stopAt?: RegExp; columns?: number } = {},
): Promise<Swept> {
  let [out, err] = ['', ''];
  let interrupt: (() => void) | undefined;
  const words = ['sweep', '--model', at('model'), '--data', at('pairs.jsonl'), '--reference-cache', at('cache')];
  const code = await runCli([...words, ...line.split(' '), '--threads', '1', '--batch-size', '4', '--samples', '0'], {
    version: '0',
    commands: [{ name: 'sweep', description: SWEEP.description, load: async () => SWEEP }],
    process: {
      stdout: { write: (text) => void (out += text) },
      stderr: {
        columns,
        write: (text) => {
          err += text;
          if (stopAt?.test(err) === true) interrupt?.();
        },
      },
      environment: {},
      signals: {
        on: (_name: string, listener: () => void) => {
          interrupt = listener;
        },
        off: () => undefined,
      } as never,
      endAtOnce: () => undefined,
    },
  });
  return { code, out, err };
}

const HELD_OUT = `--held-out ${at('held-out.jsonl')}`;
const GRID = `${HELD_OUT} --beta 0.1,0.5 --learning-rate 1e-2,0.02 --rank 2 --epochs 2`;

describe('a grid', () => {
  it('trains every combination as a run of its own, and says which is best', { timeout: 120_000 }, async () => {
    const { code, out, err } = await sweep(`${GRID} --json --output ${at('grid')}`);
    const events = eventsOf(err);
    expect([code, events.at(-1)!.event, events.filter(({ event }) => event === 'start').length]).toEqual([
      0,
      'done',
      4,
    ]);
    const names = ['beta-0.1_learning-rate-0.01', 'beta-0.1_learning-rate-0.02', 'beta-0.5_learning-rate-0.01'];
    expect(readdirSync(at('grid')).toSorted()).toEqual(
      [...names, 'beta-0.5_learning-rate-0.02', 'report.html', 'sweep.json'].toSorted(),
    );
    const value = JSON.parse(out) as SweepJson;
    expect(
      value.groups.map(({ values }) => values).toSorted((a, b) => Number(a['beta']) - Number(b['beta']))[0],
    ).toHaveProperty('beta', 0.1);
    const accuracies = value.groups.map(({ mean }) => mean!['accuracy']!);
    expect(accuracies).toEqual(accuracies.toSorted((a, b) => b - a));
    expect(value.best).toBe(value.groups[0]!.runs[0]);
    // Each is the run that preftune dpo gives.
    const alone = {
      model: at('model'),
      data: at('pairs.jsonl'),
      heldOut: at('held-out.jsonl'),
      output: at('alone'),
      beta: 0.5,
      learningRate: 0.01,
      lora: { rank: 2 },
      epochs: 2,
      batchSize: 4,
      samples: 0,
    };
    await runDpo(alone, { folder: folder.path });
    expect(metricLines(at('grid', names[2]!))).toEqual(metricLines(at('alone')));
    // And its figures are those of its evaluations.
    const lines = metricLines(at('alone')).filter((one) => 'eval_loss' in one) as Record<string, number>[];
    const [start, end] = [lines[0]!, lines.at(-1)!];
    const change = (side: string): number => end[`eval_logps/${side}`]! - start[`eval_logps/${side}`]!;
    expect(value.runs.find(({ name }) => name === names[2])!.figures).toEqual({
      accuracy: end['eval_rewards/accuracies'],
      loss: end['eval_loss'],
      margin: end['eval_rewards/margins'],
      pairs: end['eval_pairs'],
      logRatio: (change('chosen') + change('rejected')) / 2,
      chosenChange: change('chosen'),
    });
    const report = readFileSync(at('grid', 'report.html'), 'utf8');
    for (const name of names) expect(report).toContain(`href="${name}/report.html"`);
    expect(report).toContain('4 of 4 runs of dpo');
  });

  it('goes on where Ctrl-C stopped it, bit for bit, and leaves finished runs alone', { timeout: 120_000 }, async () => {
    const stopped = await sweep(`${GRID} --checkpoint-steps 1 --output ${at('broken')}`, {
      stopAt: /^run 2 of 4: beta-0\.1_learning-rate-0\.02\n(?:.*\n)*?step 0/m,
    });
    expect([stopped.code, stopped.err.trim().split('\n').at(-1)]).toEqual([
      130,
      `sweep: stopped, what is trained is saved; continue with: npx preftune sweep --output ${at('broken')} --resume`,
    ]);
    expect(existsSync(at('broken', 'beta-0.5_learning-rate-0.01'))).toBe(false);
    const first = at('broken', 'beta-0.1_learning-rate-0.01', 'report.html');
    const { mtimeMs } = statSync(first);
    const again = await sweep(`--output ${at('broken')} --resume`);
    expect([again.code, again.err]).toEqual([
      0,
      expect.stringContaining('run 1 of 4: beta-0.1_learning-rate-0.01 was finished before'),
    ]);
    expect(statSync(first).mtimeMs).toBe(mtimeMs);
    for (const name of readdirSync(at('grid')).filter((one) => one.startsWith('beta')))
      expect(metricLines(at('broken', name))).toEqual(metricLines(at('grid', name)));
  });

  it('takes a value more on resume, and refuses other options than it began with', { timeout: 120_000 }, async () => {
    const base = `${HELD_OUT} --rank 2 --max-steps 1`;
    expect((await sweep(`${base} --beta 0.1,0.2 --output ${at('more')}`)).code).toBe(0);
    const { code, out } = await sweep(`--beta 0.4 --json --output ${at('more')} --resume`);
    expect(code).toBe(0);
    expect((JSON.parse(out) as SweepJson).runs.map(({ name }) => name)).toEqual(['beta-0.1', 'beta-0.2', 'beta-0.4']);
    const other = await sweep(`--max-steps 2 --output ${at('more')} --resume`);
    expect(other.code).toBe(2);
    expect(other.err).toContain('--max-steps must be what the run began with to resume it, got 2 instead of 1');
    const wider = await sweep(`--seed 1,2 --output ${at('more')} --resume`);
    expect([wider.code, wider.err]).toEqual([
      2,
      '--seed must have one value to go on with this sweep, whose runs differ in --beta, got 1, 2; choose another --output\n',
    ]);
  });
});

it('several seeds give mean and standard deviation; a narrow terminal gets a list', { timeout: 120_000 }, async () => {
  const line = `${HELD_OUT} --rank 2 --max-steps 3 --objective sigmoid,ipo --learning-rate 2e-2 --seed 1,2,3`;
  const { code, out } = await sweep(`${line} --json --output ${at('seeds')}`);
  expect(code).toBe(0);
  const { groups, runs } = JSON.parse(out) as SweepJson;
  expect(groups.map(({ values }) => values['objective']).toSorted()).toEqual(['ipo', 'sigmoid']);
  for (const { runs: names, mean, spread } of groups) {
    const losses = names.map((name) => runs.find((one) => one.name === name)!.figures!['loss']!);
    const average = losses.reduce((sum, one) => sum + one, 0) / 3;
    expect(mean!['loss']).toBeCloseTo(average, 12);
    expect(spread!['loss']).toBeCloseTo(Math.sqrt(losses.reduce((sum, one) => sum + (one - average) ** 2, 0) / 2), 12);
  }
  const shown = await sweep(`--output ${at('seeds')} --resume`, { columns: 34 });
  const lines = shown.out.split('\n');
  expect(lines[0]).toBe(
    'held out, at the last step of each run, best accuracy first; mean and standard deviation of 3 seeds:',
  );
  expect(lines[1]).toMatch(/^1\. objective (ipo|sigmoid)$/);
  expect(lines[2]).toMatch(/^ {3}accuracy \d\.\d{3} \+-\d\.\d{3}$/);
  const end = shown.out.slice(0, shown.out.indexOf('report:')).split('\n').length - 1;
  for (const one of lines.slice(1, end)) expect(one.length).toBeLessThanOrEqual(34);
  const wide = (await sweep(`--output ${at('seeds')} --resume`)).out.split('\n')[1];
  expect(wide).toMatch(/^objective {2,}accuracy {2,}margin {2,}loss {2,}log-ratio {2,}chosen$/);
});

it('a run that fails leaves the others: the sweep says so at its end', { timeout: 120_000 }, async () => {
  const { code, out, err } = await sweep(
    `${HELD_OUT} --rank 2 --optimizer sgd --max-steps 6 --warmup-ratio 0 --max-gradient-norm 0 --learning-rate 1e-3,1e30 --json --output ${at('failed')}`,
  );
  expect(code).toBe(1);
  const events = eventsOf(err);
  expect(events.findLast((one) => one.event === 'warning')?.message).toMatch(
    /^learning-rate-1e30 failed: step \d: the (loss|gradient) must be finite/,
  );
  expect(events.at(-1)!.event).toBe('error');
  const { runs, best } = JSON.parse(out) as SweepJson;
  expect([best, runs.map(({ figures }) => figures !== null)]).toEqual(['learning-rate-1e-3', [true, false]]);
  expect(readFileSync(at('failed', 'report.html'), 'utf8')).toContain('<td class="failure" colspan="5">failed: step ');
});

describe('bad input', () => {
  it.each([
    {
      line: `${HELD_OUT} --beta 0.1`,
      err: 'sweep: an option must have several values, such as --beta 0.05,0.1,0.3, got one run; take preftune dpo for a single one',
    },
    { line: `${HELD_OUT} --beta ,`, err: '--beta must not be empty, got []' },
    {
      line: `${HELD_OUT} --beta 0.1,1e-1,0.2 --learning-rate 1e-3,x`,
      err: '--learning-rate must be a number, got "x"\n--beta must have different values, got 0.1 twice; leave one out',
    },
    { line: `${HELD_OUT} --beta 0.1,1e-1,0.2`, err: '--beta must have different values, got 0.1 twice; leave one out' },
    {
      line: `${HELD_OUT} --beta 0.1,0.2,0.3 --seed 1,2 --max-runs 5`,
      err: 'sweep: the grid must have at most 5 runs, got 6 (3 of --beta x 2 of --seed); leave values out, or raise --max-runs',
    },
    {
      line: '--beta 0.1,0.2',
      err: 'sweep: there must be held-out rows to compare runs on, got none; pass --held-out FILE or --held-out-fraction 0.1',
    },
    {
      line: '--held-out-fraction 0.2 --seed 1,2',
      err: '--held-out-fraction draws other rows for every seed, got 2 seeds; pass --held-out FILE, which preftune data split makes',
    },
    {
      line: `${HELD_OUT} --objective sigmoid,ipo --label-smoothing 0.1 --rank 0`,
      err: /^--lora.rank must be at least 1, got 0\nobjective-ipo: --label-smoothing .*\n$/,
    },
  ])('$line', async ({ line, err }) => {
    const got = await sweep(`${line} --output ${at('bad')}`);
    expect([got.code, got.err]).toEqual([2, typeof err === 'string' ? `${err}\n` : expect.stringMatching(err)]);
    expect(existsSync(at('bad'))).toBe(false);
  });

  it('what no run could read leaves nothing behind; a folder that holds a sweep needs --resume', async () => {
    const missing = await sweep(`--held-out ${at('none.jsonl')} --beta 0.1,0.2 --output ${at('bad')}`);
    expect([missing.code, existsSync(at('bad'))]).toEqual([2, false]);
    const twice = await sweep(`${GRID} --output ${at('grid')}`);
    expect([twice.code, twice.err]).toEqual([
      2,
      `${at('grid')}: the output folder must be new or empty, got one that holds a sweep; pass --resume to continue it or choose another --output\n`,
    ]);
    const none = await sweep(`--output ${at('model')} --resume`);
    expect([none.code, none.err]).toEqual([
      2,
      `${at('model')}: must hold a sweep, got no sweep.json; leave out --resume to start a new one\n`,
    ]);
  });
});
