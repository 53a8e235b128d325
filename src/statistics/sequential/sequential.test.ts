import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createRandom } from '../../core/index.ts';
import { asymptoticInterval, sequentialRho } from './asymptotic.ts';
import { bettingSequence, predictableBet } from './betting.ts';
import { effectSequence } from './effect.ts';
import { logCoinEvidence, sampleRatio } from './mixtures.ts';

const STREAM = [1, 0, 1, 1, 0.5, 1, 0, 1, 1, 1];

describe('the betting sequence', () => {
  test('by hand: bets, and the wealth that is cut to 1', () => {
    // sqrt(2 ln 20 / (1 ln 2 / 4)), and so on; every one is above 1, to which 1 / 2m cuts it at m = 1/2.
    expect(predictableBet(1, 0.25, 0.05)).toBeCloseTo(5.880_087, 6);
    // The mean after x = 1 is 3/4: (1/4 + 1/16) / 2.
    expect(predictableBet(2, (0.25 + 0.0625) / 2, 0.05)).toBeCloseTo(4.177_527, 6);
    const sequence = bettingSequence({ alpha: 0.05, nulls: [0.5] });
    const wealth = STREAM.map((x) => {
      sequence.add(x);
      return Math.exp(sequence.state().tests[0]![0]);
    });
    // x = 1 gives 1.5, 0 gives 0.5, a tie 1.
    const factors = STREAM.map((x) => 0.5 + x);
    let product = 1;
    for (const [place, factor] of factors.entries()) expect(wealth[place]!).toBeCloseTo((product *= factor), 9);
    expect(product).toBeCloseTo(4.271_484, 6);
    expect(Math.exp(sequence.state().tests[0]![1])).toBeCloseTo(0.017_578, 6);
    expect(sequence.pValue(0.5)).toBeCloseTo(1 / 2.135_742, 6);
  });

  test('resumes from JSON to the same numbers', () => {
    const random = createRandom(3);
    const xs = Array.from({ length: 400 }, () => random.nextFloat() ** 3);
    const whole = bettingSequence({ alpha: 0.05, nulls: [0.25, 0.5] });
    let halves = bettingSequence({ alpha: 0.05, nulls: [0.25, 0.5] });
    for (const [place, x] of xs.entries()) {
      whole.add(x);
      halves.add(x);
      if (place % 97 === 0)
        halves = bettingSequence({ alpha: 0.05, nulls: [0.25, 0.5] }, JSON.parse(JSON.stringify(halves.state())));
    }
    expect(halves.state()).toEqual(whole.state());
    expect(halves.interval()).toEqual(whole.interval());
  });

  test('the interval excludes a tested mean exactly when its p has fallen to alpha, and never takes it back', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 120 }),
        fc.constantFrom('both', 'lower', 'upper'),
        (xs, sides) => {
          const sequence = bettingSequence({ alpha: 0.2, sides, nulls: [0.3, 0.5], gridSize: 50 });
          let before = sequence.interval();
          for (const x of xs) {
            sequence.add(x);
            const now = sequence.interval();
            expect(now.low).toBeGreaterThanOrEqual(before.low);
            expect(now.high).toBeLessThanOrEqual(before.high);
            before = now;
            if (sequence.isEmpty()) return;
            for (const mean of [0.3, 0.5])
              expect(now.low >= mean || now.high <= mean).toBe(
                Math.exp(-sequence.state().tests[[0.3, 0.5].indexOf(mean)]![2]) <= 0.2,
              );
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  test('a mean that wanders empties the interval, and that is said', () => {
    const sequence = bettingSequence({ alpha: 0.05 });
    for (let i = 0; i < 300; i++) sequence.add(0);
    expect(sequence.isEmpty()).toBe(false);
    for (let i = 0; i < 3000 && !sequence.isEmpty(); i++) sequence.add(1);
    expect(sequence.isEmpty()).toBe(true);
  });

  test('all zeros leave 0 inside; numbers and options out of range are refused', () => {
    const sequence = bettingSequence({ alpha: 0.05 });
    for (let i = 0; i < 500; i++) sequence.add(0);
    expect(sequence.interval().low).toBe(0);
    expect(sequence.interval().high).toBeLessThan(0.02);
    expect(() => sequence.add(NaN)).toThrow('numbers must be in [0, 1], got NaN');
    expect(() => bettingSequence({ alpha: 0 })).toThrow('alpha must be in (0, 1), got 0');
    expect(() => bettingSequence({ alpha: 0.1, gridSize: 10 }, sequence.state())).toThrow('same options');
  });
});

describe('the effect of a candidate', () => {
  test('a score never leaves the bound, whatever the propensity, the outcome and the means', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            isCandidate: fc.boolean(),
            propensity: fc.double({ min: 0.1, max: 0.9, noNaN: true }),
            outcome: fc.constantFrom(0, 1, 0.5),
          }),
          { maxLength: 60 },
        ),
        (units) => {
          let sums = [0, 0];
          let counts = [0, 0];
          for (const { isCandidate, propensity, outcome } of units) {
            const [m0, m1] = [0, 1].map((arm) => (counts[arm] === 0 ? 0.5 : sums[arm]! / counts[arm]!));
            const z = m1! - m0! + (isCandidate ? (outcome - m1!) / propensity : -(outcome - m0!) / (1 - propensity));
            expect(Math.abs(z)).toBeLessThanOrEqual(1 / 0.1 + 1e-9);
            sums = sums.map((sum, arm) => sum + (arm === Number(isCandidate) ? outcome : 0));
            counts = counts.map((count, arm) => count + (arm === Number(isCandidate) ? 1 : 0));
          }
        },
      ),
    );
  });

  test('finds a real effect, and resumes to the same numbers', () => {
    const random = createRandom(11);
    const options = { alpha: 0.05, leastPropensity: 0.5, nulls: [0, -0.05, 0.05] };
    let sequence = effectSequence(options);
    const whole = effectSequence(options);
    for (let i = 0; i < 3000; i++) {
      const isCandidate = random.nextFloat() < 0.5;
      const unit = { isCandidate, propensity: 0.5, outcome: random.nextFloat() < (isCandidate ? 0.4 : 0.2) ? 1 : 0 };
      sequence.add(unit);
      whole.add(unit);
      if (i === 1500) sequence = effectSequence(options, JSON.parse(JSON.stringify(sequence.state())));
    }
    expect(sequence.state()).toEqual(whole.state());
    const { low, high } = sequence.interval();
    expect(low).toBeGreaterThan(0.1);
    expect(high).toBeLessThan(0.3);
    expect(sequence.estimate).toBeCloseTo(0.2, 1);
    expect(sequence.pValue(0)).toBeLessThan(1e-6);
    expect(() => sequence.add({ isCandidate: true, propensity: 0.2, outcome: 1 })).toThrow('from 0.5 to 0.5, got 0.2');
  });
});

const evidence = (wins: number, losses: number): number => Math.exp(logCoinEvidence(wins, losses));

test("a coin's evidence as exact fractions: 2^10 / 11 after ten wins", () => {
  expect(evidence(10, 0)).toBeCloseTo(1024 / 11, 9);
  // 2^10 8! 2! / 11!
  expect(evidence(8, 2)).toBeCloseTo((1024 * 2) / (9 * 10 * 11), 9);
  expect(evidence(60, 40)).toBeCloseTo(0.913_05, 5);
  expect(evidence(530, 470)).toBeCloseTo(0.239_415, 5);
});

test('sample ratios: a fault is seen, the p never rises again, bad shares are refused', () => {
  const fault = sampleRatio([100, 900], [0.5, 0.5]);
  expect(fault.p).toBeLessThan(1e-100);
  expect(sampleRatio([5000, 5000], [0.5, 0.5], 0.004).p).toBe(0.004);
  expect(sampleRatio([0, 0], [0.5, 0.5])).toEqual({ logEvidence: 0, p: 1 });
  expect(() => sampleRatio([1, 1], [0.5, 0.6])).toThrow('sum to 1, got 0.5, 0.6');
});

const arm = (units: number, sum: number) => ({ units, sum, squares: sum });

test('the asymptotic sequence says nothing before its burn-in, and has a variance where all numbers were alike', () => {
  expect(asymptoticInterval(arm(99, 3), arm(500, 9), { alpha: 0.05 })).toBeNull();
  const { low, high } = asymptoticInterval(arm(200, 0), arm(200, 0), { alpha: 0.05, priorVariance: 0.25 })!;
  expect(low).toBeLessThan(-0.005);
  expect(high).toBeGreaterThan(0.005);
  expect(sequentialRho(0.05, 100)).toBeCloseTo(0.281_711_813_8, 9);
});
