import { describe, expect, it } from 'vitest';
import { pairMetrics, rankingMetrics } from './metrics.ts';

/** Pairs of equal mean scores, so that only log-probabilities and lengths speak. */
function outputsOf(
  pairs: readonly { readonly logps: readonly [number, number]; readonly counts: readonly [number, number] }[],
  beta: number,
) {
  return {
    losses: pairs.map(() => 1),
    logps: pairs.flatMap(({ logps }) => logps),
    entropies: pairs.flatMap(() => [2, 2]),
    meanLogits: pairs.flatMap(() => [0, 0]),
    counts: pairs.flatMap(({ counts }) => counts),
    rewards: pairs.flatMap(({ logps }) => logps.map((value) => beta * (value + 10))),
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
      const sums = pairMetrics();
      for (const part of cuts) sums.add(outputsOf(part, 0.5));
      const result = sums.result();
      expect(result['rewards/length_correlation']).toBeCloseTo(0.944911182523068, 14);
      expect(result['lengths/chosen']).toBe(5);
      expect(result['lengths/rejected']).toBe(2);
      expect(result['rewards/margins']).toBe(1);
    }
  });

  it('has no correlation where margins or lengths are all the same', () => {
    const sums = pairMetrics();
    sums.add(
      outputsOf(
        [
          { logps: [-10, -10], counts: [5, 3] },
          { logps: [-10, -10], counts: [2, 3] },
        ],
        0.1,
      ),
    );
    expect(sums.result()['rewards/length_correlation']).toBe(0);
  });
});

describe('rankingMetrics', () => {
  // A list of three and one of two; rewards in the order of the list.
  const lists = {
    losses: [1, 3],
    logps: [-1, -2, -4, -3, -5, 0],
    entropies: [1, 1, 1, 1, 1, 0],
    meanLogits: [0, 0, 0, 0, 0, 0],
    counts: [1, 1, 1, 1, 1, 0],
    rewards: [1, 3, 2, -1, -2, 0],
    present: [1, 1, 1, 1, 1, 0],
  };

  it('compares the first answer with the mean of the others', () => {
    const sums = rankingMetrics(3);
    sums.add(lists);
    // Margins 1 - 2.5 and -1 + 2; of the first list one of three pairs stands as it should.
    expect(sums.result()).toMatchObject({ 'rewards/margins': -0.25, 'rewards/accuracies': (1 / 3 + 1) / 2, loss: 2 });
  });

  it('compares the second with the last where the first is only imitated; of two, the first with the second', () => {
    const sums = rankingMetrics(3, 'second');
    sums.add(lists);
    expect(sums.result()).toMatchObject({
      'rewards/chosen': 1,
      'rewards/rejected': 0,
      'rewards/margins': 1,
      'rewards/accuracies': 1,
      'logps/chosen': -2.5,
      'logps/rejected': -4.5,
    });
  });
});
