import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failureOf, metricLines, runDpo, runSft, type ToldRun } from './support/training.ts';
import { temporaryFolder, tinyPairs, writeRows, writeTinyModel } from './support/tiny-model.ts';

/** Training over a base kept in float16, int8 or 4 bits, beside the same run over the float32 base. */
const folder = temporaryFolder();
const at = (...names: string[]): string => join(folder.path, ...names);
const PRECISIONS = ['float16', 'int8', 'int4'] as const;

/** How far the loss of a step may be from float32's; margins are about five times as large. */
const TOLERANCES = { float16: 2e-3, int8: 0.02, int4: 0.1 } as const;

const given = {
  model: at('model'),
  learningRate: 3e-3,
  lora: { rank: 4 },
  beta: 0.5,
  batchSize: 5,
  epochs: 12,
  evaluateSteps: 12,
};

let data = '';
let plain: ToldRun;

function train(output: string, more: Readonly<Record<string, unknown>>, options = {}): Promise<ToldRun> {
  return runDpo({ ...given, data, heldOut: data, output: at(output), ...more }, { folder: folder.path, ...options });
}

interface Measured {
  readonly base: {
    readonly precision: string;
    readonly weights: Readonly<Record<string, number>>;
    readonly storedBytes: number;
    readonly float32Bytes: number;
    readonly logps: { readonly rows: number; readonly scoredTokens: number; readonly perToken: number };
  };
}

function runFile(output: string) {
  return JSON.parse(readFileSync(at(output, 'run.json'), 'utf8')) as {
    readonly measured?: Measured;
    readonly reference: { readonly precision: string };
  };
}

beforeAll(async () => {
  await writeTinyModel(at('model'));
  data = writeRows(at('pairs.jsonl'), tinyPairs(5));
  plain = await train('float32', {});
});
afterAll(folder.remove);

describe.each(PRECISIONS)('a base in %s', (precision) => {
  let run: ToldRun;
  beforeAll(async () => {
    run = await train(precision, { basePrecision: precision });
  });

  it('starts at ln 2: the reference is the same compact base', () => {
    expect(run.steps[0]!['loss']).toBe(Math.fround(Math.LN2));
    expect(run.evaluations[0]!['loss']).toBe(Math.fround(Math.LN2));
    expect(runFile(precision).reference.precision).toBe(`base ${precision}`);
  });

  it('learns, and its numbers stay near those over float32', () => {
    const [last, other] = [run.evaluations.at(-1)!, plain.evaluations.at(-1)!];
    expect(last['loss']).toBeLessThan(0.4);
    for (const [i, step] of run.steps.entries())
      expect(Math.abs(step['loss']! - plain.steps[i]!['loss']!), `step ${i + 1}`).toBeLessThan(TOLERANCES[precision]);
    expect(Math.abs(last['rewards/margins']! - other['rewards/margins']!)).toBeLessThan(5 * TOLERANCES[precision]);
  });

  it('prints what the base loses and keeps it in run.json', () => {
    const { base } = runFile(precision).measured!;
    expect(base.precision).toBe(precision);
    expect(Object.keys(base.weights)).toEqual([
      'q_proj',
      'k_proj',
      'v_proj',
      'o_proj',
      'gate_proj',
      'up_proj',
      'down_proj',
    ]);
    const [least, most] = { float16: [1e-4, 3e-4], int8: [0.003, 0.008], int4: [0.05, 0.1] }[precision] as [
      number,
      number,
    ];
    for (const error of Object.values(base.weights)) {
      expect(error).toBeGreaterThan(least);
      expect(error).toBeLessThan(most);
    }
    expect(base.logps.rows).toBe(4);
    expect(base.logps.perToken).toBeGreaterThan(0);
    expect(base.logps.perToken).toBeLessThan(most);
    const notes = run.notes.filter((note) => note.startsWith('base:'));
    expect(notes).toHaveLength(2);
    expect(notes[0]).toMatch(
      /^base: projections in \w+ take 1 MB instead of 1 MB; relative error of the weights q_proj /,
    );
    expect(notes[1]).toMatch(
      /^base: log-probabilities of the answers of 4 rows are [\d.e-]+ nats from float32's on average/,
    );
  });
});

function shareOf(precision: string): number {
  const { base } = runFile(precision).measured!;
  return base.storedBytes / base.float32Bytes;
}

it('memory: the projections take their share of 4 bytes', () => {
  expect(shareOf('float16')).toBe(1 / 2);
  // 1 byte an element and 4 a row of 32 or 64 columns; 20 bytes a block of 32.
  expect(shareOf('int8')).toBeGreaterThan(1 / 4);
  expect(shareOf('int8')).toBeLessThan(1 / 4 + 1 / 32);
  expect(shareOf('int4')).toBe(20 / 128);
});

it('a float32 run measures nothing', () => {
  expect(runFile('float32').measured).not.toHaveProperty('base');
  expect(runFile('float32').reference.precision).toBe('float32');
  expect(plain.notes.filter((note) => note.startsWith('base:'))).toEqual([]);
});

it('stopped and resumed, an int8 run writes what the uninterrupted one wrote', async () => {
  await train('stopped', { basePrecision: 'int8', checkpointSteps: 3 }, { stopAfter: 4 });
  await train('stopped', { basePrecision: 'int8', checkpointSteps: 3 }, { isResuming: true });
  expect(metricLines(at('stopped'))).toEqual(metricLines(at('int8')));
  expect(runFile('stopped').measured).toEqual(runFile('int8').measured);
});

it('an adapter that was trained over int8 continues over int8', async () => {
  const run = await train('continued', {
    basePrecision: 'int8',
    adapter: at('int8', 'adapter'),
    lora: undefined,
    maxSteps: 2,
  });
  expect(run.steps[0]!['loss']).toBe(Math.fround(Math.LN2));
});

it('supervised fine-tuning over int8 lowers its loss and measures too', async () => {
  const run = await runSft(
    {
      model: at('model'),
      data,
      chosenOfPairs: true,
      output: at('sft'),
      basePrecision: 'int8',
      learningRate: 3e-3,
      lora: { rank: 4 },
      batchSize: 5,
      epochs: 10,
    },
    { folder: folder.path },
  );
  expect(run.steps.at(-1)!['loss']).toBeLessThan(0.8 * run.steps[0]!['loss']!);
  expect(runFile('sft').measured!.base.logps.rows).toBe(4);
});

it('refused by name: every weight, another device, an unknown precision', async () => {
  const full = await failureOf(() => train('x', { method: 'full', lora: undefined, basePrecision: 'int8' }));
  expect(full.messages).toEqual([
    '--base-precision must be float32 with --method full, which trains every weight, got int8; train an adapter',
  ]);
  const webgpu = await failureOf(() => train('x', { device: 'webgpu', threads: undefined, basePrecision: 'int4' }));
  expect(webgpu.messages).toEqual([
    '--base-precision must be float32 with --device webgpu, got int4; compact products are proven on the cpu alone',
  ]);
  const unknown = await failureOf(() => train('x', { basePrecision: 'int3' }));
  expect(unknown.messages).toEqual(['--base-precision must be one of float32, float16, int8, int4, got "int3"']);
});

it('without room for the float32 model beside it only the weights are measured', async () => {
  const run = await train('narrow', { basePrecision: 'int8', maxSteps: 1 }, { availableBytes: () => 2 ** 40 });
  expect(run.notes.filter((note) => note.startsWith('base:'))).toHaveLength(2);
});
