import { expect, test } from 'vitest';
import { figuresOf, gradeOf } from './panel.ts';
import type { VoteRecord } from './records.ts';

const ITEMS = new Map(
  ['i1', 'i2', 'i3', 'i4', 'known'].map((id) => [
    id,
    {
      firstId: `${id}-1`,
      secondId: `${id}-2`,
      firstLength: 10,
      secondLength: 20,
      gold: id === 'known' ? 'known-1' : undefined,
    },
  ]),
);

/** `1`, `2`, `=`, `0` (both bad) or `s` (skip) of a person on an item. */
function vote(annotator: string, itemId: string, said: string, more: Partial<VoteRecord> = {}): VoteRecord {
  const verdicts: Readonly<Record<string, VoteRecord['verdict']>> = { '=': 'tie', '0': 'both_bad', s: 'skip' };
  const verdict = verdicts[said] ?? 'better';
  return {
    id: `${annotator} ${itemId}`,
    seq: 0,
    reservationId: undefined,
    itemId,
    campaignId: 'c',
    annotator,
    source: 'person',
    createdAt: 0,
    undoneAt: undefined,
    isCounted: true,
    isRepeat: false,
    verdict,
    betterId: verdict === 'better' ? `${itemId}-${said}` : undefined,
    strength: verdict === 'better' ? 1 : undefined,
    leftId: `${itemId}-1`,
    confidence: undefined,
    tags: [],
    flags: [],
    guidelineVersion: 1,
    ...more,
  };
}

test('agreement, known answers, sides and lengths by hand', () => {
  const votes = [
    ...['1', '1', '2', '2'].map((said, i) => vote('a', `i${i + 1}`, said, { seconds: 10 })),
    ...['1', '1', '2', '1'].map((said, i) => vote('b', `i${i + 1}`, said, { seconds: 30 })),
    vote('a', 'known', '1'),
    vote('b', 'known', '='),
    vote('a', 'i1', '2', { isRepeat: true, isCounted: false, leftId: 'i1-2' }),
    vote('c', 'i1', 's', { skipReason: 'x' }),
    vote('judge', 'i1', '1', { source: 'judge' }),
    vote('judge', 'i4', '2', { source: 'judge' }),
    vote('judge', 'i3', '1', { source: 'judge' }),
  ];
  const figures = figuresOf(ITEMS, votes);
  // Coincidences of the four items: 1-1 four times, 2-2 twice, 1-2 and 2-1 once each. n = (5, 3), Do = 2 / 8, De = 2 * 5 * 3 / (8 * 7): 1 - 0.25 / (30 / 56) = 0.5333.
  expect(figures.alpha.estimate).toBeCloseTo(8 / 15, 12);
  expect(figures.alpha.of).toBe(4);
  // Observed 3 / 4, by chance 0.5 * 0.75 + 0.5 * 0.25 = 0.5: kappa 0.5.
  expect(figures.kappas.map(({ a, b, kappa }) => [a, b, kappa.estimate, kappa.of])).toEqual([['a', 'b', 0.5, 4]]);
  expect([figures.goldAccuracy.estimate, figures.goldAccuracy.of]).toEqual([0.5, 2]);
  expect([figures.selfAgreement.estimate, figures.selfAgreement.of]).toEqual([0, 1]);
  // Of ten decided votes: a 1 1 2 2, b 1 1 2 1, a on the known one 1, all with the first on the left; and the repeat, with the second there. 7 of 10.
  expect([figures.leftShare.estimate, figures.leftShare.of]).toEqual([0.7, 10]);
  expect(figures.leftShare.interval!.low).toBeCloseTo(0.3968, 3);
  expect(figures.leftShare.interval!.high).toBeCloseTo(0.8922, 3);
  // The second is longer: 2 + 1 + the repeat.
  expect(figures.longerShare.estimate).toBe(0.4);
  expect(figures.medianSeconds).toBe(20);
  expect(figures.people.map(({ annotator, votes: n, skips }) => [annotator, n, skips])).toEqual([
    ['a', 6, 0],
    ['b', 5, 0],
    ['c', 0, 1],
  ]);
  // Most say 1 on i1 and 2 on i3; on i4 there is no majority.
  expect(figures.judges).toMatchObject([{ judge: 'judge', agreement: { estimate: 0.5, of: 2 } }]);
});

test('grades name answers, never sides', () => {
  const item = { firstId: 'x-1' };
  const grade = (betterId: string | undefined, strength?: 1 | 2) =>
    gradeOf({ verdict: betterId === undefined ? 'tie' : 'better', betterId, strength }, item);
  expect([grade('x-1', 2), grade('x-1', 1), grade(undefined), grade('x-2', 1), grade('x-2', 2)]).toEqual([
    1, 2, 3, 4, 5,
  ]);
});

test('nothing said yet: nothing is known, and nothing fails', () => {
  const { alpha, leftShare, longerShare, medianSeconds, people } = figuresOf(ITEMS, []);
  expect([alpha.estimate, leftShare.estimate, longerShare.estimate, medianSeconds, people]).toEqual([
    null,
    null,
    null,
    null,
    [],
  ]);
});
