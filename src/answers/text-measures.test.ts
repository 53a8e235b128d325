import { expect, test } from 'vitest';
import { distinctShare, measureText, repetitionOf, wordsOf } from './text-measures.ts';

test('words are letters and digits of any script, an apostrophe inside them', () => {
  expect(wordsOf("It’s 3 o'clock, naïve  Zoë!")).toEqual(['it’s', '3', "o'clock", 'naïve', 'zoë']);
});

test('repetition: 1 - distinct / all 4-grams', () => {
  // a b c a b c a b: abca bcab cabc abca bcab: 5, of which 3 differ.
  expect(repetitionOf('a b c a b c a b'.split(' '))).toBeCloseTo(2 / 5, 15);
  expect(repetitionOf(['a', 'b', 'c'])).toBe(0);
});

test('distinct-n over all answers, no n-gram across two of them, and as many words as are asked for', () => {
  expect(distinctShare(['the cat the cat', 'the dog'], 1)).toBeCloseTo(3 / 6, 15);
  expect(distinctShare(['the cat the cat', 'the dog'], 2)).toBeCloseTo(3 / 4, 15);
  expect(distinctShare(['the cat the cat', 'the dog'], 1, 4)).toBeCloseTo(2 / 4, 15);
  expect(distinctShare(['!'], 1)).toBeNull();
});

test('what an answer is like', () => {
  expect(measureText("I'm sorry, but I can't help with **that**.")).toEqual({
    characters: 42,
    words: 8,
    repetition: 0,
    refusal: 1,
    markdown: 1,
    empty: 0,
  });
  expect(measureText(' \n').empty).toBe(1);
});
