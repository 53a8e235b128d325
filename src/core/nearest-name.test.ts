import { expect, test } from 'vitest';
import { didYouMean, editDistance, nearestName } from './nearest-name.ts';

test('insertions, deletions, replacements and swaps of neighbours are one each', () => {
  expect([
    editDistance('beta', 'beta'),
    editDistance('bta', 'beta'),
    editDistance('betaa', 'beta'),
    editDistance('bata', 'beta'),
    editDistance('btea', 'beta'),
    editDistance('', 'beta'),
    editDistance('kitten', 'sitting'),
  ]).toEqual([0, 1, 1, 1, 1, 4, 3]);
});

test('the nearest name is a slip away, or there is none', () => {
  const names = ['--data', '--beta', '--beta-end', '--lora.rank', '--lora.dropout', '--learning-rate'];
  expect(
    ['--bata', '--lerning-rate', '--lora.rnk', '--lora.colour', '--rank', '--x', '--alpha'].map((word) =>
      nearestName(word, names),
    ),
  ).toEqual(['--beta', '--learning-rate', '--lora.rank', undefined, '--lora.rank', undefined, undefined]);
  expect([didYouMean('bata', ['beta'], 'see --help'), didYouMean('zzz', ['beta'], 'see --help')]).toEqual([
    'did you mean beta?',
    'see --help',
  ]);
});
