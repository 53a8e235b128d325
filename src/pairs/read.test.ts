import { expect, test } from 'vitest';
import { memorySource } from '../data/index.ts';
import { readBuildRows } from './read.ts';
import type { PlainShape } from './plain-records.ts';

function read<S extends PlainShape>(shape: S, records: readonly unknown[], isLenient = false) {
  const text = records.map((record) => JSON.stringify(record)).join('\n');
  return readBuildRows([memorySource('x.jsonl', text)], { shape, isLenient });
}

test('ratings: lists of answers, texts in order, one answer a row', async () => {
  const { rows, formats } = await read('ratings', [
    {
      id: 'r1',
      prompt: 'P',
      answers: [
        { text: 'a', rating: 4, model: 'm', ratings: { tone: 1 } },
        { content: 'b', score: 2 },
      ],
      extra: 1,
    },
    { prompt: 'P', answers: ['best', 'worst'] },
    { prompt: 'P', answer: 'c', rating: 3 },
  ]);
  expect(rows).toEqual([
    {
      id: 'r1',
      origin: { file: 'x.jsonl', line: 1 },
      prompt: 'P',
      answers: [
        { content: 'a', score: 4, model: 'm', ratings: { tone: 1 } },
        { content: 'b', score: 2 },
      ],
      meta: { fields: { extra: 1 } },
    },
    {
      id: '2',
      origin: { file: 'x.jsonl', line: 2 },
      prompt: 'P',
      answers: [
        { content: 'best', rank: 0 },
        { content: 'worst', rank: 1 },
      ],
    },
    { id: '3', origin: { file: 'x.jsonl', line: 3 }, prompt: 'P', answers: [{ content: 'c', score: 3 }] },
  ]);
  expect(formats).toEqual([{ file: 'x.jsonl', name: 'plain ratings', kind: 'ranking', fromRecords: 1 }]);
});

test('votes, thumbs, edits', async () => {
  const votes = await read('votes', [
    { prompt: 'P', a: 'x', b: 'y', vote: 'B', annotator: 'ann' },
    { prompt: 'P', answers: ['x', 'y', 'z'], votes: [2, 'tie', { vote: 'a', annotator: 3 }] },
  ]);
  expect(votes.rows.map((row) => row.votes)).toEqual([
    [{ choice: 1, annotator: 'ann' }],
    [{ choice: 2 }, { choice: 'tie' }, { choice: 0, annotator: '3' }],
  ]);
  const thumbs = await read('thumbs', [
    { prompt: 'P', answer: 'x', thumb: 'up' },
    { prompt: 'P', answer: 'y', thumb: -1 },
    { prompt: 'P', answer: 'z', thumb: true },
  ]);
  expect(thumbs.rows.map(({ completion, label }) => [completion, label])).toEqual([
    ['x', true],
    ['y', false],
    ['z', true],
  ]);
  const edits = await read('edits', [{ prompt: 'P', original: 'x', edited: 'y' }]);
  expect(edits.rows).toEqual([
    { id: '1', origin: { file: 'x.jsonl', line: 1 }, prompt: 'P', original: 'x', edited: 'y' },
  ]);
});

test('rows of known formats: thumbs of TRL, pairs to be judged anew', async () => {
  const thumbs = await read('thumbs', [{ prompt: 'P', completion: 'x', label: false }]);
  expect([thumbs.rows[0]!.label, thumbs.formats[0]!.name]).toEqual([false, 'trl-unpaired']);
  const pairs = await read('answers', [{ prompt: 'P', chosen: 'x', rejected: 'y' }]);
  expect(pairs.rows[0]!.answers).toEqual([{ content: 'x' }, { content: 'y' }]);
});

test('every problem with its line, and lenient reading', async () => {
  const records = [
    { prompt: 'P', a: 'x', b: 'y', vote: 'c' },
    { prompt: '', a: 'x', vote: 'a' },
    [1],
    { prompt: 'P', a: 'x', b: 'y', vote: 'tie' },
  ];
  await expect(read('votes', records)).rejects.toMatchObject({
    code: 'bad-input',
    message: [
      'x.jsonl:1: vote must be a, b or tie, or the place of an answer below 2, got "c"',
      'x.jsonl:2: prompt must be not empty, got ""',
      'x.jsonl:2: b must be a text or a list of messages, got nothing',
      'x.jsonl:3: a record must be an object with named fields',
    ].join('\n'),
  });
  const { rows, skipped, problems } = await read('votes', records, true);
  expect([rows.length, skipped, problems.total]).toEqual([1, 3, 4]);
  await expect(read('edits', [{ prompt: 'P', chosen: 'x', rejected: 'y' }])).rejects.toThrow(
    'x.jsonl:1: rows must hold edits, got a pair; see docs/building-pairs.md for the fields',
  );
});
