import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openNamedModel, parseModelName } from '../src/policy/index.ts';
import { scorePairs } from '../src/score/index.ts';
import { parseScoreSpecification } from '../src/specification/index.ts';
import { findCheckpoint, readMetrics, readRunFile } from '../src/store/index.ts';
import { temporaryFolder, writeRows, writeTinyModel } from './support/tiny-model.ts';
import { contraryPairs } from './support/overfitting.ts';
import { metricLines, runDpo, runSft, type RunOptions, type ToldRun } from './support/training.ts';

/** Runs that learn a few rows by heart: the best model on held-out rows is an early one, which must stay, be found, and survive whatever ends the run. */
const folder = temporaryFolder();
const at = (...names: string[]): string => join(folder.path, ...names);
let runs = 0;

beforeAll(async () => {
  await writeTinyModel(at('model'), { hidden: 16, layers: 1 });
  writeRows(
    at('pairs.jsonl'),
    contraryPairs(0, 6, (i) => i % 3 === 0),
  );
  writeRows(
    at('held-out.jsonl'),
    contraryPairs(100, 12, (i) => i % 4 === 1),
  );
});
afterAll(folder.remove);

type Given = Readonly<Record<string, unknown>>;

const LORA: Given = { learningRate: 5e-3, lora: { rank: 4 } };
const FULL: Given = { method: 'full', learningRate: 1e-3 };

function given(more: Given = LORA): Given {
  return {
    ...(more['method'] === undefined && LORA),
    model: at('model'),
    data: at('pairs.jsonl'),
    heldOut: at('held-out.jsonl'),
    batchSize: 6,
    epochs: 30,
    beta: 0.3,
    warmupRatio: 0,
    schedule: 'constant',
    samples: 0,
    ...more,
  };
}

const output = (): string => at(`run-${runs++}`);
const dpo = (more: Given, options: Partial<RunOptions> = {}): Promise<ToldRun> =>
  runDpo({ output: output(), ...given(more) }, { folder: folder.path, ...options });

/** Runs that nothing disturbs, each trained once. */
const known = new Map<string, Promise<ToldRun>>();
function undisturbed(more: Given): Promise<ToldRun> {
  const key = JSON.stringify(more);
  const run = known.get(key) ?? dpo(more);
  known.set(key, run);
  return run;
}
const checkpointsOf = (run: string): string[] => readdirSync(join(run, 'checkpoints')).toSorted();
const lossAt = (run: string, step: number): number =>
  Number(readMetrics(join(run, 'metrics.jsonl')).find((one) => one.step === step && 'eval_loss' in one)!['eval_loss']);

function digestOf(run: string): string {
  const [path] = [join(run, 'adapter', 'adapter_model.safetensors'), join(run, 'model', 'model.safetensors')].filter(
    (one) => existsSync(one),
  );
  return createHash('sha256').update(readFileSync(path!)).digest('hex');
}

/** The lowest held-out loss after the start, by the log alone. */
function lowest(run: string): { step: number; loss: number } {
  const all = readMetrics(join(run, 'metrics.jsonl')).flatMap(({ step, eval_loss: loss }) =>
    step > 0 && typeof loss === 'number' ? [{ step, loss }] : [],
  );
  return all.reduce((best, one) => (one.loss < best.loss ? one : best));
}

describe('the best checkpoint', () => {
  it.each([
    { name: 'an adapter', more: LORA },
    { name: 'every weight', more: FULL },
  ])(
    '$name: it stays beside the newest, is named everywhere, and is what score measures as it was recorded',
    async ({ more }) => {
      const { result } = await dpo({ ...more, keepCheckpoints: 1 });
      const { run } = result;
      const best = lowest(run);
      expect(best.step).toBeLessThan(30);
      expect(checkpointsOf(run)).toEqual([`step-${best.step}`, 'step-30'].toSorted());
      expect(findCheckpoint(run, 'best')).toMatchObject({ step: best.step, best: { value: best.loss } });
      const kind = more === FULL ? 'model' : 'adapter';
      expect(readRunFile(run).outcome).toEqual({
        step: 30,
        totalSteps: 30,
        isComplete: true,
        isEarly: false,
        artefact: { folder: kind, step: 30, choice: 'last' },
        best: { step: best.step, metric: 'loss', value: best.loss },
      });
      expect(result.choice).toBe(
        `held-out loss was lowest at step ${best.step} of 30 (${best.loss.toFixed(4)}; ${lossAt(run, 30).toFixed(4)} at step 30); ` +
          `the ${kind} is that of step 30: ${run}@best names the other, and --resume --load-best writes it`,
      );
      expect(readFileSync(join(run, 'report.html'), 'utf8')).toContain(`lowest at step ${best.step} of 30`);
      // -log sigmoid of the scored margins is the loss that the run measured at that step.
      for (const [step, loss] of [
        [best.step, best.loss],
        [30, lossAt(run, 30)],
      ] as const) {
        const scores = await scorePairs(
          parseScoreSpecification({
            model: `${run}@step-${step}`,
            data: at('held-out.jsonl'),
            reference: at('model'),
            beta: 0.3,
            threads: 1,
          }),
          { resolve: async (name) => name, referenceCache: at('reference'), listener: {} },
        );
        let sum = 0;
        for (let row = 0; row < scores.count; row++) {
          const { chosenLogps, rejectedLogps, referenceChosenLogps, referenceRejectedLogps } = scores.row(row);
          sum += Math.log1p(
            Math.exp(-0.3 * (chosenLogps - rejectedLogps - referenceChosenLogps! + referenceRejectedLogps!)),
          );
        }
        expect(Math.abs(sum / scores.count - loss)).toBeLessThan(1e-5);
      }
    },
  );

  it('is taken where it is found, however seldom a checkpoint is due, and the new one is there before the old one goes', async () => {
    const seen: string[][] = [];
    const run = output();
    const { result } = await runDpo(
      { output: run, ...given(LORA), evaluateSteps: 2, checkpointSteps: 20, keepCheckpoints: 1 },
      { folder: folder.path, onCheckpoint: () => seen.push(checkpointsOf(run)) },
    );
    const best = lowest(run);
    // Every improvement is a checkpoint; after the best one those that are due, and the last.
    expect(seen.at(-1)).toEqual([`step-${best.step}`, 'step-30'].toSorted());
    expect(seen.every((names) => names.length <= 2)).toBe(true);
    expect(best.step % 20).not.toBe(0);
    expect(result.outcome?.best?.step).toBe(best.step);
  });

  it('--keep best keeps one newest beside it, --keep last none', async () => {
    const [one, other] = [
      await dpo({ keep: ['best'], keepCheckpoints: 3 }),
      await dpo({ keep: ['last'], keepCheckpoints: 3 }),
    ];
    const best = lowest(one.result.run).step;
    expect(checkpointsOf(one.result.run)).toEqual([`step-${best}`, 'step-30'].toSorted());
    expect(checkpointsOf(other.result.run)).toEqual(['step-24', 'step-27', 'step-30']);
    expect(metricLines(one.result.run)).toEqual(metricLines(other.result.run));
    expect(other.result.choice).toContain('--keep last kept no other');
  });

  it('a run without held-out rows has none, and says nothing of one', async () => {
    const { heldOut: _none, ...unheld } = given(LORA);
    const { result } = await runDpo({ ...unheld, output: output(), maxSteps: 2 }, { folder: folder.path });
    expect([result.choice, result.outcome?.best]).toEqual([undefined, undefined]);
    expect(readRunFile(result.run).specification).toMatchObject({ keep: ['last'], loadBest: false });
  });

  it('of accuracies the first of the highest', async () => {
    const { result } = await dpo({ bestMetric: 'accuracy', evaluateSteps: 1, epochs: 12 });
    const all = readMetrics(join(result.run, 'metrics.jsonl')).filter((one) => one.step > 0 && 'eval_loss' in one);
    const top = Math.max(...all.map((one) => one['eval_rewards/accuracies']!));
    const first = all.find((one) => one['eval_rewards/accuracies'] === top)!.step;
    expect(result.outcome?.best).toEqual({ step: first, metric: 'accuracy', value: top });
    expect(existsSync(join(result.run, 'checkpoints', `step-${first}`))).toBe(true);
  });
});

describe('--load-best', () => {
  it.each([
    { name: 'an adapter', more: LORA },
    { name: 'every weight', more: FULL },
  ])(
    '$name: the artefact is the best step, bit for bit, also when a finished run is asked for it',
    async ({ more }) => {
      const straight = await dpo({ ...more, loadBest: true });
      const best = lowest(straight.result.run).step;
      expect(straight.result.outcome?.artefact).toMatchObject({ step: best, choice: 'best' });
      expect(straight.result.artefactEvaluation?.['loss']).toBe(lowest(straight.result.run).loss);
      // A run that ends at that step: the schedule is constant, so its last model is this one.
      const short = await dpo({ ...more, maxSteps: best, evaluateSteps: 3, checkpointSteps: 3 });
      expect(digestOf(straight.result.run)).toBe(digestOf(short.result.run));

      const later = await dpo(more);
      expect(digestOf(later.result.run)).not.toBe(digestOf(straight.result.run));
      const again = await dpo({ ...more, output: later.result.run, loadBest: true }, { isResuming: true });
      expect([again.steps.length, again.result.outcome?.artefact.choice]).toEqual([0, 'best']);
      expect(digestOf(later.result.run)).toBe(digestOf(straight.result.run));
      expect(readRunFile(later.result.run).outcome?.artefact.step).toBe(best);
      expect(metricLines(later.result.run)).toEqual(metricLines(straight.result.run));
    },
  );

  it('a best checkpoint that somebody removed is told, and the last model is not lost with it', async () => {
    const { result } = await dpo({});
    const best = lowest(result.run).step;
    rmSync(join(result.run, 'checkpoints', `step-${best}`), { recursive: true });
    const again = await dpo({ output: result.run, loadBest: true }, { isResuming: true });
    expect(again.warnings).toEqual([
      `the best checkpoint, step-${best}, is not there any more: the artefact is that of step 30`,
    ]);
    expect(readRunFile(result.run).outcome?.artefact).toEqual({ folder: 'adapter', step: 30, choice: 'last' });
  });
});

/** That so few steps are few is said too, and tested elsewhere. */
function ofPatience(warnings: readonly string[]): string[] {
  return warnings.filter((text) => text.includes('patience'));
}

describe('early stopping', () => {
  const early = { evaluateSteps: 2, checkpointSteps: 7, earlyStoppingPatience: 3 };

  it('ends after so many evaluations without a better one, and leaves the best as the artefact', async () => {
    const { result, evaluations } = await undisturbed(early);
    const { run } = result;
    const best = lowest(run);
    expect(result.outcome).toMatchObject({
      step: best.step + 6,
      totalSteps: 30,
      isComplete: true,
      isEarly: true,
      artefact: { step: best.step, choice: 'best' },
    });
    expect(evaluations.slice(-3).every(({ loss }) => loss! > best.loss)).toBe(true);
    expect([result.isComplete, existsSync(join(run, 'checkpoints', `step-${best.step + 6}`))]).toEqual([true, true]);
    // Resumed as it is there is nothing to do.
    const again = await dpo({ ...early, output: run }, { isResuming: true });
    expect([again.steps.length, again.result.steps, again.result.isComplete]).toEqual([0, best.step + 6, true]);
    expect(again.result.outcome).toEqual(result.outcome);
  });

  it('with more patience an ended run goes on as if it had had it from the start', async () => {
    const [straight, ended] = [await undisturbed({ ...early, earlyStoppingPatience: 6 }), await dpo(early)];
    const more = await dpo({ ...early, output: ended.result.run, earlyStoppingPatience: 6 }, { isResuming: true });
    expect(more.steps.length).toBeGreaterThan(0);
    expect(metricLines(ended.result.run)).toEqual(metricLines(straight.result.run));
    expect(digestOf(ended.result.run)).toBe(digestOf(straight.result.run));
    expect(readRunFile(ended.result.run).specification['earlyStoppingPatience']).toBe(6);
  });

  it.each([3, 4, 8])('stopped after step %i and resumed, it decides the same, bit for bit', async (stopAfter) => {
    const straight = await undisturbed(early);
    const stopped = await dpo(early, { stopAfter });
    expect(stopped.result).toMatchObject({ isComplete: false, steps: stopAfter });
    const resumed = await dpo({ ...early, output: stopped.result.run }, { isResuming: true });
    expect(metricLines(stopped.result.run)).toEqual(metricLines(straight.result.run));
    expect(resumed.result.outcome).toEqual(straight.result.outcome);
    expect(digestOf(stopped.result.run)).toBe(digestOf(straight.result.run));
  });

  it('by its default schedule, and for sft', async () => {
    const words = 'red blue green black white pink'.split(' ');
    const rows = (from: number) =>
      Array.from({ length: 8 }, (_, i) => ({
        prompt: `Colour of ${((from + i) * 7919) % 1000}?`,
        completion: ` ${words[(((from + i) * 7919) >> 3) % 6]} and ${words[(((from + i) * 104729) >> 4) % 6]}.`,
      }));
    writeRows(at('answers.jsonl'), rows(0));
    writeRows(at('other.jsonl'), rows(100));
    const { result } = await runSft(
      {
        model: at('model'),
        data: at('answers.jsonl'),
        heldOut: at('other.jsonl'),
        output: output(),
        method: 'full',
        learningRate: 3e-2,
        batchSize: 8,
        epochs: 40,
        samples: 0,
        earlyStoppingPatience: 2,
      },
      { folder: folder.path },
    );
    const best = lowest(result.run);
    expect(result.outcome).toMatchObject({ step: best.step + 8, isEarly: true, artefact: { step: best.step } });
  });

  it('patience that no run of so few evaluations can use up is said before the start', async () => {
    const { warnings, result } = await dpo({ epochs: 4, earlyStoppingPatience: 4 });
    expect(ofPatience(warnings)).toEqual([
      '--early-stopping-patience 4 cannot end this run: held-out rows are evaluated every 1 of 4 steps, 3 times before the last; lower it or --evaluate-steps',
    ]);
    expect(result.outcome).toMatchObject({ step: 4, isEarly: false });
    expect(ofPatience((await dpo({ epochs: 4, earlyStoppingPatience: 3 })).warnings)).toEqual([]);
  });
});

describe('a run that is stopped', () => {
  it.each([
    { name: 'an adapter', more: LORA, kind: 'adapter' },
    { name: 'every weight', more: FULL, kind: 'model' },
  ])('$name: leaves the model of its last checkpoint, which goes when it is taken up again', async ({ more, kind }) => {
    const stopped = await dpo(more, { stopAfter: 7 });
    const { run } = stopped.result;
    expect(stopped.result).toMatchObject({ isComplete: false, artefact: join(run, kind) });
    expect(readRunFile(run).outcome).toMatchObject({
      step: 7,
      isComplete: false,
      artefact: { folder: kind, step: 7, choice: 'last' },
    });
    // What it says is what a run of seven steps leaves.
    const short = await dpo({ ...more, maxSteps: 7, evaluateSteps: 3, checkpointSteps: 3 });
    expect(digestOf(run)).toBe(digestOf(short.result.run));
    const named = parseModelName(run);
    expect(named.notes).toEqual([
      `${run} was stopped after step 7 of 30 (--resume continues it): its ${kind}/ is that of step 7`,
    ]);
    const { close } = await openNamedModel(named, { resolve: async (name) => name });
    await close();
    // A copy that is killed after some more steps: no artefact of an earlier step is left to be taken for its own.
    let during: unknown;
    await dpo(
      { ...more, output: run },
      { isResuming: true, onCheckpoint: () => (during = [existsSync(join(run, kind)), readRunFile(run).outcome]) },
    );
    expect(during).toEqual([false, undefined]);
    const straight = await undisturbed(more);
    expect(digestOf(run)).toBe(digestOf(straight.result.run));
    expect(readRunFile(run).outcome).toEqual(readRunFile(straight.result.run).outcome);
  });

  it('with --load-best it leaves the best so far', async () => {
    const { result } = await dpo({ evaluateSteps: 1, loadBest: true }, { stopAfter: 14 });
    expect(result.outcome?.artefact).toEqual({ folder: 'adapter', step: lowest(result.run).step, choice: 'best' });
  });
});

it('a run of an earlier version, which recorded none of this, is resumed and keeps its best from then on', async () => {
  const straight = await undisturbed(LORA);
  const stopped = await dpo({}, { stopAfter: 2 });
  const { run } = stopped.result;
  const file = join(run, 'run.json');
  const {
    outcome: _outcome,
    specification,
    ...record
  } = JSON.parse(readFileSync(file, 'utf8')) as {
    outcome: unknown;
    specification: Record<string, unknown>;
  };
  const { keep: _keep, bestMetric: _metric, loadBest: _load, ...older } = specification;
  writeFileSync(file, JSON.stringify({ ...record, specification: older }));
  const resumed = await dpo({ output: run }, { isResuming: true });
  expect(resumed.result.outcome).toEqual(straight.result.outcome);
  expect(readRunFile(run).specification).toMatchObject({ keep: ['best', 'last'], bestMetric: 'loss' });
  expect(metricLines(run)).toEqual(metricLines(straight.result.run));
});
