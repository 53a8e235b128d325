import { expect, test } from 'vitest';
import { checkData, type CheckOptions } from './check.ts';
import { renderDataReport } from './check-text.ts';
import { memorySource } from './sources/source.ts';
import { createTestingTokenizer } from './testing/testing-tokenizer.ts';

const pair = (prompt: string, chosen: string, rejected: string) => ({ prompt, chosen, rejected });
const check = (records: readonly unknown[], options: CheckOptions = {}) =>
  checkData(memorySource('pairs.jsonl', records.map((record) => JSON.stringify(record)).join('\n')), options);

const records = [
  pair('Capital of Peru?', ' Lima.', ' Cusco, I think.'),
  pair('Capital of Peru?', ' Lima.', ' Cusco, I think.'),
  pair('Capital of Peru? ', ' Cusco, I think.', ' Lima.'),
  pair('Say\u001b[31m red\n', 'ok', 'no'),
  pair('a', 'b', 'b'),
  { prompt: 'a', chosen: 3 },
];

test('statistics, repeats, contradictions and problems', async () => {
  const report = await check(records);
  expect(report).toEqual({
    formats: [{ file: 'pairs.jsonl', name: 'trl-preference', kind: 'pair', fromRecords: 6 }],
    fieldUse: { unused: {}, removedNulls: 0 },
    records: 6,
    validRows: 4,
    problemCounts: { 'identical-sides': 1, 'wrong-type': 1, 'missing-field': 1 },
    problemTotal: 3,
    problems: expect.arrayContaining([
      {
        reason: 'missing-field',
        file: 'pairs.jsonl',
        line: 6,
        path: 'rejected',
        message: 'rejected must be a text or a list of messages, got nothing',
      },
    ]),
    conversations: 0,
    promptTurns: { count: 0, total: 0, mean: 0, p50: 0, p95: 0, max: 0 },
    characters: {
      prompt: { count: 4, total: 62, mean: 15.5, p50: 16, p95: 17, max: 17 },
      chosen: { count: 4, total: 30, mean: 7.5, p50: 6, p95: 16, max: 16 },
      rejected: { count: 4, total: 40, mean: 10, p50: 6, p95: 16, max: 16 },
    },
    chosenLonger: 1,
    chosenShorter: 2,
    sameLength: 1,
    rows: { distinct: 2, repeats: 1, contradictions: 1, sampledShare: 1 },
    prompts: { distinct: 2, repeats: 2, contradictions: 0, sampledShare: 1 },
  });
  expect(JSON.parse(JSON.stringify(report))).toEqual(report);
});

test('the report as text at 80 columns, control characters made visible', async () => {
  const tokenizer = createTestingTokenizer({ merges: ['Capital', ' of', ' Peru'] });
  const text = renderDataReport(await check(records, { tokenizer, maxLength: 20 }));
  expect(text).toMatchInlineSnapshot(`
    "pairs.jsonl: format: trl-preference (prompt, chosen, rejected: texts), from the
    first 6 rows

    records                   6
    valid rows                4 (66.7 %)
    problem: identical-sides  1
    problem: wrong-type       1
    problem: missing-field    1
    distinct prompts          2
    repeated rows             1
    pairs in both orders      1
    chosen is longer          1 (25.0 %)
    chosen is shorter         2 (50.0 %)

    Characters  mean  p50  p95  max  total
      prompt    15.5   16   17   17     62
      chosen     7.5    6   16   16     30
      rejected  10.0    6   16   16     40

    Problems
    pairs.jsonl:5: chosen and rejected must differ, got "b" on both sides; drop the
    row, it teaches nothing
    pairs.jsonl:6: chosen must be a text or a list of messages, got 3
    pairs.jsonl:6: rejected must be a text or a list of messages, got nothing

    Tokenisation
    rows                  4
    kept                  4 (100.0 %)
    max length            20
    dropped               0
    texts                 4 of 4 rows stay as they stand: the model has no chat
                          template
    answer cut: rejected  2 (50.0 %), rows 1, 2
    answer cut: chosen    1 (25.0 %), row 3
    EOS appended          4 (100.0 %)
    opens with BOS        4 (100.0 %)
    longest               20 tokens, row 1

    Tokens per row  mean  p50  p95  max  total
      prompt         7.5    5   14   14     30
      chosen         7.8    7   14   14     31
      rejected      10.0    7   15   15     40

    Row 1, chosen (12 tokens, 7 scored)
      <s>·Capital· of· Peru·?⟦ ·L·i·m·a·.·</s>⟧

    Row 1, rejected (20 tokens, 15 scored)
      <s>·Capital· of· Peru·?⟦ ·C·u·s·c·o·,· ·I· ·t·h·i·n·k⟧

    Row 2, chosen (12 tokens, 7 scored)
      <s>·Capital· of· Peru·?⟦ ·L·i·m·a·.·</s>⟧

    Row 2, rejected (20 tokens, 15 scored)
      <s>·Capital· of· Peru·?⟦ ·C·u·s·c·o·,· ·I· ·t·h·i·n·k⟧

    Row 3, chosen (20 tokens, 14 scored)
      <s>·Capital· of· Peru·?· ⟦ ·C·u·s·c·o·,· ·I· ·t·h·i·n⟧

    Row 3, rejected (13 tokens, 7 scored)
      <s>·Capital· of· Peru·?· ⟦ ·L·i·m·a·.·</s>⟧
    "
  `);
  expect(text).not.toContain('\u001b');
});

test('at 60 columns no line is wider, and at 40', async () => {
  const tokenizer = createTestingTokenizer();
  const report = await check([...records, pair('x'.repeat(300), 'y'.repeat(200), 'é 😀 '.repeat(40))], { tokenizer });
  for (const width of [60, 40]) {
    const lines = renderDataReport(report, width).split('\n');
    expect(lines.filter((line) => Array.from(line).length > width)).toEqual([]);
  }
});

test('a long example keeps its ends and its boundary', async () => {
  const { tokenisation } = await check([pair('p'.repeat(100), 'c'.repeat(100), 'r')], {
    tokenizer: createTestingTokenizer(),
  });
  const { tokens, gaps, tokenCount, scoredCount } = tokenisation!.examples[0]!;
  // 24 at the start, 24 on either side of the boundary at 101, 24 at the end of 202.
  expect([tokens.length, gaps, tokenCount, scoredCount]).toEqual([
    96,
    [
      { after: 23, omitted: 53 },
      { after: 71, omitted: 53 },
    ],
    202,
    101,
  ]);
  expect(tokens.findIndex((token) => token.scored)).toBe(48);
});
