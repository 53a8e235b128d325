import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TokenizedPair } from '../src/data/index.ts';
import { resolveObjective } from '../src/objectives/index.ts';
import type { OpenedModel } from '../src/policy/index.ts';
import { openDevice, type Device } from '../src/runtime/index.ts';
import type { ReferenceValues } from '../src/score/index.ts';
import type { StepRecord } from '../src/train/index.ts';
import { hasStories, openStories, skipWithoutStories } from './support/stories.ts';
import { openStart, referenceOf, trainTrajectory, type Start } from './support/trajectory.ts';

/**
 * Step by step against TRL's DPOTrainer in float32 (fixtures/trajectory/record.py): loss within 1e-4 at every step and 1e-5
 * on average (signed), gradient norm within 1e-2, on 50 steps of real pairs in fixed order.
 */
const FIXTURES = join(import.meta.dirname, 'fixtures', 'trajectory');

interface RecordedStep {
  readonly step: number;
  readonly loss: number;
  readonly grad_norm: number;
  readonly learning_rate: number;
  readonly [metric: string]: number;
}

function readJson<T>(name: string): T {
  return JSON.parse(readFileSync(join(FIXTURES, name), 'utf8')) as T;
}

const rows: TokenizedPair[] = readFileSync(join(FIXTURES, 'rows.jsonl'), 'utf8')
  .trim()
  .split('\n')
  .map((line) => {
    const row = JSON.parse(line) as { line: number; prompt: number[]; chosen: number[]; rejected: number[] };
    return {
      id: String(row.line),
      prompt: Int32Array.from(row.prompt),
      chosen: Int32Array.from(row.chosen),
      rejected: Int32Array.from(row.rejected),
    };
  });

skipWithoutStories();

describe.skipIf(!hasStories)('DPO beside TRL', () => {
  let device: Device;
  let opened: OpenedModel;
  let start: Start;

  beforeAll(async () => {
    device = await openDevice({ device: 'cpu' });
    opened = await openStories();
    start = await openStart(device, opened);
  });

  afterAll(async () => {
    await device.dispose();
    await opened.files.close();
  });

  interface Run {
    readonly optimizer: 'adamw' | 'sgd' | 'rmsprop';
    readonly learningRate: number;
    readonly steps: number;
    readonly totalSteps?: number;
    readonly microBatchTokens: number;
    readonly adapter?: string;
    readonly referenceIsAdapter?: boolean;
  }

  /** By what it is: all runs but one have the same. */
  const references = new Map<string, Promise<ReferenceValues | undefined>>();

  async function train({ referenceIsAdapter = false, ...given }: Run): Promise<StepRecord[]> {
    const run = {
      totalSteps: 50,
      ...given,
      objective: resolveObjective({ objective: 'sigmoid', options: { beta: 0.1 } }),
      rows,
      batchSize: 4,
      keepBudgetBytes: given.microBatchTokens < 1000 ? 0 : Infinity,
    };
    const name = referenceIsAdapter ? given.adapter : undefined;
    const every = { ...run, totalSteps: 50, microBatchTokens: 1 };
    const known = references.get(name ?? 'base') ?? referenceOf(start, every, name);
    references.set(name ?? 'base', known);
    return trainTrajectory(start, { ...run, reference: (await known)! });
  }

  it.each([
    { name: 'full.json', run: { optimizer: 'adamw', learningRate: 1e-4, steps: 50, microBatchTokens: 4096 } as Run },
    { name: 'full.json', run: { optimizer: 'adamw', learningRate: 1e-4, steps: 50, microBatchTokens: 300 } as Run },
    {
      name: 'lora.json',
      run: {
        optimizer: 'adamw',
        learningRate: 1e-3,
        steps: 15,
        microBatchTokens: 4096,
        adapter: 'lora-initial',
      } as Run,
    },
    {
      name: 'lora.json',
      run: { optimizer: 'adamw', learningRate: 1e-3, steps: 50, microBatchTokens: 300, adapter: 'lora-initial' } as Run,
    },
    {
      name: 'lora-continued.json',
      run: {
        optimizer: 'adamw',
        learningRate: 1e-3,
        steps: 5,
        totalSteps: 5,
        microBatchTokens: 4096,
        adapter: 'lora-final',
        referenceIsAdapter: true,
      } as Run,
    },
    {
      name: 'rmsprop.json',
      run: { optimizer: 'rmsprop', learningRate: 1e-4, steps: 5, totalSteps: 5, microBatchTokens: 4096 } as Run,
    },
    {
      name: 'sgd-momentum.json',
      run: { optimizer: 'sgd', learningRate: 1e-2, steps: 5, totalSteps: 5, microBatchTokens: 4096 } as Run,
    },
  ])('$name in micro-batches of $run.microBatchTokens tokens', async ({ name, run }) => {
    const expected = readJson<{ steps: RecordedStep[] }>(name).steps;
    const got = await train(run);
    expect(got.length).toBe(run.steps);
    const differences = got.map(({ metrics }, i) => metrics['loss']! - expected[i]!.loss);
    const norms = got.map(
      ({ metrics }, i) => Math.abs(metrics['grad_norm']! - expected[i]!.grad_norm) / expected[i]!.grad_norm,
    );
    process.stderr.write(
      `${name} ${run.microBatchTokens}: loss ${Math.max(...differences.map(Math.abs)).toExponential(1)} norm ${Math.max(...norms).toExponential(1)}\n`,
    );
    expect(Math.max(...differences.map(Math.abs))).toBeLessThan(1e-4);
    expect(Math.abs(differences.reduce((sum, one) => sum + one, 0) / differences.length)).toBeLessThan(1e-5);
    expect(Math.max(...norms)).toBeLessThan(1e-2);
    for (const metric of [
      'learning_rate',
      'rewards/chosen',
      'rewards/rejected',
      'rewards/margins',
      'logps/chosen',
      'logps/rejected',
      'logits/chosen',
      'logits/rejected',
      'entropy',
    ]) {
      const largest = Math.max(
        ...got.map(
          ({ metrics }, i) =>
            Math.abs(metrics[metric]! - expected[i]![metric]!) / Math.max(1, Math.abs(expected[i]![metric]!)),
        ),
      );
      expect(largest, metric).toBeLessThan(1e-4);
    }
  });
});
