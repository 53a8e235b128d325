import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseDpoSpecification, planDpo, planSft, trainDpo, type RecipeContext, type RunPlan } from '../src/index.ts';
import { parseSftSpecification } from '../src/specification/index.ts';
import { DPO } from '../src/cli/training/dpo.ts';
import { SWEEP } from '../src/cli/training/sweep.ts';
import { runCli } from '../src/cli/index.ts';
import { eventsOf } from './support/events.ts';
import { temporaryFolder, tinyPairs, writeRows, writeTinyModel } from './support/tiny-model.ts';

/** What a plan says, beside what the run then does. */
const folder = temporaryFolder();
const at = (...names: string[]): string => join(folder.path, ...names);

beforeAll(async () => {
  await writeTinyModel(at('model'), { hidden: 16, layers: 1 });
  writeRows(at('pairs.jsonl'), tinyPairs(30));
});
afterAll(folder.remove);

const context = (given: Partial<RecipeContext> = {}): RecipeContext => ({
  resolve: async (named) => named,
  referenceCache: at('cache'),
  versions: {},
  isResuming: false,
  listener: {},
  ...given,
});
const OPTIONS = { heldOutFraction: 0.2, epochs: 3, batchSize: 4, lora: { rank: 2 }, threads: 1, samples: 0 };
const specification = (given: object = {}) =>
  parseDpoSpecification({ model: at('model'), data: at('pairs.jsonl'), output: at('run'), ...OPTIONS, ...given });

describe('planDpo', () => {
  it('times what --auto chose, and not what stood before it', async () => {
    const given = specification({ batchSize: 24, epochs: 1, microBatchTokens: 4096 });
    const plan = await planDpo(given, context({ auto: ['epochs', 'batchSize', 'learningRate'] }));
    expect(plan.steps.batchSize).toBe(4);
    expect(plan.time!.measured.tokens).toBeLessThanOrEqual(4 * plan.tokens.longestRow);
    const asGiven = await planDpo(given, context());
    expect(asGiven.time!.measured.tokens).toBeGreaterThan(4 * asGiven.tokens.longestRow);
  });

  it('counts what the run then does, and writes nothing', async () => {
    const plan = await planDpo(specification(), context());
    expect(readdirSync(folder.path).toSorted()).toEqual(['model', 'pairs.jsonl']);
    let told: RunPlan | undefined;
    const steps: number[] = [];
    const evaluations: number[] = [];
    const result = await trainDpo(
      specification(),
      context({
        listener: {
          onPlan: (one) => (told = one),
          onStep: ({ step }) => void steps.push(step),
          onEvaluation: (step) => void evaluations.push(step),
        },
      }),
    );
    expect(plan.problems).toEqual([]);
    expect([plan.steps.total, plan.steps.evaluations]).toEqual([steps.length, evaluations.length]);
    expect(plan.tokens.total).toBe(result.lastStep!['num_tokens']);
    expect(plan.rows.train.rows + plan.rows.heldOut!.rows).toBe(30);
    expect(plan.rows.split).toEqual({ fraction: 0.2, share: plan.rows.heldOut!.prompts / 30 });
    // What needs no measuring is in the first lines of the run too.
    const { time, memory: _memory, int8, disk, ...counted } = plan;
    expect(told).toMatchObject({ ...counted, disk: { parts: disk.parts } });
    expect(told!.time).toBeUndefined();
    expect(int8!.savedBytes).toBeGreaterThan(0);
    expect(time!.from).toBeLessThan(time!.seconds);
    expect(time!.to).toBeGreaterThan(time!.seconds);
    const sum = Object.values(time!.parts).reduce((all, one) => all + one, 0);
    expect(time!.seconds).toBeCloseTo(sum, 9);
    // The adapter on the disk is what was planned, but for its header.
    expect(result.took.planned!.basis).toBe('first-step');
    expect(result.took.plannedPeakBytes).toBe(told!.memory.peakBytes);
  });

  it('a stored reference takes no time, and a resumed run only what is left', async () => {
    const again = await planDpo(specification({ output: at('other') }), context());
    expect(again.time!.parts.reference).toBe(0);
    const rest = await planDpo(specification(), context({ isResuming: true }));
    expect([rest.steps.done, rest.steps.total]).toEqual([again.steps.total, again.steps.total]);
    expect(rest.time!.parts.training).toBe(0);
  });

  it.each([
    ['kto', { batchSize: 4 }],
    ['aot_pair', {}],
    ['plackett_luce', {}],
    ['sigmoid', { referenceUpdate: 'soft', referenceEvery: 2 }],
    ['sigmoid', { ldAlpha: 0.5 }],
    ['sigmoid', { method: 'full', lora: undefined }],
    ['sigmoid', { basePrecision: 'int8' }],
  ])('%s %j is measured like any other', async (objective, given) => {
    const { time, memory, problems } = await planDpo(
      specification({ output: at('new'), objective, ...given }),
      context({ referenceCache: at('none') }),
    );
    expect(problems).toEqual([]);
    expect(time!.parts.training).toBeGreaterThan(0);
    expect(memory.isCompiled).toBe(true);
    expect(existsSync(at('none'))).toBe(false);
  });

  it('names all that would stop the run, and loads nothing for it', async () => {
    const plan = await planDpo(specification({ output: at('new') }), context({ availableBytes: () => 10 * 2 ** 20 }));
    expect(plan.time).toBeUndefined();
    expect(plan.problems).toHaveLength(1);
    expect(plan.problems[0]!.message).toMatch(
      /^memory: the run needs about \d+ MB \(the runtime 150 MB, .*\), got 10 MB free; keep the base in fewer bytes \(--base-precision int8\), or lower --micro-batch-tokens or --max-length, or take a smaller model or close other programs$/,
    );
  });
});

it('planSft plans completions', async () => {
  const sft = parseSftSpecification({
    model: at('model'),
    data: at('pairs.jsonl'),
    output: at('sft'),
    chosenOfPairs: true,
    batchSize: 4,
    threads: 1,
    samples: 0,
  });
  const plan = await planSft(sft, context());
  expect([plan.recipe, plan.steps.total, plan.rows.heldOut, plan.time!.parts.reference]).toEqual([
    'sft',
    8,
    undefined,
    0,
  ]);
});

async function cli(command: typeof DPO, words: readonly string[]) {
  let [out, err] = ['', ''];
  const code = await runCli([command.name, ...words], {
    version: '0',
    commands: [{ name: command.name, description: '', load: () => Promise.resolve(command) }],
    process: {
      stdout: { write: (text) => (out += text) },
      stderr: { write: (text) => (err += text) },
      environment: { XDG_CACHE_HOME: at('cache-home') },
      signals: { on: () => undefined, off: () => undefined } as never,
      endAtOnce: () => undefined,
    },
  });
  return { code, out, err };
}

function dryWords(...more: string[]): string[] {
  const line = `--model ${at('model')} --data ${at('pairs.jsonl')} --held-out-fraction 0.2 --samples 0 --threads 1 --output ${at('dry')} --dry-run`;
  return [...line.split(' '), ...more];
}

describe('--dry-run', () => {
  it('dpo prints the plan and ends well; with --json it is one object', async () => {
    const { code, out } = await cli(DPO, dryWords());
    expect(code).toBe(0);
    expect(existsSync(at('dry'))).toBe(false);
    expect(out.split('\n').map((line) => line.split(':')[0])).toEqual([
      'rows',
      '         held out by prompt, each by its own hash with a chance of 0.2, so that it stays on its side when rows are added',
      'steps',
      'tokens',
      'trained',
      'memory',
      'disk',
      'time',
      'int8',
      '',
    ]);
    const json = await cli(DPO, dryWords('--json'));
    expect((JSON.parse(json.out) as RunPlan).steps.total).toBe(3);
    expect(eventsOf(json.err).at(-1)!.event).toBe('done');
  });

  it('sweep plans every run and sums them up', async () => {
    const { code, out } = await cli(SWEEP, dryWords('--beta', '0.1,0.2', '--epochs', '1,3', '--json'));
    const plan = JSON.parse(out) as { time: { seconds: number }; runs: { name: string; plan: RunPlan }[] };
    expect([code, existsSync(at('dry'))]).toEqual([0, false]);
    expect(plan.runs.map(({ name, plan: { steps } }) => [name, steps.total])).toEqual([
      ['beta-0.1_epochs-1', 3],
      ['beta-0.1_epochs-3', 9],
      ['beta-0.2_epochs-1', 3],
      ['beta-0.2_epochs-3', 9],
    ]);
    expect(plan.time.seconds).toBeGreaterThan(plan.runs[0]!.plan.time!.seconds);
  });
});
