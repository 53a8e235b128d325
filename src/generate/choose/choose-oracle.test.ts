import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRandom, type Random } from '../../core/index.ts';
import { chooseToken, type Sampling } from './sampling.ts';
import { byScore, likeliest } from './score-order.ts';
import { sumOfExponentials } from './sum-of-exponentials.ts';
import { logpsOf } from './token-logps.ts';

/** The choice in its plainest form, with full sorts: what the fast one must agree with, token by token. */
function plainChoice(
  scores: Float32Array,
  { temperature, topP, topK = 0, minP = 0 }: Sampling,
  random: Random,
  isAllowed: (id: number) => boolean,
): number {
  const ids = [...scores.keys()].filter(isAllowed);
  const best = ids.reduce((most, id) => (scores[id]! > scores[most]! ? id : most));
  if (temperature === 0) return best;
  const weights = new Map(ids.map((id) => [id, Math.exp((scores[id]! - scores[best]!) / temperature)]));
  const weigh = (some: readonly number[]): number => some.reduce((sum, id) => sum + weights.get(id)!, 0);
  const byWeight = (some: readonly number[]): number[] =>
    some.toSorted((a, b) => weights.get(b)! - weights.get(a)! || a - b);
  let kept =
    topK > 0
      ? byWeight(ids)
          .slice(0, topK)
          .toSorted((a, b) => a - b)
      : ids;
  if (topP < 1) {
    const enough = topP * weigh(kept);
    const sorted = byWeight(kept);
    let mass = 0;
    const end = sorted.findIndex((id) => (mass += weights.get(id)!) >= enough);
    kept = end < 0 ? sorted : sorted.slice(0, end + 1);
  }
  kept = kept.filter((id) => weights.get(id)! >= minP);
  const at = random.nextFloat() * weigh(kept);
  let sum = 0;
  for (const id of kept) if ((sum += weights.get(id)!) > at) return id;
  return kept.findLast((id) => weights.get(id)! > 0)!;
}

/** Scores of several shapes: spread, near each other, with many equal ones, with both zeros. */
const SCORES = fc
  .record({ length: fc.integer({ min: 1, max: 300 }), shape: fc.nat(3), seed: fc.nat(1e6) })
  .map(({ length, shape, seed }) => {
    const random = createRandom(seed, 'scores');
    const one = [
      () => random.nextNormal() * 4,
      () => random.nextFloat() * 1e-7,
      () => random.nextInt(5) - 2,
      () => [0, -0, 30, -30, 1e-30][random.nextInt(5)]!,
    ][shape]!;
    return Float32Array.from({ length }, one);
  });

const SAMPLING = fc.record({
  temperature: fc.constantFrom(0, 1e-300, 0.3, 1, 1.7, 1e12),
  topP: fc.constantFrom(1, 0.999999, 0.9, 0.5, 1e-9),
  topK: fc.constantFrom(0, 1, 2, 7, 50, 1000),
  minP: fc.constantFrom(0, 0.001, 0.1, 0.9),
});

describe('the fast choice is the plain one', () => {
  it('draws the same token of any scores under any cuts and any mask, and leaves the scores alone', () => {
    const cases = fc.tuple(SCORES, SAMPLING, fc.nat(1e6), fc.constantFrom(0, 0.03, 0.5, 1));
    fc.assert(
      fc.property(cases, ([scores, sampling, seed, share]) => {
        const masking = createRandom(seed, 'mask');
        const mask = new Uint32Array(Math.ceil(scores.length / 32));
        for (let id = 0; id < scores.length; id++) if (masking.nextFloat() < share) mask[id >>> 5]! |= 1 << (id & 31);
        mask[0]! |= 1;
        // What lies behind the last id is not looked at.
        mask[mask.length - 1]! |= scores.length % 32 === 0 ? 0 : 0x8000_0000;
        const isMasked = share > 0;
        const allowed = isMasked ? mask : undefined;
        const isAllowed = (id: number): boolean => !isMasked || ((mask[id >>> 5]! >>> (id & 31)) & 1) === 1;
        const before = scores.slice();
        for (let draw = 0; draw < 3; draw++) {
          const at = createRandom(seed + draw, 'draw').nextFloat();
          const random = { nextFloat: () => at } as Random;
          expect(chooseToken(scores, sampling, random, { allowed })).toBe(
            plainChoice(scores, sampling, random, isAllowed),
          );
        }
        expect(scores).toEqual(before);
      }),
      { numRuns: 1500, seed: 11 },
    );
  });

  it('does so for a vocabulary of 50,000', () => {
    const random = createRandom(4, 'large');
    const scores = Float32Array.from({ length: 50_000 }, () => random.nextNormal() * 3);
    for (const sampling of [
      { temperature: 1, topP: 0.95 },
      { temperature: 0.8, topP: 0.9, topK: 40, minP: 0.01 },
      { temperature: 3, topP: 0.999 },
    ])
      for (let i = 0; i < 2; i++) {
        const at = random.nextFloat();
        const fixed = { nextFloat: () => at } as Random;
        expect(chooseToken(scores, sampling, fixed)).toBe(plainChoice(scores, sampling, fixed, () => true));
      }
  });

  it('sums exponentials as Math.exp does, to the last digits', () => {
    const random = createRandom(2, 'exponentials');
    for (const width of [1e-6, 1, 20, 200]) {
      const scores = Float32Array.from({ length: 20_000 }, () => width * (random.nextFloat() - 1));
      const most = scores.reduce((a, b) => Math.max(a, b));
      const plain = scores.reduce((sum, score) => sum + Math.exp(score - most), 0);
      expect(Math.abs(sumOfExponentials(scores, most) / plain - 1)).toBeLessThan(1e-13);
    }
    // One score by one, so that errors cannot make up for one another.
    for (let i = 0; i < 5000; i++) {
      const score = -40 * random.nextFloat();
      const [rounded] = Float32Array.of(score);
      expect(Math.abs(sumOfExponentials(Float32Array.of(score), 0) / Math.exp(rounded!) - 1)).toBeLessThan(2e-15);
    }
    expect(sumOfExponentials(Float32Array.of(0, -1e30, -Infinity, -70), 0)).toBe(1);
  });

  it.each([
    ['NaN', [1, NaN, 2]],
    ['infinite', [1, Infinity, 2]],
    ['without any that is finite', [-Infinity, -Infinity]],
  ])('refuses log-probabilities of scores that are %s', (_what, scores) => {
    expect(() => logpsOf(Float32Array.from(scores), 0, 1)).toThrow('the scores of a token must be finite');
  });

  it('finds the likeliest tokens in the order of a full sort, few or many', () => {
    fc.assert(
      fc.property(SCORES, fc.constantFrom(0, 1, 3, 20, 33, 400), (scores, count) => {
        const ids = Int32Array.from(scores.keys());
        const sorted = [...ids].toSorted((a, b) => scores[b]! - scores[a]! || a - b);
        expect([...byScore(scores, ids)]).toEqual(sorted);
        expect([...likeliest(scores, count)]).toEqual(sorted.slice(0, count));
        expect([
          ...likeliest(
            scores,
            count,
            ids.filter((id) => id % 3 === 0),
          ),
        ]).toEqual(sorted.filter((id) => id % 3 === 0).slice(0, count));
        const { logp, top } = logpsOf(scores, 0, count);
        expect(top.map(({ id }) => id)).toEqual(sorted.slice(0, count));
        expect(top.filter(({ id }) => id === 0).every((one) => one.logp === logp)).toBe(true);
        // Of float64 sums in another order.
        const most = scores[sorted[0]!]!;
        const normaliser = most + Math.log([...scores].reduce((sum, score) => sum + Math.exp(score - most), 0));
        expect(Math.abs(logp - (scores[0]! - normaliser))).toBeLessThan(1e-12);
      }),
      { numRuns: 300, seed: 5 },
    );
  });
});
