import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HostTensor } from '../src/core/index.ts';
import { type TokenizedPair, packedLength } from '../src/data/index.ts';
import { resolveObjective } from '../src/objectives/index.ts';
import { OPTIMIZERS } from '../src/optim/index.ts';
import { openDevice, type Device, type DeviceTensor } from '../src/runtime/index.ts';
import {
  loraParameterSpecs,
  parameterSpecs,
  plainDecoder,
  weightInputs,
  withLora,
  type Decoder,
  type ParameterSpec,
} from '../src/models/index.ts';
import {
  compileBatchProgram,
  hintsFor,
  loadModel,
  pairObjectiveGraph,
  requirePairs,
  pairMicroBatch,
  pairScoreGraph,
  readAdapter,
  type OpenedModel,
} from '../src/policy/index.ts';
import { createTrainable, measurePairs, runLoop, type StepRecord, type Task } from '../src/train/index.ts';
import { hasStories, openStories, skipWithoutStories } from './support/stories.ts';

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

  beforeAll(async () => {
    device = await openDevice({ device: 'cpu' });
    opened = await openStories();
  });

  afterAll(async () => {
    await device.dispose();
    await opened.files.close();
  });

  /** By what it is: all runs but one have the same. */
  const references = new Map<string, Promise<Float32Array>>();

  function referenceOf(
    name: string,
    weights: ReadonlyMap<string, DeviceTensor>,
    decoder: Decoder,
  ): Promise<Float32Array> {
    const reference = references.get(name) ?? computeReference(weights, decoder);
    references.set(name, reference);
    return reference;
  }

  async function computeReference(weights: ReadonlyMap<string, DeviceTensor>, decoder: Decoder): Promise<Float32Array> {
    const program = await compileBatchProgram(
      device,
      { evaluate: pairScoreGraph(decoder) },
      { label: 'reference', hints: hintsFor(512, 200), resident: weights },
    );
    await program.refresh();
    const logps = new Float32Array(2 * rows.length);
    for (const [row, pair] of rows.entries()) {
      const outputs = await program.evaluate(pairMicroBatch([pair]).inputs);
      logps.set(outputs['logps']!.data as Float32Array, 2 * row);
    }
    await program.dispose();
    return logps;
  }

  interface Run {
    readonly optimizer: 'adamw' | 'sgd' | 'rmsprop';
    readonly learningRate: number;
    readonly steps: number;
    readonly totalSteps?: number;
    readonly microBatchTokens: number;
    readonly adapter?: string;
    readonly referenceIsAdapter?: boolean;
  }

  async function train(run: Run): Promise<StepRecord[]> {
    const { config } = opened;
    const model = await loadModel(device, config, opened.files.checkpoint);
    const plain = plainDecoder(config, weightInputs(config));
    const adapter = run.adapter === undefined ? undefined : await readAdapter(join(FIXTURES, run.adapter), config);
    const decoder = adapter === undefined ? plain : withLora(plain, adapter.lora, { path: 'separate' });
    const parameters: readonly ParameterSpec[] =
      adapter === undefined ? parameterSpecs(config) : loraParameterSpecs(config, adapter.lora);
    const initial = new Map<string, DeviceTensor>();
    for (const [name, tensor] of adapter?.weights ?? []) initial.set(name, await device.upload(tensor));
    const resident = new Map([...model.weights, ...initial]);
    const reference =
      run.referenceIsAdapter === true
        ? await referenceOf(run.adapter!, resident, decoder)
        : await referenceOf('base', resident, plain);
    const trainable = await createTrainable(device, adapter === undefined ? model.weights : initial, {
      parameters,
      optimizer: { name: run.optimizer, options: OPTIMIZERS[run.optimizer].defaults },
    });
    const loss = requirePairs(resolveObjective({ objective: 'sigmoid', options: { beta: 0.1 } }));
    const program = await compileBatchProgram(
      device,
      {
        train: pairObjectiveGraph({ decoder: decoder }, loss, { parameters }),
        evaluate: pairObjectiveGraph({ decoder: decoder }, loss, { parameters: [] }),
      },
      {
        label: 'dpo',
        hints: hintsFor(512, 200),
        resident,
        gradients: trainable.gradients,
        keepBudgetBytes: run.microBatchTokens < 1000 ? 0 : Infinity,
      },
    );
    const task: Task = {
      train: {
        count: rows.length,
        idOf: (row) => rows[row]!.id,
        lengthOf: (row) => packedLength(rows[row]!),
      },
      heldOut: undefined,
      lossScale: (batch) => 1 / batch.length,
      batch: (_split, batch) => {
        const micro = pairMicroBatch(batch.map((row) => rows[row]!));
        const data = Float32Array.from(batch.flatMap((row) => [reference[2 * row]!, reference[2 * row + 1]!]));
        return {
          ...micro,
          inputs: {
            ...micro.inputs,
            referenceLogps: { dtype: 'float32', shape: [batch.length, 2], data } as HostTensor,
          },
        };
      },
      measure: () => measurePairs(0.1),
    };
    const records: StepRecord[] = [];
    await runLoop({
      task,
      program,
      trainable,
      start: { step: 0, tokens: 0 },
      events: {
        onStep: (record) => {
          records.push(record);
          if (records.length === run.steps) stop.abort();
        },
        onEvaluation: () => {},
        onCheckpoint: () => {},
      },
      options: {
        schedule: { name: 'linear', learningRate: run.learningRate, warmupSteps: 0, totalSteps: run.totalSteps ?? 50 },
        batchSize: 4,
        microBatchTokens: run.microBatchTokens,
        seed: 0,
        order: 'sequential',
        lengthBuckets: false,
        maxGradientNorm: 1,
        logSteps: 1,
        evaluateSteps: undefined,
        checkpointSteps: undefined,
        signal: stop.signal,
      },
    });
    await program.dispose();
    await trainable.dispose();
    if (adapter !== undefined) await model.dispose();
    return records;
  }

  let stop: AbortController;

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
    stop = new AbortController();
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
