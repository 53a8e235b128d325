import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { UnpairedRow, RankedAnswer, RankingRow, Vote } from '../data/index.ts';
import type { Judge, Verdict } from '../judge/index.ts';
import { mergeBuilt, type Built } from './built.ts';
import { pairsFromEdits } from './edits.ts';
import { gatherRatings, gatherVotes } from './gather.ts';
import { comparisonsOf, pairsFromJudge } from './judged.ts';
import { pairsFromRatings, STRATEGIES } from './ratings.ts';
import { sampleRow, scoreAnswers } from './samples.ts';
import { gatherThumbs, pairsFromThumbs } from './thumbs.ts';
import { pairsFromVotes } from './votes.ts';

const ORIGIN = { file: 'f', line: 1 };
const rowOf = (answers: readonly RankedAnswer[], more: Partial<RankingRow> = {}): RankingRow => ({
  id: '7',
  origin: ORIGIN,
  prompt: 'P',
  answers,
  ...more,
});
const scored = (...scores: number[]): RankedAnswer[] => scores.map((score, i) => ({ content: 'ABCDEFGH'[i]!, score }));
/** `A>B 2` for a pair of margin 2. */
const short = ({ pairs }: Built): string[] =>
  pairs.map(({ chosen, rejected, meta }) =>
    `${String(chosen)}>${String(rejected)} ${meta?.margin ?? meta?.weight ?? ''}`.trim(),
  );

test('ratings: best-worst, best-rest, all; ties and small margins never become pairs', () => {
  const row = rowOf(scored(3, 5, 1, 5));
  expect(short(pairsFromRatings(row))).toEqual(['B>C 4']);
  expect(short(pairsFromRatings(row, { strategy: 'best-rest' }))).toEqual(['B>A 2', 'B>C 4']);
  const all = pairsFromRatings(row, { strategy: 'all', minMargin: 3 });
  expect([short(all), all.skipped]).toEqual([['B>C 4', 'D>C 4'], { tie: 1, 'below-margin': 3 }]);
  expect(all.pairs.map(({ id }) => id)).toEqual(['7', '7-2']);
  expect(pairsFromRatings(rowOf(scored(2, 2, 2)))).toEqual({ pairs: [], skipped: { tie: 1 } });
  expect(pairsFromRatings(rowOf([{ content: 'A', score: 1 }, { content: 'B' }]))).toEqual({
    pairs: [],
    skipped: { unrated: 1, 'one-answer': 1 },
  });
  expect(
    pairsFromRatings(
      rowOf([
        { content: 'A', score: 1 },
        { content: 'A', score: 2 },
      ]),
    ).skipped,
  ).toEqual({
    'identical-answers': 1,
  });
  expect(() => pairsFromRatings(row, { minMargin: -1 })).toThrow(
    'pairs: minMargin must be a number of at least 0, got -1',
  );
});

test('ratings: ranks where there are no scores, aspects, and what a pair keeps', () => {
  const answers = [
    { content: 'A', rank: 2, model: 'x' },
    { content: 'B', rank: 0, model: 'y' },
    { content: 'C', rank: 0 },
  ];
  expect(short(pairsFromRatings(rowOf(answers), { strategy: 'all' }))).toEqual(['B>A 2', 'C>A 2']);
  const aspects = [
    { content: 'A', score: 9, ratings: { tone: 1 } },
    { content: 'B', score: 1, ratings: { tone: 4 } },
  ];
  const messages = [{ role: 'user', content: 'P' }];
  const { pairs } = pairsFromRatings(rowOf(aspects, { prompt: messages, meta: { source: 's' } }), { aspect: 'tone' });
  expect(pairs).toEqual([
    {
      id: '7',
      origin: ORIGIN,
      prompt: messages,
      chosen: [{ role: 'assistant', content: 'B' }],
      rejected: [{ role: 'assistant', content: 'A' }],
      meta: { source: 's', chosenScore: 1, rejectedScore: 9, margin: 3 },
    },
  ]);
});

test('whatever the ratings, the chosen one is higher by the margin, and every pair of answers is accounted for', () => {
  const property = fc.property(
    fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 2, maxLength: 8 }),
    fc.constantFrom(...STRATEGIES),
    fc.integer({ min: 0, max: 4 }),
    (scores, strategy, minMargin) => {
      const { pairs, skipped } = pairsFromRatings(rowOf(scored(...scores)), { strategy, minMargin });
      for (const { meta } of pairs) {
        expect(meta!.chosenScore! - meta!.rejectedScore!).toBe(meta!.margin);
        expect(meta!.margin).toBeGreaterThanOrEqual(Math.max(minMargin, 1));
      }
      const n = scores.length;
      const considered = { 'best-worst': 1, 'best-rest': n - 1, all: (n * (n - 1)) / 2 }[strategy];
      expect(pairs.length + (skipped.tie ?? 0) + (skipped['below-margin'] ?? 0)).toBe(considered);
    },
  );
  fc.assert(property);
});

test('ratings of several people are gathered by prompt, and averaged', () => {
  const rows = [
    rowOf([{ content: 'A', score: 1 }]),
    rowOf([{ content: 'B', score: 4, ratings: { tone: 2 } }], { id: '8' }),
    rowOf([{ content: 'A', score: 4 }], { id: '9' }),
    rowOf([{ content: 'A', score: 4 }], { prompt: 'Q' }),
    rowOf([
      { content: 'A', rank: 0 },
      { content: 'B', rank: 1 },
    ]),
  ];
  expect(gatherRatings(rows).map(({ prompt, answers }) => [prompt, answers])).toEqual([
    [
      'P',
      [
        { content: 'A', score: 2.5 },
        { content: 'B', score: 4, ratings: { tone: 2 } },
      ],
    ],
    ['Q', [{ content: 'A', score: 4 }]],
    [
      'P',
      [
        { content: 'A', rank: 0 },
        { content: 'B', rank: 1 },
      ],
    ],
  ]);
});

const voted = (...choices: Vote['choice'][]): RankingRow =>
  rowOf([{ content: 'A' }, { content: 'B' }], { votes: choices.map((choice) => ({ choice })) });

test('votes: majority, fewest votes, agreement, ties; weights of split votes', () => {
  expect(short(pairsFromVotes(voted(0, 0, 1)))).toEqual(['A>B']);
  expect(short(pairsFromVotes(voted(1, 'tie')))).toEqual(['B>A']);
  expect(pairsFromVotes(voted(0, 1))).toEqual({ pairs: [], skipped: { tie: 1 } });
  expect(pairsFromVotes(voted('tie', 'both-bad'))).toEqual({ pairs: [], skipped: { tie: 1 } });
  expect(pairsFromVotes(voted(0, 0), { minVotes: 3 }).skipped).toEqual({ 'too-few-votes': 1 });
  expect(pairsFromVotes(voted(), {}).skipped).toEqual({ 'too-few-votes': 1 });
  expect(pairsFromVotes(voted(0, 0, 1), { minAgreement: 0.7 }).skipped).toEqual({ 'too-little-agreement': 1 });
  expect(short(pairsFromVotes(voted(0, 0, 0, 1), { minAgreement: 0.75 }))).toEqual(['A>B']);
  // p = 3/4.
  expect(short(pairsFromVotes(voted(0, 0, 0, 1), { labels: 'weighted' }))).toEqual(['A>B 0.5']);
  expect(short(pairsFromVotes(voted(0, 0, 0, 1), { labels: 'soft' }))).toEqual(['A>B 0.75', 'B>A 0.25']);
  expect(short(pairsFromVotes(voted(0, 0), { labels: 'soft' }))).toEqual(['A>B 1']);
  expect(() => pairsFromVotes(voted(0), { minAgreement: 0.5 })).toThrow(
    'pairs: minAgreement must be above 0.5 and at most 1, got 0.5',
  );
  const three = rowOf([{ content: 'A' }, { content: 'B' }, { content: 'C' }], {
    votes: [{ choice: 2 }, { choice: 2 }, { choice: 0 }, { choice: 1 }, { choice: 1 }],
  });
  const built = pairsFromVotes(three);
  expect([short(built), built.skipped]).toEqual([['B>A'], { tie: 1 }]);
});

test('votes on the same two answers are gathered, whichever stood first', () => {
  const rows = [
    voted(0),
    rowOf([{ content: 'B' }, { content: 'A' }], { votes: [{ choice: 1, annotator: 'ann' }, { choice: 'tie' }] }),
    rowOf([{ content: 'A' }, { content: 'C' }], { votes: [{ choice: 0 }] }),
  ];
  expect(gatherVotes(rows).map(({ votes }) => votes)).toEqual([
    [{ choice: 0 }, { choice: 0, annotator: 'ann' }, { choice: 'tie' }],
    [{ choice: 0 }],
  ]);
});

const thumb = (prompt: string, completion: string, label: boolean): UnpairedRow => ({
  id: completion,
  origin: ORIGIN,
  prompt,
  completion,
  label,
});

test('thumbs: up over down on the same prompt, the clearest first', () => {
  const rows = gatherThumbs([
    thumb('P', 'A', true),
    thumb('P', 'A', true),
    thumb('P', 'A', false),
    thumb('P', 'B', false),
    thumb('P', 'C', true),
    thumb('P', 'D', true),
    thumb('P', 'D', false),
    thumb('Q', 'A', true),
    thumb('R', 'A', false),
  ]);
  const [p] = rows.map((row) => pairsFromThumbs(row));
  expect([short(p!), p!.skipped]).toEqual([['C>B 1', 'A>B 0.6666666666666666'], { tie: 1 }]);
  expect(mergeBuilt(rows.map((row) => pairsFromThumbs(row, { maxPairs: 1 })))).toMatchObject({
    pairs: [{ chosen: 'C', rejected: 'B' }],
    skipped: { tie: 1, 'all-up': 1, 'all-down': 1 },
  });
});

test('edits: the edited answer over the original; changed space is no edit', () => {
  const edit = { id: '1', origin: ORIGIN, prompt: 'P', original: 'teh cat', edited: 'the cat' };
  expect(pairsFromEdits(edit)).toEqual({
    pairs: [{ id: '1', origin: ORIGIN, prompt: 'P', chosen: 'the cat', rejected: 'teh cat' }],
    skipped: {},
  });
  expect(pairsFromEdits({ ...edit, edited: ' teh\n cat ' })).toEqual({ pairs: [], skipped: { tie: 1 } });
});

/** Prefers the letter that comes first; a pair in `silent` gets no verdict, one in `ties` a tie. */
function alphabetical(
  options: { silent?: string; ties?: string; confidence?: number } = {},
): Judge & { asked: string[] } {
  const asked: string[] = [];
  return {
    name: 'abc',
    identity: 'abc',
    asked,
    async compare({ a, b }) {
      const parts = { judge: 'abc', calls: [], usage: { promptTokens: 0, completionTokens: 0 } };
      asked.push(`${String(a)}${String(b)}`);
      // Answers come in any order.
      await new Promise((resolve) => setImmediate(resolve));
      if (options.silent === `${String(a)}${String(b)}`)
        return { kind: 'none', ...parts, reason: 'refusal', message: 'no' };
      const verdict: Verdict = options.ties === `${String(a)}${String(b)}` ? 'tie' : a < b ? 'a' : 'b';
      return { kind: 'verdict', ...parts, verdict, confidence: options.confidence ?? 0.9, rationale: '' };
    },
  };
}

test('judges: every match, knockout, points; no verdict is no pair', async () => {
  const row = rowOf([{ content: 'B' }, { content: 'C' }, { content: 'A' }]);
  expect(comparisonsOf(row).map(({ id }) => id)).toEqual(['7 (1 against 2)', '7 (1 against 3)', '7 (2 against 3)']);
  const all = await pairsFromJudge(row, { judge: alphabetical() });
  expect(short(all)).toEqual(['B>C', 'A>B', 'A>C']);
  expect(all.pairs[0]!.meta).toEqual({ annotator: 'abc', fields: { judge_confidence: 0.9 } });
  const judge = alphabetical();
  expect(short(await pairsFromJudge(row, { judge, matches: 'knockout' }))).toEqual(['B>C', 'A>B']);
  expect(judge.asked).toEqual(['BC', 'BA']);
  // A wins both matches, B one, C none: shares 1, 1/2, 0.
  expect(short(await pairsFromJudge(row, { judge: alphabetical(), strategy: 'best-worst' }))).toEqual(['A>C 1']);
  const partly = await pairsFromJudge(row, { judge: alphabetical({ silent: 'BC', ties: 'CA' }) });
  expect([short(partly), partly.skipped]).toEqual([['A>B'], { 'no-verdict': 1, tie: 1 }]);
  expect(partly.matches.map(({ judgement }) => judgement.kind)).toEqual(['none', 'verdict', 'verdict']);
  const unsure = await pairsFromJudge(row, { judge: alphabetical({ confidence: 0.4 }), minConfidence: 0.5 });
  expect([unsure.pairs, unsure.skipped]).toEqual([[], { 'too-little-confidence': 3 }]);
  expect((await pairsFromJudge(rowOf([{ content: 'A' }]), { judge })).skipped).toEqual({ 'one-answer': 1 });
});

test('best of N: sampled, scored, paired; repeats and empty answers are left out', async () => {
  const draws: number[] = [];
  const row = await sampleRow(
    { id: 'p', content: 'P' },
    async (_prompt, _count, firstRow) => {
      draws.push(firstRow);
      return ['bb', 'a', 'bb', ' ', 'cccc'];
    },
    { count: 5, place: 3, file: 'f', model: 'm' },
  );
  expect(draws).toEqual([15]);
  expect(row.answers.map(({ content }) => content)).toEqual(['bb', 'a', 'cccc']);
  const best = await scoreAnswers(row, async (_prompt, answers) => answers.map((answer) => answer.length));
  expect(short(pairsFromRatings(best))).toEqual(['cccc>a 3']);
});
