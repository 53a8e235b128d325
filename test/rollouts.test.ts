import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { rowSetOf, type TokenizedPair } from '../src/data/index.ts';
import { createGenerator } from '../src/generate/index.ts';
import { resolveObjective } from '../src/objectives/index.ts';
import { OPTIMIZERS } from '../src/optim/index.ts';
import { createPolicy, loadModel, openModel, type OpenedModel } from '../src/policy/index.ts';
import { openDevice, type Device } from '../src/runtime/index.ts';
import { parseDpoSpecification, planStages } from '../src/specification/index.ts';
import {
  openTraining,
  preferenceTask,
  rowsOfWidth,
  runLoop,
  type LoopProgress,
  type Metrics,
  type Open,
  type StepSource,
  type Training,
} from '../src/train/index.ts';
import { temporaryFolder, writeTinyModel } from './support/tiny-model.ts';

/**
 * The loop under a source that is no data: in each step the policy draws two answers to every prompt, a reward orders them, and preference
 * optimization trains on the pair, which exists for that step alone (online DPO). The source has a state of its own.
 */
const STEPS = 16;
const PROMPTS = Array.from({ length: 24 }, (_, index) => `Name ${index}.`);
const MOST_TOKENS = 12;
const OBJECTIVE = resolveObjective({ objective: 'sigmoid', options: { beta: 0.1 } });

const folder = temporaryFolder();
let [device, opened]: [Device, OpenedModel] = [undefined!, undefined!];
beforeAll(async () => {
  device = await openDevice({ device: 'cpu', threads: 1 });
  opened = await openModel(await writeTinyModel(join(folder.path, 'model')));
});
afterAll(async () => {
  await opened.files.close();
  await device.dispose();
  folder.remove();
});

/** The share of ASCII's first 64 characters in an answer. */
function rewardOf(ids: readonly number[]): number {
  return ids.filter((id) => id < 64).length / Math.max(1, ids.length);
}

const rollouts: Open<StepSource> = async ({ device: on, model, policy }) => {
  let [drawn, sum] = [0, 0];
  const resident = new Map([...model.weights, ...policy.initial]);
  const prompts = PROMPTS.map((text) => opened.tokenizer.encode(text));
  return {
    totalSteps: STEPS,
    stages: planStages(1, { batchSize: 1, epochs: STEPS, warmupRatio: 0 }),
    stepsPerEpoch: 1,
    lengths: { mean: 30, longest: 40 },
    at: async (step) => {
      const generator = await createGenerator(on, {
        decoder: policy.evaluation,
        tokenizer: opened.tokenizer,
        resident,
      });
      const twice = prompts.flatMap((prompt) => [prompt, prompt]);
      const answers = await generator.generate(twice, { maxNewTokens: MOST_TOKENS, temperature: 1, seed: step });
      await generator.dispose();
      const rewards = answers.map(({ ids }) => rewardOf(ids));
      sum += rewards.reduce((total, reward) => total + reward, 0);
      drawn += rewards.length;
      const pairs = prompts.map((prompt, row): TokenizedPair => {
        const both = [2 * row, 2 * row + 1].toSorted((a, b) => rewards[b]! - rewards[a]!);
        const [chosen, rejected] = both.map((index) => Int32Array.from([...answers[index]!.ids, 257]));
        return { id: `${step}/${row}`, prompt: Int32Array.from(prompt), chosen: chosen!, rejected: rejected! };
      });
      const { rows, batch } = rowsInStep(pairs);
      return {
        rows,
        batch,
        lossScale: 1 / pairs.length,
        metrics: {
          reward: rewards.reduce((total, one) => total + one, 0) / rewards.length,
          reward_so_far: sum / drawn,
        },
      };
    },
    save: () => ({ drawn, sum }),
    restore: (saved) => ([drawn, sum] = [Number(saved['drawn']), Number(saved['sum'])]),
  };
};

function rowsInStep(pairs: readonly TokenizedPair[]) {
  const set = rowSetOf(pairs);
  const { batch } = rowsOfWidth(OBJECTIVE, 2);
  return {
    rows: { count: set.count, idOf: (row: number) => pairs[row]!.id, lengthOf: (row: number) => set.lengths[row]! },
    batch: (rows: readonly number[]) => batch(rows.map((row) => pairs[row]!)),
  };
}

async function open(): Promise<Training> {
  const model = await loadModel(device, opened.config, opened.files.checkpoint);
  const given = { model: '-', data: '-', output: '-', method: 'full' };
  const policy = await createPolicy(device, { opened, model, specification: parseDpoSpecification(given) });
  const order = {
    batchSize: PROMPTS.length,
    seed: 0,
    order: 'sequential',
    lengthBuckets: false,
    microBatchTokens: 64,
  } as const;
  const recipe = preferenceTask({
    policy,
    objective: OBJECTIVE,
    rows: { train: rowSetOf<TokenizedPair>([]) },
    // Drawn rows have no stored reference: that of their step is computed in it, from the policy as it started.
    reference: { update: { kind: 'hard', every: Infinity } },
    steps: { ...order, stages: [] },
  });
  return openTraining(
    { device, model, policy },
    { ...recipe, source: rollouts },
    {
      label: 'rollouts',
      optimizer: { name: 'adamw', options: OPTIMIZERS.adamw.defaults },
      microBatchTokens: order.microBatchTokens,
    },
  );
}

interface Run {
  readonly metrics: Metrics[];
  readonly saved: { progress: LoopProgress; tensors: Map<string, Float32Array<ArrayBuffer>> } | undefined;
}

/** Trains from `from`, or from the start, until step `until`; what a checkpoint there would hold comes back. */
async function run(until: number, from?: Run['saved']): Promise<Run> {
  const training = await open();
  const stop = new AbortController();
  const metrics: Metrics[] = [];
  let saved: Run['saved'];
  for (const [name, data] of from?.tensors ?? []) {
    const tensor = training.tensors.get(name)!;
    await tensor.write({ dtype: 'float32', shape: tensor.shape, data });
  }
  await runLoop({
    training,
    start: from?.progress ?? { step: 0, tokens: 0 },
    events: {
      onStep: (record) => {
        const { tokens_per_second: _speed, ...rest } = record.metrics;
        metrics.push(rest);
        if (record.step === until) stop.abort();
      },
      onEvaluation: () => {},
      onCheckpoint: async (progress) => {
        const tensors = new Map<string, Float32Array<ArrayBuffer>>();
        for (const [name, tensor] of training.tensors)
          tensors.set(name, Float32Array.from((await tensor.read()).data as Float32Array));
        saved = { progress, tensors };
      },
    },
    options: {
      schedule: { name: 'constant', learningRate: 3e-3 },
      microBatchTokens: 64,
      seed: 0,
      maxGradientNorm: 1,
      logSteps: 1,
      evaluateSteps: undefined,
      checkpointSteps: undefined,
      signal: stop.signal,
    },
  });
  await training.dispose();
  return { metrics, saved };
}

function mean(list: readonly number[]): number {
  return list.reduce((sum, one) => sum + one, 0) / list.length;
}

test(
  'rows are drawn from the policy of their step, the reward rises, and a resumed run draws the same',
  { timeout: 120_000 },
  async () => {
    const whole = await run(STEPS);
    const rewards = whole.metrics.map(({ reward }) => reward!);
    expect(whole.metrics.length).toBe(STEPS);
    // The policy is the reference before the first update.
    expect(whole.metrics[0]!['loss']).toBeCloseTo(Math.LN2, 5);
    expect(mean(rewards.slice(-4)) - mean(rewards.slice(0, 4))).toBeGreaterThan(0.05);
    const first = await run(5);
    const { drawn, sum } = first.saved!.progress.states!['source']!;
    expect([drawn, Number(sum) / 240]).toEqual([240, whole.metrics[4]!['reward_so_far']]);
    const rest = await run(STEPS, first.saved);
    expect([...first.metrics, ...rest.metrics]).toEqual(whole.metrics);
  },
);
