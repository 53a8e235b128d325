import { expect, test } from 'vitest';
import { evidenceOfComparison, judgeGate, type GateEvidence } from './index.ts';

const around = (value: number, half: number) => ({ value, interval: { low: value - half, high: value + half } });

const win = (low: number, high: number) => ({ winRate: { rate: (low + high) / 2, interval: { low, high } } });

/** All that is measured, and good. */
const GOOD: GateEvidence = {
  prompts: 240,
  winRate: { rate: 0.64, interval: { low: 0.57, high: 0.7 } },
  lengthControlled: { rate: 0.6, interval: { low: 0.53, high: 0.67 } },
  lengthRatio: 1.1,
  kl: around(0.05, 0.01),
  behaviour: { refusal: around(0, 0.01), repetition: around(-0.01, 0.01), cut: around(0.005, 0.01) },
  knowledge: { facts: around(0.01, 0.02) },
  largestPersonShare: 0.01,
};

function outcomesOf(change: Partial<GateEvidence>): readonly [string, string[]] {
  const { outcome, checks } = judgeGate({ ...GOOD, ...change });
  return [
    outcome,
    checks.filter((check) => check.outcome !== 'passed').map(({ name, outcome: how }) => `${name} ${how}`),
  ];
}

test('what is measured and good passes, and each fault by itself is found', () => {
  expect(outcomesOf({})).toEqual(['passed', []]);
  expect(outcomesOf(win(0.49, 0.6))).toEqual(['failed', ['win rate failed']]);
  expect(outcomesOf(win(0.5, 0.6))).toEqual(['failed', ['win rate failed']]);
  expect(
    outcomesOf({ lengthRatio: 1.3, lengthControlled: { rate: 0.5, interval: { low: 0.45, high: 0.55 } } }),
  ).toEqual(['failed', ['length failed']]);
  expect(outcomesOf({ lengthRatio: 1.3 })).toEqual(['passed', []]);
  expect(outcomesOf({ kl: around(0.24, 0.02) })).toEqual(['failed', ['distance failed']]);
  expect(outcomesOf({ behaviour: { ...GOOD.behaviour, refusal: around(0.1, 0.01) } })).toEqual([
    'failed',
    ['refusals failed'],
  ]);
  expect(outcomesOf({ knowledge: { facts: around(-0.1, 0.01) } })).toEqual(['failed', ['facts failed']]);
  expect(outcomesOf({ largestPersonShare: 0.03 })).toEqual(['failed', ['people failed']]);
});

test('what was not measured, or on too little, holds; it neither passes nor fails', () => {
  expect(outcomesOf({ winRate: undefined })).toEqual(['held', ['win rate not_measured']]);
  expect(outcomesOf({ prompts: 199 })).toEqual(['held', ['win rate not_measured']]);
  expect(outcomesOf({ kl: undefined })).toEqual(['held', ['distance not_measured']]);
  expect(outcomesOf({ behaviour: { ...GOOD.behaviour, refusal: around(0.01, 0.05) } })).toEqual([
    'held',
    ['refusals not_measured'],
  ]);
  expect(outcomesOf({ knowledge: { facts: around(0, 0.1) } })).toEqual(['held', ['facts not_measured']]);
  // Clearly worse is clear on few prompts too.
  expect(outcomesOf({ prompts: 40, winRate: { rate: 0.2, interval: { low: 0.1, high: 0.35 } } })[0]).toBe('failed');
  // Not needed: told, and nothing is held up.
  expect(outcomesOf({ largestPersonShare: undefined })).toEqual(['passed', ['people not_measured']]);
});

const COMPARISON = {
  contestants: [{ name: 'base' }, { name: 'tuned' }],
  prompts: 240,
  pairs: [
    {
      model: 'tuned',
      baseline: 'base',
      winRate: { rate: 0.6, interval: { low: 0.55, high: 0.65 } },
      lengthControlled: null,
      lengthRatio: 1.05,
    },
  ],
  measured: [
    {
      name: 'tuned',
      reference: 'base',
      evaluation: {
        behaviour: {
          lines: [
            { measure: 'refusal', difference: around(0.01, 0.005) },
            { measure: 'cut', difference: null },
          ],
        },
        kl: { perToken: around(0.1, 0.02) },
      },
    },
  ],
};

test('a comparison is read as it is written; a distance from another model is not taken for that from the first', () => {
  const of = { file: 'comparison.json', candidate: 'tuned', baseline: 'base' };
  expect(evidenceOfComparison(COMPARISON, of)).toEqual({
    prompts: 240,
    winRate: { rate: 0.6, interval: { low: 0.55, high: 0.65 } },
    lengthControlled: undefined,
    lengthRatio: 1.05,
    kl: around(0.1, 0.02),
    behaviour: { refusal: around(0.01, 0.005) },
  });
  expect(evidenceOfComparison(COMPARISON, { ...of, origin: 'first' }).kl).toBeUndefined();
  expect(() => evidenceOfComparison(COMPARISON, { ...of, candidate: 'other' })).toThrow(
    /must compare other with base, got base, tuned/,
  );
  expect(() => evidenceOfComparison({ pairs: 1 }, of)).toThrow(/must be the comparison.json of preftune compare/);
});
