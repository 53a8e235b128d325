import { expect, test } from 'vitest';
import { createPanel } from '../panel.ts';
import { createRuleCheck, createRuleJudge, createScorer, type Rule } from './rules.ts';

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
  [{ kind: 'contains', texts: ['as an AI', 'sorry'], unwanted: true }, 'sorry, as an AI', 'sorry', 'b'],
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
  [{ kind: 'length', min: 2, max: 3, unit: 'words' }, 'one two', 'one two three four five', 'a'],
  [{ kind: 'length', min: 2, max: 3, unit: 'words' }, 'one', 'one two three four five', 'a'],
  [{ kind: 'length', max: 2, unit: 'sentences' }, 'One. Two.', 'All', 'tie'],
  [{ kind: 'refusal' }, "I'm sorry, but I can't help with that.", 'Sure.', 'b'],
  [{ kind: 'refusal', wanted: true }, "I'm sorry, but I can't help with that.", 'Sure.', 'a'],
  [
    { kind: 'reading-level', prefer: 'easier' },
    'The cat sat.',
    'Incomprehensible deliberations necessitate patience.',
    'a',
  ],
  [{ kind: 'reading-level', min: 0, max: 30 }, 'The big cat sat there on the small wooden table.', 'Go on.', 'a'],
  [{ kind: 'sentiment', prefer: 'positive' }, 'A wonderful idea', 'A terrible idea', 'a'],
  [{ kind: 'sentiment', prefer: 'positive', tolerance: 2 }, 'A wonderful idea', 'A terrible idea', 'tie'],
  [
    { kind: 'instructions', instructions: [{ id: 'punctuation:no_comma' }, { id: 'startend:quotation' }] },
    'a, b',
    'a b',
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

function found(rule: Rule, answer: string): ReturnType<ReturnType<typeof createRuleCheck>['check']> {
  return createRuleCheck(rule).check(answer, 'p');
}

test('single answers: whether a rule holds, and what was found', async () => {
  expect([
    await found({ kind: 'length', min: 3, unit: 'words' }, 'a b'),
    await found({ kind: 'length', prefer: 'shorter' }, 'a b'),
    await found({ kind: 'contains', texts: ['x', 'y'] }, 'x'),
    await found({ kind: 'contains', texts: ['x', 'y'], unwanted: true }, 'z'),
    await found({ kind: 'pattern', pattern: 'x', unwanted: true }, 'x'),
    await found({ kind: 'json', schema: { type: 'object', required: ['a'] } }, '{}'),
    await found({ kind: 'banned', words: ['delve'] }, 'Delve, delve'),
    await found({ kind: 'reading-level', max: 5 }, 'The cat sat on the mat.'),
    // The lexicon has "not good" itself, as -2.
    await found({ kind: 'sentiment', min: 0.1 }, 'It is not good.'),
    await found({ kind: 'refusal' }, 'Yes.'),
    await found({ kind: 'instructions', instructions: [{ id: 'punctuation:no_comma' }] }, 'a, b'),
  ]).toEqual([
    { score: -1, passes: false, evidence: '2 words' },
    { score: -3, passes: true, evidence: '3 characters' },
    { score: 0.5, passes: false, evidence: '1 of 2' },
    { score: 0, passes: true, evidence: '0 of 2' },
    { score: 0, passes: false, evidence: 'matches' },
    { score: 0, passes: false, evidence: "the value must have required property 'a'" },
    { score: -2, passes: false, evidence: '2: Delve, delve' },
    { score: 0, passes: true, evidence: 'grade -1.4' },
    { score: -0.5, passes: false, evidence: 'sentiment -0.40' },
    { score: 1, passes: true, evidence: 'answers' },
    { score: 0, passes: false, evidence: 'not followed: punctuation:no_comma' },
  ]);
});

test('rules that say too little or too much', () => {
  expect(() => createScorer({ kind: 'length' })).toThrow(
    'judge: a rule must have prefer (shorter or longer), min or max, got none of them',
  );
  expect(() => createScorer({ kind: 'length', prefer: 'shorter', max: 3 })).toThrow(
    'judge: a rule must have prefer, or min and max, got both; use two rules',
  );
  expect(() => createScorer({ kind: 'sentiment', min: 1, max: 0 })).toThrow(
    'judge: min must not be above max, got 1 and 0',
  );
  expect(() => createScorer({ kind: 'length', max: 3, unit: 'tokens' })).toThrow(
    'judge: length in tokens needs a tokenizer, got none; name a model in the rule: tokenizer',
  );
  expect(createScorer({ kind: 'length', max: 3, unit: 'tokens' }, { countTokens: () => 5 }).score('x')).toBe(-2);
});
