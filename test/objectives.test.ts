import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LOSSES, LossName } from '../src/objectives/index.ts';
import { failureOf, largestDifference, metricLines, runDpo, type ToldRun } from './support/training.ts';
import { temporaryFolder, tinyPairs, writeRows, writeTinyModel, type TinyPair } from './support/tiny-model.ts';

/** Every loss of pairs through whole training runs, on a random model of two layers. */
const folder = temporaryFolder();
const at = (...names: string[]): string => join(folder.path, ...names);
let runs = 0;

beforeAll(async () => {
  await writeTinyModel(at('model'));
});
afterAll(folder.remove);

function dataOf(rows: readonly object[]): string {
  return writeRows(at(`pairs-${runs++}.jsonl`), rows as readonly TinyPair[]);
}

function train(given: Readonly<Record<string, unknown>>, options: { stopAfter?: number } = {}): Promise<ToldRun> {
  const base = { model: at('model'), output: at(`run-${runs++}`), lora: { rank: 4 }, samples: 0 };
  return runDpo({ ...base, ...given }, { folder: folder.path, ...options });
}

const of = ({ steps }: ToldRun, metric: string): number[] => steps.map((metrics) => metrics[metric]!);

type PairLossName = { [K in LossName]: (typeof LOSSES)[K]['kind'] extends 'pair' ? K : never }[LossName];

/**
 * Options under which 16 steps on the tiny model lower the loss on pairs that were not trained on. All losses of pairs must stand here.
 * `tolerance`: of the loss relative to its size, between two cuts of a batch; targets of hundreds of nats leave fewer digits.
 */
const SETTINGS: Readonly<
  Record<PairLossName, { readonly given?: object; readonly tolerance?: number; readonly hasKink?: true }>
> = {
  sigmoid: {},
  robust: { given: { labelSmoothing: 0.1 } },
  ipo: { given: { beta: 2 } },
  ipo_sum: { given: { beta: 0.2 } },
  hinge: {},
  exo_pair: {},
  nca_pair: {},
  bco_pair: {},
  sppo_hard: { given: { beta: 0.1 } },
  aot: {},
  aot_unpaired: {},
  apo_zero: {},
  apo_down: {},
  discopop: { given: { beta: 0.5 } },
  sigmoid_norm: { given: { beta: 2 } },
  r_dpo: {},
  ld_dpo: {},
  // At policy = reference its penalty has a kink, where rounding decides the gradient: only the first loss can be compared.
  dpop: { tolerance: 5e-5, hasKink: true },
  beta_dpo: {},
  wpo: {},
  tdpo1: {},
  tdpo2: {},
  chi_po: {},
  cal_dpo: { given: { beta: 0.1 } },
  cpo: {},
  simpo: {},
  orpo: {},
  sft: {},
};

describe.each(Object.entries(SETTINGS))('%s', (objective, { given = {}, tolerance = 1e-5, hasKink = false }) => {
  const pairs = tinyPairs(12).map((pair, i) => ({
    ...pair,
    chosen: ` not ${i % 3}`,
    rejected: ` ok ${'a'.repeat(i % 4)}`,
  }));
  const options = { objective, learningRate: 1e-2, ...given, batchSize: 6, order: 'sequential' };

  it('how a batch is cut into micro-batches changes nothing', async () => {
    const data = dataOf(pairs);
    const maxSteps = hasKink ? 1 : 4;
    const whole = await train({ ...options, data, heldOut: data, maxSteps, microBatchTokens: 4096 });
    const cut = await train({ ...options, data, heldOut: data, maxSteps, microBatchTokens: 1 });
    const size = Math.max(...of(whole, 'loss').map(Math.abs), 1);
    expect(largestDifference(of(cut, 'loss'), of(whole, 'loss')) / size).toBeLessThan(tolerance);
    if (hasKink) return;
    const norm = Math.max(...of(whole, 'grad_norm'));
    expect(norm).toBeGreaterThan(1e-4);
    expect(largestDifference(of(cut, 'grad_norm'), of(whole, 'grad_norm')) / norm).toBeLessThan(10 * tolerance);
    const losses = [cut, whole].map(({ evaluations }) => evaluations.map(({ loss }) => loss!));
    expect(largestDifference(losses[0]!, losses[1]!) / size).toBeLessThan(tolerance);
  });

  it('training lowers it on pairs that were not trained on', async () => {
    const [data, heldOut] = [dataOf(pairs.slice(0, 9)), dataOf(pairs.slice(9))];
    const run = await train({ ...options, data, heldOut, batchSize: 9, epochs: 16, evaluateSteps: 16 });
    const [first, last] = [run.evaluations[0]!['loss']!, run.evaluations.at(-1)!['loss']!];
    expect(last).toBeLessThan(first);
  });
});

function sixPairs(): string {
  return dataOf(tinyPairs(6));
}

describe('mixtures, schedules, rows', () => {
  it('a mixture is the weighted sum of its terms', async () => {
    const rows = sixPairs();
    const one = async (objective: string): Promise<number> =>
      of(await train({ objective, data: rows, batchSize: 6, maxSteps: 1, learningRate: 1e-9 }), 'loss')[0]!;
    const mixed = await one('sigmoid:0.8,hinge:0.2,cpo(cpoAlpha=0):0.5');
    const parts = [await one('sigmoid'), await one('hinge'), await one('cpo(cpoAlpha=0)')] as const;
    expect(mixed).toBeCloseTo(0.8 * parts[0] + 0.2 * parts[1] + 0.5 * parts[2], 5);
  });

  it('beta goes from its first value to its last, and the loss with it', async () => {
    const rows = sixPairs();
    const schedule = { beta: 0.4, betaSchedule: 'linear', betaEnd: 0.1 };
    const run = await train({ data: rows, ...schedule, batchSize: 6, epochs: 4, learningRate: 1e-2 });
    expect(of(run, 'beta').map((beta) => Number(beta.toFixed(6)))).toEqual([0.4, 0.3, 0.2, 0.1]);
    const constant = await train({ data: rows, beta: 0.4, batchSize: 6, epochs: 4, learningRate: 1e-2 });
    expect(of(run, 'loss')[0]).toBe(of(constant, 'loss')[0]);
    expect(of(run, 'loss')[2]).not.toBeCloseTo(of(constant, 'loss')[2]!, 6);
    const cosine = await train({ data: rows, ...schedule, betaSchedule: 'cosine', batchSize: 6, epochs: 3 });
    expect(of(cosine, 'beta').map((beta) => Number(beta.toFixed(6)))).toEqual([0.4, 0.25, 0.1]);
    const coupled = await train({ data: rows, objective: 'aot', ...schedule, batchSize: 6, epochs: 2 });
    expect(of(coupled, 'beta').map((beta) => Number(beta.toFixed(6)))).toEqual([0.4, 0.1]);
  });

  it('margins and weights of rows enter the loss', async () => {
    const rows = tinyPairs(4).map((pair, i) => ({ ...pair, margin: i, weight: i % 2 }));
    const source = dataOf(rows);
    const options = { data: source, order: 'sequential', batchSize: 4, maxSteps: 1 };
    // Policy = reference: -log sigmoid(0 - margin), and ln 2 times the weight.
    const expected = [0, 1, 2, 3].reduce((sum, margin) => sum + Math.log1p(Math.exp(margin)), 0) / 4;
    expect(of(await train({ ...options, margins: true }), 'loss')[0]).toBeCloseTo(expected, 5);
    expect(of(await train({ ...options, weights: true }), 'loss')[0]).toBeCloseTo(Math.LN2 / 2, 5);
  });

  it('no reference is computed for an objective without one', async () => {
    const run = await train({ objective: 'simpo', data: sixPairs(), batchSize: 6, maxSteps: 1 });
    expect(run.references).toEqual([]);
  });
});

describe('resuming', () => {
  it('continues the running values of a coupled objective bit for bit', async () => {
    const data = dataOf(tinyPairs(12));
    const given = { objective: 'bco_pair', bcoShift: 'running', data, batchSize: 4, epochs: 2, checkpointSteps: 1 };
    const whole = at(`run-${runs++}`);
    await train({ ...given, output: whole });
    const broken = at(`run-${runs++}`);
    await train({ ...given, output: broken }, { stopAfter: 3 });
    await runDpo(
      { model: at('model'), lora: { rank: 4 }, samples: 0, ...given, output: broken },
      { folder: folder.path, isResuming: true },
    );
    expect(metricLines(broken)).toEqual(metricLines(whole));
  });
});

async function refused(given: object): Promise<string[]> {
  return (await failureOf(() => train({ data: dataOf(tinyPairs(4)), ...given }))).messages;
}

describe('bad input', () => {
  it('names what is wrong with an objective and its options, all at once', async () => {
    expect(await refused({ objective: 'sigmod' })).toEqual([
      expect.stringMatching(
        /^--objective must be the name of a loss, got "sigmod"; did you mean sigmoid\? there are sigmoid, robust, .*$/,
      ) as string,
    ]);
    expect(await refused({ objective: 'simpo', discopopTau: 0.1 })).toEqual(
      expect.arrayContaining([expect.stringContaining('--discopop-tau has no effect with objective simpo')]),
    );
    expect(await refused({ objective: 'simpo', reference: 'other' })).toEqual([
      '--reference has no effect with --objective simpo, which has no reference; leave it out',
    ]);
    expect(await refused({ betaSchedule: 'linear' })).toEqual(['--beta-end is required with --beta-schedule linear']);
    expect(await refused({ objective: 'tdpo1', method: 'full', lora: undefined })).toEqual([
      '--objective tdpo1 compares whole distributions with the reference, which must be the model under a new adapter; leave out --reference, --adapter and --method full',
    ]);
    expect(await refused({ margins: true })).toEqual([
      expect.stringMatching(
        /^--margins needs a field margin in every row, 4 of 4 have none, the first is \S+; add it/,
      ) as string,
    ]);
  });
});
