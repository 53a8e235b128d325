import { expect, test } from 'vitest';
import { summariseScores } from '../score/index.ts';
import { renderScores } from './score-table.ts';

test('the table, within the terminal, names of sources cut', () => {
  const sources = ['donotanswer', 'a-source-with-a-name-that-is-long-beyond-any-reason'];
  const rows = [0, 1, 2, 3].map((i) => ({
    id: String(i),
    source: sources[i % 2]!,
    tokens: { prompt: 3, chosen: 20 + 10 * i, rejected: 30 },
    chosenLogps: -20,
    rejectedLogps: -22 + i,
    referenceChosenLogps: -21,
    referenceRejectedLogps: -21,
  }));
  const text = renderScores(summariseScores(rows, { measure: 'reward', beta: 0.1 }), 60);
  expect(text).toMatchInlineSnapshot(`
    "4 pairs: the chosen answer scores higher in 62.5 % (95 %: 12-95) by reward
    rewards (sigmoid, beta 0.1): chosen 0.1000, rejected 0.0500, margin 0.0500 +- 0.0645
    taking the longer answer would be right in 62.5 %

    source            pairs  accuracy   95 %   margin  by length
    a-source-with-a…      2    50.0 %  0-100   0.0000     75.0 %
    donotanswer           2    75.0 %  1-100   0.1000     50.0 %

    longer answer     pairs  accuracy   95 %   margin  by length
    0-31 tokens           2   100.0 %  1-100   0.1500     25.0 %
    32-63 tokens          2    25.0 %   0-99  -0.0500    100.0 %

    which is longer   pairs  accuracy   95 %   margin  by length
    chosen longer         2    25.0 %   0-99  -0.0500    100.0 %
    about equal           1   100.0 %      -   0.1000     50.0 %
    rejected longer       1   100.0 %      -   0.2000      0.0 %

    RewardBench 50.0 (22 of its subsets are missing: not to be compared with published scores)
    Safety  50.0"
  `);
  expect(
    text
      .split('\n')
      .slice(3, -3)
      .every((line) => line.length <= 60),
  ).toBe(true);
});
