import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { rewardBenchScore } from './reward-bench.ts';
import { answerScores, summariseScores, type PairScore } from './score-summary.ts';

interface Sides {
  readonly chosen: number[];
  readonly rejected: number[];
}

interface Recorded {
  readonly subsets: string[];
  readonly tokens: Sides;
  readonly logps: Sides;
  readonly reference: Sides | null;
  readonly accuracy: number;
  readonly grouped: Record<string, number>;
  readonly sections: Record<string, number>;
}

/** Recorded by fixtures/record_reward_bench.py from RewardBench's code: with a reference, by mean log-probability without one, and a part of its subsets. */
const RECORDED = JSON.parse(
  readFileSync(join(import.meta.dirname, 'fixtures', 'reward-bench.json'), 'utf8'),
) as Recorded[];

function pair(id: string, more: Partial<PairScore> & { chosen?: number; rejected?: number }): PairScore {
  const { chosen = 10, rejected = 10, ...rest } = more;
  return { id, tokens: { prompt: 5, chosen, rejected }, chosenLogps: -10, rejectedLogps: -12, ...rest };
}

describe("RewardBench's own numbers", () => {
  test.each(RECORDED)('%#', ({ subsets, tokens, logps, reference, accuracy, grouped, sections }) => {
    const rows = subsets.map((source, i): PairScore => ({
      id: String(i),
      source,
      tokens: { prompt: 1, chosen: tokens.chosen[i]!, rejected: tokens.rejected[i]! },
      chosenLogps: logps.chosen[i]!,
      rejectedLogps: logps.rejected[i]!,
      ...(reference === null
        ? {}
        : { referenceChosenLogps: reference.chosen[i]!, referenceRejectedLogps: reference.rejected[i]! }),
    }));
    const summary = summariseScores(rows, { measure: reference === null ? 'mean-logps' : 'reward', beta: 0.1 });
    expect(summary.strictAccuracy).toBeCloseTo(accuracy, 12);
    expect(Object.fromEntries(summary.sources.map(({ name, strictAccuracy }) => [name, strictAccuracy]))).toEqual(
      Object.fromEntries(Object.entries(grouped).map(([name, value]) => [name, expect.closeTo(value, 12)])),
    );
    const { rewardBench } = summary;
    // RewardBench gives sections of which nothing is there 0.
    const present = Object.entries(sections).filter(([name]) =>
      rewardBench!.sections.some(({ section }) => section === name),
    );
    expect(rewardBench!.sections.map(({ section, score }) => [section, score])).toEqual(
      present.map(([name, value]) => [name, expect.closeTo(value, 12)]),
    );
    expect(rewardBench!.score).toBeCloseTo(present.reduce((sum, [, value]) => sum + value, 0) / present.length, 12);
    expect(rewardBench!.missing.length).toBe(23 - Object.keys(grouped).length);
  });

  test('subsets that are not its own have no sections', () => {
    expect(rewardBenchScore(new Map([['helpful-base', 0.6]]))).toBeUndefined();
  });
});

describe('a summary by hand', () => {
  const reference = { referenceChosenLogps: -11, referenceRejectedLogps: -11 };
  const rows = [
    // Margins at beta 0.5: 0.5 * ((-10 + 11) - (-12 + 11)) = 1, 0 and -2.
    pair('1', { ...reference, source: 'b', chosen: 40, rejected: 20 }),
    pair('2', { ...reference, source: 'a', rejectedLogps: -10, chosen: 30, rejected: 31 }),
    pair('3', { ...reference, source: 'b', rejectedLogps: -6, chosen: 8, rejected: 64 }),
  ];
  const summary = summariseScores(rows, { measure: 'reward', beta: 0.5, prompts: [7, 8, 7] });

  test('of all', () => {
    expect(summary).toMatchObject({
      measure: 'reward',
      rows: 3,
      accuracy: 0.5,
      strictAccuracy: 1 / 3,
      margin: expect.closeTo(-1 / 3, 12),
      chosen: 0.5,
      rejected: expect.closeTo((-0.5 + 0.5 + 2.5) / 3, 12),
      // Longer: right, wrong, wrong.
      longerAccuracy: 1 / 3,
    });
    // Variance of 1, 0, -2: (16 + 1 + 25) / 9 / 2 = 7 / 3.
    expect(summary.marginError).toBeCloseTo(Math.sqrt(7 / 3 / 3), 12);
    expect(summary.rewardBench).toBeUndefined();
  });

  test('by source, by length of the longer answer, by difference', () => {
    const shown = (groups: typeof summary.sources): unknown[] =>
      groups.map(({ name, rows: count, accuracy, margin }) => [name, count, accuracy, margin]);
    expect(shown(summary.sources)).toEqual([
      ['a', 1, 0.5, 0],
      ['b', 2, 0.5, -0.5],
    ]);
    expect(shown(summary.lengths)).toEqual([
      ['0-31 tokens', 1, 0.5, 0],
      ['32-63 tokens', 1, 1, 1],
      ['64-127 tokens', 1, 0, -2],
    ]);
    expect(shown(summary.differences)).toEqual([
      ['chosen longer', 1, 1, 1],
      ['about equal', 1, 0.5, 0],
      ['rejected longer', 1, 0, -2],
    ]);
  });

  test('rows of one prompt are one unit: no interval from a single prompt', () => {
    expect(summary.sources.map(({ interval }) => interval)).toEqual([null, null]);
    expect(summary.interval!.low).toBeLessThan(0.5);
  });

  test('the measures', () => {
    const row = pair('1', { chosen: 4, rejected: 3 });
    expect(answerScores(row, { measure: 'logps', beta: 1 })).toEqual({ chosen: -10, rejected: -12 });
    expect(answerScores(row, { measure: 'mean-logps', beta: 1 })).toEqual({ chosen: -2.5, rejected: -4 });
  });
});
