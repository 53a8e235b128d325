import { cpSync, existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failureOf, largestDifference, metricLines, runDpo, type ToldRun } from './support/training.ts';
import { temporaryFolder, tinyPairs, writeRows, writeTinyModel, type TinyPair } from './support/tiny-model.ts';

/** What must hold of every training run, on a random model of two layers: invariants, learning, resuming. */
const folder = temporaryFolder();
const at = (...names: string[]): string => join(folder.path, ...names);
let runs = 0;
const EMBEDDED = join(import.meta.dirname, '..', 'assets', 'embedded-model');

beforeAll(async () => {
  await writeTinyModel(at('model'));
});
afterAll(folder.remove);

function dataOf(rows: readonly TinyPair[]): string {
  return writeRows(at(`pairs-${runs++}.jsonl`), rows);
}

/** A run in a folder of its own. */
function train(given: Readonly<Record<string, unknown>>, options: { stopAfter?: number } = {}): Promise<ToldRun> {
  return runDpo({ model: at('model'), output: at(`run-${runs++}`), ...given }, { folder: folder.path, ...options });
}

const of = ({ steps }: ToldRun, metric: string): number[] => steps.map((metrics) => metrics[metric]!);

describe('learning', () => {
  it.each([
    { name: 'every weight', given: { method: 'full', learningRate: 3e-3 } },
    { name: 'an adapter', given: { learningRate: 2e-2, lora: { rank: 4 } } },
    { name: 'an adapter with dropout', given: { learningRate: 2e-2, lora: { rank: 4, dropout: 0.1 } } },
  ])('$name overfits five pairs to accuracy 1 and a loss below 0.1', async ({ given }) => {
    // Word for word the same prompt: only the answers tell the sides apart.
    const pairs = tinyPairs(5).map((pair, i) =>
      i % 2 === 0 ? pair : { ...pair, chosen: ` not ${i}`, rejected: ' ok' },
    );
    const data = dataOf(pairs);
    const run = await train({ ...given, data, heldOut: data, beta: 0.5, batchSize: 5, epochs: 30, evaluateSteps: 30 });
    const last = run.evaluations.at(-1)!;
    expect(last['rewards/accuracies']).toBe(1);
    expect(last['loss']).toBeLessThan(0.1);
    expect(of(run, 'rewards/margins').at(-1)).toBeGreaterThan(of(run, 'rewards/margins')[1]!);
  });
});

describe('step 1', () => {
  it('is exact on a real model too, every weight trained, long answers cut to its 512 positions by default', async () => {
    const pairs = tinyPairs(4).map((pair, i) => (i === 0 ? { ...pair, chosen: 'a long answer '.repeat(300) } : pair));
    const run = await train({ model: EMBEDDED, method: 'full', data: dataOf(pairs), batchSize: 4, maxSteps: 1 });
    const { loss, 'rewards/margins': margin } = run.steps[0]!;
    expect([loss, margin]).toEqual([Math.fround(Math.LN2), 0]);
    expect(run.steps[0]!['lengths/chosen']).toBeGreaterThan(100);
  });

  // The reference is computed in the micro-batches in which the policy will see the rows, so float32 sums round alike. Each case has rows
  // of its own: a stored reference that another cut computed would differ in the last bits.
  it.each([
    { name: 'every weight', count: 20, given: { method: 'full' } },
    { name: 'a new adapter', count: 21, given: { lora: { rank: 4 } } },
    { name: 'micro-batches of one pair', count: 22, given: { lora: { rank: 4 }, microBatchTokens: 1 } },
    { name: 'everything computed again', count: 23, given: { method: 'full', memoryBudgetMb: 1 } },
    { name: 'two threads', count: 24, given: { lora: { rank: 4 }, threads: 2, lengthBuckets: true } },
  ])('$name: where the policy is the reference the loss is ln 2 and every reward 0, to the last bit', async (row) => {
    const data = dataOf(tinyPairs(row.count));
    const run = await train({ ...row.given, data, heldOutFraction: 0.3, batchSize: 6, maxSteps: 1 });
    for (const metrics of [run.steps[0]!, run.evaluations[0]!]) {
      expect(metrics['loss']).toBe(Math.fround(Math.LN2));
      for (const name of ['chosen', 'rejected', 'margins']) expect(metrics[`rewards/${name}`]).toBe(0);
      expect(metrics['rewards/accuracies']).toBe(0.5);
    }
  });
});

describe('checkpoints', () => {
  it('one that a kill before its removal left is removed by the next start, also where no step follows', async () => {
    const given = { data: dataOf(tinyPairs(6)), batchSize: 1, epochs: 1, checkpointSteps: 2, output: at('killed') };
    await train(given);
    const checkpoint = (step: number): string => at('killed', 'checkpoints', `step-${step}`);
    cpSync(checkpoint(4), checkpoint(2), { recursive: true });
    rmSync(at('killed', 'adapter'), { recursive: true });
    await runDpo({ model: at('model'), ...given }, { folder: folder.path, isResuming: true });
    expect(readdirSync(at('killed', 'checkpoints')).toSorted()).toEqual(['step-4', 'step-6']);
    expect(existsSync(at('killed', 'adapter', 'adapter_model.safetensors'))).toBe(true);
  });
});

describe('invariants', () => {
  const base = { lora: { rank: 4 }, learningRate: 1e-2, batchSize: 8, epochs: 3, order: 'sequential', beta: 0.3 };

  it('the size of micro-batches changes nothing, nor does padding', async () => {
    const data = dataOf(tinyPairs(8));
    const whole = await train({ ...base, data, microBatchTokens: 4096 });
    for (const microBatchTokens of [1, 130]) {
      const cut = await train({ ...base, data, microBatchTokens });
      expect(largestDifference(of(cut, 'loss'), of(whole, 'loss'))).toBeLessThan(1e-5);
      expect(largestDifference(of(cut, 'rewards/margins'), of(whole, 'rewards/margins'))).toBeLessThan(1e-5);
      expect(largestDifference(of(cut, 'grad_norm'), of(whole, 'grad_norm'))).toBeLessThan(1e-4);
      expect(of(cut, 'num_tokens')).toEqual(of(whole, 'num_tokens'));
    }
  });

  it('the order of rows in a batch changes nothing', async () => {
    const pairs = tinyPairs(8);
    const [one, other] = [
      await train({ ...base, data: dataOf(pairs) }),
      await train({ ...base, data: dataOf(pairs.toReversed()) }),
    ];
    expect(largestDifference(of(one, 'loss'), of(other, 'loss'))).toBeLessThan(1e-5);
    expect(largestDifference(of(one, 'grad_norm'), of(other, 'grad_norm'))).toBeLessThan(1e-4);
  });

  it('swapping the sides flips the margins of a step that has not learnt yet, and turns the accuracy round', async () => {
    const pairs = tinyPairs(8);
    const swapped = pairs.map(({ prompt, chosen, rejected }) => ({ prompt, chosen: rejected, rejected: chosen }));
    // A reference other than the policy gives margins from the first step on.
    const reference = await writeTinyModel(at('other'), { seed: 7 });
    const given = { ...base, reference, maxSteps: 1 };
    const [one, other] = [
      await train({ ...given, data: dataOf(pairs) }),
      await train({ ...given, data: dataOf(swapped) }),
    ];
    const [margin, flipped] = [of(one, 'rewards/margins')[0]!, of(other, 'rewards/margins')[0]!];
    expect(Math.abs(margin)).toBeGreaterThan(0.05);
    expect(flipped).toBeCloseTo(-margin, 5);
    expect(of(other, 'rewards/accuracies')[0]).toBeCloseTo(1 - of(one, 'rewards/accuracies')[0]!, 12);
    expect(of(other, 'rewards/chosen')[0]).toBeCloseTo(of(one, 'rewards/rejected')[0]!, 5);
  });

  it('the same seed gives the same curve to the last bit, dropout included; another seed another', async () => {
    const data = dataOf(tinyPairs(12));
    const given = { ...base, order: 'shuffled', batchSize: 4, epochs: 2, data, lora: { rank: 4, dropout: 0.2 } };
    const [one, same, other] = [await train(given), await train(given), await train({ ...given, seed: 43 })];
    expect(metricLines(same.result.run)).toEqual(metricLines(one.result.run));
    expect(readFileSync(join(same.result.artefact!, 'adapter_model.safetensors'))).toEqual(
      readFileSync(join(one.result.artefact!, 'adapter_model.safetensors')),
    );
    expect(metricLines(other.result.run)).not.toEqual(metricLines(one.result.run));
  });

  it('dropout acts in training and not in evaluation', async () => {
    const data = dataOf(tinyPairs(6));
    const given = { ...base, data, heldOut: data, batchSize: 6, maxSteps: 3, evaluateSteps: 1, maxGradientNorm: 0 };
    const run = await train({ ...given, lora: { rank: 4, dropout: 0.5 } });
    // The adapter's B is zero at first: no dropout can be seen. From step 2 on it can.
    const [trained, evaluated] = [of(run, 'loss'), run.evaluations.map((metrics) => metrics['loss']!)];
    expect(trained[0]).toBeCloseTo(evaluated[0]!, 5);
    expect(Math.abs(trained[2]! - evaluated[2]!)).toBeGreaterThan(1e-5);
    const without = await train({ ...given, lora: { rank: 4 } });
    const losses = without.evaluations.map((metrics) => metrics['loss']!);
    for (const step of [0, 1, 2]) expect(of(without, 'loss')[step]).toBeCloseTo(losses[step]!, 5);
  });
});

function budgetOf(run: string): unknown {
  const text = readFileSync(join(run, 'run.json'), 'utf8');
  return (JSON.parse(text) as { specification: Record<string, unknown> }).specification['memoryBudgetMb'];
}

describe('resuming', () => {
  it.each([
    { name: 'full', given: { method: 'full', learningRate: 1e-3 } },
    { name: 'adapter with dropout', given: { learningRate: 1e-2, lora: { rank: 4, dropout: 0.1 } } },
    { name: 'sgd', given: { learningRate: 1e-2, lora: { rank: 4 }, optimizer: { name: 'sgd' } } },
  ])('$name: a run that was stopped twice ends as one that was not, bit for bit', async ({ given }) => {
    const data = dataOf(tinyPairs(12));
    const whole = {
      model: at('model'),
      data,
      batchSize: 4,
      epochs: 3,
      heldOutFraction: 0.2,
      evaluateSteps: 2,
      ...given,
    };
    const straight = await runDpo({ ...whole, output: at(`run-${runs++}`) }, { folder: folder.path });
    const output = at(`run-${runs++}`);
    const first = await runDpo({ ...whole, output }, { folder: folder.path, stopAfter: 2 });
    expect([first.result.isComplete, first.result.steps, first.result.outcome?.artefact.step]).toEqual([false, 2, 2]);
    const second = await runDpo({ ...whole, output }, { folder: folder.path, isResuming: true, stopAfter: 5 });
    expect([second.result.isComplete, second.result.steps]).toEqual([false, 5]);
    const third = await runDpo({ ...whole, output }, { folder: folder.path, isResuming: true });
    expect(third.result.isComplete).toBe(true);
    expect(metricLines(output)).toEqual(metricLines(straight.result.run));
    const file = given.method === 'full' ? 'model.safetensors' : 'adapter_model.safetensors';
    expect(readFileSync(join(third.result.artefact!, file))).toEqual(
      readFileSync(join(straight.result.artefact!, file)),
    );
    expect(third.result.lastEvaluation).toEqual(straight.result.lastEvaluation);
    expect(third.result.firstEvaluation).toEqual(straight.result.firstEvaluation);
  });

  it('where the signal fires as a step ends, the evaluation after it waits for the resumed run, which makes it whole', async () => {
    const data = dataOf(tinyPairs(12));
    const given = { model: at('model'), data, batchSize: 4, epochs: 2, heldOutFraction: 0.3, evaluateSteps: 2 };
    const straight = at(`run-${runs++}`);
    await runDpo({ ...given, output: straight }, { folder: folder.path });
    for (const stopAfter of [2, 4]) {
      const output = at(`run-${runs++}`);
      const stopped = await runDpo({ ...given, output }, { folder: folder.path, stopAfter });
      expect([stopped.result.steps, stopped.result.isComplete]).toEqual([stopAfter, false]);
      const state = JSON.parse(
        readFileSync(join(output, 'checkpoints', `step-${stopAfter}`, 'state.json'), 'utf8'),
      ) as unknown;
      expect(state).toMatchObject({ step: stopAfter, owesEvaluation: true });
      expect(metricLines(output).filter((line) => 'eval_loss' in line).length).toBe(stopAfter / 2);
      const resumed = await runDpo({ ...given, output }, { folder: folder.path, isResuming: true });
      expect(resumed.result.isComplete).toBe(true);
      expect(metricLines(output)).toEqual(metricLines(straight));
      // A run that is complete owes nothing: resuming it again changes nothing.
      await runDpo({ ...given, output }, { folder: folder.path, isResuming: true });
      expect(metricLines(output)).toEqual(metricLines(straight));
    }
  });

  it('a reference that was interrupted continues with the bits of one that was not', async () => {
    const data = dataOf(tinyPairs(18));
    const given = { model: at('model'), data, batchSize: 6, maxSteps: 3, microBatchTokens: 130 };
    const stopped = await failureOf(() =>
      runDpo({ ...given, output: at('never') }, { folder: folder.path, stopAtReference: 5 }),
    );
    expect(stopped).toEqual({
      code: 'cancelled',
      messages: ['reference: stopped after 6 of 18 rows, which are kept; the same command continues there'],
    });
    expect(existsSync(at('never'))).toBe(false);
    const continued = await runDpo({ ...given, output: at(`run-${runs++}`) }, { folder: folder.path });
    expect(continued.references[0]).toBeGreaterThan(6);
    expect(continued.references.at(-1)).toBe(18);
    expect(of(continued, 'loss')[0]).toBe(Math.fround(Math.LN2));
  });

  it('a run of few steps computes the reference of the rows that it trains, a longer one what that lacks', async () => {
    const data = dataOf(tinyPairs(20));
    const given = { model: at('model'), data, batchSize: 4, microBatchTokens: 4096, lora: { rank: 2 } };
    const cache = temporaryFolder();
    const run = async (maxSteps: number, folderOfCache: string) =>
      runDpo({ ...given, maxSteps, output: at(`run-${runs++}`) }, { folder: folderOfCache });
    const short = await run(2, cache.path);
    expect(short.references.at(-1)).toBe(8);
    const long = await run(5, cache.path);
    expect([long.references[0], long.references.at(-1)]).toEqual([12, 20]);
    const fresh = await run(5, join(cache.path, 'fresh'));
    expect(fresh.references.at(-1)).toBe(20);
    expect(of(long, 'loss')).toEqual(of(fresh, 'loss'));
    cache.remove();
  });

  it('the memory budget that the run decided holds when it is resumed where more or less is free', async () => {
    const data = dataOf(tinyPairs(12));
    const given = { model: at('model'), data, method: 'full', batchSize: 4, maxSteps: 4, learningRate: 1e-3 };
    const little = { folder: folder.path, availableBytes: () => 156 * 2 ** 20 };
    const output = at(`run-${runs++}`);
    const first = await runDpo({ ...given, output }, { ...little, stopAfter: 2 });
    expect(budgetOf(output)).toBe(39);
    const second = await runDpo({ ...given, output }, { folder: folder.path, isResuming: true });
    expect([budgetOf(output), second.notes]).toEqual([39, first.notes]);
    const straight = at(`run-${runs++}`);
    await runDpo({ ...given, output: straight, memoryBudgetMb: 39 }, { folder: folder.path });
    expect(metricLines(output)).toEqual(metricLines(straight));
  });
});
