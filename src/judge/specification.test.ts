import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openJudges } from './open-judges.ts';
import { planJudging } from './plan.ts';
import { parseJudges } from './specification.ts';

test('defaults, and every problem at once', () => {
  expect(
    parseJudges([
      { kind: 'llm', model: 'm' },
      { kind: 'json', name: 'valid' },
    ]),
  ).toEqual([
    {
      kind: 'llm',
      model: 'm',
      url: 'https://api.openai.com/v1',
      apiKeyVariable: 'OPENAI_API_KEY',
      aspects: ['overall'],
      bothOrders: true,
      temperature: 0,
      maxTokens: 1024,
      responseFormat: 'json-schema',
      timeoutSeconds: 120,
      concurrency: 8,
      attempts: 8,
    },
    { kind: 'json', name: 'valid' },
  ]);
  const wrong = [
    { kind: 'llm', aspects: ['beauty'], apiKeyVariable: 'sk-123', modle: 'm' },
    { kind: 'length', prefer: 'round' },
    { kind: 'oracle' },
  ];
  expect(() => parseJudges(wrong)).toThrow(
    [
      'judges.0.model is required',
      'judges.0.apiKeyVariable must be the name of an environment variable, not a key',
      'judges.0.aspects.0 must be one of overall, helpfulness, correctness, instructions, safety, tone, conciseness, got "beauty"',
      'judges.0.modle is not a field; did you mean judges.0.model?',
      'judges.1.prefer must be one of shorter, longer, got "round"',
      'judges.2.kind must be one of llm, length, contains, pattern, json, banned, refusal, reading-level, sentiment, instructions, code, reward, implicit-reward, got "oracle"',
    ].join('\n'),
  );
});

test('options that do nothing, and names that are not told apart', () => {
  const wrong = [
    { kind: 'llm', model: 'm', rubric: 'r.txt', aspects: ['tone'], weights: { tone: 2 } },
    { kind: 'llm', model: 'm', maxCost: 3, weights: { tone: 2 } },
  ];
  expect(() => parseJudges(wrong)).toThrow(
    [
      'judges.0: aspects have no effect with a rubric of your own; leave one out',
      'judges.0: weights have no effect with a single rubric',
      'judges.1: maxCost needs prices; give the dollars for a million tokens',
      'judges.1: weights must name aspects that are asked, got tone',
      'judges.1: names must differ, got m twice; give one a name',
    ].join('\n'),
  );
});

test('missing keys and rubrics are told together; a plan counts questions, tokens and dollars', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'preftune-specification-'));
  try {
    const rubric = join(folder, 'rubric.md');
    writeFileSync(rubric, 'Prefer rhymes.');
    const none = join(folder, 'none.md');
    const wrong = parseJudges([{ kind: 'llm', model: 'm', rubric: none }]);
    await expect(openJudges(wrong, { folder, environment: {} })).rejects.toThrow(
      `judge m: the rubric must be a readable file with text, got ENOENT: no such file or directory, open '${none}'\n` +
        'judge m: the key must be in the environment variable OPENAI_API_KEY, got none; set it, or name another with --judge-key-variable (apiKeyVariable in --judges)',
    );
    const specifications = parseJudges([{ kind: 'llm', model: 'm', rubric, prices: { input: 1000, output: 2000 } }]);
    const opened = await openJudges(specifications, { folder, environment: {}, isDryRun: true });
    const comparison = { id: '1', prompt: 'P', a: 'x', b: 'y' };
    const plan = planJudging(opened.llms[0]!, [comparison, comparison]);
    const tokens = plan.promptTokens;
    expect(plan.example![1]!.content.startsWith('Criterion: Prefer rhymes.\n\n<prompt ')).toBe(true);
    expect(plan).toEqual({
      judge: 'm',
      requests: 2,
      stored: 0,
      promptTokens: 2 * Math.ceil(JSON.stringify(plan.example).length / 4),
      likelyCompletionTokens: 240,
      mostCompletionTokens: 2048,
      likelyCost: (tokens * 1000 + 240 * 2000) / 1e6,
      mostCost: (tokens * 1000 + 2048 * 2000) / 1e6,
      example: plan.example,
    });
    await opened.close();
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('rules and rewards that do not fit together', () => {
  const wrong = [
    { kind: 'code', language: 'python' },
    { kind: 'implicit-reward', model: 'm' },
    { kind: 'length', max: 5, unit: 'tokens' },
    { kind: 'reading-level', prefer: 'easier', max: 8 },
    { kind: 'sentiment' },
    { kind: 'contains', texts: ['x'], any: true, unwanted: true },
  ];
  expect(() => parseJudges(wrong)).toThrow(
    [
      'judges.0: code must have tests; give tests, testsFile or both',
      'judges.1: an implicit reward is measured from a reference; give reference, or the adapter of a run on its model',
      'judges.2: tokens are counted by the tokenizer of a model; give unit: tokens and tokenizer together',
      'judges.3: prefer and a band (min, max) exclude each other; use two rules',
      'judges.4: give prefer, or a band: min, max or both',
      'judges.5: any and unwanted exclude each other: unwanted wants none of the texts',
    ].join('\n'),
  );
});

test('tests of prompts come from a file, every bad line named', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'preftune-tests-'));
  try {
    const testsFile = join(folder, 'tests.jsonl');
    writeFileSync(testsFile, '{"prompt": "p"}\n\nnot json\n');
    const rules = parseJudges([{ kind: 'code', language: 'javascript', testsFile, allowNetwork: true }]);
    await expect(openJudges(rules, { folder, environment: {} })).rejects.toThrow(
      `${testsFile}:1: a line must be {"prompt": text, "tests": text}, got a wrong tests\n${testsFile}:3: a line must be JSON, got `,
    );
    writeFileSync(testsFile, `${JSON.stringify({ prompt: 'double', tests: 'if (f(2) !== 4) throw new Error();' })}\n`);
    const { judge } = await openJudges(rules, { folder, environment: {} });
    const verdict = await judge.compare({ id: '1', prompt: 'double', a: 'f = (x) => x', b: 'f = (x) => 2 * x' });
    expect(verdict).toMatchObject({ kind: 'verdict', verdict: 'b', rationale: 'code: Error against tests pass' });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
