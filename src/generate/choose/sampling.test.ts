import { describe, expect, it } from 'vitest';
import { createRandom } from '../../core/index.ts';
import { chooseToken } from './sampling.ts';

const DRAWS = 20_000;

/** How often each id is drawn from log-probabilities. */
function counts(probabilities: readonly number[], temperature: number, topP: number, seed = 7): number[] {
  const scores = Float32Array.from(probabilities, (p) => Math.log(p) + 3);
  const random = createRandom(seed, 'test');
  const drawn = probabilities.map(() => 0);
  for (let i = 0; i < DRAWS; i++) drawn[chooseToken(scores, { temperature, topP }, random)]!++;
  return drawn;
}

/** sum (observed - expected)^2 / expected over the ids that can be drawn; the others must not be. */
function chiSquare(observed: readonly number[], expected: readonly number[]): number {
  return observed.reduce((sum, count, id) => {
    const mean = expected[id]! * DRAWS;
    if (mean === 0) expect(count, `id ${id}`).toBe(0);
    return mean === 0 ? sum : sum + (count - mean) ** 2 / mean;
  }, 0);
}

const PROBABILITIES = [0.05, 0.4, 0.1, 0.25, 0.2];

function draws(seed: number): number[] {
  const random = createRandom(seed, 'test');
  const scores = Float32Array.from(PROBABILITIES, Math.log);
  return Array.from({ length: 12 }, () => chooseToken(scores, { temperature: 1, topP: 0.95 }, random));
}

describe('chooseToken', () => {
  // With 4 degrees of freedom chi-square exceeds 18.47 once in a thousand; with 2, 13.82; with 1, 10.83.
  it('draws from softmax(scores)', () => {
    expect(chiSquare(counts(PROBABILITIES, 1, 1), PROBABILITIES)).toBeLessThan(18.47);
  });

  it('divides scores by the temperature: p^(1/T), normalised', () => {
    // T = 1/2 squares: 0.0025, 0.16, 0.01, 0.0625, 0.04, whose sum is 0.275.
    const squared = [0.0025, 0.16, 0.01, 0.0625, 0.04].map((p) => p / 0.275);
    expect(chiSquare(counts(PROBABILITIES, 0.5, 1), squared)).toBeLessThan(18.47);
  });

  it('keeps the fewest likely ids whose probabilities reach topP', () => {
    // 0.4 + 0.25 = 0.65 < 0.7 <= 0.85 = 0.4 + 0.25 + 0.2.
    const nucleus = [0, 0.4 / 0.85, 0, 0.25 / 0.85, 0.2 / 0.85];
    expect(chiSquare(counts(PROBABILITIES, 1, 0.7), nucleus)).toBeLessThan(13.82);
    // After T = 1/2 the two likeliest reach (0.16 + 0.0625) / 0.275 = 0.81.
    const cold = [0, 0.16 / 0.2225, 0, 0.0625 / 0.2225, 0];
    expect(chiSquare(counts(PROBABILITIES, 0.5, 0.7), cold)).toBeLessThan(10.83);
    expect(counts(PROBABILITIES, 1, 0.39)).toEqual([0, DRAWS, 0, 0, 0]);
    expect(counts(PROBABILITIES, 1, 1e-9)).toEqual([0, DRAWS, 0, 0, 0]);
  });

  it('keeps the lower ids of equal ones', () => {
    expect(chiSquare(counts([0.25, 0.25, 0.25, 0.25], 1, 0.5), [0.5, 0.5, 0, 0])).toBeLessThan(10.83);
  });

  it('gives the same draws for the same seed, and others for another', () => {
    expect(draws(1)).toEqual(draws(1));
    expect(draws(1)).not.toEqual(draws(2));
  });

  it('takes the highest score at temperature 0, the lower id of equal ones, without a random number', () => {
    const random = createRandom(1, 'test');
    const before = random.state();
    expect(chooseToken(Float32Array.of(-4, 2, -1, 2), { temperature: 0, topP: 1 }, random)).toBe(1);
    expect(random.state()).toEqual(before);
  });

  it('survives scores whose exponential overflows, and temperatures near 0', () => {
    const random = createRandom(1, 'test');
    expect(chooseToken(Float32Array.of(0, 1000, -1000), { temperature: 1, topP: 0.9 }, random)).toBe(1);
    expect(chooseToken(Float32Array.of(0, 1, 0.5), { temperature: 1e-300, topP: 1 }, random)).toBe(1);
  });

  it.each([NaN, Infinity, -Infinity])('refuses a score of %s', (score) => {
    const scores = Float32Array.of(1, score, 0);
    expect(() => chooseToken(scores, { temperature: 1, topP: 1 }, createRandom(1))).toThrow(
      `generate: the scores of a token must be finite, got ${score} for id 1; the weights may be damaged`,
    );
  });
});
