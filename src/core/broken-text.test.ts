import { expect, test } from 'vitest';
import { brokenTextAt, findBrokenText, wholeText } from './broken-text.ts';

test('halves of surrogate pairs are found and replaced, whole ones stay', () => {
  const text = 'a \ud83d\ude00 \ud83d b \ude00';
  expect(brokenTextAt(text)).toBe(5);
  expect(wholeText(text)).toBe('a \ud83d\ude00 \uFFFD b \uFFFD');
  expect(brokenTextAt('\ud83d\ude00')).toBeUndefined();
});

test('the path of a broken text inside a value', () => {
  expect(findBrokenText({ a: ['x', { b: 'ok \ud83d' }] })).toEqual({ path: 'a.1.b', offset: 3 });
  expect(findBrokenText({ '\ud83d': 1 })).toEqual({ path: 'a key', offset: 0 });
  expect(findBrokenText({ a: null, b: 3, c: '\ud83d\ude00' })).toBeUndefined();
});
