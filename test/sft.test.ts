import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rowSetOf, type RowSet, type TokenizedCompletion } from '../src/data/index.ts';
import { openDevice, type Device } from '../src/runtime/index.ts';
import { openModelFiles } from '../src/formats/index.ts';
import { understandModel } from '../src/policy/index.ts';
import { planStages } from '../src/specification/index.ts';
import { completionTask, type StepRecord } from '../src/train/index.ts';
import { hasStories, openStories, skipWithoutStories } from './support/stories.ts';
import { openPolicyOf, openStart, trainTask } from './support/trajectory.ts';
import { runSft } from './support/training.ts';
import { temporaryFolder, tinyPairs, writeRows, writeTinyModel } from './support/tiny-model.ts';

const FIXTURES = join(import.meta.dirname, 'fixtures', 'trajectory');

interface Recorded {
  readonly steps: readonly Readonly<
    Record<'loss' | 'grad_norm' | 'learning_rate' | 'entropy' | 'num_tokens', number>
  >[];
}

function recordedRows(): RowSet<TokenizedCompletion> {
  const rows = readFileSync(join(FIXTURES, 'rows.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { line: number; prompt: number[]; chosen: number[] })
    .map(({ line, prompt, chosen }) => ({
      id: String(line),
      prompt: Int32Array.from(prompt),
      completion: Int32Array.from(chosen),
    }));
  return rowSetOf(rows);
}

skipWithoutStories();

describe.skipIf(!hasStories)("SFT beside TRL's SFTTrainer (fixtures/trajectory/record.py)", () => {
  let device: Device;
  beforeAll(async () => {
    device = await openDevice({ device: 'cpu' });
  });
  afterAll(() => device.dispose());

  it.each([
    { name: 'sft.json', microBatchTokens: 4096 },
    { name: 'sft-accumulated.json', microBatchTokens: 300 },
  ])('$name: ten steps of completion loss', async ({ name, microBatchTokens }) => {
    const expected = (JSON.parse(readFileSync(join(FIXTURES, name), 'utf8')) as Recorded).steps;
    const opened = await openStories();
    const on = await openPolicyOf(await openStart(device, opened), undefined);
    const rows = { train: recordedRows() };
    const stages = planStages(rows.train.count, { batchSize: 4, epochs: 10, maxSteps: 10, warmupRatio: 0 });
    const steps = { stages, batchSize: 4, seed: 0, order: 'sequential', lengthBuckets: false } as const;
    const task = completionTask({ policy: on.policy, rows, scorePrompt: false, steps });
    const records = await trainTask(on, task, { learningRate: 1e-3, microBatchTokens });
    await opened.files.close();
    expect(records.length).toBe(10);
    records.forEach(({ metrics }, i) => {
      const wanted = expected[i]!;
      expect(Math.abs(metrics['loss']! - wanted.loss)).toBeLessThan(1e-4);
      expect(Math.abs(metrics['grad_norm']! / wanted.grad_norm - 1)).toBeLessThan(1e-2);
      expect(metrics['learning_rate']).toBeCloseTo(wanted.learning_rate, 9);
      expect(metrics['num_tokens']).toBe(wanted.num_tokens);
      // With accumulation TRL averages the micro-batches' averages; ours is over all tokens of the step.
      if (name === 'sft.json') expect(Math.abs(metrics['entropy']! - wanted.entropy)).toBeLessThan(1e-4);
    });
  });
});

const TEXTS = join(import.meta.dirname, '..', '..', 'shared', 'data', 'tinystories', 'tinystories-2MiB.txt');
const hasTexts = existsSync(TEXTS);
if (!hasTexts) process.stderr.write(`sft.test.ts: pre-training skipped: ${TEXTS} is not there\n`);

function losses(steps: readonly Readonly<Record<string, number>>[]): number[] {
  return steps.map((step) => step['loss']!);
}

describe('the recipe', { timeout: 300_000 }, () => {
  const folder = temporaryFolder();
  const at = (...names: string[]): string => join(folder.path, ...names);
  beforeAll(async () => {
    await writeTinyModel(at('model'));
  });
  afterAll(folder.remove);

  it('scores the completion only, or the prompt too; both fall', async () => {
    const data = writeRows(
      at('answers.jsonl'),
      tinyPairs(6).map(({ prompt, chosen }) => ({ prompt, completion: chosen })),
    );
    const given = { model: at('model'), data, batchSize: 6, epochs: 25, learningRate: 1e-2, method: 'full' };
    const completion = await runSft({ ...given, output: at('completion') }, { folder: folder.path });
    const all = await runSft({ ...given, output: at('all'), loss: 'all' }, { folder: folder.path });
    // Random weights know nothing: about ln(259) = 5.56 nats a token.
    for (const { steps } of [completion, all]) {
      expect(Math.abs(losses(steps)[0]! - Math.log(259))).toBeLessThan(0.3);
      expect(losses(steps).at(-1)).toBeLessThan(2.5);
    }
    expect(losses(all.steps)[0]).not.toBe(losses(completion.steps)[0]);
  });

  it('divides by the tokens that are scored: a masked tail changes neither loss nor gradient', async () => {
    const device = await openDevice({ device: 'cpu' });
    const opened = await understandModel(await openModelFiles(at('model')));
    const ids = Int32Array.from({ length: 12 }, (_, i) => 40 + 3 * i);
    const mask = Int32Array.from(ids, (_, i) => (i < 5 ? 1 : 0));
    const short = { id: 'short', prompt: Int32Array.of(9, 8, 7), completion: ids.subarray(0, 5) };
    const gradient = async (row: TokenizedCompletion): Promise<[number, number]> => {
      const on = await openPolicyOf(await openStart(device, opened), undefined);
      const rows = { train: rowSetOf([row]) };
      const stages = planStages(1, { batchSize: 1, epochs: 1, maxSteps: 1, warmupRatio: 0 });
      const steps = { stages, batchSize: 1, seed: 0, order: 'sequential', lengthBuckets: false } as const;
      const task = completionTask({ policy: on.policy, rows, scorePrompt: false, steps });
      const [{ metrics }] = (await trainTask(on, task, { learningRate: 1e-3, microBatchTokens: 64 })) as [StepRecord];
      return [metrics['loss']!, metrics['grad_norm']!];
    };
    for (const prompt of [short.prompt, new Int32Array(0)]) {
      const [loss, norm] = await gradient({ ...short, prompt });
      const masked = await gradient({ id: 'long', prompt, completion: ids, completionMask: mask });
      expect(masked[0]).toBeCloseTo(loss, 5);
      expect(masked[1] / norm).toBeCloseTo(1, 4);
    }
    await opened.files.close();
    await device.dispose();
  });

  it('takes the chosen side of pairs when told, and refuses pairs otherwise', async () => {
    const pairs = writeRows(at('pairs.jsonl'), tinyPairs(4));
    const answers = writeRows(
      at('chosen.jsonl'),
      tinyPairs(4).map(({ prompt, chosen }) => ({ prompt, completion: chosen })),
    );
    const given = { model: at('model'), maxSteps: 1, batchSize: 4 };
    const options = { folder: folder.path };
    const one = await runSft({ ...given, data: pairs, chosenOfPairs: true, output: at('from-pairs') }, options);
    const other = await runSft({ ...given, data: answers, output: at('from-answers') }, options);
    expect(losses(one.steps)).toEqual(losses(other.steps));
    await expect(runSft({ ...given, data: pairs, output: at('refused') }, options)).rejects.toThrow(
      'rows must be completions, got pairs; use them with dpo, or train on the chosen side (--chosen-of-pairs)',
    );
    expect(existsSync(at('refused'))).toBe(false);
  });

  it.skipIf(!hasTexts)('pre-trains a random model on plain text: the loss falls far below chance', async () => {
    const stories = readFileSync(TEXTS, 'utf8')
      .slice(0, 30_000)
      .split('<|endoftext|>')
      .map((text) => ({ text: text.trim() }));
    const data = writeRows(
      at('texts.jsonl'),
      stories.slice(0, -1).filter(({ text }) => text.length > 40),
    );
    const { steps, evaluations } = await runSft(
      {
        model: at('model'),
        data,
        output: at('pretrained'),
        method: 'full',
        initialise: true,
        learningRate: 1e-2,
        maxLength: 128,
        batchSize: 8,
        maxSteps: 30,
        heldOutFraction: 0.1,
        evaluateSteps: 30,
        microBatchTokens: 2048,
      },
      { folder: folder.path },
    );
    expect(Math.abs(losses(steps)[0]! - Math.log(259))).toBeLessThan(0.3);
    // English by bytes: about 3 nats a byte without context, 5.6 for what knows nothing.
    expect(losses(evaluations).at(-1)).toBeLessThan(3.2);
  });
});
