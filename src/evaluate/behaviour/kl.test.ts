import { expect, test } from 'vitest';
import { estimateKl, type DrawnTokens } from './kl.ts';

/** Two tokens a text, three words, the second token's distribution depends on the first. */
const POLICY = {
  first: [0.5, 0.3, 0.2],
  second: [
    [0.6, 0.3, 0.1],
    [0.2, 0.2, 0.6],
    [1 / 3, 1 / 3, 1 / 3],
  ],
};
const REFERENCE = {
  first: [0.4, 0.4, 0.2],
  second: [
    [0.5, 0.25, 0.25],
    [0.1, 0.3, 0.6],
    [0.2, 0.5, 0.3],
  ],
};

function kl(p: readonly number[], q: readonly number[]): number {
  return p.reduce((sum, value, i) => sum + value * Math.log(value / q[i]!), 0);
}

/** KL of whole texts, by summing over all nine. */
function trueKl(): number {
  let sum = 0;
  for (const i of [0, 1, 2])
    for (const j of [0, 1, 2]) {
      const p = POLICY.first[i]! * POLICY.second[i]![j]!;
      sum += p * Math.log(p / (REFERENCE.first[i]! * REFERENCE.second[i]![j]!));
    }
  return sum;
}

function text(i: number, j: number): DrawnTokens {
  return {
    prompt: `${i}${j}`,
    logps: [Math.log(POLICY.first[i]!), Math.log(POLICY.second[i]![j]!)],
    referenceLogps: [Math.log(REFERENCE.first[i]!), Math.log(REFERENCE.second[i]![j]!)],
    kls: [kl(POLICY.first, REFERENCE.first), kl(POLICY.second[i]!, REFERENCE.second[i]!)],
  };
}

test('all three have the true KL as their mean: every text, weighted by its probability', () => {
  const means = { logRatio: 0, k3: 0, exact: 0 };
  for (const i of [0, 1, 2])
    for (const j of [0, 1, 2]) {
      const estimate = estimateKl([text(i, j)])!;
      const weight = POLICY.first[i]! * POLICY.second[i]![j]!;
      means.logRatio += weight * estimate.logRatio.value;
      means.k3 += weight * estimate.k3.value;
      means.exact += weight * estimate.exact!.value;
    }
  for (const mean of Object.values(means)) expect(mean).toBeCloseTo(trueKl(), 14);
});

test('the exact one is the best, k3 where it is not known; per token divides by all tokens', () => {
  const answers = [
    text(0, 0),
    { ...text(1, 2), logps: [-1, -1, -1], referenceLogps: [-1, -1, -2], kls: [0, 0.1, 0.2] },
  ];
  const estimate = estimateKl(answers)!;
  expect(estimate.method).toBe('exact');
  expect(estimate.perAnswer).toEqual(estimate.exact);
  expect(estimate.perToken.value).toBeCloseTo((2 * estimate.exact!.value) / 5, 14);
  const without = estimateKl(answers.map(({ kls: _kls, ...rest }) => rest))!;
  expect([without.method, without.exact, without.perAnswer]).toEqual(['k3', null, without.k3]);
  // By hand, the second answer alone: one token with difference 1.
  const second = estimateKl([{ prompt: 'a', logps: [-1, -1, -1], referenceLogps: [-1, -1, -2] }])!;
  expect([second.logRatio.value, second.k3.value]).toEqual([1, expect.closeTo(Math.exp(-1), 15)]);
});

test('answers of one prompt are one cluster; equal models have 0; bad input says where', () => {
  const twice = estimateKl([text(0, 0), text(0, 0), text(1, 1)])!;
  expect(twice.perAnswer.clusters).toBe(2);
  const same = estimateKl([{ prompt: 'a', logps: [-1, -2], referenceLogps: [-1, -2] }])!;
  expect([same.logRatio.value, same.k3.value]).toEqual([0, 0]);
  expect(estimateKl([])).toBeNull();
  expect(() => estimateKl([{ prompt: 'p7', logps: [-1], referenceLogps: [] }])).toThrow('got 1 and 0 for prompt p7');
});
