import { expect, test } from 'vitest';
import { createPanel } from './panel.ts';
import { createRuleJudge, createScorer, type Rule } from './rules.ts';

test.each<[Rule, string, string, string]>([
  [{ kind: 'length', prefer: 'shorter' }, 'short', 'a longer one', 'a'],
  [{ kind: 'length', prefer: 'longer' }, 'short', 'a longer one', 'b'],
  [{ kind: 'length', prefer: 'shorter', unit: 'words' }, 'incomprehensibilities', 'a b', 'a'],
  // 10 and 9 characters are a tenth of the longer apart.
  [{ kind: 'length', prefer: 'shorter', tolerance: 0.1 }, '1234567890', '123456789', 'tie'],
  [{ kind: 'length', prefer: 'shorter', tolerance: 0.09 }, '1234567890', '123456789', 'b'],
  [{ kind: 'contains', texts: ['x', 'y'] }, 'x', 'x and y', 'b'],
  [{ kind: 'contains', texts: ['x', 'y'], any: true }, 'x', 'x and y', 'tie'],
  [{ kind: 'contains', texts: ['PARIS'], ignoreCase: true }, 'Paris', 'Rome', 'a'],
  [{ kind: 'contains', texts: ['PARIS'] }, 'Paris', 'Rome', 'tie'],
  [{ kind: 'pattern', pattern: '^\\d+$', flags: 'g' }, '12', 'x', 'a'],
  [{ kind: 'pattern', pattern: 'sorry', flags: 'i', unwanted: true }, 'Sorry!', 'Yes', 'b'],
  [{ kind: 'json' }, '{"a":1}', '{a:1}', 'a'],
  [
    { kind: 'json', schema: { type: 'object', required: ['a'], properties: { a: { type: 'integer' } } } },
    '{"a":1.5}',
    '{"a":1}',
    'b',
  ],
  [
    {
      kind: 'json',
      schema: {
        $schema: 'https://json-schema.org/draft/2020-12/schema',
        type: 'array',
        prefixItems: [{ type: 'string' }],
      },
    },
    '[1]',
    '["x"]',
    'b',
  ],
  [{ kind: 'banned', words: ['ass', 'c++'] }, 'a class act', 'ASS', 'a'],
  [{ kind: 'banned', words: ['c++', 'über'] }, 'C++ is Über', 'c++ überall', 'b'],
])('%j takes %j or %j: %s', async (rule, a, b, verdict) => {
  const judge = createRuleJudge(rule);
  const one = await judge.compare({ id: '1', prompt: 'p', a, b });
  const other = await judge.compare({ id: '1', prompt: 'p', a: b, b: a });
  const swapped = { a: 'b', b: 'a', tie: 'tie' }[verdict];
  expect([one, other].map((judgement) => judgement.kind === 'verdict' && judgement.verdict)).toEqual([
    verdict,
    swapped,
  ]);
});

test('a rule that is none, and what a scorer gives turns and tool calls', () => {
  expect(() => createScorer({ kind: 'pattern', pattern: '(' })).toThrow(
    /^judge: pattern must be a regular expression of JavaScript, got "\(": Invalid regular expression/,
  );
  expect(() => createScorer({ kind: 'json', schema: { type: 'nothing' } })).toThrow(
    /^judge: schema must be a JSON schema, got an error: schema is invalid/,
  );
  const scorer = createScorer({ kind: 'contains', texts: ['find({"q":1})'] });
  const call = { function: { name: 'find', arguments: { q: 1 } } };
  expect(scorer.score([{ role: 'assistant', content: '', tool_calls: [call] }])).toBe(1);
});

test('a panel decides by majority; less than the agreement wanted is a tie', async () => {
  const comparison = { id: '1', prompt: 'p', a: 'x', b: 'x y' };
  const judges = [
    createRuleJudge({ kind: 'length', prefer: 'shorter' }),
    createRuleJudge({ kind: 'contains', texts: ['y'] }),
    createRuleJudge({ kind: 'banned', words: ['y'] }),
  ];
  const panel = await createPanel({ judges }).compare(comparison);
  expect(panel).toMatchObject({ kind: 'verdict', judge: 'panel', verdict: 'a', isConsistent: true });
  expect(panel.kind === 'verdict' && panel.confidence).toBeCloseTo(2 / 3, 12);
  expect(await createPanel({ judges, minAgreement: 0.7 }).compare(comparison)).toMatchObject({
    verdict: 'tie',
    confidence: 0,
  });
  const silent = {
    name: 'silent',
    identity: 'silent',
    compare: async () =>
      ({
        kind: 'none',
        judge: 'silent',
        calls: [],
        usage: { promptTokens: 3, completionTokens: 1 },
        reason: 'refusal',
        message: 'no',
      }) as const,
  };
  expect(await createPanel({ judges: [judges[0]!, silent, silent] }).compare(comparison)).toMatchObject({
    kind: 'none',
    reason: 'no-quorum',
    message: 'fewer than half of the judges have a verdict (silent: no; silent: no)',
    usage: { promptTokens: 6, completionTokens: 2 },
  });
});
