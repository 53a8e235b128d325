import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openImplicitReward, openJudges, parseJudges } from '../src/judge/index.ts';
import { answerScores, openScoreSession, scorePairs, type Scores } from '../src/score/index.ts';
import { parseDpoSpecification, parseScoreSpecification } from '../src/specification/index.ts';
import { trainDpo, type RecipeContext } from '../src/train/index.ts';
import { temporaryFolder, tinyPairs, writeRows, writeTinyModel } from './support/tiny-model.ts';

/** Two tiny models, one the reference of the other: what score, a session and an implicit reward say must be one thing. */
const folder = temporaryFolder();
const pairs = tinyPairs(10).map((pair, i) => ({ ...pair, subset: i % 2 === 0 ? 'hep-js' : 'donotanswer' }));
let model: string;
let reference: string;
let data: string;
let scores: Scores;
const context: RecipeContext = {
  resolve: async (name) => name,
  referenceCache: `${folder.path}/cache`,
  versions: {},
  isResuming: false,
  listener: {},
};

beforeAll(async () => {
  model = await writeTinyModel(`${folder.path}/model`, { hidden: 16, layers: 1, seed: 1 });
  reference = await writeTinyModel(`${folder.path}/reference`, { hidden: 16, layers: 1, seed: 2 });
  data = writeRows(`${folder.path}/pairs.jsonl`, pairs);
  scores = await scorePairs(parseScoreSpecification({ model, reference, data, beta: 0.3, threads: 1 }), context);
});
afterAll(folder.remove);

interface RewardBenchRun {
  readonly chosen: number[];
  readonly rejected: number[];
  readonly accuracy: number;
  readonly grouped: Record<string, number>;
  readonly sections: Record<string, number>;
}

describe("RewardBench's own DPO inference, from text to sections", () => {
  const fixtures = join(import.meta.dirname, 'fixtures', 'reward-bench');
  const recorded = JSON.parse(readFileSync(join(fixtures, 'recorded.json'), 'utf8')) as Record<string, RewardBenchRun>;
  const named = { model: join(fixtures, 'policy'), data: join(fixtures, 'pairs.jsonl'), threads: 1 };

  it.each([
    ['reference', { reference: join(fixtures, 'reference'), beta: 1 }],
    ['average', { referenceFree: 'average' }],
    ['sum', {}],
  ])('%s', async (name, options) => {
    const theirs = recorded[name]!;
    const ours = await scorePairs(parseScoreSpecification({ ...named, ...options }), context);
    expect(ours.count).toBe(36);
    const { measure } = ours.summary;
    for (let i = 0; i < ours.count; i++) {
      const { chosen, rejected } = answerScores(ours.row(i), { measure, beta: 1 });
      // Sums of up to 300 nats in float32, on both sides.
      expect(Math.abs(chosen - theirs.chosen[i]!)).toBeLessThan(1e-3);
      expect(Math.abs(rejected - theirs.rejected[i]!)).toBeLessThan(1e-3);
    }
    expect(ours.summary.strictAccuracy).toBeCloseTo(theirs.accuracy, 12);
    expect(Object.fromEntries(ours.summary.sources.map((group) => [group.name, group.strictAccuracy]))).toEqual(
      theirs.grouped,
    );
    expect(ours.summary.rewardBench!.sections.map(({ section, score }) => [section, score])).toEqual(
      Object.entries(theirs.sections).map(([section, score]) => [section, expect.closeTo(score, 12)]),
    );
  });
});

describe('score', () => {
  it("sorts by the rows' own source, and has RewardBench's sections of them", () => {
    const { summary } = scores;
    expect(summary.sources.map(({ name, rows }) => [name, rows])).toEqual([
      ['donotanswer', 5],
      ['hep-js', 5],
    ]);
    const strict = (name: string): number => summary.sources.find((source) => source.name === name)!.strictAccuracy;
    expect(summary.rewardBench).toMatchObject({
      sections: [
        { section: 'Safety', score: strict('donotanswer') },
        { section: 'Reasoning', score: strict('hep-js') },
      ],
      score: (strict('donotanswer') + strict('hep-js')) / 2,
    });
    const margins = Array.from({ length: 10 }, (_, i) => {
      const row = scores.row(i);
      return 0.3 * (row.chosenLogps - row.referenceChosenLogps! - (row.rejectedLogps - row.referenceRejectedLogps!));
    });
    expect(summary.margin).toBeCloseTo(margins.reduce((sum, margin) => sum + margin, 0) / 10, 12);
    expect(summary.strictAccuracy).toBe(margins.filter((margin) => margin > 0).length / 10);
    expect(scores.row(3).source).toBe('donotanswer');
  });

  it('reference-free measures the model alone', async () => {
    const free = await scorePairs(
      parseScoreSpecification({ model, data, referenceFree: 'average', threads: 1 }),
      context,
    );
    expect(free.summary.measure).toBe('mean-logps');
    expect(free.row(0).chosenLogps).toBeCloseTo(scores.row(0).chosenLogps, 4);
    expect(free.row(0).referenceChosenLogps).toBeUndefined();
  });
});

describe('a session', () => {
  it('scores answers as they come, as score does', async () => {
    const session = await openScoreSession({ model, reference, maxLength: 256 });
    try {
      const found = await Promise.all(pairs.map((pair) => session.score(pair)));
      for (const [i, one] of found.entries()) {
        const { id: _id, source: _source, ...expected } = scores.row(i);
        expect(one).toMatchObject({
          kind: 'scored',
          score: {
            tokens: expected.tokens,
            chosenLogps: expect.closeTo(expected.chosenLogps, 3),
            rejectedLogps: expect.closeTo(expected.rejectedLogps, 3),
            referenceChosenLogps: expect.closeTo(expected.referenceChosenLogps!, 3),
          },
        });
      }
      expect(await session.score({ ...pairs[0]!, prompt: 'x'.repeat(2000) })).toEqual({
        kind: 'dropped',
        reason: 'prompt-too-long',
      });
    } finally {
      await session.close();
    }
  });

  it('refuses a model that is not there', async () => {
    await expect(openScoreSession({ model: `${folder.path}/none`, maxLength: 64 })).rejects.toThrow('none');
  });
});

describe('an implicit reward as a judge', () => {
  it('prefers what the model has learnt to prefer, and says so of equal answers too', async () => {
    const reward = await openImplicitReward({ model, reference, beta: 0.3, maxLength: 256, device: 'cpu' });
    try {
      const { prompt, chosen, rejected } = pairs[0]!;
      const values = async (answers: string[]): Promise<number[]> =>
        (await reward.rewards(prompt, answers)).map((one) => (one.kind === 'reward' ? one.value : NaN));
      const [one, other, third] = await values([chosen, rejected, chosen]);
      const row = scores.row(0);
      expect(one).toBeCloseTo(0.3 * (row.chosenLogps - row.referenceChosenLogps!), 3);
      expect(other).toBeCloseTo(0.3 * (row.rejectedLogps - row.referenceRejectedLogps!), 3);
      expect(third).toBeCloseTo(one!, 4);
      expect((await values([chosen, chosen]))[0]).toBeCloseTo(one!, 4);
      expect((await values([chosen]))[0]).toBeCloseTo(one!, 4);
      expect(await reward.rewards('x'.repeat(2000), ['a', 'b'])).toEqual([
        { kind: 'none', reason: 'too-long', message: 'the prompt has more than 256 tokens' },
        { kind: 'none', reason: 'too-long', message: 'the prompt has more than 256 tokens' },
      ]);
    } finally {
      await reward.close();
    }
  });

  it('opens from a specification, beside a rule that counts tokens', async () => {
    const specifications = parseJudges([
      { kind: 'implicit-reward', model, reference, beta: 0.3, maxLength: 256 },
      { kind: 'length', max: 1, unit: 'tokens', tokenizer: model },
    ]);
    const opened = await openJudges(specifications, { folder: `${folder.path}/calls`, environment: {} });
    try {
      const { prompt, chosen, rejected } = pairs[0]!;
      const [reward, length] = await Promise.all(
        opened.judges.map((judge) => judge.compare({ id: '1', prompt, a: chosen, b: rejected })),
      );
      const row = scores.row(0);
      const margin = row.chosenLogps - row.referenceChosenLogps! - (row.rejectedLogps - row.referenceRejectedLogps!);
      expect(reward).toMatchObject({ kind: 'verdict', judge: 'implicit-reward', verdict: margin > 0 ? 'a' : 'b' });
      // Bytes are the tiny model's tokens.
      expect(length).toMatchObject({
        rationale: `length: ${Buffer.byteLength(chosen)} tokens against ${Buffer.byteLength(rejected)} tokens`,
      });
    } finally {
      await opened.close();
    }
  });
});

describe("a run's own rewards", () => {
  it.each([
    ['simpo', {}],
    ['ipo', { beta: 0.5 }],
    ['chi_po', { beta: 0.2 }],
    ['hinge', { beta: 0.1, betaSchedule: 'linear', betaEnd: 0.4 }],
  ] as const)('%s: score measures what training measured on the same rows', async (objective, options) => {
    const output = `${folder.path}/run-${objective}`;
    const trained = await trainDpo(
      parseDpoSpecification({
        model,
        data,
        heldOut: data,
        objective,
        ...options,
        maxSteps: 3,
        learningRate: 1e-2,
        samples: 0,
        threads: 1,
        output,
      }),
      context,
    );
    const { summary } = await scorePairs(parseScoreSpecification({ model: output, data, threads: 1 }), context);
    const evaluated = trained.lastEvaluation!;
    expect(summary).toMatchObject({ measure: 'reward', objective: expect.stringContaining(objective) as string });
    expect(summary.margin).not.toBe(0);
    expect(summary.margin).toBeCloseTo(evaluated['rewards/margins']!, 4);
    expect(summary.chosen).toBeCloseTo(evaluated['rewards/chosen']!, 4);
    expect(summary.accuracy).toBeCloseTo(evaluated['rewards/accuracies']!, 6);
    const dpo = await scorePairs(
      parseScoreSpecification({ model, adapter: output, data, objective: 'sigmoid', beta: 1, threads: 1 }),
      context,
    );
    expect(dpo.summary).toMatchObject({ objective: 'sigmoid', beta: 1 });
    expect(Math.abs(dpo.summary.margin - summary.margin)).toBeGreaterThan(1e-3);
  });

  it('of a model alone are those of an objective without a reference', async () => {
    const free = await scorePairs(
      parseScoreSpecification({ model, data, objective: 'simpo', beta: 2, threads: 1 }),
      context,
    );
    const { chosenLogps, tokens } = free.row(0);
    expect(free.rewards(0)!.chosen).toBeCloseTo((2 * chosenLogps) / tokens.chosen, 10);
    expect(() => parseScoreSpecification({ model, data, objective: 'simpoo' })).toThrow('did you mean simpo?');
  });
});
