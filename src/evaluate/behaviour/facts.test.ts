import { expect, test } from 'vitest';
import { memorySource } from '../../data/index.ts';
import { readFacts, scoreChoices, scoreFree } from './facts.ts';

function source(rows: readonly unknown[]) {
  return memorySource('facts.jsonl', rows.map((row) => JSON.stringify(row)).join('\n'));
}

test('choices by hand: accuracy, by length, Brier, calibration', () => {
  const [a, b] = [
    // p = 0.75, 0.25 and right.
    { correct: 0, logps: [Math.log(3) - 1, -1], bytes: [4, 1] },
    // p = 0.25, 0.75 and the first is right: by length (-4 / 8 against -2.9 / 2) it is found.
    { correct: 0, logps: [-4, -4 + Math.log(3)], bytes: [8, 2] },
  ] as const;
  const scores = scoreChoices([a, b])!;
  expect(scores.accuracy.value).toBe(0.5);
  expect(scores.accuracyByLength.value).toBe(1);
  expect(scores.brier.value).toBeCloseTo((2 * 0.25 ** 2 + 2 * 0.75 ** 2) / 2, 14);
  // One bin, [0.7, 0.8): confidence 0.75 twice, right once.
  expect(scores.calibrationError).toBeCloseTo(0.25, 14);
  expect(scoreChoices([])).toBeNull();
});

test('a tie of two best choices is half right; certainty stands in the last bin', () => {
  const tie = scoreChoices([{ correct: 1, logps: [-1, -1, -9], bytes: [1, 1, 1] }])!;
  expect(tie.accuracy.value).toBe(0.5);
  const sure = scoreChoices([{ correct: 0, logps: [0, -800], bytes: [1, 1] }])!;
  expect([sure.brier.value, sure.calibrationError]).toEqual([0, 0]);
});

test('free answers: case, punctuation, articles and spaces do not count, parts of words do not match', () => {
  expect(scoreFree('  The Eiffel-Tower! ', ['eiffel tower'])).toEqual({ exact: true, contains: true });
  expect(scoreFree('It is Paris, of course.', ['Rome', 'Paris'])).toEqual({ exact: false, contains: true });
  expect(scoreFree('A parisian café', ['Paris'])).toEqual({ exact: false, contains: false });
  expect(scoreFree('', ['Paris'])).toEqual({ exact: false, contains: false });
});

test('reading: both kinds of questions, every problem with its line', async () => {
  const good = [
    { question: 'Two and two?', choices: ['3', '4'], answer: 1 },
    { id: 'b', question: 'Two and two?', choices: ['3', '4'], answer: '4' },
    { question: 'Two and two?', answers: ['4', 'four'] },
  ];
  expect(await readFacts(source(good))).toEqual([
    { id: '1', question: 'Two and two?', choices: ['3', '4'], correct: 1 },
    { id: 'b', question: 'Two and two?', choices: ['3', '4'], correct: 1 },
    { id: '3', question: 'Two and two?', answers: ['4', 'four'] },
  ]);
  const bad = [
    { choices: ['a', 'b'], answer: 0 },
    { question: 'q', choices: ['a'], answer: 0 },
    { question: 'q', choices: ['a', 'b'], answer: 2 },
    { question: 'q' },
    7,
  ];
  const error = await readFacts(source(bad)).catch(
    (thrown: unknown) => thrown as { problems: { line: number; message: string }[] },
  );
  expect((error as { problems: { line: number; message: string }[] }).problems.map(({ line }) => line)).toEqual([
    1, 2, 3, 4, 5,
  ]);
  await expect(readFacts(source([]))).rejects.toThrow('must hold at least one question');
});
