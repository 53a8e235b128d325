import { expect, test } from 'vitest';
import { readability, splitSentences } from './reading-level.ts';
import { sentimentOf } from './sentiment.ts';

test('by hand: six words of one syllable in a sentence', () => {
  // 0.39 * 6 + 11.8 * 1 - 15.59 = -1.45; 206.835 - 1.015 * 6 - 84.6 = 116.145.
  const { words, sentences, syllables, grade, ease } = readability('The cat sat on the mat.');
  expect([words, sentences, syllables]).toEqual([6, 1, 6]);
  expect(grade).toBeCloseTo(-1.45, 12);
  expect(ease).toBeCloseTo(116.145, 12);
  expect(readability('...')).toEqual({ words: 0, sentences: 0, syllables: 0, grade: null, ease: null });
});

test('code, addresses and marks are no prose; headings and items are sentences', () => {
  const text =
    '# A title\n\n* one thing\n* **two** things\n\n```js\nconst incomprehensible = 1;\n```\nSee https://a.example/very-long. Done.';
  expect(readability(text)).toMatchObject({ words: 8, sentences: 5 });
});

test('sentences end where they end', () => {
  expect(splitSentences('Dr. Smith paid $3.50, e.g. for tea. "Really?" he said. J. R. Hartley left!')).toEqual([
    'Dr. Smith paid $3.50, e.g. for tea.',
    '"Really?" he said.',
    'J. R. Hartley left!',
  ]);
});

test('sentiment: valences of AFINN over 5, negations turn round, length plays no part', () => {
  // good 3, bad -3, superb 5.
  expect(sentimentOf('It was good')).toBeCloseTo(0.6, 12);
  expect(sentimentOf('It was not a good one')).toBeCloseTo(-0.6, 12);
  expect(sentimentOf('It wasn’t bad. Superb!')).toBeCloseTo((3 + 5) / 10, 12);
  expect(sentimentOf('good '.repeat(50))).toBeCloseTo(0.6, 12);
  expect(sentimentOf('The table has four legs')).toBe(0);
});
