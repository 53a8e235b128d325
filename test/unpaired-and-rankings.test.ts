import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TokenizedUnpaired, TokenizedRanking } from '../src/data/index.ts';
import { LOSSES, resolveObjective, type LossName } from '../src/objectives/index.ts';
import { openDevice } from '../src/runtime/index.ts';
import { unpairedMetrics } from '../src/train/index.ts';
import { widthOf } from '../src/policy/index.ts';
import { failureOf, largestDifference, metricLines, runDpo, type ToldRun } from './support/training.ts';
import { hasStories, openStories, skipWithoutStories } from './support/stories.ts';
import { temporaryFolder, tinyPairs, writeRows, writeTinyModel, type TinyPair } from './support/tiny-model.ts';
import {
  OBJECTIVES_ADAPTER,
  openStart,
  recorded as recordedObjectives,
  referenceOf,
  trainTrajectory,
} from './support/trajectory.ts';

/** Losses of unpaired answers with labels, and of lists, through whole training runs, on a random model of two layers; KTO beside TRL. */
const folder = temporaryFolder();
const at = (...names: string[]): string => join(folder.path, ...names);
let runs = 0;

beforeAll(async () => {
  await writeTinyModel(at('model'));
});
afterAll(folder.remove);

function dataOf(rows: readonly object[]): string {
  return writeRows(at(`rows-${runs++}.jsonl`), rows as readonly TinyPair[]);
}

function train(given: Readonly<Record<string, unknown>>, options: { stopAfter?: number } = {}): Promise<ToldRun> {
  const base = { model: at('model'), output: at(`run-${runs++}`), lora: { rank: 4 }, samples: 0 };
  return runDpo({ ...base, ...given }, { folder: folder.path, ...options });
}

const of = ({ steps }: ToldRun, metric: string): number[] => steps.map((metrics) => metrics[metric]!);

/** Answers that can be told apart: ` not ...` is desirable, ` ok ...` is not. */
function judgements(count: number): { prompt: string; completion: string; label: boolean }[] {
  return tinyPairs(count).map(({ prompt }, i) => ({
    prompt,
    completion: i % 3 === 1 ? ` ok ${'a'.repeat(i % 4)}` : ` not ${i % 3}`,
    label: i % 3 !== 1,
  }));
}

/** Best first. Lists of two to four answers; of every third the last two tie. */
function rankings(count: number): object[] {
  return tinyPairs(count).map(({ prompt }, i) => ({
    instruction: prompt,
    completions: [' not at all', ' ok', ` ok ${'a'.repeat(1 + (i % 3))}`, ' yes yes']
      .slice(0, 2 + (i % 3))
      .map((response, place) => ({ response, 'fine-grained_score': i % 3 === 2 && place === 3 ? 7 : 9 - place })),
  }));
}

type NamesOf<Kind> = { [K in LossName]: (typeof LOSSES)[K]['kind'] extends Kind ? K : never }[LossName];

/** All losses of these kinds must stand here. */
const SETTINGS: Readonly<
  Record<
    NamesOf<'unpaired'> | NamesOf<'ranking'>,
    { readonly given?: object; readonly rows: (count: number) => object[] }
  >
> = {
  kto: { rows: judgements },
  bco: { given: { beta: 0.1 }, rows: judgements },
  apo_zero_unpaired: { rows: judgements },
  plackett_luce: { rows: rankings },
  softmax_dpo: { rows: rankings },
  tpo: { given: { beta: 0.1 }, rows: rankings },
  tpo_l: { rows: rankings },
};

describe.each(Object.entries(SETTINGS))('%s', (objective, { given = {}, rows }) => {
  const options = { objective, learningRate: 1e-2, ...given, batchSize: 6, order: 'sequential' };

  it('how a batch is cut into micro-batches changes nothing', async () => {
    const data = dataOf(rows(12));
    const common = { ...options, data, heldOut: data, epochs: 2 };
    const whole = await train({ ...common, microBatchTokens: 4096 });
    const cut = await train({ ...common, microBatchTokens: 1 });
    const size = Math.max(...of(whole, 'loss').map(Math.abs), 1);
    expect(largestDifference(of(cut, 'loss'), of(whole, 'loss')) / size).toBeLessThan(1e-5);
    const norm = Math.max(...of(whole, 'grad_norm'));
    expect(norm).toBeGreaterThan(1e-4);
    expect(largestDifference(of(cut, 'grad_norm'), of(whole, 'grad_norm')) / norm).toBeLessThan(1e-4);
    const losses = [cut, whole].map(({ evaluations }) => evaluations.map(({ loss }) => loss!));
    expect(largestDifference(losses[0]!, losses[1]!) / size).toBeLessThan(1e-5);
  });

  it('training lowers it on rows that were not trained on, and tells good from bad', async () => {
    const all = rows(18);
    const [data, heldOut] = [dataOf(all.slice(0, 12)), dataOf(all.slice(12))];
    const run = await train({ ...options, data, heldOut, batchSize: 12, epochs: 16, evaluateSteps: 16 });
    const [first, last] = [run.evaluations[0]!, run.evaluations.at(-1)!];
    expect(last['loss']).toBeLessThan(first['loss']!);
    if (!LOSSES[objective as LossName].needsReference) {
      // Rewards are the policy's own log-probabilities, which know an order before training.
      expect(last['rewards/margins']).toBeGreaterThan(first['rewards/margins']!);
      return;
    }
    expect(first['rewards/accuracies']).toBe(0.5);
    expect(last['rewards/accuracies']).toBeGreaterThan(0.8);
    expect(last['rewards/margins']).toBeGreaterThan(0);
  });

  it('repeats itself under dropout', async () => {
    const common = {
      ...options,
      lora: { rank: 4, dropout: 0.3 },
      data: dataOf(rows(6)),
      epochs: 3,
      microBatchTokens: 4096,
    };
    const run = await train(common);
    const again = await train(common);
    expect(of(again, 'loss')).toEqual(of(run, 'loss'));
    expect(of(run, 'loss').every(Number.isFinite)).toBe(true);
  });
});

describe('values', () => {
  it('at the start KTO is half of the weights, and 0 divergence', async () => {
    const data = dataOf(judgements(6));
    const run = await train({
      objective: 'kto',
      desirableWeight: 0.5,
      undesirableWeight: 2,
      data,
      batchSize: 6,
      maxSteps: 1,
    });
    // Policy = reference: r = z = 0; four desirable and two undesirable answers.
    expect(of(run, 'loss')[0]).toBeCloseTo((4 * 0.5 * 0.5 + 2 * 2 * 0.5) / 6, 6);
    expect(of(run, 'kl')[0]).toBe(0);
  });

  it('a pair is a desirable and an undesirable answer, and a ranking of two is DPO', async () => {
    const data = dataOf(tinyPairs(6));
    const run = await train({
      objective: 'apo_zero_unpaired',
      data,
      batchSize: 12,
      epochs: 2,
      learningRate: 1e-2,
      order: 'sequential',
    });
    expect(run.notes).toContain('train: 6 pairs became one desirable and one undesirable answer each');
    const pairs = await train({
      objective: 'apo_zero',
      data,
      batchSize: 6,
      epochs: 2,
      learningRate: 1e-2,
      order: 'sequential',
    });
    // Two rows instead of one: the mean over them is half of the sum.
    for (const step of [0, 1]) expect(2 * of(run, 'loss')[step]!).toBeCloseTo(of(pairs, 'loss')[step]!, 5);
    const common = { data, batchSize: 6, epochs: 3, learningRate: 1e-2, order: 'sequential', beta: 0.3 };
    const [lists, dpo] = [
      await train({ ...common, objective: 'plackett_luce' }),
      await train({ ...common, objective: 'sigmoid' }),
    ];
    expect(largestDifference(of(lists, 'loss'), of(dpo, 'loss'))).toBeLessThan(1e-5);
    for (const metric of ['rewards/chosen', 'rewards/rejected', 'rewards/accuracies', 'logps/chosen'])
      expect(largestDifference(of(lists, metric), of(dpo, metric))).toBeLessThan(1e-4);
  });

  it('a mixture of two losses of unpaired answers is their weighted sum', async () => {
    const data = dataOf(judgements(6));
    const one = async (objective: string): Promise<number> =>
      of(await train({ objective, data, batchSize: 6, epochs: 2, learningRate: 1e-9, warmupRatio: 0 }), 'loss')[1]!;
    expect(await one('kto:0.5,apo_zero_unpaired:2')).toBeCloseTo(
      0.5 * (await one('kto')) + 2 * (await one('apo_zero_unpaired')),
      5,
    );
  });

  it('metrics of answers by hand: the share of pairs in order, sides without answers left out', () => {
    const sums = unpairedMetrics(2);
    const four = {
      counts: [2, 1, 2, 1, 2, 1, 2, 1],
      losses: [1, 2, 3, 4],
      entropies: [1, 9, 1, 9, 1, 9, 3, 9],
      meanLogits: [0, 9, 0, 9, 0, 9, 4, 9],
    };
    // Log-ratios of answers 2, -1, 1, 1 (the third and fourth tie) and of mismatched ones 1, 1, -1, 3.
    sums.add({
      ...four,
      labels: [1, 0, 1, 0],
      logps: [-2, -3, -5, -3, -3, -5, -3, -1],
      referenceLogps: [-4, -4, -4, -4, -4, -4, -4, -4],
      rewards: [1, 9, -0.5, 9, 0.5, 9, 0.5, 9],
    });
    expect(sums.result()).toEqual({
      loss: 2.5,
      'rewards/chosen': 0.75,
      'rewards/rejected': 0,
      'rewards/margins': 0.75,
      'rewards/accuracies': 3.5 / 4,
      'logps/chosen': -2.5,
      'logps/rejected': -4,
      'logits/chosen': 0,
      'logits/rejected': 2,
      kl: 1,
      entropy: 1.5,
    });
    const good = unpairedMetrics(1);
    good.add({
      labels: [1],
      counts: [1],
      losses: [1],
      entropies: [1],
      meanLogits: [1],
      logps: [-1],
      referenceLogps: [-1],
      rewards: [0],
    });
    expect(Object.keys(good.result())).toEqual(['loss', 'rewards/chosen', 'logps/chosen', 'logits/chosen', 'entropy']);
  });
});

describe('resuming', () => {
  it.each(['kto', 'bco', 'plackett_luce'] as const)('%s continues bit for bit', async (objective) => {
    const data = dataOf(SETTINGS[objective].rows(12));
    const given = { objective, data, heldOut: data, batchSize: 4, epochs: 2, checkpointSteps: 1, evaluateSteps: 2 };
    const [whole, broken] = [at(`run-${runs++}`), at(`run-${runs++}`)];
    await train({ ...given, output: whole });
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

describe('what is said of the rows', () => {
  it('names rows of the wrong kind, and what to do', async () => {
    const completions = dataOf([{ prompt: 'a', completion: 'b' }]);
    expect(await refused({ objective: 'kto', data: completions })).toEqual([
      expect.stringContaining(
        'rows must be answers with labels, got completions; add a field label (true or false) to each',
      ) as string,
    ]);
    expect(await refused({ objective: 'plackett_luce', data: dataOf(judgements(4)) })).toEqual([
      expect.stringContaining(
        'rows must be rankings, got unpaired answers; take an objective of unpaired answers',
      ) as string,
    ]);
    expect(await refused({ objective: 'sigmoid', data: dataOf(judgements(4)) })).toEqual([
      expect.stringContaining('or take an objective of unpaired answers (--objective kto)') as string,
    ]);
    expect(await refused({ objective: 'kto,sigmoid' })).toEqual([
      '--objective all terms must take the same kind of rows, got kto (unpaired answers), sigmoid (pairs); train on one kind',
    ]);
    expect(await refused({ objective: 'kto', margins: true })).toEqual([
      expect.stringContaining('--margins have no effect with objective kto') as string,
    ]);
    const one = judgements(4).map((row) => ({ ...row, prompt: 'same' }));
    expect(await refused({ objective: 'kto', data: dataOf(one) })).toEqual([
      'objective: kto compares with answers to other prompts, got 4 rows of one prompt; take apo_zero_unpaired, which does not',
    ]);
  });

  it('warns of one label alone, of classes out of balance, and of small batches', async () => {
    const good = judgements(9).filter(({ label }) => label);
    const alone = await train({ objective: 'apo_zero_unpaired', data: dataOf(good), maxSteps: 1 });
    expect(alone.warnings).toEqual([
      'all 6 answers are desirable: the model learns no difference, only to make them more likely; add answers of the other kind',
    ]);
    const uneven = await train({ objective: 'kto', data: dataOf(judgements(9)), maxSteps: 1, batchSize: 2 });
    expect(uneven.warnings).toEqual([
      '6 desirable and 3 undesirable answers with weights 1 and 1: kto is balanced where the first weigh 1 to 4/3 times the second; try --desirable-weight 0.500',
      '--batch-size 2 gives kto a poor estimate of the reference point, which is a mean over the batch; take 8 or more',
    ]);
    const even = await train({ objective: 'kto', data: dataOf(judgements(9)), maxSteps: 1, desirableWeight: 0.5 });
    expect(even.warnings).toEqual([]);
  });

  it('warns where triples are asked for and there are only pairs', async () => {
    const pairs = await train({ objective: 'tpo', data: dataOf(tinyPairs(4)), maxSteps: 1 });
    expect(pairs.warnings).toEqual([
      'no list has three answers: tpo imitates the better of the two and prefers it to the other, as cpo does; rank or score a gold answer above them to train on triples',
    ]);
    const lists = await train({ objective: 'tpo', data: dataOf(rankings(4)), maxSteps: 1 });
    expect(lists.warnings).toEqual([]);
  });
});

interface RecordedKto {
  readonly steps: number;
  readonly batch: number;
  readonly learning_rate: number;
  readonly rows: readonly {
    readonly prompt: number[];
    readonly completion: number[];
    readonly mismatched: number[];
    readonly label: boolean;
  }[];
  readonly runs: Readonly<
    Record<string, Readonly<Record<string, readonly number[]>> & { readonly settings: Record<string, unknown> }>
  >;
}

skipWithoutStories();

describe.skipIf(!hasStories)("TRL's KTOTrainer, step by step", () => {
  const recorded = JSON.parse(
    readFileSync(join(import.meta.dirname, 'fixtures', 'trajectory', 'kto.json'), 'utf8'),
  ) as RecordedKto;

  it.each([
    ['kto', { objective: 'kto', options: { beta: 0.1 } }],
    ['kto_weighted', { objective: 'kto', options: { beta: 0.3, desirableWeight: 1.5, undesirableWeight: 0.7 } }],
    ['apo_zero_unpaired', { objective: 'apo_zero_unpaired', options: { beta: 0.1 } }],
  ] as const)('%s', { timeout: 120_000 }, async (name, request) => {
    const objective = resolveObjective(request);
    const width = widthOf(objective, 0);
    const rows = recorded.rows.map(({ prompt, completion, mismatched, label }, i): TokenizedUnpaired => {
      const row = { id: `row ${i}`, prompt: Int32Array.from(prompt), completion: Int32Array.from(completion) };
      const other = { ...row, completion: Int32Array.from(mismatched) };
      return { ...row, label: label ? 1 : 0, ...(width === 2 && { mismatched: other }) };
    });
    const device = await openDevice({ threads: 1 });
    const opened = await openStories();
    try {
      const start = await openStart(device, opened);
      const run = {
        objective,
        rows,
        adapter: OBJECTIVES_ADAPTER,
        learningRate: recorded.learning_rate,
        batchSize: recorded.batch,
        totalSteps: recorded.steps,
        microBatchTokens: 90,
      };
      const reference = await referenceOf(start, run);
      const steps = await trainTrajectory(start, { ...run, ...(reference && { reference }) });
      const theirs = recorded.runs[name]!;
      const ours = (metric: string): number[] => steps.map(({ metrics }) => metrics[metric]!);
      expect(steps.length).toBe(recorded.steps);
      expect(largestDifference(ours('loss'), theirs['loss']!)).toBeLessThan(1e-4);
      expect(largestDifference(ours('grad_norm'), theirs['grad_norm']!)).toBeLessThan(1e-2);
      for (const metric of [
        'rewards/chosen',
        'rewards/rejected',
        'rewards/margins',
        'logps/chosen',
        'logps/rejected',
      ]) {
        const size = Math.max(1, ...theirs[metric]!.map(Math.abs));
        expect(largestDifference(ours(metric), theirs[metric]!) / size).toBeLessThan(1e-4);
      }
      if (width === 2) expect(largestDifference(ours('kl'), theirs['kl']!)).toBeLessThan(1e-3);
    } finally {
      await device.dispose();
      await opened.files.close();
    }
  });
});

interface RecordedTpo {
  readonly steps: number;
  readonly rows: readonly Readonly<Record<'prompt' | 'chosen' | 'rejected' | 'gold', readonly number[]>>[];
  readonly runs: Readonly<Record<string, Readonly<Record<string, readonly number[]>>>>;
}

describe.skipIf(!hasStories)("TRL's TPOTrainer, step by step", () => {
  const recorded = JSON.parse(
    readFileSync(join(import.meta.dirname, 'fixtures', 'trajectory', 'tpo.json'), 'utf8'),
  ) as RecordedTpo;

  it.each([
    ['tpo', { objective: 'tpo', options: { beta: 0.1 } }],
    ['tpo_smoothed', { objective: 'tpo', options: { beta: 0.3, tpoAlpha: 0.5, labelSmoothing: 0.1 } }],
    ['tpo_l', { objective: 'tpo_l', options: { beta: 2 } }],
  ] as const)('%s', { timeout: 120_000 }, async (name, request) => {
    const rows = recorded.rows.map(({ prompt, gold, chosen, rejected }, i): TokenizedRanking => {
      const own = Int32Array.from(prompt);
      const answers = [gold, chosen, rejected].map((ids) => ({ prompt: own, ids: Int32Array.from(ids) }));
      return { id: `row ${i}`, prompt: own, answers };
    });
    const device = await openDevice({ threads: 1 });
    const opened = await openStories();
    try {
      const start = await openStart(device, opened);
      const steps = await trainTrajectory(start, {
        objective: resolveObjective(request),
        rows,
        adapter: OBJECTIVES_ADAPTER,
        learningRate: recordedObjectives.learning_rate,
        batchSize: recordedObjectives.batch,
        totalSteps: recorded.steps,
        microBatchTokens: 120,
      });
      const theirs = recorded.runs[name]!;
      const ours = (metric: string): number[] => steps.map(({ metrics }) => metrics[metric]!);
      expect(steps.length).toBe(recorded.steps);
      expect(largestDifference(ours('loss'), theirs['loss']!)).toBeLessThan(1e-4);
      const norm = Math.max(...theirs['grad_norm']!);
      expect(largestDifference(ours('grad_norm'), theirs['grad_norm']!) / norm).toBeLessThan(1e-3);
      // The answers that are compared, the second and the last; TRL's logps of TPO-L are means over tokens.
      const rewards = ['chosen', 'rejected', 'margins', 'accuracies'].map((metric) => `rewards/${metric}`);
      for (const metric of [...rewards, ...(name === 'tpo_l' ? [] : ['logps/chosen', 'logps/rejected'])]) {
        const size = Math.max(1, ...theirs[metric]!.map(Math.abs));
        expect(largestDifference(ours(metric), theirs[metric]!) / size, metric).toBeLessThan(1e-4);
      }
    } finally {
      await device.dispose();
      await opened.files.close();
    }
  });
});
