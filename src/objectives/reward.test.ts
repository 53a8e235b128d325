import { describe, expect, test } from 'vitest';
import type { Loss } from './definition.ts';
import { LOSSES } from './registry.ts';
import { implicitReward, REWARD_FORMS } from './reward.ts';

// d = 3 nats over 6 tokens, K = 0.5.
const ANSWER = { logps: -9, referenceLogps: -12, tokens: 6, sequentialKl: 0.5 };

describe('implicit rewards by hand, beta 0.2', () => {
  test.each([
    ['answer', 0.6],
    ['token', 0.1],
    ['sequential-kl', 0.7],
    // exp(3) - 1 + 3
    ['chi-squared', 0.2 * (Math.exp(3) + 2)],
  ] as const)('%s', (form, reward) => {
    expect(implicitReward(form, 0.2, ANSWER)).toBeCloseTo(reward, 14);
  });

  test('0 where policy and reference agree, odd where no ratio is an exponential, finite at 1000 nats', () => {
    for (const form of Object.keys(REWARD_FORMS) as (keyof typeof REWARD_FORMS)[]) {
      expect(implicitReward(form, 0.2, { ...ANSWER, logps: -12, sequentialKl: 0 })).toBe(0);
      for (const logps of [-1000, 1000])
        expect(Number.isFinite(implicitReward(form, 1, { ...ANSWER, logps, referenceLogps: 0 }))).toBe(true);
    }
    // exp(40), where the exponent is cut, and the log-ratio itself.
    const far = implicitReward('chi-squared', 1, { logps: 100, referenceLogps: 0, tokens: 1 });
    expect(far / (Math.expm1(40) + 100)).toBeCloseTo(1, 12);
  });
});

test('a loss without a reference has a reward that needs none', () => {
  const free = (Object.values(LOSSES) as Loss[]).filter(({ needsReference }) => !needsReference);
  expect(free.map(({ name, reward }) => `${name} ${REWARD_FORMS[reward].free}`)).toEqual([
    'cpo beta s',
    'simpo beta m',
    'orpo beta m',
    'sft beta m',
    'tpo beta s',
    'tpo_l beta m',
  ]);
});
