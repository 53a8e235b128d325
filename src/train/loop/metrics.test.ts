import { describe, expect, it } from 'vitest';
import { pairMetrics } from './metrics.ts';

/** Pairs of equal mean scores, so that only log-probabilities and lengths speak. */
function outputsOf(
  pairs: readonly { readonly logps: readonly [number, number]; readonly counts: readonly [number, number] }[],
) {
  return {
    losses: pairs.map(() => 1),
    logps: pairs.flatMap(({ logps }) => logps),
    entropies: pairs.flatMap(() => [2, 2]),
    meanLogits: pairs.flatMap(() => [0, 0]),
    counts: pairs.flatMap(({ counts }) => counts),
    referenceLogps: pairs.flatMap(() => [-10, -10]),
  };
}

describe('pairMetrics', () => {
  it('measures lengths, and how margins go with them, whatever the micro-batches', () => {
    // With beta 0.5, margins 1, 0, 2 and differences in length 2, 1, 6: means 1 and 3, deviations (0, -1, 1) and (-1, -2, 3),
    // so 5 / sqrt(2 * 14) = 0.944911182523068.
    const pairs = [
      { logps: [-8, -10], counts: [5, 3] },
      { logps: [-9, -9], counts: [2, 1] },
      { logps: [-6, -10], counts: [8, 2] },
    ] as const;
    for (const cuts of [[pairs], [pairs.slice(0, 1), pairs.slice(1)]]) {
      const sums = pairMetrics(0.5);
      for (const part of cuts) sums.add(outputsOf(part));
      const result = sums.result();
      expect(result['rewards/length_correlation']).toBeCloseTo(0.944911182523068, 14);
      expect(result['lengths/chosen']).toBe(5);
      expect(result['lengths/rejected']).toBe(2);
      expect(result['rewards/margins']).toBe(1);
    }
  });

  it('has no correlation where margins or lengths are all the same', () => {
    const sums = pairMetrics(0.1);
    sums.add(
      outputsOf([
        { logps: [-10, -10], counts: [5, 3] },
        { logps: [-10, -10], counts: [2, 3] },
      ]),
    );
    expect(sums.result()['rewards/length_correlation']).toBe(0);
  });
});
