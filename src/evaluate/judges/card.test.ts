import { expect, test } from 'vitest';
import { memorySource } from '../../data/index.ts';
import { renderJudgeCard } from './card-text.ts';
import { judgeCard, type CardRow } from './card.ts';
import { readLabelledComparisons } from './card-rows.ts';
import type { JudgeCall, Judgement, Verdict } from '../../judge/index.ts';

const usage = { promptTokens: 10, completionTokens: 1 };
const call = (first: 'a' | 'b', verdict: Verdict): JudgeCall => ({
  aspect: 'overall',
  first,
  verdict,
  answer: '',
  isStored: false,
  usage,
});
/** The verdicts with a shown first, then with b shown first. */
const asked = (one: Verdict, two: Verdict): Judgement => ({
  kind: 'verdict',
  judge: 'j',
  verdict: one === two ? one : 'tie',
  confidence: 1,
  rationale: '',
  isConsistent: one === two,
  calls: [call('a', one), call('b', two)],
  usage: { promptTokens: 20, completionTokens: 2 },
});
const row = (
  human: Verdict,
  judgement: Judgement,
  more: Partial<CardRow> & { a?: string; b?: string } = {},
): CardRow => ({
  comparison: {
    id: '',
    prompt: `p${Math.abs(human.length + (more.a ?? '').length)}`,
    a: more.a ?? 'long answer',
    b: more.b ?? 'short',
  },
  human,
  judgement,
  ...(more.models && { models: more.models }),
});

/** Derivation: five verdicts, people a a b tie b, judge a tie b a a. */
const ROWS: CardRow[] = [
  row('a', asked('a', 'a'), { models: { a: 'j', b: 'other' } }),
  row('a', asked('a', 'b')),
  row('b', asked('b', 'b')),
  row('tie', asked('a', 'a'), { models: { a: 'other', b: 'j' } }),
  row('b', asked('a', 'a'), { a: 'same', b: 'size' }),
  row('a', { kind: 'none', judge: 'j', calls: [], usage, reason: 'refusal', message: 'no' }),
];

test('a card by hand', () => {
  const { kappa, ...card } = judgeCard('j', ROWS);
  const rounded = JSON.parse(
    JSON.stringify(card, (key, value: unknown) => (key === 'interval' ? undefined : value)),
  ) as object;
  expect(rounded).toEqual({
    judge: 'j',
    rows: 6,
    noVerdict: { refusal: 1 },
    noVerdictMessages: { refusal: 'no' },
    agreement: { share: 2 / 5, of: 5 },
    agreementDecided: { share: 2 / 3, of: 3 },
    ties: { judge: { share: 1 / 5, of: 5 }, human: { share: 1 / 5, of: 5 } },
    // Ten calls; the first one shown won in rows 1, 2 (twice), 3, 4 and 5: six.
    firstChosen: { share: 6 / 10, of: 10 },
    inconsistent: { share: 1 / 5, of: 5 },
    // Rows 1 to 4 differ in length and a is longer. The judge decides rows 1, 3, 4: a, b, a. People decide rows 1, 2, 3: a, a, b.
    longerChosen: { judge: { share: 2 / 3, of: 3 }, human: { share: 2 / 3, of: 3 } },
    // Row 1: its own is a and is taken. Row 4: its own is b and is not; people tie.
    ownChosen: { judge: { share: 1 / 2, of: 2 }, human: { share: 1, of: 1 } },
    members: [],
    usage: { promptTokens: 110, completionTokens: 11 },
  });
  // Observed 2/5. By chance: people (2, 2, 1) / 5, judge (3, 1, 1) / 5: (6 + 2 + 1) / 25. (10 - 9) / (25 - 9) = 1/16.
  expect(kappa.value).toBeCloseTo(1 / 16, 12);
  expect(judgeCard('j', []).kappa).toEqual({ value: null, interval: null });
});

test('the card in words', () => {
  expect(renderJudgeCard(judgeCard('j', ROWS)).replaceAll(/ \[[^\]]*\]/g, '')).toBe(
    [
      'judge j',
      '  rows                    6, without a verdict 1 refusal',
      '    refusal               no',
      '  agreement with people   40.0 % of 5',
      '    where neither says tie  66.7 % of 3',
      "  Cohen's kappa           0.06",
      '  ties                    judge 20.0 % of 5, people 20.0 % of 5',
      '  first one shown wins    60.0 % of 10',
      '  changes with the order  20.0 % of 5',
      '  longer one wins         judge 66.7 % of 3, people 66.7 % of 3',
      '  its own answer wins     judge 50.0 % of 2, people 100.0 % of 1',
    ]
      .map((line) =>
        line.startsWith('judge')
          ? line
          : line.replace(/^ {2}(\S.*?|  \S.*?) {2,}(?=\S)/, (_, label: string) => `  ${label.padEnd(24)}  `),
      )
      .join('\n'),
  );
});

test('labels from pairs, votes and ranks; the chosen side is not always a', async () => {
  const pairs = Array.from({ length: 20 }, (_, i) => ({
    prompt: `p${i}`,
    chosen: `good ${i}`,
    rejected: `bad ${i}`,
    chosen_model: 'x',
    rejected_model: 'y',
  }));
  const source = memorySource('pairs.jsonl', pairs.map((pair) => JSON.stringify(pair)).join('\n'));
  const { rows } = await readLabelledComparisons([source], {});
  expect(
    rows.every(({ comparison, human }) => String(human === 'a' ? comparison.a : comparison.b).startsWith('good')),
  ).toBe(true);
  expect(rows.every(({ models, human }) => (human === 'a' ? models!.a : models!.b) === 'x')).toBe(true);
  expect(new Set(rows.map(({ human }) => human))).toEqual(new Set(['a', 'b']));
  const votes = [
    { prompt: 'q', a: 'x', b: 'y', vote: 'a' },
    { prompt: 'q', a: 'y', b: 'x', vote: 'b' },
    { prompt: 'q', a: 'y', b: 'x', vote: 'a' },
    { prompt: 'r', a: 'x', b: 'y', votes: ['a', 'b', 'tie'] },
  ];
  const voted = await readLabelledComparisons(
    [memorySource('v.jsonl', votes.map((vote) => JSON.stringify(vote)).join('\n'))],
    {},
  );
  expect(voted.rows.map(({ comparison, human }) => (human === 'tie' ? human : comparison[human]))).toEqual([
    'x',
    'tie',
  ]);
});
