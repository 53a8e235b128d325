import { expect, test } from 'vitest';
import { pairsPerSecond, ratiosOf, renderComparison, type Comparison, type SideResult } from './report.ts';

const OURS: SideResult = {
  name: 'preftune',
  versions: { preftune: '0.1.0', node: '20.20.2' },
  threads: 2,
  startSeconds: 4,
  referencePairsPerSecond: 6,
  // The first one warms up; of 8, 4 and 10 seconds the median is 8.
  seconds: [40, 8, 4, 10],
  losses: [0.7, 0.69, 0.68, 0.67],
  tokens: [2000, 2000, 2100, 1900],
  minorPageFaultsPerStep: [600_000, 10, 20, 30],
  minorPageFaults: 601_000,
  peakRssMib: 2000,
};
const BEST: SideResult = {
  ...OURS,
  name: 'TRL best',
  versions: { trl: '1.16.0' },
  startSeconds: 8,
  referencePairsPerSecond: 2,
  seconds: [20, 16, 16, 20],
  peakRssMib: 4000,
};
const DEFAULTS: SideResult = {
  ...BEST,
  name: 'TRL defaults',
  referencePairsPerSecond: null,
  seconds: [90, 80, 80, 80],
};

const COMPARISON: Comparison = {
  date: '2026-01-31T12:00:00.000Z',
  machine: 'a processor, 2 cores',
  model: 'm.gguf',
  data: 'd.jsonl',
  pairsPerStep: 8,
  maxLength: 512,
  settings: { rank: 16 },
  notes: ['trl is 1.16.1, requirements.txt has 1.16.0'],
  sides: [OURS, BEST, DEFAULTS],
};

test('rates leave out the step that warms up', () => {
  expect(pairsPerSecond(OURS, 8)).toEqual({ best: 2, median: 1 });
});

test('ratios are ours over theirs, none where the peer computes the reference in its steps', () => {
  expect(ratiosOf(COMPARISON)).toEqual([
    {
      peer: 'TRL best',
      pairsPerSecondMedian: 2,
      pairsPerSecondBest: 4,
      peakRss: 0.5,
      referencePairsPerSecond: 3,
      start: 0.5,
    },
    {
      peer: 'TRL defaults',
      pairsPerSecondMedian: 10,
      pairsPerSecondBest: 20,
      peakRss: 0.5,
      referencePairsPerSecond: null,
      start: 0.5,
    },
  ]);
});

test('the table has a column a side and fits 100 columns', () => {
  const text = renderComparison(COMPARISON);
  expect(Math.max(...text.split('\n').map(({ length }) => length))).toBeLessThanOrEqual(100);
  expect(text).toMatchInlineSnapshot(`
    "machine  a processor, 2 cores
    model    m.gguf
    data     d.jsonl, 8 pairs a step, max length 512
    preftune: preftune 0.1.0, node 20.20.2
    TRL best: trl 1.16.0
    TRL defaults: trl 1.16.0
    note: trl is 1.16.1, requirements.txt has 1.16.0

                                              preftune        TRL best    TRL defaults
    pairs/s, median                              1.000           0.500           0.100
    pairs/s, best                                2.000           0.500           0.100
    reference, pairs/s                            6.00            2.00     in the step
    peak RSS, MiB                                2,000           4,000           4,000
    minor page faults                          601,000         601,000         601,000
    of them a step, median                          20              20              20
    tokens computed a step, mean                 2,000           2,000           2,000
    start without the reference, s                 4.0             8.0             8.0
    threads                                          2               2               2

    ours / theirs, pairs/s, median                               2.00x          10.00x
    ours / theirs, pairs/s, best                                 4.00x          20.00x
    ours / theirs, reference pairs/s                             3.00x               -
    ours / theirs, peak RSS                                      0.50x           0.50x
    ours / theirs, start                                         0.50x           0.50x

    step 1 (warms up), loss and seconds  0.7000   40.00  0.7000   20.00  0.7000   90.00
    step 2, loss and seconds            0.6900    8.00  0.6900   16.00  0.6900   80.00
    step 3, loss and seconds            0.6800    4.00  0.6800   16.00  0.6800   80.00
    step 4, loss and seconds            0.6700   10.00  0.6700   20.00  0.6700   80.00"
  `);
});
