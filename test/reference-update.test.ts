import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DPO } from '../src/cli/training/dpo.ts';
import { runCli } from '../src/cli/index.ts';
import { openModelFiles, openSafetensorsFile } from '../src/formats/index.ts';
import { parseModelConfig } from '../src/models/index.ts';
import { fixedMemory } from '../src/policy/index.ts';
import {
  failureOf,
  largestDifference,
  metricLines,
  runDpo,
  type RunOptions,
  type ToldRun,
} from './support/training.ts';
import { temporaryFolder, tinyPairs, writeRows, writeTinyModel } from './support/tiny-model.ts';

/** References that move (TR-DPO, stepwise DPO) through whole runs, on a random model of two layers. Beside TRL: trajectory-reference.test.ts. */
const folder = temporaryFolder();
const at = (...names: string[]): string => join(folder.path, ...names);
let runs = 0;

beforeAll(async () => {
  await writeTinyModel(at('model'));
  writeRows(at('pairs.jsonl'), tinyPairs(12));
  writeRows(at('first.jsonl'), tinyPairs(12).slice(0, 6));
  writeRows(at('second.jsonl'), tinyPairs(12).slice(6));
  writeRows(at('held-out.jsonl'), tinyPairs(18).slice(12));
});
afterAll(folder.remove);

const LORA = { lora: { rank: 4 }, learningRate: 1e-2 };
const FULL = { method: 'full', learningRate: 1e-3 };
const METHODS = [
  ['adapter', LORA],
  ['every weight', FULL],
] as const;

function train(given: Readonly<Record<string, unknown>>, options: Partial<RunOptions> = {}): Promise<ToldRun> {
  const base = {
    model: at('model'),
    data: at('pairs.jsonl'),
    output: at(`run-${runs++}`),
    samples: 0,
    batchSize: 4,
    warmupRatio: 0,
  };
  return runDpo({ ...base, ...given }, { folder: folder.path, ...options });
}

const of = ({ steps }: ToldRun, metric: string): number[] => steps.map((metrics) => metrics[metric]!);
const LN2 = Math.fround(Math.LN2);
/** Beside an adapter the reference rounds as the policy does; where every weight is trained the two programs differ in the last bits. */
const ROUNDING = 1e-6;

function artefactOf({ result }: ToldRun): Buffer {
  const name = result.artefact!.endsWith('adapter') ? 'adapter_model.safetensors' : 'model.safetensors';
  return readFileSync(join(result.artefact!, name));
}

/** 0.4 old + 0.6 now, rounded as float32 is. */
function mixed(old: Float32Array, now: Float32Array): Float32Array {
  return old.map((value, i) => Math.fround(Math.fround(0.4) * value) + Math.fround(Math.fround(0.6) * now[i]!));
}

function fourMegabytes(): number {
  return 4 * 2 ** 20;
}

/** Tensors of a checkpoint. */
async function stateOf(run: string, step: number, names: readonly string[]): Promise<Float32Array[]> {
  const file = await openSafetensorsFile(join(run, 'checkpoints', `step-${step}`, 'state.safetensors'));
  const tensors: Float32Array[] = [];
  for (const name of names) tensors.push(await file.readFloat32(name));
  await file.close();
  return tensors;
}

describe.each(METHODS)('%s', (_method, given) => {
  it('hard: as plain dpo until the first update; after each the policy is the reference', async () => {
    const plain = await train({ ...given, epochs: 2 });
    const moved = await train({ ...given, epochs: 2, referenceUpdate: 'hard', referenceEvery: 2 });
    for (const metric of ['loss', 'grad_norm', 'rewards/chosen', 'rewards/rejected'])
      expect(of(moved, metric).slice(0, 2), metric).toEqual(of(plain, metric).slice(0, 2));
    // Steps 1, 3 and 5 begin with the policy as its own reference.
    const within = given === FULL ? ROUNDING : 0;
    for (const [step, loss] of of(moved, 'loss').entries())
      expect([step, Math.abs(loss - LN2) <= within]).toEqual([step, step % 2 === 0]);
    for (const step of [0, 2, 4]) expect(Math.abs(of(moved, 'rewards/margins')[step]!)).toBeLessThanOrEqual(within);
    expect(of(plain, 'loss')[2]).not.toBeCloseTo(LN2, 4);
  });

  it('soft: the reference in the checkpoint is 0.4 of what it was and 0.6 of the policy', async () => {
    const run = await train({
      ...given,
      epochs: 2,
      referenceUpdate: 'soft',
      referenceEvery: 2,
      checkpointSteps: 1,
      keepCheckpoints: 9,
    });
    const name = given === FULL ? 'model.layers.1.mlp.up_proj.weight' : 'model.layers.1.mlp.up_proj.lora_A.weight';
    const [policy, reference]: [Float32Array[], Float32Array[]] = [[], []];
    for (const step of [1, 2, 3, 4]) {
      const [now, old] = await stateOf(run.result.run, step, [name, `reference/${name}`]);
      policy.push(now!);
      reference.push(old!);
    }
    expect(policy[0]).not.toEqual(policy[1]);
    expect(reference[1]).toEqual(mixed(reference[0]!, policy[1]!));
    expect(reference[2]).toEqual(reference[1]);
    expect(reference[3]).toEqual(mixed(reference[2]!, policy[3]!));
    // Between copy and start: the margin falls back, and not to 0.
    const margins = of(run, 'rewards/margins');
    expect([0, 2].map((step) => Math.abs(margins[step]!) < ROUNDING)).toEqual([true, false]);
  });

  it('stepwise: two stages are two runs, the second from the model of the first', async () => {
    // One pass: a stored reference is cut as the first one is.
    const steps = { batchSize: 2, warmupRatio: 0.3 };
    const both = await train({ ...given, ...steps, referenceUpdate: 'stepwise', stages: 2 });
    const first = await train({ ...given, ...steps, data: at('first.jsonl') });
    const from =
      given === FULL
        ? { ...FULL, model: first.result.artefact! }
        : { learningRate: 1e-2, adapter: first.result.artefact! };
    const second = await train({ ...from, ...steps, data: at('second.jsonl') });
    expect([both, first, second].map((run) => run.steps.length)).toEqual([6, 3, 3]);
    for (const metric of ['loss', 'grad_norm', 'learning_rate', 'rewards/chosen', 'rewards/rejected', 'logps/chosen'])
      if (given === LORA) expect(of(both, metric), metric).toEqual([...of(first, metric), ...of(second, metric)]);
      else
        expect(largestDifference(of(both, metric), [...of(first, metric), ...of(second, metric)])).toBeLessThan(1e-4);
    if (given === LORA) expect(artefactOf(both).equals(artefactOf(second))).toBe(true);
  });

  it.each([
    { referenceUpdate: 'hard', referenceEvery: 2 },
    { referenceUpdate: 'soft', referenceEvery: 2, referenceMix: 0.3 },
    { referenceUpdate: 'stepwise', stages: 2 },
  ])('$referenceUpdate: a run that was stopped in between ends as one that was not', async (update) => {
    const dropout = given === LORA ? { lora: { rank: 4, dropout: 0.1 } } : {};
    const whole = { ...given, ...dropout, ...update, epochs: 2, heldOut: at('held-out.jsonl'), evaluateSteps: 2 };
    const straight = await train(whole);
    const output = at(`run-${runs++}`);
    // Before an update, at one, and after one.
    let stopAfter = 1;
    for (const next of [2, 3, undefined]) {
      const stopped = await train({ ...whole, output }, { stopAfter, isResuming: stopAfter > 1 });
      expect(stopped.result.isComplete).toBe(false);
      if (next !== undefined) stopAfter = next;
    }
    const ended = await train({ ...whole, output }, { isResuming: true });
    expect(ended.result.isComplete).toBe(true);
    expect(metricLines(output)).toEqual(metricLines(straight.result.run));
    expect(artefactOf(ended).equals(artefactOf(straight))).toBe(true);
  });
});

describe('what is measured', () => {
  it('held-out rows are, at every time, measured from the model as it started', async () => {
    const run = await train({
      ...LORA,
      epochs: 2,
      heldOut: at('held-out.jsonl'),
      evaluateSteps: 2,
      referenceUpdate: 'hard',
      referenceEvery: 2,
    });
    const [before] = run.evaluations;
    for (const now of run.evaluations) {
      for (const side of ['chosen', 'rejected'])
        expect(now[`rewards/${side}`]).toBeCloseTo(0.1 * (now[`logps/${side}`]! - before![`logps/${side}`]!), 5);
    }
    expect(run.evaluations.at(-1)!['rewards/margins']).not.toBeCloseTo(0, 4);
  });

  it.each([
    ['over whole batches', { objective: 'aot', beta: 0.1 }],
    ['over the shared length', { objective: 'ld_dpo', ldAlpha: 0.5 }],
    ['cut into micro-batches', { microBatchTokens: 1 }],
    ['under an adapter from the weights themselves', { lora: { rank: 4, variant: 'pissa' } }],
    ['under an adapter with magnitudes', { lora: { rank: 4, variant: 'dora' } }],
    ['over a compact base', { basePrecision: 'int8' }],
  ])('%s: ln 2 after each copy', async (_case, given) => {
    const run = await train({ ...LORA, ...given, epochs: 2, referenceUpdate: 'hard', referenceEvery: 2 });
    expect(of(run, 'loss').map((loss) => Math.abs(loss - LN2) < 1e-6)).toEqual([true, false, true, false, true, false]);
  });

  it('under an adapter that is continued the reference starts as that adapter', async () => {
    const first = await train({ ...LORA });
    const run = await train({
      adapter: first.result.artefact!,
      learningRate: 1e-2,
      epochs: 2,
      heldOut: at('held-out.jsonl'),
      referenceUpdate: 'hard',
      referenceEvery: 4,
    });
    expect(of(run, 'loss').map((loss) => loss === LN2)).toEqual([true, false, false, false, true, false]);
    expect(run.evaluations[0]!['rewards/margins']).toBe(0);
  });

  it('the log-probabilities of the training rows are not stored', async () => {
    const rows = writeRows(at('unseen.jsonl'), tinyPairs(9).slice(1));
    const run = await train({ ...LORA, data: rows, referenceUpdate: 'hard', referenceEvery: 1 });
    expect(run.references).toEqual([]);
  });

  it('the copy is part of what is asked for before the run', async () => {
    const files = await openModelFiles(at('model'));
    const config = parseModelConfig(files.config);
    await files.close();
    const plan = { config, lora: undefined, optimizer: 'adamw', microBatchTokens: 512 } as const;
    const parts = fixedMemory({ ...plan, movesReference: true });
    expect(parts).toEqual({ ...fixedMemory(plan), 'reference copy': parts['weights'] });
    const { code, messages } = await failureOf(() =>
      train({ ...FULL, referenceUpdate: 'hard', referenceEvery: 2 }, { availableBytes: fourMegabytes }),
    );
    expect([code, messages[0]!.includes('reference copy 1 MB')]).toEqual(['run-failed', true]);
  });
});

const refused = async (given: Readonly<Record<string, unknown>>): Promise<string[]> =>
  (await failureOf(() => train(given))).messages;

describe('bad input', () => {
  it('options without effect are named, all at once', async () => {
    expect(await refused({ referenceEvery: 3, referenceMix: 0.5, stages: 2 })).toEqual([
      '--reference-every has no effect without --reference-update; leave it out',
      '--reference-mix has no effect without --reference-update; leave it out',
      '--stages has no effect without --reference-update; leave it out',
    ]);
    expect(await refused({ referenceUpdate: 'hard', referenceMix: 0.5, stages: 2, reference: 'other' })).toEqual([
      '--reference-mix has no effect with --reference-update hard; leave it out',
      '--stages has no effect with --reference-update hard; leave it out',
      '--reference must not be given with --reference-update hard, whose reference starts as the policy does; leave one of them out',
    ]);
    expect(await refused({ referenceUpdate: 'stepwise', referenceEvery: 3 })).toEqual([
      '--reference-every has no effect with --reference-update stepwise; leave it out',
      '--stages is required with --reference-update stepwise; into how many parts the rows are cut',
    ]);
    expect(await refused({ referenceUpdate: 'soft', referenceMix: 1 })).toEqual([
      '--reference-mix must be below 1, got 1',
    ]);
    expect(await refused({ referenceUpdate: 'stepwise', stages: 1 })).toEqual([
      '--stages must be at least 2, got 1; one stage is a run without --reference-update',
    ]);
  });

  it('objectives without a reference, or with one that must stay, are refused', async () => {
    const update = { referenceUpdate: 'hard', referenceEvery: 2 };
    expect(await refused({ objective: 'simpo', ...update })).toEqual([
      '--reference-update has no effect with --objective simpo, which has no reference; leave it out',
    ]);
    expect(await refused({ objective: 'tdpo1', ...update })).toEqual([
      '--reference-update must be none with --objective tdpo1, whose reference must be the model under the adapter, got hard; leave it out or take another objective',
    ]);
  });

  it('updates and stages that no step would see are refused before the model is loaded', async () => {
    expect(await refused({ ...LORA, referenceUpdate: 'hard' })).toEqual([
      '--reference-every must be below the 3 steps of the run for --reference-update hard to have an effect, got 512; lower it or leave --reference-update out',
    ]);
    expect(await refused({ ...LORA, referenceUpdate: 'stepwise', stages: 13 })).toEqual([
      '--stages must be at most the 12 rows of the training data, got 13; lower it',
    ]);
  });
});

async function dpo(line: string): Promise<{ code: number; err: string }> {
  let err = '';
  const code = await runCli(['dpo', ...line.split(' '), '--reference-cache', at('cache')], {
    version: '0',
    commands: [{ name: 'dpo', description: DPO.description, load: async () => DPO }],
    process: {
      stdout: { write: () => {} },
      stderr: { columns: 100, write: (text) => void (err += text) },
      environment: {},
      signals: { on: () => undefined, off: () => undefined } as never,
      endAtOnce: () => undefined,
    },
  });
  return { code, err };
}

describe('from the command line', () => {
  it('trains, says so in run.json, and knows its options when it is resumed', async () => {
    const output = at('cli');
    const common = `--model ${at('model')} --data ${at('pairs.jsonl')} --batch-size 4 --threads 1 --samples 0 --rank 4`;
    const done = await dpo(
      `${common} --output ${output} --epochs 2 --reference-update soft --reference-every 2 --reference-mix 0.5`,
    );
    expect([done.code, done.err.includes('internal')]).toEqual([0, false]);
    const { specification } = JSON.parse(readFileSync(join(output, 'run.json'), 'utf8')) as {
      specification: Record<string, unknown>;
    };
    expect(specification['referenceUpdate']).toEqual({ kind: 'soft', every: 2, mix: 0.5 });
    expect((await dpo(`--output ${output} --resume`)).code).toBe(0);
    const other = await dpo(`--output ${output} --resume --reference-mix 0.7`);
    expect(other.code).toBe(2);
    expect(other.err).toContain('--reference-mix must be what the run began with to resume it, got 0.7 instead of 0.5');
    const wrong = await dpo(`${common} --output ${at('never')} --reference-every 2`);
    expect([wrong.code, wrong.err.includes('--reference-every has no effect without --reference-update')]).toEqual([
      2,
      true,
    ]);
  });
});
