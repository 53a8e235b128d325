import { describe, expect, it } from 'vitest';
import { capitalizeSentences, fillTemplate, plural, withArticle } from './template.ts';

describe('fillTemplate', () => {
  it('fills plain, article and plural slots and capitalises every sentence', () => {
    const row = { animal: 'owl', young: 'owlet', home: 'in a tree' };
    expect(fillTemplate('{animal|a} lives {home}. {animal|s} have {young|s}.', row)).toBe(
      'An owl lives in a tree. Owls have owlets.',
    );
  });

  it('names the template and the column when a row lacks it', () => {
    expect(() => fillTemplate('{animal} {color}', { animal: 'dog' })).toThrow(
      "internal: template '{animal} {color}' needs column 'color', the row lacks it",
    );
  });
});

it('plural follows the rules and knows the exceptions', () => {
  const nouns = [
    'dog',
    'box',
    'fox',
    'bus',
    'watch',
    'wish',
    'city',
    'toy',
    'monkey',
    'potato',
    'mouse',
    'sheep',
    'leaf',
  ];
  expect(nouns.map(plural)).toEqual([
    'dogs',
    'boxes',
    'foxes',
    'buses',
    'watches',
    'wishes',
    'cities',
    'toys',
    'monkeys',
    'potatoes',
    'mice',
    'sheep',
    'leaves',
  ]);
});

it('withArticle looks at the sound for hour and uniform', () => {
  expect(['ant', 'dog', 'hour', 'uniform', 'umbrella'].map(withArticle)).toEqual([
    'an ant',
    'a dog',
    'an hour',
    'a uniform',
    'an umbrella',
  ]);
});

it('capitalizeSentences leaves the rest of a sentence alone', () => {
  expect(capitalizeSentences('yes. it is: wash, dry. end')).toBe('Yes. It is: Wash, dry. End');
});
