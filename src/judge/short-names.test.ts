import { expect, test } from 'vitest';
import { problemsOf } from '../core/index.ts';
import { judgeOfName, SHORT_JUDGE_NAMES } from './short-names.ts';
import { parseJudges } from './specification.ts';

const told = (word: string) =>
  problemsOf(() => judgeOfName(word)).map(({ message }) => message.split(' names are ')[0]);

test('every short name is a whole judge; a side alone will do', () => {
  for (const name of SHORT_JUDGE_NAMES) expect(parseJudges([judgeOfName(name)])).toHaveLength(1);
  expect(judgeOfName('Sentiment')).toEqual({ kind: 'sentiment', prefer: 'positive' });
  expect(judgeOfName('shorter')).toEqual({ kind: 'length', prefer: 'shorter' });
  expect(judgeOfName('reading_level:easier')).toEqual({ kind: 'reading-level', prefer: 'easier' });
});

test('other words are told with what is near', () => {
  expect(told('length')).toEqual([
    '--judges must say which side is better, got "length"; take length:shorter or length:longer',
  ]);
  expect(told('sentimant')).toEqual([
    '--judges must be names of rules or a list of objects, got "sentimant"; did you mean sentiment?',
  ]);
  expect(told('shortre')).toEqual([
    '--judges must be names of rules or a list of objects, got "shortre"; did you mean length:shorter?',
  ]);
  expect(told('gpt-4.1-mini')).toEqual([
    '--judges must be names of rules or a list of objects, got "gpt-4.1-mini"; a language model is named by --judge-model;',
  ]);
});
